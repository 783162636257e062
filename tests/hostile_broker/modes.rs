//! Wrong protocols, frames and timing, whatever the answer was about.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use super::fake_broker::{API_VERSIONS, INIT_PRODUCER_ID, METADATA, PRODUCE};
use super::{Mode, mode};

const APIS: [(&str, i16); 4] = [
    ("ApiVersions", API_VERSIONS),
    ("Metadata", METADATA),
    ("InitProducerId", INIT_PRODUCER_ID),
    ("Produce", PRODUCE),
];

type Harm = fn(Vec<u8>, &mut TcpStream) -> bool;

fn write(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).is_ok()
}

/// The frame with another length in front of it.
fn announced(mut frame: Vec<u8>, length: i32, stream: &mut TcpStream) -> bool {
    frame[..4].copy_from_slice(&length.to_be_bytes());
    write(stream, &frame)
}

/// Each of these is done to the answers of each API in turn.
const HARMS: [(&str, Harm); 19] = [
    ("an HTTP answer", |_, s| write(s, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")),
    ("a TLS alert", |_, s| write(s, &[0x15, 3, 3, 0, 2, 2, 10])),
    ("a frame of 2 GiB", |f, s| announced(f, i32::MAX, s)),
    ("a frame of -1 bytes", |f, s| announced(f, -1, s)),
    ("a frame of the least length", |f, s| announced(f, i32::MIN, s)),
    ("a frame of no bytes", |_, s| write(s, &[0; 4])),
    ("a frame of three bytes", |_, s| write(s, &[0, 0, 0, 3, 1, 2, 3])),
    ("a frame just below the limit that never ends", |f, s| announced(f, 16 << 20, s)),
    ("half an answer", |f, s| write(s, &f[..f.len() / 2])),
    ("half an answer, then the end", |f, s| {
        write(s, &f[..f.len() / 2]);
        false
    }),
    ("the end", |_, _| false),
    ("silence", |_, _| true),
    ("the end of one direction", |_, s| s.shutdown(Shutdown::Write).is_ok()),
    ("another correlation id", |mut f, s| {
        f[7] ^= 0x55;
        write(s, &f)
    }),
    ("a negative correlation id", |mut f, s| {
        f[4] |= 0x80;
        write(s, &f)
    }),
    ("the same answer twice", |f, s| write(s, &[&f[..], &f].concat())),
    ("an answer before it that nobody asked for", |f, s| {
        write(s, &[&[0, 0, 0, 8, 0x7f, 0, 0, 0, 0, 0, 0, 0], &f[..]].concat())
    }),
    ("noise", |f, s| {
        let mut noise: Vec<u8> = f.iter().map(|byte| byte.wrapping_mul(167) ^ 0x5a).collect();
        noise[..8].copy_from_slice(&f[..8]);
        write(s, &noise)
    }),
    ("a byte at a time", |f, s| {
        // Being slow is what this is about; nothing comes to the channel before the time is over.
        let (_open, nothing) = mpsc::channel::<()>();
        f.chunks(1)
            .all(|byte| nothing.recv_timeout(Duration::from_millis(30)).is_err() && write(s, byte))
    }),
];

pub(super) fn all() -> Vec<Mode> {
    let mut modes = Vec::new();
    for (api_name, api) in APIS {
        for (what, harm) in HARMS {
            let name = format!("{api_name}: {what}").leak();
            modes.push(mode(name, move |of, frame, stream| match of == api {
                true => harm(frame, stream),
                false => write(stream, &frame),
            }));
        }
    }
    modes.push(out_of_order());
    modes
}

/// Two answers at a time, the later one first.
fn out_of_order() -> Mode {
    let held = Mutex::new(None::<Vec<u8>>);
    mode("answers out of order", move |api, frame, stream| {
        if api != PRODUCE {
            return write(stream, &frame);
        }
        let mut held = held.lock().unwrap();
        match held.take() {
            None => *held = Some(frame),
            Some(earlier) => return write(stream, &[frame, earlier].concat()),
        }
        true
    })
}
