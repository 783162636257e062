//! Connections and requests as a state machine: events and time in, actions and answers out.

use std::net::SocketAddr;

use bytes::Bytes;

use super::*;
use crate::wire;
use crate::wire::messages::api_versions::ApiVersion;
use crate::wire::messages::{
    ApiVersionsRequest, ApiVersionsResponse, MetadataRequest, ProduceRequest,
};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn addr(last: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, last], 9092))
}

/// A client with nodes 1 to 3, at hosts `b1` to `b3`; back-off 50 ms to 1 s, setup 10 s to 30 s.
struct Room {
    client: NetworkClient,
    now: Instant,
}

impl Room {
    fn new() -> Room {
        let config = NetworkConfig {
            client_id: "test".into(),
            request_timeout: ms(30_000),
            max_in_flight: 2,
            reconnect_backoff: ExponentialBackoff { initial: ms(50), max: ms(1000) },
            setup_timeout: ExponentialBackoff { initial: ms(10_000), max: ms(30_000) },
            max_idle: Some(ms(540_000)),
        };
        let log = Logger::queued(Level::Debug, "test", Box::new(|| ()));
        let mut room =
            Room { client: NetworkClient::new(config, log, 7), now: Instant(0) + ms(1000) };
        (1..=3).for_each(|n| room.client.set_address(n, &format!("b{n}"), 9092, room.now));
        room
    }

    fn actions(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        self.client.take_actions(&mut actions);
        actions
    }

    fn action(&mut self) -> Action {
        let mut actions = self.actions();
        assert_eq!(actions.len(), 1, "{actions:?}");
        actions.remove(0)
    }

    fn handle(&mut self, event: Event) {
        self.client.handle(event, self.now);
    }

    fn pass(&mut self, millis: u64) {
        self.now = self.now + ms(millis);
        self.client.tick(self.now);
    }

    /// The one thing asked for is that the connection ends.
    fn hung_up(&mut self, expected: ConnId) {
        let action = self.action();
        assert!(matches!(action, Action::Close { conn } if conn == expected), "{action:?}");
    }

    /// Until the look-up: gives these addresses.
    fn resolve(&mut self, node: i32, addresses: &[SocketAddr]) {
        assert!(!self.client.ready(node, self.now));
        let Action::Resolve { id, host, port } = self.action() else { panic!("no look-up") };
        assert_eq!((host, port), (format!("b{node}"), 9092));
        self.handle(Event::Resolved { id, result: Ok(addresses.to_vec()) });
    }

    fn connecting(&mut self) -> (ConnId, SocketAddr) {
        match self.action() {
            Action::Connect { conn, addr } => (conn, addr),
            other => panic!("{other:?}"),
        }
    }

    /// Until the connection stands and the broker was asked what it speaks.
    fn asked(&mut self, node: i32) -> (ConnId, i16, i32) {
        self.resolve(node, &[addr(node as u8)]);
        let (conn, _) = self.connecting();
        self.handle(Event::Connected { conn });
        let (version, id) = self.sent_request(conn, ApiVersionsRequest::KEY);
        (conn, version, id)
    }

    /// The one request that was sent: its version and correlation id.
    fn sent_request(&mut self, expected: ConnId, key: i16) -> (i16, i32) {
        let Action::Send { conn, pieces, token } = self.action() else { panic!("no request") };
        let frame = Bytes::from(pieces.concat()).slice(4..);
        let (header, _) = wire::frame::decode_request_header(frame).unwrap();
        assert_eq!((conn, header.api_key, token), (expected, key, header.correlation_id as u64));
        (header.api_version, header.correlation_id)
    }

    fn answer_versions(&mut self, conn: ConnId, version: i16, id: i32, code: ErrorCode, max: i16) {
        let api = |api_key, max_version| ApiVersion { api_key, min_version: 0, max_version };
        let mut response = ApiVersionsResponse {
            error_code: code.0 as i16,
            api_keys: vec![
                api(ApiVersionsRequest::KEY, max),
                api(ProduceRequest::KEY, 9),
                api(3, 12),
            ],
            ..ApiVersionsResponse::default()
        };
        let frame = wire::frame::encode_response(&mut response, version, id).unwrap();
        let frame = Bytes::from(frame.pieces.concat()).slice(4..);
        self.handle(Event::Received { conn, frame });
    }

