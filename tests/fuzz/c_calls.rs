//! Sequences of C calls made of bytes: handles that live, are NULL, freed or garbage, lengths and
//! structures that make no sense. Pointers that must be good are; all else is the bytes' choice.

use std::ffi::c_char;
use std::ptr::{null, null_mut};

#[path = "../support/c_api.rs"]
mod c_api;

use c_api::*;

/// More would only take time: each is a thread.
const PRODUCERS_MAX: usize = 2;

const SETTINGS: [(&str, &str); 9] = [
    ("bootstrap.servers\0", "127.0.0.1:1\0"),
    ("linger.ms\0", "0\0"),
    ("delivery.timeout.ms\0", "1\0"),
    ("request.timeout.ms\0", "1\0"),
    ("max.block.ms\0", "1\0"),
    ("buffer.memory\0", "40000\0"),
    ("acks\0", "0\0"),
    ("log.level\0", "error\0"),
    ("no.such.key\0", "\0"),
];

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Up to 40 bytes.
    fn part(&mut self) -> &'a [u8] {
        let (part, rest) = self.0.split_at(usize::from(self.byte() % 40).min(self.0.len()));
        self.0 = rest;
        part
    }

    /// A length of `part`, or one that is none.
    fn length(&mut self, part: &[u8]) -> i64 {
        match self.byte() {
            250 => -2,
            251 => i64::MIN,
            252 => -1,
            _ => part.len() as i64,
        }
    }
}

/// All handles there were, freed ones too.
#[derive(Default)]
struct World {
    configs: Vec<Handle>,
    producers: Vec<Handle>,
    errors: Vec<Handle>,
}

fn pick(from: &[Handle], byte: u8) -> Handle {
    match byte {
        0 => null_mut(),
        // No handle has such a number; it is never followed.
        1 => 0x10 as Handle,
        2 => usize::MAX as Handle,
        _ => from.get(usize::from(byte) % from.len().max(1)).copied().unwrap_or(null_mut()),
    }
}

/// Makes the calls, then frees everything, some of it for the second time. Returns how many
/// producers there were.
pub(crate) fn c_calls(data: &[u8]) -> usize {
    let (mut bytes, mut world) = (Bytes(data), World::default());
    world.start();
    for _ in 0..64 {
        if bytes.0.is_empty() {
            break;
        }
        world.call(&mut bytes);
    }
    // SAFETY: handles of any value are allowed, as the header says.
    unsafe {
        world.producers.iter().for_each(|handle| _ = ottla_producer_free(*handle));
        world.configs.iter().for_each(|handle| _ = ottla_config_free(*handle));
        world.errors.iter().for_each(|handle| _ = ottla_error_free(*handle));
    }
    world.producers.len()
}

impl World {
    /// A configuration with addresses, so that a producer can be made.
    fn start(&mut self) {
        let mut config = null_mut();
        // SAFETY: the out-parameters and texts are good.
        unsafe {
            assert_eq!(ottla_config_new(&mut config), 0);
            for (key, value) in &SETTINGS[..5] {
                ottla_config_set(config, key.as_ptr().cast(), value.as_ptr().cast(), null_mut());
            }
        }
        self.configs.push(config);
    }

    fn call(&mut self, bytes: &mut Bytes<'_>) {
        let call = bytes.byte() % 24;
        let (config, producer) =
            (pick(&self.configs, bytes.byte()), pick(&self.producers, bytes.byte()));
        let mut error: Handle = null_mut();
        let out: *mut Handle = if bytes.byte() == 9 { null_mut() } else { &mut error };
        let (mut count, mut length, mut ticket) = (0_usize, 0_i64, 0_u64);
        let mut room: [c_char; 8] = [0; 8];
        let capacity = usize::from(bytes.byte() % 9);
        let (key, value) = SETTINGS[usize::from(bytes.byte()) % SETTINGS.len()];
        let (key, value) = (key.as_ptr().cast(), value.as_ptr().cast());
        // SAFETY: handles of any value are allowed; texts, buffers and out-parameters are good or
        // NULL, and lengths are those of what they belong to or negative.
        unsafe {
            match call {
                0 => {
                    let mut new = null_mut();
                    ottla_config_new(&mut new);
                    self.configs.push(new);
                }
                1 => _ = ottla_config_set(config, key, value, out),
                2 => {
                    let (at, at_most) = (room.as_mut_ptr(), capacity.min(8));
                    ottla_config_get(config, key, at, at_most, &mut length, out);
                }
                3 => _ = ottla_config_free(config),
                4 if self.producers.len() < PRODUCERS_MAX => {
                    let mut new = null_mut();
                    if ottla_producer_new(config, &mut new, out) == 0 {
                        self.producers.push(new);
                    }
                }
                5 => _ = ottla_producer_free(producer),
                6 => {
                    let mut some = [0; 4];
                    let at_most = capacity.min(4);
                    ottla_producer_ready_tickets(producer, some.as_mut_ptr(), at_most, &mut count);
                }
                7 => _ = ottla_producer_cancel_ticket(producer, bytes.byte().into(), out),
                8 => _ = ottla_producer_poll(producer, 0, &mut count, out),
                9 => _ = ottla_producer_flush(producer, bytes.byte() as i8 as i32 % 3, out),
                10 => _ = ottla_producer_close(producer, 0, out),
                11 => _ = ottla_producer_interrupt(producer),
                12 => _ = ottla_producer_event_clear(producer),
                13 => {
                    let at_most = capacity.min(8);
                    ottla_producer_metrics(producer, room.as_mut_ptr(), at_most, &mut length);
                }
                14 => _ = ottla_producer_fatal_error(producer, out),
                15 => _ = ottla_reports_free(pick(&self.errors, bytes.byte())),
                16 => {
                    let some = pick(&self.errors, bytes.byte());
                    ottla_error_code(some);
                    assert!(!ottla_error_text(some).is_null());
                    ottla_error_free(some);
                }
                17 => send_batch(producer, bytes, out),
                20.. => try_call(call, producer, bytes, out),
                18 => _ = ottla_producer_send_timeout(producer, &record(bytes), 0, out),
                _ => _ = ottla_producer_try_send(producer, &record(bytes), &mut ticket, out),
            }
        }
        if !error.is_null() {
            self.errors.push(error);
        }
    }
}

