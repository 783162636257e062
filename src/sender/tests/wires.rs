//! What a test does to the wires between the Sender and the brokers: answers that wait, are
//! changed or lost, connections that end.

use bytes::Bytes;

use super::harness::{Conn, World};
use super::model::{Fault, response};
use crate::error::ErrorCode;
use crate::io::{ConnId, Event};
use crate::wire::frame;
use crate::wire::messages::ProduceResponse;

impl World {
    /// The open connection to a broker.
    pub fn conn(&self, node: i32) -> ConnId {
        let open = self.conns.iter().rev().find(|(_, conn)| conn.node == node);
        *open.unwrap_or_else(|| panic!("no connection to {node}")).0
    }

    /// A connection to a broker on which a request waits for its answer.
    fn busy(&self, node: i32) -> ConnId {
        let busy = |conn: &Conn| conn.node == node && !conn.requests.is_empty();
        let found = self.conns.iter().find(|(_, conn)| busy(conn));
        *found.unwrap_or_else(|| panic!("nothing waits at broker {node}")).0
    }

    pub fn has_conn(&self, node: i32) -> bool {
        self.conns.values().any(|conn| conn.node == node)
    }

    /// The brokers that hold a request that waits for its answer.
    pub fn waiting(&self) -> Vec<i32> {
        let waits = |conn: &&Conn| !conn.requests.is_empty();
        self.conns.values().filter(waits).map(|conn| conn.node).collect()
    }

    /// How many requests wait at a broker.
    pub fn pending(&self, node: i32) -> usize {
        self.conns.values().filter(|conn| conn.node == node).map(|conn| conn.requests.len()).sum()
    }

    /// The broker does what the first request asks it to that it has not yet done, and says
    /// nothing. False if there is none.
    pub fn apply(&mut self, node: i32) -> bool {
        let conn = self.busy(node);
        let undone = self.conns[&conn].requests.iter().position(|r| r.answer.is_none());
        undone.map(|index| self.apply_at(conn, index)).is_some()
    }

    /// The broker answers the first request.
    pub fn answer(&mut self, node: i32) {
        let conn = self.busy(node);
        self.apply_at(conn, 0);
        self.deliver(conn);
        self.run();
    }

    /// The broker answers the first request, which is a produce, as `change` makes it.
    pub fn answer_with(&mut self, node: i32, change: impl FnOnce(&mut ProduceResponse)) {
        let conn = self.busy(node);
        self.apply_at(conn, 0);
        let request = &mut self.conns.get_mut(&conn).expect("open").requests[0];
        let version = request.header.api_version;
        let frame = request.answer.take().flatten().expect("an answer");
        let (id, mut answer) = frame::decode_response::<ProduceResponse>(frame, version).unwrap();
        change(&mut answer);
        request.answer = Some(Some(response(answer, version, id)));
        self.deliver(conn);
        self.run();
    }

    /// The broker sends these bytes instead of an answer.
    pub fn answer_bytes(&mut self, node: i32, frame: Bytes) {
        let conn = self.busy(node);
        self.conns.get_mut(&conn).expect("open").requests.pop_front();
        self.events.push_back(Event::Received { conn, frame });
        self.run();
    }

    /// The connection ends, and with it all requests on it.
    pub fn disconnect(&mut self, node: i32) {
        self.cut(node);
        self.run();
    }

    /// As above; the Sender does not run yet.
    pub fn cut(&mut self, node: i32) {
        let conn = self.conn(node);
        self.conns.remove(&conn);
        self.events.push_back(Event::Closed { conn, reason: "the peer closed it".to_owned() });
    }

    /// The next produce to a partition is refused with `code`.
    pub fn refuse(&mut self, topic: &str, partition: i32, code: ErrorCode) {
        self.cluster.partition(topic, partition).faults.push_back(Fault::Refuse(code));
    }

    /// The next produce to a partition is appended but answered with `code`.
    pub fn append_and_say(&mut self, topic: &str, partition: i32, code: ErrorCode) {
        self.cluster.partition(topic, partition).faults.push_back(Fault::AppendAndSay(code));
    }
}