    fn ready(&mut self, node: i32) -> ConnId {
        let (conn, version, id) = self.asked(node);
        self.answer_versions(conn, version, id, ErrorCode::NONE, 4);
        assert!(self.client.ready(node, self.now));
        conn
    }

    /// Sends a request; returns its correlation id.
    fn send(&mut self, node: i32, conn: ConnId, tag: u64, expects_response: bool) -> i32 {
        let tag = RequestTag::Produce(tag);
        let mut message = MetadataRequest::default();
        self.client.send(node, &mut message, 12, tag, expects_response, self.now).unwrap();
        self.sent_request(conn, MetadataRequest::KEY).1
    }

    fn receive(&mut self, conn: ConnId, id: i32) {
        self.handle(Event::Received { conn, frame: Bytes::copy_from_slice(&id.to_be_bytes()) });
    }

    fn closed(&mut self, conn: ConnId) {
        self.handle(Event::Closed { conn, reason: "gone".to_owned() });
    }

    /// The requests that ended: tag, whether they may have left, and how.
    fn ended(&mut self) -> Vec<(u64, bool, &'static str)> {
        let mut completed = Vec::new();
        self.client.take_completed(&mut completed);
        let ended = |response: ClientResponse| {
            let RequestTag::Produce(tag) = response.tag else { return None };
            let how = match response.result {
                Ok(Some(_)) => "answered",
                Ok(None) => "left",
                Err(RequestFailure::Disconnected(_)) => "disconnected",
                Err(RequestFailure::TimedOut(_)) => "timed out",
            };
            Some((tag, response.left, how))
        };
        completed.into_iter().filter_map(ended).collect()
    }
}

#[test]
fn a_broker_is_ready_once_it_said_what_it_speaks() {
    let mut room = Room::new();
    let (conn, version, id) = room.asked(1);
    assert!(!room.client.ready(1, room.now));
    assert!(!room.client.is_connected(1));
    room.answer_versions(conn, version, id, ErrorCode::NONE, 4);
    assert!(room.client.ready(1, room.now));
    assert_eq!(room.client.version_for::<ProduceRequest>(1).unwrap(), 9);
    let missing = room.client.version_for::<crate::wire::messages::InitProducerIdRequest>(1);
    assert_eq!(missing.unwrap_err().code(), ErrorCode::UNSUPPORTED_VERSION);
    assert!(!room.client.ready(99, room.now), "an unknown broker");
}

#[test]
fn a_broker_too_old_for_our_first_question_is_asked_in_a_version_that_it_offers() {
    for (offered, retried) in [(2, 2), (0, 0), (i16::MAX, 3), (i16::MIN, 0)] {
        let mut room = Room::new();
        let (conn, version, id) = room.asked(1);
        assert_eq!(version, 4);
        room.answer_versions(conn, 0, id, ErrorCode::UNSUPPORTED_VERSION, offered);
        let (version, id) = room.sent_request(conn, ApiVersionsRequest::KEY);
        assert_eq!(version, retried, "offered {offered}");
        room.answer_versions(conn, version, id, ErrorCode::NONE, offered);
        assert!(room.client.ready(1, room.now));
    }
}

#[test]
fn a_broker_that_knows_no_version_of_the_first_question_is_not_asked_for_ever() {
    let mut room = Room::new();
    let (conn, mut version, mut id) = room.asked(1);
    for _ in 0..4 {
        room.answer_versions(conn, 0, id, ErrorCode::UNSUPPORTED_VERSION, i16::MAX);
        let next = room.sent_request(conn, ApiVersionsRequest::KEY);
        assert!(next.0 < version);
        (version, id) = next;
    }
    room.answer_versions(conn, 0, id, ErrorCode::UNSUPPORTED_VERSION, i16::MAX);
    room.hung_up(conn);
    assert!(room.client.trouble(1).unwrap().contains("UNSUPPORTED_VERSION"));
}

