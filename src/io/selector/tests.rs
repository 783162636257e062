//! The selector against real sockets on loopback.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown};
use std::sync::mpsc;

use socket2::SockRef;

use super::*;
use crate::io::testing::{LIMIT, Owned, Rig, framed, peer};
use crate::time;

/// Small enough that a large frame needs many writes. Not smaller, because of Linux on loopback:
/// where a send buffer holds less than two of its 64 KiB packets, each waits for a delayed
/// acknowledgement, and such a receive buffer may even advertise no room at all for seconds.
const TINY: SocketOptions = SocketOptions {
    send_buffer: Some(64 * 1024),
    receive_buffer: None,
    keepalive: true,
    nodelay: true,
};

/// Bytes that differ along the way, so that one in the wrong place is seen.
fn pattern(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8 ^ seed).collect()
}

/// `framed(body)` in pieces of many sizes.
fn pieces(body: &[u8]) -> Vec<Bytes> {
    let whole = Bytes::from(framed(body));
    let (mut pieces, mut at, mut size) = (Vec::new(), 0, 1);
    while at < whole.len() {
        let end = whole.len().min(at + size);
        pieces.push(whole.slice(at..end));
        (at, size) = (end, size * 3 % 100_003);
    }
    pieces
}

fn read_frame(stream: &mut impl Read) -> Vec<u8> {
    let mut header = [0; 4];
    stream.read_exact(&mut header).unwrap();
    let mut body = vec![0; u32::from_be_bytes(header) as usize];
    stream.read_exact(&mut body).unwrap();
    body
}

/// A peer that says this as soon as it is connected, then closes its sending side and waits for
/// our end.
fn says(bytes: Vec<u8>) -> SocketAddr {
    peer(move |mut stream| {
        stream.write_all(&bytes).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    })
    .0
}

#[test]
fn a_refused_connection_says_who_refused() {
    // Bound and not listening: nobody else can take the port.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    let mut rig = Rig::new();
    let conn = rig.begin(addr);
    assert_eq!(rig.closed(conn), format!("connection refused by {addr}"));
    assert_eq!(rig.events.len(), 1);
}

#[test]
fn an_address_that_can_not_be_connected_to_is_an_event_and_no_error() {
    let mut rig = Rig::new();
    let conn = rig.begin("255.255.255.255:9092".parse().unwrap());
    let reason = rig.closed(conn);
    assert!(reason.starts_with("cannot connect to 255.255.255.255:9092: "), "{reason}");
}