/// One of the calls that never wait.
fn try_call(call: u8, producer: Handle, bytes: &mut Bytes<'_>, out: *mut Handle) {
    let mut number = u64::from(bytes.byte() % 4);
    // SAFETY: as in `call`.
    unsafe {
        match call {
            23 => send_array(producer, bytes, &mut number, out),
            20 => _ = ottla_producer_try_flush(producer, &mut number, out),
            21 => _ = ottla_producer_try_close(producer, out),
            _ => {
                let (mut some, topic, mut n) = ([[0; 2]; 4], bytes.part(), 0);
                let (at, name, length) = (some.as_mut_ptr(), topic.as_ptr(), topic.len() as i64);
                let (name, count, t) = (name.cast(), &mut n, &mut number);
                ottla_producer_try_partitions_for(producer, name, length, at, 8, 4, count, t, out);
            }
        }
    }
}

/// A packed batch of the bytes' choice.
fn send_batch(producer: Handle, bytes: &mut Bytes<'_>, out: *mut Handle) {
    let (topic, packed) = (bytes.part(), bytes.part());
    // -1 is a text with a NUL behind it, which a part has not.
    let (a, b) = (bytes.length(topic), bytes.length(packed));
    let a = if a == -1 { -2 } else { a };
    let (topic, packed) = (topic.as_ptr().cast(), packed.as_ptr().cast());
    let (n, mut accepted) = (usize::from(bytes.byte() % 4), 0);
    // SAFETY: as in `call`.
    unsafe {
        let statuses = null_mut();
        let at = &mut accepted;
        ottla_producer_send_batch(producer, topic, a, packed, b, n, 0, statuses, at, out);
    }
}

/// Up to three records of the bytes' choice, with or without a ticket.
fn send_array(producer: Handle, bytes: &mut Bytes<'_>, ticket: *mut u64, out: *mut Handle) {
    let records = [record(bytes), record(bytes), record(bytes)];
    let (count, mut sent) = (usize::from(bytes.byte() % 4), 0);
    let stride = if bytes.byte() == 9 { 8 } else { size_of::<Record>() };
    let ticket = if bytes.byte().is_multiple_of(2) { null_mut() } else { ticket };
    // SAFETY: as in `call`.
    unsafe {
        let at = records.as_ptr();
        ottla_producer_send_array(producer, at, stride, count, 0, ticket, &mut sent, out);
    }
    assert!(sent <= count);
}

/// A record of the bytes' choice.
fn record(bytes: &mut Bytes<'_>) -> Record {
    let (topic, key, value) = (bytes.part(), bytes.part(), bytes.part());
    // -1 is a text with a NUL behind it, which a part has not.
    let topic_length = bytes.length(topic);
    let topic_length = if topic_length == -1 { -2 } else { topic_length };
    let struct_size = match bytes.byte() {
        255 => 0,
        254 => 8,
        _ => size_of::<Record>(),
    };
    Record {
        struct_size,
        topic: topic.as_ptr().cast(),
        topic_length,
        key: if bytes.byte() == 7 { null() } else { key.as_ptr().cast() },
        key_length: bytes.length(key),
        value: value.as_ptr().cast(),
        value_length: bytes.length(value),
        headers: null(),
        header_count: usize::from(bytes.byte() == 8),
        timestamp_ms: i64::from(bytes.byte() as i8),
        opaque: bytes.byte().into(),
        partition: i32::from(bytes.byte() as i8),
        flags: u32::from(bytes.byte() % 3),
    }
}