#[test]
fn bytes_that_are_no_answer_to_the_first_question_end_the_connection() {
    let mut room = Room::new();
    let (conn, _, id) = room.asked(1);
    room.receive(conn, id);
    room.hung_up(conn);
    assert_eq!(room.client.take_disconnected(), [1]);
}

#[test]
fn closing_while_a_broker_is_asked_what_it_speaks_ends_the_connection_and_nothing_else() {
    let mut room = Room::new();
    let (conn, version, id) = room.asked(1);
    room.client.close(1, "for a test", room.now);
    room.hung_up(conn);
    let mut completed = Vec::new();
    room.client.take_completed(&mut completed);
    assert!(completed.is_empty(), "nobody else had asked: {completed:?}");
    // The answer is late, and makes nothing ready.
    room.answer_versions(conn, version, id, ErrorCode::NONE, 4);
    assert!(!room.client.ready(1, room.now));
    assert!(room.actions().is_empty(), "the back-off comes first");
    room.pass(1000);
    room.ready(1);
}

#[test]
fn answers_are_paired_with_requests_in_their_order() {
    let mut room = Room::new();
    let conn = room.ready(1);
    let (first, second) = (room.send(1, conn, 1, true), room.send(1, conn, 2, true));
    assert!(!room.client.can_send_more(1));
    room.receive(conn, first);
    assert!(room.client.can_send_more(1));
    room.receive(conn, second);
    assert_eq!(room.ended(), [(1, true, "answered"), (2, true, "answered")]);
}

#[test]
fn an_answer_that_belongs_to_no_request_ends_the_connection_and_all_requests_on_it() {
    type Frame = fn(i32, i32) -> Vec<u8>;
    let frames: [Frame; 4] = [
        |_, second| second.to_be_bytes().to_vec(),
        |first, _| (first + 100).to_be_bytes().to_vec(),
        |_, _| Vec::new(),
        |_, _| i32::MIN.to_be_bytes().to_vec(),
    ];
    for frame in frames {
        let mut room = Room::new();
        let conn = room.ready(1);
        let (first, second) = (room.send(1, conn, 1, true), room.send(1, conn, 2, true));
        room.handle(Event::Received { conn, frame: frame(first, second).into() });
        room.hung_up(conn);
        assert_eq!(room.ended(), [(1, false, "disconnected"), (2, false, "disconnected")]);
    }
}

#[test]
fn an_unasked_answer_ends_the_connection() {
    for frame in [&[0, 0, 0, 7][..], &[]] {
        let mut room = Room::new();
        let conn = room.ready(1);
        room.handle(Event::Received { conn, frame: Bytes::from_static(frame) });
        room.hung_up(conn);
        let text = room.client.trouble(1).unwrap();
        assert!(text.contains("none is in flight") && !text.contains("None"), "{text}");
    }
}

#[test]
fn a_request_that_expects_no_answer_ends_when_its_bytes_have_left() {
    let mut room = Room::new();
    let conn = room.ready(1);
    let (silent, loud) = (room.send(1, conn, 1, false), room.send(1, conn, 2, true));
    room.handle(Event::Sent { conn, token: silent as u64 });
    assert_eq!(room.ended(), [(1, true, "left")]);
    room.receive(conn, loud);
    assert_eq!(room.ended(), [(2, true, "answered")]);
}

#[test]
fn a_lost_connection_says_of_each_request_whether_it_may_have_been_seen() {
    let mut room = Room::new();
    let conn = room.ready(1);
    let sent = room.send(1, conn, 1, true);
    room.send(1, conn, 2, true);
    room.handle(Event::Sent { conn, token: sent as u64 });
    room.closed(conn);
    assert_eq!(room.ended(), [(1, true, "disconnected"), (2, false, "disconnected")]);
    assert_eq!(room.client.take_disconnected(), [1]);
    assert!(room.actions().is_empty(), "there is nothing left to close");
}

