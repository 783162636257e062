//! Host names to addresses. The system's look-up blocks, for many seconds where a name server is
//! silent, so it has a thread of its own, started for the first name; IP literals need none.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::selector::Waker;
use super::{AddressFamily, Event};

/// The system's look-up, or a test's.
type Lookup = fn(&str, u16) -> io::Result<Vec<SocketAddr>>;

struct Question {
    id: u64,
    host: String,
    port: u16,
    family: AddressFamily,
}

/// Look-ups and their answers. Dropping it does not wait for a look-up that is stuck: the thread
/// ends when it finds that nobody asks any more.
pub struct Resolver {
    lookup: Lookup,
    family: AddressFamily,
    waker: Arc<Waker>,
    questions: Option<Sender<Question>>,
    answers: (Sender<Event>, Receiver<Event>),
}

impl Resolver {
    /// A resolver that wakes `waker` for each answer.
    pub fn new(waker: Arc<Waker>) -> Resolver {
        Resolver::with_lookup(waker, |host, port| Ok((host, port).to_socket_addrs()?.collect()))
    }

    fn with_lookup(waker: Arc<Waker>, lookup: Lookup) -> Resolver {
        let family = AddressFamily::Any;
        Resolver { lookup, family, waker, questions: None, answers: unbounded() }
    }

    /// Which addresses the look-ups from here on give.
    pub fn set_family(&mut self, family: AddressFamily) {
        self.family = family;
    }

    /// Begins a look-up. An IP literal is answered at once; names come by `take_answers`, in the
    /// order they were asked.
    pub fn resolve(&mut self, id: u64, host: String, port: u16) -> Option<Event> {
        if let Some(ip) = ip_literal(&host) {
            let found = Ok(vec![SocketAddr::new(ip, port)]);
            return Some(Event::Resolved { id, result: select(&host, found, self.family) });
        }
        let question = Question { id, host, port, family: self.family };
        let failed = |reason: String| Some(Event::Resolved { id, result: Err(reason) });
        let questions = match &self.questions {
            Some(questions) => questions,
            None => match self.start() {
                Ok(questions) => self.questions.insert(questions),
                Err(error) => {
                    let host = &question.host;
                    return failed(format!("cannot look up '{host}': no thread for it: {error}"));
                }
            },
        };
        if let Err(error) = questions.send(question) {
            // The thread is gone, which it never is by itself. The next look-up starts another.
            self.questions = None;
            return failed(format!("cannot look up '{}': its thread ended", error.0.host));
        }
        None
    }

    /// Appends the answers that came.
    pub fn take_answers(&mut self, events: &mut Vec<Event>) {
        events.extend(self.answers.1.try_iter());
    }

    fn start(&self) -> io::Result<Sender<Question>> {
        let (questions, asked) = unbounded::<Question>();
        let answers = self.answers.0.clone();
        let waker = self.waker.clone();
        let lookup = self.lookup;
        let work = move || {
            for Question { id, host, port, family } in asked {
                let result = select(&host, lookup(&host, port), family);
                if answers.send(Event::Resolved { id, result }).is_err() {
                    return;
                }
                waker.wake();
            }
        };
        // The handle is dropped on purpose: nobody can wait for a look-up that hangs.
        crate::sync::spawn("ottla-resolver".to_owned(), work)?;
        Ok(questions)
    }
}

