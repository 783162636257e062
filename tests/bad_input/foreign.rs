//! Ports where no Kafka listens: the send says what was met, and the same producer works as soon
//! as a broker listens there.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ottla::{ErrorCode, Record, State};

use crate::fake_broker::{Behaviour, FakeBroker, Role, free_address};
use crate::run::Run;
use crate::{says, takes};

const MAX_BLOCK: Duration = Duration::from_millis(500);

fn run(address: SocketAddr) -> Run {
    let settings = [("max.block.ms", "500"), ("reconnect.backoff.max.ms", "100")];
    Run::new(&address.to_string(), &settings)
}

/// The send fails in time, with a text that has `parts`.
fn fails(run: &Run, parts: &[&str]) {
    let record = Record { topic: "t", value: Some(b"v"), ..Record::default() };
    let error = takes(MAX_BLOCK, || run.producer.send(&record)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TIMED_OUT, "{error}");
    says(error.message(), parts);
}

/// The same producer sends to a broker that came to the address.
fn works(run: &Run) {
    let record = Record { topic: "t", value: Some(b"v"), ..Record::default() };
    let ten_seconds = Some(Duration::from_secs(10));
    run.producer.send_timeout(&record, ten_seconds).unwrap();
    run.producer.flush(ten_seconds).unwrap();
    assert_eq!(run.reports()[0].state, State::Persisted);
}

fn foreign(serve: fn(TcpStream), parts: &[&str]) {
    let address = free_address();
    let listener = FakeBroker::at(address, Role::Foreign(serve));
    let run = run(address);
    let place = address.to_string();
    fails(&run, &[&[place.as_str()], parts].concat());
    drop(listener);
    let _broker = FakeBroker::at(address, Role::Kafka(Arc::default()));
    works(&run);
}

/// Waits for the client's first bytes.
fn first_bytes(stream: &mut TcpStream) {
    let _ = stream.read(&mut [0; 1024]);
}

/// Keeps the connection until the client ends it.
fn keep(mut stream: TcpStream) {
    while stream.read(&mut [0; 1024]).is_ok_and(|length| length > 0) {}
}

#[test]
fn nobody_listens() {
    let address = free_address();
    let run = run(address);
    fails(&run, &[&address.to_string(), "refused"]);
    let _broker = FakeBroker::at(address, Role::Kafka(Arc::default()));
    works(&run);
}

#[test]
fn an_http_server_is_named() {
    let serve = |mut stream: TcpStream| {
        first_bytes(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        keep(stream);
    };
    foreign(serve, &["HTTP"]);
}

#[test]
fn a_tls_listener_is_named() {
    let serve = |mut stream: TcpStream| {
        first_bytes(&mut stream);
        // A fatal alert, unexpected_message.
        let _ = stream.write_all(&[0x15, 3, 3, 0, 2, 2, 10]);
        keep(stream);
    };
    foreign(serve, &["speaks TLS", "name a PLAINTEXT listener"]);
}

#[test]
fn silence_is_named() {
    foreign(keep, &["accepted the connection and has not answered"]);
}

#[test]
fn a_peer_that_closes_at_once_is_named() {
    foreign(drop, &["the connection before answering anything"]);
}

#[test]
fn a_peer_that_closes_after_the_first_request_is_named() {
    let serve = |mut stream: TcpStream| first_bytes(&mut stream);
    foreign(serve, &["closed the connection before answering anything"]);
}

#[test]
fn garbage_is_named() {
    let serve = |mut stream: TcpStream| {
        first_bytes(&mut stream);
        let _ = stream.write_all(&[0, 0, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        keep(stream);
    };
    foreign(serve, &["correlation id"]);
}

#[test]
fn text_is_named() {
    let serve = |mut stream: TcpStream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n");
        keep(stream);
    };
    foreign(serve, &["announced a frame of"]);
}

#[test]
fn a_length_of_2_gib_is_named() {
    let serve = |mut stream: TcpStream| {
        first_bytes(&mut stream);
        let _ = stream.write_all(&[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        keep(stream);
    };
    foreign(serve, &["announced a frame of 2147483647 bytes", "receive.message.max.bytes"]);
}

#[test]
fn a_negative_length_is_named() {
    let serve = |mut stream: TcpStream| {
        first_bytes(&mut stream);
        let _ = stream.write_all(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        keep(stream);
    };
    foreign(serve, &["announced a frame of -1 bytes"]);
}

#[test]
fn a_wrong_correlation_id_is_named() {
    let address = free_address();
    let behaviour = Arc::new(Behaviour::default());
    behaviour.correlation_shift.store(7, Ordering::SeqCst);
    let _broker = FakeBroker::at(address, Role::Kafka(behaviour.clone()));
    let run = run(address);
    fails(&run, &[&address.to_string(), "correlation id", "belongs to no request"]);
    behaviour.correlation_shift.store(0, Ordering::SeqCst);
    works(&run);
}