#[test]
fn events_of_a_connection_that_is_gone_change_nothing() {
    let mut room = Room::new();
    let old = room.ready(1);
    let id = room.send(1, old, 1, true);
    room.client.close(1, "for a test", room.now);
    room.actions();
    room.ended();
    room.pass(1000);
    let conn = room.ready(1);
    for event in [
        Event::Connected { conn: old },
        Event::Sent { conn: old, token: id as u64 },
        Event::Received { conn: old, frame: Bytes::new() },
        Event::Closed { conn: old, reason: "late".to_owned() },
        Event::Resolved { id: 12345, result: Err("late".to_owned()) },
    ] {
        room.handle(event);
    }
    assert!(room.actions().is_empty());
    assert!(room.ended().is_empty());
    assert!(room.client.ready(1, room.now));
    room.send(1, conn, 2, true);
}

#[test]
fn a_request_that_is_not_answered_in_time_ends_the_connection() {
    let mut room = Room::new();
    let conn = room.ready(1);
    room.send(1, conn, 1, true);
    room.pass(10_000);
    room.send(1, conn, 2, true);
    room.pass(19_999);
    assert!(room.ended().is_empty());
    assert_eq!(room.client.next_deadline(), room.now + ms(1));
    room.pass(1);
    room.hung_up(conn);
    assert_eq!(room.ended(), [(1, false, "timed out"), (2, false, "disconnected")]);
    assert!(room.client.trouble(1).unwrap().contains("request.timeout.ms (30000 ms)"));
}

#[test]
fn a_connection_that_does_not_come_up_is_given_up_later_and_later() {
    let mut room = Room::new();
    let mut waits = Vec::new();
    for attempt in 0..4 {
        room.resolve(1, &[addr(1)]);
        let (conn, _) = room.connecting();
        if attempt % 2 == 1 {
            // It stands, but nobody answers on it.
            room.handle(Event::Connected { conn });
            room.actions();
        }
        let begun = room.now;
        room.now = room.client.next_deadline();
        waits.push(room.now.since(begun).as_millis());
        room.client.tick(room.now);
        room.hung_up(conn);
        let trouble = room.client.trouble(1).unwrap();
        assert!(attempt == 3 || trouble.contains("socket.connection.setup.timeout.ms"));
        room.now = room.client.next_try(1);
    }
    let bounds = [8_000..=12_000, 16_000..=24_000, 30_000..=30_000, 30_000..=30_000];
    assert!(waits.iter().zip(&bounds).all(|(wait, bound)| bound.contains(wait)), "{waits:?}");
}

#[test]
fn a_look_up_that_never_ends_is_given_up_and_its_late_answer_is_ignored() {
    let mut room = Room::new();
    room.client.ready(1, room.now);
    let Action::Resolve { id, .. } = room.action() else { panic!("no look-up") };
    room.pass(12_001);
    assert!(room.client.trouble(1).is_some());
    room.handle(Event::Resolved { id, result: Ok(vec![addr(1)]) });
    assert!(room.actions().is_empty());
}

#[test]
fn reconnecting_backs_off_longer_and_longer_until_a_connection_stands() {
    let mut room = Room::new();
    let bounds = [40..=60, 80..=120, 160..=240, 320..=480, 640..=960, 1000..=1000, 1000..=1000];
    for bound in bounds {
        room.resolve(1, &[addr(1)]);
        let (conn, _) = room.connecting();
        room.closed(conn);
        let wait = room.client.next_try(1).since(room.now).as_millis();
        assert!(bound.contains(&wait), "{wait} {bound:?}");
        room.now = room.client.next_try(1);
        assert!(room.actions().is_empty());
    }
    let conn = room.ready(1);
    room.closed(conn);
    assert!(room.client.next_try(1).since(room.now) <= ms(60));
    assert!(!room.client.ready(1, room.now));
    assert!(room.actions().is_empty(), "not before the back-off is over");
}

#[test]
fn all_addresses_of_a_name_are_tried_before_it_is_looked_up_again() {
    let mut room = Room::new();
    room.resolve(1, &[addr(1), addr(2), addr(3)]);
    let mut tried = Vec::new();
    for _ in 0..3 {
        let (conn, addr) = room.connecting();
        tried.push(addr);
        room.closed(conn);
        room.now = room.client.next_try(1);
        assert!(!room.client.ready(1, room.now));
    }
    assert_eq!(tried, [addr(1), addr(2), addr(3)]);
    assert!(matches!(room.action(), Action::Resolve { .. }));
}