/// The address that `host` spells, an IPv6 one with or without its brackets.
fn ip_literal(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bare {
        Some(inner) => inner.parse().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
}

/// The addresses of the family that is wanted, none twice, or why there are none.
fn select(
    host: &str,
    found: io::Result<Vec<SocketAddr>>,
    family: AddressFamily,
) -> Result<Vec<SocketAddr>, String> {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found.map_err(|error| format!("cannot resolve '{host}': {error}"))? {
        let wanted = match family {
            AddressFamily::Any => true,
            AddressFamily::V4 => address.is_ipv4(),
            AddressFamily::V6 => address.is_ipv6(),
        };
        if wanted && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if !addresses.is_empty() {
        return Ok(addresses);
    }
    Err(match family {
        AddressFamily::Any => format!("'{host}' has no address"),
        AddressFamily::V4 => format!("'{host}' has no IPv4 address, which the settings ask for"),
        AddressFamily::V6 => format!("'{host}' has no IPv6 address, which the settings ask for"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::testing::Rig;

    fn literal(host: &str, family: AddressFamily) -> Result<Vec<SocketAddr>, String> {
        let waker = Rig::new().selector.waker();
        let mut resolver = Resolver::with_lookup(waker, |_, _| panic!("a literal was looked up"));
        resolver.set_family(family);
        match resolver.resolve(1, host.to_owned(), 9092) {
            Some(Event::Resolved { id: 1, result }) => result,
            other => panic!("not answered at once: {other:?}"),
        }
    }

    /// Asks a resolver with this look-up and waits, woken by it, for its answer.
    fn looked_up(family: AddressFamily, lookup: Lookup) -> Result<Vec<SocketAddr>, String> {
        let mut rig = Rig::new();
        rig.selector.resolver = Resolver::with_lookup(rig.selector.waker(), lookup);
        rig.selector.set_address_family(family);
        rig.resolve("broker")
    }

    fn both_families(_: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let v4 = SocketAddr::from(([10, 0, 0, 1], port));
        Ok(vec![SocketAddr::new("fd00::1".parse().unwrap(), port), v4, v4])
    }

    #[test]
    fn literals_are_answered_at_once_and_without_a_thread() {
        let v4 = literal("127.0.0.1", AddressFamily::Any).unwrap();
        assert_eq!(v4, ["127.0.0.1:9092".parse().unwrap()]);
        for host in ["::1", "[::1]"] {
            let v6 = literal(host, AddressFamily::V6).unwrap();
            assert_eq!(v6, ["[::1]:9092".parse().unwrap()]);
        }
    }

    #[test]
    fn a_literal_of_the_other_family_is_an_error_that_says_so() {
        let reason = literal("::1", AddressFamily::V4).unwrap_err();
        assert_eq!(reason, "'::1' has no IPv4 address, which the settings ask for");
        assert!(literal("10.0.0.1", AddressFamily::V6).unwrap_err().contains("IPv6"));
    }

    #[test]
    fn addresses_are_those_of_the_family_and_none_comes_twice() {
        let all = looked_up(AddressFamily::Any, both_families).unwrap();
        assert_eq!(all, ["[fd00::1]:9092".parse().unwrap(), "10.0.0.1:9092".parse().unwrap()]);
        let v4 = looked_up(AddressFamily::V4, both_families).unwrap();
        assert_eq!(v4, ["10.0.0.1:9092".parse().unwrap()]);
        let v6 = looked_up(AddressFamily::V6, both_families).unwrap();
        assert_eq!(v6, ["[fd00::1]:9092".parse().unwrap()]);
    }

    #[test]
    fn a_name_without_addresses_is_an_error() {
        let reason = looked_up(AddressFamily::Any, |_, _| Ok(Vec::new())).unwrap_err();
        assert_eq!(reason, "'broker' has no address");
    }

    #[test]
    fn localhost_resolves_to_loopback() {
        let addresses = Rig::new().resolve("localhost").unwrap();
        assert!(addresses.iter().all(|addr| addr.ip().is_loopback() && addr.port() == 9092));
    }

    #[test]
    fn a_name_that_does_not_exist_is_an_error_that_names_it() {
        let reason = Rig::new().resolve("broker.invalid").unwrap_err();
        assert!(reason.starts_with("cannot resolve 'broker.invalid': "), "{reason}");
    }

    #[test]
    fn a_stuck_look_up_blocks_neither_a_literal_nor_a_drop() {
        use std::sync::mpsc;
        static STUCK: std::sync::Mutex<Option<mpsc::Receiver<()>>> = std::sync::Mutex::new(None);
        let (release, stuck) = mpsc::channel();
        *STUCK.lock().unwrap() = Some(stuck);
        let mut resolver = Resolver::with_lookup(Rig::new().selector.waker(), |_, _| {
            let stuck = STUCK.lock().unwrap().take().unwrap();
            // Ends with an error, as the other end is dropped.
            stuck.recv().map_err(io::Error::other)?;
            Ok(Vec::new())
        });
        assert_eq!(resolver.resolve(1, "broker".to_owned(), 1), None);
        assert!(resolver.resolve(2, "127.0.0.1".to_owned(), 1).is_some());
        let answers = resolver.answers.1.clone();
        drop(resolver);
        assert!(answers.try_recv().is_err(), "the look-up is still stuck");
        drop(release);
        let answer = answers.recv_timeout(std::time::Duration::from_secs(10)).unwrap();
        assert!(matches!(answer, Event::Resolved { id: 1, result: Err(_) }));
    }
}
