//! Metadata in good form that no cluster has: brokers that cannot be reached, thousands of them,
//! partitions that contradict each other.

use std::io::Write;

use super::fake_broker::METADATA;
use super::{Mode, mode};

/// Version 4 of the answer.
#[derive(Default)]
struct Answer(Vec<u8>);

type Partition = (i32, i32);

impl Answer {
    fn i32(mut self, number: i32) -> Answer {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn text(mut self, text: &str) -> Answer {
        self.0.extend((text.len() as i16).to_be_bytes());
        self.0.extend(text.as_bytes());
        self
    }

    fn i16(mut self, number: i16) -> Answer {
        self.0.extend(number.to_be_bytes());
        self
    }
}

/// Answers with these brokers, topics with these partitions (number, leader), and a throttle.
fn answer(
    brokers: &[(i32, String, i32)],
    topics: &[(&str, &[Partition])],
    throttle: i32,
) -> Vec<u8> {
    let mut answer = Answer::default().i32(throttle).i32(brokers.len() as i32);
    for (id, host, port) in brokers {
        answer = answer.i32(*id).text(host).i32(*port).i16(-1);
    }
    answer = answer.i16(-1).i32(1).i32(topics.len() as i32);
    for (topic, partitions) in topics {
        answer = answer.i16(0).text(topic);
        answer.0.push(0);
        answer = answer.i32(partitions.len() as i32);
        for (index, leader) in *partitions {
            answer = answer.i16(0).i32(*index).i32(*leader).i32(0).i32(0);
        }
    }
    answer.0
}

/// A mode in which every metadata answer has this body.
fn body(name: &'static str, body: Vec<u8>) -> Mode {
    mode(name, move |api, frame, stream| {
        if api != METADATA {
            return stream.write_all(&frame).is_ok();
        }
        let length = (body.len() as u32 + 4).to_be_bytes();
        stream.write_all(&[&length, &frame[4..8], &body[..]].concat()).is_ok()
    })
}

fn brokers(of: &[(i32, &str, i32)]) -> Vec<(i32, String, i32)> {
    of.iter().map(|(id, host, port)| (*id, (*host).to_owned(), *port)).collect()
}

pub(super) fn all() -> Vec<Mode> {
    let led: &[Partition] = &[(0, 1)];
    let one = |host: &str, port: i32| answer(&brokers(&[(1, host, port)]), &[("t", led)], 0);
    let at = |partitions: &[Partition]| {
        answer(&brokers(&[(1, "127.0.0.1", 1)]), &[("t", partitions)], 0)
    };
    let many = (0..10_000).map(|id| (id, format!("127.3.{}.{}", id / 250, id % 250 + 1), 9));
    let many: Vec<_> = many.collect();
    let unresolvable = (0..2_000).map(|id| (id, format!("b{id}.invalid"), 9092));
    let unresolvable: Vec<_> = unresolvable.collect();
    let spread: Vec<Partition> = (0..10_000).map(|index| (index, index)).collect();
    let huge: Vec<Partition> = (0..700_000).map(|index| (index, 1)).collect();
    let mut cut = at(led);
    let end = cut.len() - 18;
    cut[end - 4..end].copy_from_slice(&10_000_000_i32.to_be_bytes());
    let mut negative = at(led);
    negative[end - 4..end].copy_from_slice(&(-5_i32).to_be_bytes());
    vec![
        body("no brokers", answer(&[], &[("t", led)], 0)),
        body("no topics", answer(&brokers(&[(1, "127.0.0.1", 1)]), &[], 0)),
        body("a broker at 0.0.0.0:0", one("0.0.0.0", 0)),
        body("a broker at port 0", one("127.0.0.1", 0)),
        body("a broker at port -1", one("127.0.0.1", -1)),
        body("a broker at port 70000", one("127.0.0.1", 70_000)),
        body("a broker without a host", one("", 9092)),
        body("a broker of a host with a NUL", one("a\0b", 9092)),
        body("a broker of a host that is too long", one(&"a".repeat(30_000), 9092)),
        body("a broker that does not resolve", one("no-such-host.invalid", 9092)),
        body("a broker at a closed port", one("127.0.0.1", 1)),
        body(
            "a broker of id -1",
            answer(&brokers(&[(-1, "127.0.0.1", 1)]), &[("t", &[(0, -1)])], 0),
        ),
        body("two brokers of one id", {
            answer(&brokers(&[(1, "127.0.0.1", 1), (1, "127.0.0.1", 2)]), &[("t", led)], 0)
        }),
        body("ten thousand brokers", answer(&many, &[("t", &spread)], 0)),
        body("two thousand brokers without an address", answer(&unresolvable, &[("t", led)], 0)),
        body("no leader", at(&[(0, -1)])),
        body("a leader that is no broker", at(&[(0, 77)])),
        body("a leader of the least number", at(&[(0, i32::MIN)])),
        body("a partition of number -5", at(&[(-5, 1)])),
        body("a partition of the greatest number", at(&[(i32::MAX, 1)])),
        body("a partition twice", at(&[(0, 1), (0, -1)])),
        body("a topic twice", {
            answer(&brokers(&[(1, "127.0.0.1", 1)]), &[("t", led), ("t", &[(0, -1), (1, 1)])], 0)
        }),
        body("another topic", answer(&brokers(&[(1, "127.0.0.1", 1)]), &[("x", led)], 0)),
        body("a topic without partitions", at(&[])),
        body("ten million partitions that are not there", cut),
        body("-5 partitions", negative),
        body("seven hundred thousand partitions that are there", at(&huge)),
        body("a throttle of 24 days", {
            answer(&brokers(&[(1, "127.0.0.1", 1)]), &[("t", led)], i32::MAX)
        }),
    ]
}