#[test]
fn after_a_connection_that_stood_the_name_is_looked_up_again_and_another_address_comes_first() {
    let mut room = Room::new();
    room.resolve(1, &[addr(1), addr(2)]);
    let (conn, _) = room.connecting();
    room.handle(Event::Connected { conn });
    let (version, id) = room.sent_request(conn, ApiVersionsRequest::KEY);
    room.answer_versions(conn, version, id, ErrorCode::NONE, 4);
    room.closed(conn);
    room.pass(1000);
    room.resolve(1, &[addr(1), addr(7)]);
    assert_eq!(room.connecting().1, addr(7));
}

#[test]
fn a_name_that_cannot_be_looked_up_is_tried_again_after_the_back_off() {
    for result in [Err("no such host".to_owned()), Ok(Vec::new())] {
        let mut room = Room::new();
        room.client.ready(1, room.now);
        let Action::Resolve { id, .. } = room.action() else { panic!("no look-up") };
        room.handle(Event::Resolved { id, result });
        assert!(room.client.trouble(1).is_some());
        assert!(room.client.describe(1).contains("broker 1 (b1:9092), which cannot be reached"));
        room.now = room.client.next_try(1);
        room.resolve(1, &[addr(1)]);
    }
}

#[test]
fn an_idle_connection_is_closed_without_blame_and_a_busy_one_is_not() {
    let mut room = Room::new();
    let idle = room.ready(1);
    let busy = room.ready(2);
    room.pass(530_000);
    room.send(2, busy, 1, true);
    room.pass(9_999);
    assert!(room.actions().is_empty());
    room.pass(1);
    room.hung_up(idle);
    assert!(room.client.trouble(1).is_none());
    assert!(room.client.take_disconnected().is_empty());
    assert!(!room.client.ready(1, room.now));
    assert!(matches!(room.action(), Action::Resolve { .. }), "at once, if it is needed again");
}

#[test]
fn a_throttled_broker_gets_nothing_until_the_time_is_over() {
    let mut room = Room::new();
    room.ready(1);
    for odd in [0, -1, i32::MIN] {
        room.client.throttle(1, odd, room.now);
        assert!(room.client.ready(1, room.now));
    }
    room.client.throttle(1, 500, room.now);
    assert!(!room.client.ready(1, room.now));
    assert_eq!(room.client.next_try(1), room.now + ms(500));
    assert_eq!(room.client.least_loaded(&[1], room.now), None);
    assert!(room.client.is_connected(1));
    room.pass(500);
    assert!(room.client.ready(1, room.now));
    assert!(room.actions().is_empty(), "on the same connection");
}

#[test]
fn the_least_loaded_node_is_ready_and_has_the_least_in_flight() {
    let mut room = Room::new();
    let (one, two) = (room.ready(1), room.ready(2));
    room.send(1, one, 1, true);
    assert_eq!(room.client.least_loaded(&[1, 2, 3], room.now), Some(2));
    (2..4).for_each(|tag| _ = room.send(2, two, tag, true));
    assert_eq!(room.client.least_loaded(&[1, 2, 3], room.now), Some(1));
    room.send(1, one, 4, true);
    // Both are full, so one that is not connected is the next best.
    assert_eq!(room.client.least_loaded(&[1, 2, 3], room.now), Some(3));
    assert_eq!(room.client.least_loaded(&[1, 2], room.now), None);
    assert_eq!(room.client.least_loaded(&[], room.now), None);
    assert_eq!(room.client.least_loaded(&[99, i32::MIN], room.now), None);
}

#[test]
fn a_node_that_is_being_connected_to_is_preferred_to_one_that_is_not() {
    let mut room = Room::new();
    room.resolve(2, &[addr(2)]);
    for _ in 0..20 {
        assert_eq!(room.client.least_loaded(&[1, 2, 3], room.now), Some(2));
    }
    assert_eq!(room.client.next_least_loaded([1, 2, 3].into_iter()), Instant::NEVER);
    assert_eq!(room.client.next_least_loaded([1, 3].into_iter()), Instant(0));
}