#[test]
fn the_socket_has_the_options_asked_for() {
    let options = SocketOptions { receive_buffer: Some(64 * 1024), ..TINY };
    let mut rig = Rig::with(options, 1000);
    let stream = rig.selector.open(ConnId(1), says(Vec::new())).unwrap();
    let socket = SockRef::from(&stream);
    assert!(socket.keepalive().unwrap());
    assert!(socket.tcp_nodelay().unwrap());
    // Linux doubles what is asked, for its own bookkeeping.
    assert_eq!(socket.send_buffer_size().unwrap(), 128 * 1024);
    assert_eq!(socket.recv_buffer_size().unwrap(), 128 * 1024);

    rig.selector.options =
        SocketOptions { keepalive: false, nodelay: false, ..SocketOptions::default() };
    let stream = rig.selector.open(ConnId(2), says(Vec::new())).unwrap();
    let socket = SockRef::from(&stream);
    assert!(!socket.keepalive().unwrap());
    assert!(!socket.tcp_nodelay().unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn only_a_connection_to_this_machine_leaves_the_systems_congestion_control() {
    let name = |socket: &Socket| {
        let bytes = socket.tcp_congestion().unwrap();
        String::from_utf8(bytes).unwrap().trim_end_matches('\0').to_owned()
    };
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let of_the_system = name(&socket);
    leave_pacing(&socket, "192.0.2.1:9092".parse().unwrap());
    assert_eq!(name(&socket), of_the_system);

    // Where the system's own is the same this shows nothing.
    let rig = Rig::new();
    let stream = rig.selector.open(ConnId(1), says(Vec::new())).unwrap();
    assert_eq!(name(&SockRef::from(&stream)), "reno");
}

#[test]
fn frames_of_all_sizes_go_both_ways_through_tiny_buffers() {
    let sizes = [0, 1, 3, 4, 1_000, 65_535, 65_536, 262_144, 5_000_000, 17];
    let (addr, echo) = peer(move |mut stream| {
        SockRef::from(&stream).set_send_buffer_size(64 * 1024).unwrap();
        for _ in 0..sizes.len() {
            let body = read_frame(&mut stream);
            stream.write_all(&framed(&body)).unwrap();
        }
    });
    let mut rig = Rig::with(TINY, 5_000_000);
    let conn = rig.connect(addr);
    let bodies: Vec<_> = sizes.iter().map(|len| pattern(*len, *len as u8)).collect();
    for (token, body) in bodies.iter().enumerate() {
        rig.send(conn, token as u64, pieces(body));
    }
    let reason = rig.closed(conn);
    assert!(reason.ends_with("closed the connection"), "{reason}");
    assert!(rig.received(conn) == bodies, "the echo differs");
    assert_eq!(rig.sent(conn), Vec::from_iter(0..sizes.len() as u64));
    echo.join().unwrap();
}

#[test]
fn frames_sent_before_the_connection_stands_wait_for_it() {
    let (addr, reader) = peer(|mut stream| read_frame(&mut stream));
    let mut rig = Rig::new();
    let conn = rig.begin(addr);
    rig.send(conn, 1, pieces(b"early"));
    rig.until_sent(conn, 1);
    assert_eq!(rig.events[0], Event::Connected { conn });
    assert_eq!(reader.join().unwrap(), b"early");
}

#[test]
fn a_frame_that_fits_is_written_before_any_poll() {
    let (addr, reader) = peer(|mut stream| read_frame(&mut stream));
    let mut rig = Rig::new();
    let conn = rig.connect(addr);
    rig.send(conn, 1, pieces(b"at once"));
    assert_eq!(reader.join().unwrap(), b"at once");
    assert_eq!(rig.sent(conn), [0; 0]);
    rig.until_sent(conn, 1);
    assert_eq!(rig.sent(conn), [1]);
}

#[test]
fn many_small_frames_keep_their_order() {
    const COUNT: u64 = 3_000;
    let (addr, reader) = peer(|mut stream| {
        let frames: Vec<_> = (0..COUNT).map(|_| read_frame(&mut stream)).collect();
        // All answers in one write.
        let answers: Vec<u8> = frames.iter().flat_map(|body| framed(body)).collect();
        stream.write_all(&answers).unwrap();
        frames
    });
    let mut rig = Rig::new();
    let conn = rig.connect(addr);
    for token in 0..COUNT {
        let body = token.to_be_bytes();
        rig.send(conn, token, pieces(&body));
    }
    rig.closed(conn);
    let expected: Vec<_> = (0..COUNT).map(|token| token.to_be_bytes().to_vec()).collect();
    assert_eq!(reader.join().unwrap(), expected);
    assert_eq!(rig.received(conn), expected);
    assert_eq!(rig.sent(conn), Vec::from_iter(0..COUNT));
}

#[test]
fn a_frame_that_trickles_in_byte_by_byte_arrives() {
    let body = pattern(300, 3);
    let stream_bytes = framed(&body);
    let (addr, _) = peer(move |mut stream| {
        stream.set_nodelay(true).unwrap();
        for byte in stream_bytes {
            stream.write_all(&[byte]).unwrap();
        }
    });
    let mut rig = Rig::new();
    let conn = rig.connect(addr);
    rig.closed(conn);
    assert_eq!(rig.received(conn), [body]);
}

#[test]
fn more_than_one_turn_of_reading_needs_no_second_edge() {
    const FRAMES: usize = 40;
    let (ready, written) = mpsc::channel();
    let (addr, _) = peer(move |mut stream| {
        SockRef::from(&stream).set_send_buffer_size(4_000_000).unwrap();
        for seed in 0..FRAMES {
            stream.write_all(&framed(&pattern(50_000, seed as u8))).unwrap();
        }
        ready.send(()).unwrap();
        // Open until the test is over: no end of stream gives an edge either.
        let _ = stream.read(&mut [0]);
    });
    let mut rig = Rig::with(
        SocketOptions { receive_buffer: Some(4_000_000), ..SocketOptions::default() },
        50_000,
    );
    let conn = rig.connect(addr);
    written.recv_timeout(LIMIT).unwrap();
    rig.until("all frames", |events| events.len() == 1 + FRAMES);
    let frames = rig.received(conn);
    assert!((0..FRAMES).all(|seed| frames[seed] == pattern(50_000, seed as u8)));
}

#[test]
fn a_busy_connection_does_not_starve_another() {
    let (stop, stopped) = mpsc::channel::<()>();
    let (flood, _) = peer(move |mut stream| {
        let frames = framed(&[0; 1000]).repeat(1000);
        while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
            if stream.write_all(&frames).is_err() {
                break;
            }
        }
    });
    let (quiet, _) = peer(|mut stream| {
        let body = read_frame(&mut stream);
        stream.write_all(&framed(&body)).unwrap();
        let _ = stream.read(&mut [0]);
    });
    let mut rig = Rig::new();
    rig.connect(flood);
    let conn = rig.connect(quiet);
    rig.send(conn, 1, pieces(b"ping"));
    let is_answer =
        |event: &Event| matches!(event, Event::Received { conn: on, .. } if *on == conn);
    let deadline = time::now() + LIMIT;
    while !rig.events.iter().any(is_answer) {
        assert!(time::now() < deadline);
        rig.events.clear();
        rig.selector.poll(Some(LIMIT), &mut rig.events).unwrap();
        // One turn each: its budget, one read more, and what a read overshoots.
        assert!(rig.events.len() < 1000, "{} events in one poll", rig.events.len());
    }
    drop(stop);
}

#[test]
fn peers_that_do_not_speak_kafka_are_named() {
    let mut rig = Rig::with(SocketOptions::default(), 100);
    for (bytes, named) in [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "answered HTTP"),
        (vec![0x15, 3, 3, 0, 2, 2, 70], "name a PLAINTEXT listener"),
        (vec![0x7f, 0xff, 0xff, 0xff], "2147483647 bytes, which exceeds receive.message.max"),
        (vec![0xff; 8], "a frame of -1 bytes"),
        (Vec::new(), "before answering anything"),
        (vec![0, 0], "in the middle of a frame, after 2 bytes"),
        (framed(&[1; 50])[..20].to_vec(), "in the middle of a frame, after 20 bytes"),
    ] {
        let addr = says(bytes);
        let conn = rig.connect(addr);
        let reason = rig.closed(conn);
        assert!(reason.contains(named) && reason.contains(&addr.to_string()), "{reason}");
        assert!(rig.received(conn).is_empty());
    }
}

