//! The structures and functions of `include/ottla.h`, as far as tests in Rust call them. Their
//! symbols are the library's, which the test has to link.

#![allow(dead_code)] // Each test binary uses a part.

use std::ffi::{c_char, c_void};

pub type Handle = *mut c_void;

unsafe extern "C" {
    pub fn ottla_config_new(config: *mut Handle) -> i32;
    pub fn ottla_config_set(
        c: Handle,
        key: *const c_char,
        value: *const c_char,
        e: *mut Handle,
    ) -> i32;
    pub fn ottla_config_get(
        c: Handle,
        key: *const c_char,
        buffer: *mut c_char,
        capacity: usize,
        length: *mut i64,
        e: *mut Handle,
    ) -> i32;
    pub fn ottla_config_free(c: Handle) -> i32;
    pub fn ottla_producer_new(c: Handle, producer: *mut Handle, e: *mut Handle) -> i32;
    pub fn ottla_producer_free(p: Handle) -> i32;
    pub fn ottla_producer_send(p: Handle, record: *const Record, e: *mut Handle) -> i32;
    pub fn ottla_producer_send_timeout(p: Handle, r: *const Record, ms: i32, e: *mut Handle)
    -> i32;
    pub fn ottla_producer_try_send(p: Handle, r: *const Record, t: *mut u64, e: *mut Handle)
    -> i32;
    pub fn ottla_producer_send_batch(
        p: Handle,
        topic: *const c_char,
        topic_length: i64,
        packed: *const c_void,
        packed_length: i64,
        count: usize,
        timeout_ms: i32,
        statuses: *mut i32,
        accepted: *mut usize,
        e: *mut Handle,
    ) -> i32;
    pub fn ottla_producer_send_array(
        p: Handle,
        records: *const Record,
        stride: usize,
        count: usize,
        timeout_ms: i32,
        t: *mut u64,
        sent: *mut usize,
        e: *mut Handle,
    ) -> i32;
    pub fn ottla_producer_ready_tickets(
        p: Handle,
        t: *mut u64,
        capacity: usize,
        n: *mut usize,
    ) -> i32;
    pub fn ottla_producer_cancel_ticket(p: Handle, ticket: u64, e: *mut Handle) -> i32;
    pub fn ottla_producer_poll(p: Handle, ms: i32, count: *mut usize, e: *mut Handle) -> i32;
    pub fn ottla_producer_poll_reports(
        p: Handle,
        reports: *mut Report,
        stride: usize,
        capacity: usize,
        ms: i32,
        count: *mut usize,
        lease: *mut Handle,
        e: *mut Handle,
    ) -> i32;
    pub fn ottla_producer_flush(p: Handle, ms: i32, e: *mut Handle) -> i32;
    pub fn ottla_producer_close(p: Handle, ms: i32, e: *mut Handle) -> i32;
    pub fn ottla_producer_try_flush(p: Handle, mark: *mut u64, e: *mut Handle) -> i32;
    pub fn ottla_producer_try_close(p: Handle, e: *mut Handle) -> i32;
    pub fn ottla_producer_try_partitions_for(
        p: Handle,
        topic: *const c_char,
        topic_length: i64,
        partitions: *mut [i32; 2],
        stride: usize,
        capacity: usize,
        count: *mut usize,
        t: *mut u64,
        e: *mut Handle,
    ) -> i32;
    pub fn ottla_producer_interrupt(p: Handle) -> i32;
    pub fn ottla_producer_event_clear(p: Handle) -> i32;
    pub fn ottla_producer_metrics(
        p: Handle,
        buffer: *mut c_char,
        n: usize,
        length: *mut i64,
    ) -> i32;
    pub fn ottla_producer_fatal_error(p: Handle, e: *mut Handle) -> i32;
    pub fn ottla_reports_free(lease: Handle) -> i32;
    pub fn ottla_error_code(e: Handle) -> i32;
    pub fn ottla_error_text(e: Handle) -> *const c_char;
    pub fn ottla_error_free(e: Handle) -> i32;
}

#[repr(C)]
pub struct Header {
    pub name: *const c_char,
    pub name_length: i64,
    pub value: *const c_void,
    pub value_length: i64,
}

#[repr(C)]
pub struct Record {
    pub struct_size: usize,
    pub topic: *const c_char,
    pub topic_length: i64,
    pub key: *const c_void,
    pub key_length: i64,
    pub value: *const c_void,
    pub value_length: i64,
    pub headers: *const Header,
    pub header_count: usize,
    pub timestamp_ms: i64,
    pub opaque: u64,
    pub partition: i32,
    pub flags: u32,
}

#[repr(C)]
pub struct Report {
    pub opaque: u64,
    pub offset: i64,
    pub timestamp_ms: i64,
    pub topic: *const c_char,
    pub reason: *const c_char,
    pub partition: i32,
    pub status: i32,
    pub state: i32,
    pub flags: u32,
}