#[test]
fn among_nodes_without_a_connection_the_one_tried_longest_ago_is_next() {
    let mut room = Room::new();
    for node in [2, 1, 3] {
        room.resolve(node, &[addr(1)]);
        let (conn, _) = room.connecting();
        room.closed(conn);
        room.pass(10);
    }
    assert_eq!(room.client.least_loaded(&[1, 2, 3], room.now), None, "all in their back-off");
    let next = room.client.next_least_loaded([1, 2, 3].into_iter());
    assert!(next > room.now && next <= room.now + ms(60));
    room.pass(1000);
    for _ in 0..20 {
        assert_eq!(room.client.least_loaded(&[1, 2, 3], room.now), Some(2));
    }
}

#[test]
fn a_broker_that_moved_is_connected_to_at_its_new_address() {
    let mut room = Room::new();
    let conn = room.ready(1);
    room.send(1, conn, 1, true);
    room.client.set_address(1, "b1", 9092, room.now);
    assert!(room.actions().is_empty(), "it did not move");
    room.client.set_address(1, "elsewhere", 1234, room.now);
    room.hung_up(conn);
    assert_eq!(room.ended(), [(1, false, "disconnected")]);
    assert!(room.client.has_news());
    assert!(!room.client.ready(1, room.now));
    let Action::Resolve { host, port, .. } = room.action() else { panic!("no look-up") };
    assert_eq!((host.as_str(), port), ("elsewhere", 1234));
}

#[test]
fn a_broker_that_moved_while_its_name_was_looked_up_is_looked_up_again() {
    let mut room = Room::new();
    room.client.ready(1, room.now);
    let Action::Resolve { id, .. } = room.action() else { panic!("no look-up") };
    room.client.set_address(1, "elsewhere", 1234, room.now);
    room.handle(Event::Resolved { id, result: Ok(vec![addr(1)]) });
    assert!(room.actions().is_empty(), "the address is of the old name");
    room.client.ready(1, room.now);
    assert!(matches!(room.action(), Action::Resolve { host, .. } if host == "elsewhere"));
}

#[test]
fn closing_all_ends_every_request_and_forgets_every_broker() {
    let mut room = Room::new();
    let conn = room.ready(1);
    room.send(1, conn, 1, true);
    room.client.ready(2, room.now);
    room.actions();
    room.client.close_all("for a test", room.now);
    room.hung_up(conn);
    assert_eq!(room.ended(), [(1, false, "disconnected")]);
    assert_eq!(room.client.next_deadline(), Instant::NEVER);
    assert!(!room.client.ready(1, room.now));
}

#[test]
fn a_broker_that_left_is_forgotten_once_its_connection_is_closed() {
    let mut room = Room::new();
    let conn = room.ready(1);
    room.client.prune(|id| id == 3);
    let known = |room: &Room| (1..=3).filter(|id| room.client.nodes.contains_key(id)).count();
    assert_eq!((known(&room), room.client.is_connected(1)), (2, true));
    room.closed(conn);
    room.client.prune(|id| id == 3);
    assert_eq!(known(&room), 1);
}

#[test]
fn correlation_ids_wrap_and_stay_positive() {
    let mut room = Room::new();
    let conn = room.ready(1);
    room.client.correlation_id = i32::MAX;
    let (last, first) = (room.send(1, conn, 1, true), room.send(1, conn, 2, true));
    assert_eq!((last, first), (i32::MAX, 0));
    room.receive(conn, last);
    room.receive(conn, first);
    assert_eq!(room.ended().len(), 2);
}

#[test]
fn a_request_without_a_connection_is_refused() {
    let mut room = Room::new();
    for node in [1, 99] {
        let mut message = MetadataRequest::default();
        let sent = room.client.send(node, &mut message, 12, RequestTag::Metadata, true, room.now);
        assert_eq!(sent.unwrap_err().code(), ErrorCode::NETWORK_EXCEPTION);
    }
}
