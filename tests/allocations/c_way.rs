//! A producer as C programs use it: by the structures and functions of `include/ottla.h`.

#[path = "../support/c_api.rs"]
mod c_api;

use std::ffi::c_void;
use std::mem::{MaybeUninit, size_of};
use std::ptr::{null, null_mut};

use crate::{HEADERS, KEY, Way};
use c_api::*;

pub struct CWay(Handle);

/// Bytes and their length; null is -1.
fn bytes(bytes: Option<&[u8]>) -> (*const c_void, i64) {
    bytes.map_or((null(), -1), |bytes| (bytes.as_ptr().cast(), bytes.len() as i64))
}

impl CWay {
    pub fn new(settings: &[(String, String)]) -> CWay {
        let (mut config, mut producer) = (null_mut(), null_mut());
        // SAFETY: the out-parameter is good.
        assert_eq!(unsafe { ottla_config_new(&mut config) }, 0);
        for (key, value) in settings {
            let (key, value) = (format!("{key}\0"), format!("{value}\0"));
            let (key, value) = (key.as_ptr().cast(), value.as_ptr().cast());
            // SAFETY: the texts have a NUL behind them.
            assert_eq!(unsafe { ottla_config_set(config, key, value, null_mut()) }, 0);
        }
        // SAFETY: the out-parameter is good.
        assert_eq!(unsafe { ottla_producer_new(config, &mut producer, null_mut()) }, 0);
        // SAFETY: handles of any value are allowed.
        assert_eq!(unsafe { ottla_config_free(config) }, 0);
        CWay(producer)
    }
}

impl Drop for CWay {
    fn drop(&mut self) {
        // SAFETY: handles of any value are allowed.
        unsafe { ottla_producer_free(self.0) };
    }
}

impl Way for CWay {
    fn send(&self, opaque: u64, timestamp: Option<i64>) {
        let headers = HEADERS.map(|(name, value)| {
            let (value, value_length) = bytes(value);
            let name_length = name.len() as i64;
            Header { name: name.as_ptr().cast(), name_length, value, value_length }
        });
        let (key, key_length) = bytes(opaque.is_multiple_of(2).then_some(KEY));
        let (value, value_length) = bytes(Some(&[7; 100]));
        let record = Record {
            struct_size: size_of::<Record>(),
            topic: c"t".as_ptr(),
            topic_length: -1,
            key,
            key_length,
            value,
            value_length,
            headers: headers.as_ptr(),
            header_count: headers.len(),
            timestamp_ms: timestamp.unwrap_or(-1),
            opaque,
            partition: -1,
            flags: 0,
        };
        // SAFETY: the record and all it points to live until the call returns.
        assert_eq!(unsafe { ottla_producer_send(self.0, &record, null_mut()) }, 0);
    }

    fn flush(&self) {
        // SAFETY: handles of any value are allowed.
        assert_eq!(unsafe { ottla_producer_flush(self.0, 10_000, null_mut()) }, 0);
    }

    fn read(&self, count: u64) {
        let mut reports = MaybeUninit::<[Report; 64]>::uninit();
        let mut read = 0;
        while read < count {
            let (at, stride) = (reports.as_mut_ptr().cast(), size_of::<Report>());
            let (mut some, mut lease) = (0, null_mut());
            // SAFETY: there is room for 64 reports, and the out-parameters are good.
            let status = unsafe {
                ottla_producer_poll_reports(
                    self.0,
                    at,
                    stride,
                    64,
                    10_000,
                    &mut some,
                    &mut lease,
                    null_mut(),
                )
            };
            assert!(status == 0 && some > 0 && lease.is_null(), "status {status}, {some} reports");
            read += some as u64;
        }
    }

    fn metrics(&self) -> String {
        let (mut text, mut length) = ([0_u8; 20_000], 0);
        let (at, capacity) = (text.as_mut_ptr().cast(), text.len());
        // SAFETY: there is room for so many bytes, and the out-parameter is good.
        assert_eq!(unsafe { ottla_producer_metrics(self.0, at, capacity, &mut length) }, 0);
        std::str::from_utf8(&text[..length as usize]).unwrap().to_owned()
    }
}