#[test]
fn whole_frames_before_a_broken_one_are_delivered_first() {
    let mut bytes = framed(b"one");
    bytes.extend(framed(b""));
    bytes.extend([0, 0, 0, 9, 1]);
    let mut rig = Rig::new();
    let conn = rig.connect(says(bytes));
    let reason = rig.closed(conn);
    assert!(reason.contains("after 5 bytes"), "{reason}");
    assert_eq!(rig.received(conn), ["one", ""]);
}

#[test]
fn a_reset_connection_is_called_so() {
    let (addr, _) = peer(|mut stream| {
        read_frame(&mut stream);
        stream.write_all(&framed(b"bye")).unwrap();
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    });
    let mut rig = Rig::new();
    let conn = rig.connect(addr);
    rig.send(conn, 1, pieces(b"hello"));
    assert_eq!(rig.closed(conn), format!("the peer at {addr} reset the connection"));
    assert_eq!(rig.received(conn), ["bye"]);
}

#[test]
fn what_the_peer_said_is_read_even_where_writing_fails_first() {
    let (go, told) = mpsc::channel::<()>();
    let (addr, gone) = peer(move |mut stream| {
        told.recv_timeout(LIMIT).unwrap();
        stream.write_all(&framed(b"last words")).unwrap();
        stream.write_all(&[0x15, 3, 3, 0, 2, 2, 70]).unwrap();
    });
    let mut rig = Rig::new();
    let conn = rig.connect(addr);
    go.send(()).unwrap();
    gone.join().unwrap();
    // The peer's socket is gone: the first frame makes it reset, a later one fails.
    for token in 1..50 {
        rig.send(conn, token, pieces(&[0; 1000]));
    }
    assert!(rig.selector.connections.is_empty(), "writing did not fail");
    assert!(rig.closed(conn).contains("name a PLAINTEXT listener"));
    assert_eq!(rig.received(conn), ["last words"]);
}

#[test]
fn memory_goes_back_only_when_its_last_byte_is_written() {
    let (go, gone) = mpsc::channel::<()>();
    let (addr, reader) = peer(move |mut stream| {
        gone.recv_timeout(LIMIT).unwrap();
        read_frame(&mut stream)
    });
    let mut rig = Rig::with(TINY, 1000);
    let conn = rig.connect(addr);
    let body = pattern(8_000_000, 9);
    let (piece, dropped) = Owned::bytes(framed(&body));
    rig.send(conn, 1, vec![piece]);
    rig.selector.poll(Some(Duration::ZERO), &mut rig.events).unwrap();
    assert!(!dropped.load(Ordering::Relaxed));
    go.send(()).unwrap();
    while rig.sent(conn).is_empty() {
        assert!(!dropped.load(Ordering::Relaxed));
        rig.selector.poll(Some(LIMIT), &mut rig.events).unwrap();
    }
    assert!(dropped.load(Ordering::Relaxed));
    assert!(reader.join().unwrap() == body);
}

