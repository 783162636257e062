//! What a processor knows of its connections: whose they are, who waits for an answer, who is
//! held back, and who was silent for too long. No sockets here.

use std::time::Duration;

use foldhash::HashMap;

use super::scheduler::Scheduler;
use crate::io::ConnId;
use crate::time::Instant;

#[derive(Debug)]
struct Connection {
    broker: i32,
    /// The last request or answer.
    active: Instant,
    /// Not read before this, for a quota; set with the answer.
    held_until: Instant,
}

/// The connections of one processor.
#[derive(Debug)]
pub struct Connections {
    max_idle: Duration,
    connections: HashMap<ConnId, Connection>,
    held: Scheduler<ConnId>,
    idle: Scheduler<ConnId>,
    frozen: Vec<i32>,
}

impl Connections {
    /// No connections; each is closed when it was idle for this long.
    pub fn new(max_idle: Duration) -> Connections {
        Connections {
            max_idle,
            connections: HashMap::default(),
            held: Scheduler::default(),
            idle: Scheduler::default(),
            frozen: Vec::new(),
        }
    }

    /// A client connected to a broker. True if the broker is cut off.
    pub fn add(&mut self, conn: ConnId, broker: i32, now: Instant) -> bool {
        self.connections.insert(conn, Connection { broker, active: now, held_until: now });
        self.idle.at(now + self.max_idle, conn);
        self.frozen.contains(&broker)
    }

    /// The connection is over.
    pub fn remove(&mut self, conn: ConnId) -> bool {
        self.connections.remove(&conn).is_some()
    }

    /// A request arrived; gives its broker.
    pub fn received(&mut self, conn: ConnId, now: Instant) -> Option<i32> {
        let connection = self.connections.get_mut(&conn)?;
        connection.active = now;
        Some(connection.broker)
    }

    /// The request gets an answer, after which the connection is not read for this long.
    pub fn answering(&mut self, conn: ConnId, mute: Duration, now: Instant) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.active = now;
            connection.held_until = now + mute;
        }
    }

    /// The answer is sent. True if the next request may be read now; otherwise
    /// [`Connections::released`] gives the connection when it may.
    pub fn answered(&mut self, conn: ConnId, now: Instant) -> bool {
        let Some(connection) = self.connections.get(&conn) else { return false };
        if connection.held_until <= now {
            return true;
        }
        self.held.at(connection.held_until, conn);
        false
    }

    /// Connections that were held back and need not be any more.
    pub fn released(&mut self, now: Instant) -> Option<ConnId> {
        self.held.due(now)
    }

    /// A connection that was idle for too long.
    pub fn expired(&mut self, now: Instant) -> Option<ConnId> {
        while let Some(conn) = self.idle.due(now) {
            let Some(connection) = self.connections.get(&conn) else { continue };
            let ends = connection.active + self.max_idle;
            if ends <= now {
                return Some(conn);
            }
            self.idle.at(ends, conn);
        }
        None
    }

    /// When to look for released and expired connections.
    pub fn deadline(&self) -> Instant {
        self.held.deadline().min(self.idle.deadline())
    }

    /// A broker is cut off, or no longer; gives its connections.
    pub fn freeze(&mut self, broker: i32, frozen: bool) -> Vec<ConnId> {
        self.frozen.retain(|id| *id != broker);
        if frozen {
            self.frozen.push(broker);
        }
        self.of(broker)
    }

    /// The connections of a broker.
    pub fn of(&self, broker: i32) -> Vec<ConnId> {
        let own = self.connections.iter().filter(|(_, connection)| connection.broker == broker);
        own.map(|(conn, _)| *conn).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const CONN: ConnId = ConnId(70_000);

    #[test]
    fn a_connection_that_is_idle_for_too_long_expires_and_a_busy_one_does_not() {
        let start = Instant::default();
        let mut connections = Connections::new(10 * SECOND);
        connections.add(CONN, 1, start);
        assert_eq!(connections.expired(start + 9 * SECOND), None);
        assert_eq!(connections.received(CONN, start + 9 * SECOND), Some(1));
        assert_eq!(connections.expired(start + 10 * SECOND), None);
        assert_eq!(connections.deadline(), start + 19 * SECOND);
        assert_eq!(connections.expired(start + 19 * SECOND), Some(CONN));
    }

    #[test]
    fn a_connection_is_held_back_for_as_long_as_its_answer_says() {
        let start = Instant::default();
        let mut connections = Connections::new(100 * SECOND);
        connections.add(CONN, 1, start);
        connections.answering(CONN, Duration::ZERO, start);
        assert!(connections.answered(CONN, start));
        connections.answering(CONN, SECOND, start);
        assert!(!connections.answered(CONN, start));
        assert_eq!(connections.released(start), None);
        assert_eq!(connections.deadline(), start + SECOND);
        assert_eq!(connections.released(start + SECOND), Some(CONN));
        assert!(connections.remove(CONN));
        assert!(!connections.answered(CONN, start));
    }
}