#[test]
fn close_drops_what_is_queued_and_says_nothing_more() {
    let (addr, reader) = peer(|mut stream| std::io::copy(&mut stream, &mut std::io::sink()));
    let mut rig = Rig::with(TINY, 1000);
    let conn = rig.connect(addr);
    let mut flags = Vec::new();
    for token in 0..3 {
        let (piece, dropped) = Owned::bytes(vec![0; 8_000_000]);
        rig.send(conn, token, vec![piece]);
        flags.push(dropped);
    }
    rig.events.clear();
    rig.selector.apply(Action::Close { conn });
    assert!(flags.iter().all(|dropped| dropped.load(Ordering::Relaxed)));
    // Neither is there anything to do for a connection that is gone.
    rig.send(conn, 9, pieces(b"late"));
    rig.selector.apply(Action::Close { conn });
    let _ = reader.join().unwrap();
    rig.selector.poll(Some(Duration::ZERO), &mut rig.events).unwrap();
    assert_eq!(rig.events, []);
}

#[test]
fn close_takes_back_events_that_no_poll_has_given() {
    let (addr, _) = peer(|mut stream| stream.read(&mut [0]).unwrap());
    let mut rig = Rig::new();
    let conn = rig.connect(addr);
    rig.events.clear();
    rig.send(conn, 1, pieces(b"x"));
    rig.selector.apply(Action::Close { conn });
    rig.selector.poll(Some(Duration::ZERO), &mut rig.events).unwrap();
    assert_eq!(rig.events, []);
}

#[test]
fn a_peer_that_goes_releases_what_is_queued() {
    let (addr, _) = peer(drop);
    let mut rig = Rig::with(TINY, 1000);
    let conn = rig.begin(addr);
    let (piece, dropped) = Owned::bytes(vec![0; 8_000_000]);
    rig.send(conn, 1, vec![piece]);
    rig.closed(conn);
    assert!(dropped.load(Ordering::Relaxed));
    assert!(rig.sent(conn).is_empty());
}

#[test]
fn a_wake_ends_a_poll_from_another_thread_every_time() {
    let mut rig = Rig::new();
    let waker = rig.selector.waker();
    let (ask, asked) = mpsc::channel();
    let thread = std::thread::spawn(move || asked.iter().for_each(|()| waker.wake()));
    let start = time::now();
    for _ in 0..200 {
        ask.send(()).unwrap();
        rig.selector.poll(Some(LIMIT), &mut rig.events).unwrap();
    }
    assert!(time::now().since(start) < LIMIT, "a wake was lost");
    drop(ask);
    thread.join().unwrap();
}

#[test]
fn a_wake_before_the_poll_is_not_lost_and_many_are_one() {
    let mut rig = Rig::new();
    let waker = rig.selector.waker();
    (0..100).for_each(|_| waker.wake());
    let start = time::now();
    rig.selector.poll(Some(LIMIT), &mut rig.events).unwrap();
    assert!(time::now().since(start) < LIMIT);
    // Nothing is left of it.
    rig.selector.poll(Some(Duration::from_millis(1)), &mut rig.events).unwrap();
    assert!(time::now().since(start) >= Duration::from_millis(1));
    assert!(!waker.woken.load(Ordering::Relaxed));
}

#[test]
fn a_thousand_connections_each_get_their_answer() {
    const COUNT: usize = 1_000;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    // Room for all of them, or some would have to knock again after a second.
    socket.listen(COUNT as i32).unwrap();
    let listener = std::net::TcpListener::from(socket);
    let addr = listener.local_addr().unwrap();
    let echo = std::thread::spawn(move || {
        let mut streams: Vec<_> = (0..COUNT).map(|_| listener.accept().unwrap().0).collect();
        for stream in &mut streams {
            let body = read_frame(stream);
            stream.write_all(&framed(&body)).unwrap();
        }
    });
    let mut rig = Rig::new();
    let conns: Vec<_> = (0..COUNT).map(|_| rig.begin(addr)).collect();
    for conn in &conns {
        rig.send(*conn, conn.0, pieces(&conn.0.to_be_bytes()));
    }
    rig.until("all closed", |events| {
        events.iter().filter(|event| matches!(event, Event::Closed { .. })).count() == COUNT
    });
    for conn in conns {
        assert_eq!(rig.received(conn), [conn.0.to_be_bytes().to_vec()]);
    }
    echo.join().unwrap();
}
