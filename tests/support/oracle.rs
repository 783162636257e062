//! The oracle: what was sent, what was told and what is in the log must fit together, whatever
//! happened in between. Every test that reads a topic back judges by this one piece of code.

#![allow(dead_code)] // Each test binary uses a part.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use ottla::producer::OwnedReport;
use ottla::{Record, State};

/// How much later than `delivery.timeout.ms` a report may come.
pub const REPORT_LATE_MAX: Duration = Duration::from_millis(250);

/// Violations shown of one history; the first few tell the story.
const SHOWN_MAX: usize = 10;

/// The bytes of a record, null and empty told apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Content {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// A record that a send accepted.
#[derive(Clone, Debug)]
pub struct Sent {
    pub opaque: u64,
    /// The sending thread; one thread's records are in the order of their sends.
    pub thread: u64,
    pub topic: String,
    pub partition: Option<i32>,
    pub content: Content,
    /// The create time lies between these two, in milliseconds; for an explicit one both are it.
    pub created_ms: (i64, i64),
    /// When the send returned.
    pub at: Instant,
}

/// A report, and when it came.
#[derive(Clone, Debug)]
pub struct Told {
    pub report: OwnedReport,
    pub at: Instant,
    /// Which of several producers told it; the reports of one are in order.
    pub producer: u64,
}

/// A record as Kafka's own consumer read it.
#[derive(Clone, Debug)]
pub struct Logged {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub timestamp: i64,
    pub is_append_time: bool,
    pub content: Content,
}

/// A topic that was deleted and made again: what had been persisted in it is gone.
#[derive(Clone, Debug)]
pub struct Recreated {
    pub topic: String,
    /// Before the deletion began.
    pub from: Instant,
    /// When the new one was there.
    pub until: Instant,
    /// If requests name the topic (Produce before version 13), those in flight at the time may come
    /// into the new log, and that in any order: when none of them was left.
    pub by_name: Option<Instant>,
}

/// All that happened. The log has all records of all topics that were sent to, and no others.
#[derive(Clone, Debug)]
pub struct History {
    pub sent: Vec<Sent>,
    pub told: Vec<Told>,
    pub log: Vec<Logged>,
    /// In the order in which it happened.
    pub recreated: Vec<Recreated>,
    pub delivery_timeout: Duration,
    /// How much later than that a report may come: `REPORT_LATE_MAX`, more on a machine that is
    /// known to be slow.
    pub report_late_max: Duration,
}

impl Content {
    pub fn of(record: &Record<'_>) -> Content {
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        let header = |h: &ottla::Header<'_>| (h.name.to_owned(), owned(h.value));
        Content {
            key: owned(record.key),
            value: owned(record.value),
            headers: record.headers.iter().map(header).collect(),
        }
    }

    /// Short enough to show.
    fn shown(&self) -> String {
        let part = |bytes: &Option<Vec<u8>>| match bytes {
            None => "null".to_owned(),
            Some(bytes) if bytes.len() <= 24 => format!("{:?}", String::from_utf8_lossy(bytes)),
            Some(bytes) => format!("{} bytes", bytes.len()),
        };
        let (key, value) = (part(&self.key), part(&self.value));
        format!("key {key}, value {value}, {} header(s)", self.headers.len())
    }
}

impl History {
    /// Fails the test if anything does not fit.
    pub fn check(&self) {
        let found = self.violations();
        let shown = found[..found.len().min(SHOWN_MAX)].join("\n  ");
        assert!(found.is_empty(), "{} violation(s):\n  {shown}", found.len());
    }

    /// What does not fit, a sentence each.
    pub fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        let told = self.one_report_each(&mut found);
        let gone = self.gone_with_their_topic(&mut found);
        let mut places = self.persisted_are_there(&told, &gone, &mut found);
        self.nothing_else_is_there(&told, &mut places, &mut found);
        self.order_of_sends(&places, &mut found);
        found
    }

    /// The longest time from the end of a send to its report.
    pub fn slowest(&self) -> Duration {
        let sent: HashMap<u64, Instant> = self.sent.iter().map(|s| (s.opaque, s.at)).collect();
        let took = |told: &Told| {
            sent.get(&told.report.opaque).map(|at| told.at.saturating_duration_since(*at))
        };
        self.told.iter().filter_map(took).max().unwrap_or_default()
    }

    /// The number of reports of a state.
    pub fn count(&self, state: State) -> usize {
        self.told.iter().filter(|told| told.report.state == state).count()
    }

    /// Every accepted record has exactly one report, in time, and no other one has any.
    fn one_report_each(&self, found: &mut Vec<String>) -> HashMap<u64, &Told> {
        let mut by_opaque: HashMap<u64, &Told> = HashMap::new();
        for told in &self.told {
            if by_opaque.insert(told.report.opaque, told).is_some() {
                found.push(format!("record {} has two reports", told.report.opaque));
            }
        }
        for sent in &self.sent {
            let Some(told) = by_opaque.get(&sent.opaque) else {
                found.push(format!("record {} was accepted and has no report", sent.opaque));
                continue;
            };
            if told.at > sent.at + self.delivery_timeout + self.report_late_max {
                let after = told.at - sent.at;
                found.push(format!("record {} was reported after {after:?}", sent.opaque));
            }
            found.extend(unfit_report(sent, &told.report));
        }
        let accepted: HashSet<u64> = self.sent.iter().map(|sent| sent.opaque).collect();
        for opaque in by_opaque.keys().filter(|opaque| !accepted.contains(opaque)) {
            found.push(format!("record {opaque} has a report and was not accepted"));
        }
        by_opaque
    }

    /// What was reported as persisted is where the report says, as it was sent. Returns the place
    /// in the log of each.
    fn persisted_are_there(
        &self,
        told: &HashMap<u64, &Told>,
        gone: &HashSet<u64>,
        found: &mut Vec<String>,
    ) -> HashMap<u64, usize> {
        let at = |(place, r): (usize, &Logged)| ((r.topic.clone(), r.partition, r.offset), place);
        let log: HashMap<_, usize> = self.log.iter().enumerate().map(at).collect();
        let mut places = HashMap::new();
        let mut taken = HashSet::new();
        for sent in &self.sent {
            let Some(report) = told.get(&sent.opaque).map(|told| &told.report) else { continue };
            if report.state != State::Persisted || gone.contains(&sent.opaque) {
                continue;
            }
            let (opaque, partition, offset) = (sent.opaque, report.partition, report.offset);
            let whole =
                format!("record {opaque}, reported at {}-{partition}@{offset},", sent.topic);
            let place = log.get(&(sent.topic.clone(), partition, offset)).copied();
            let reads_as_sent = place.is_some_and(|place| self.log[place].content == sent.content);
            // The order of reports does not tell whether it went with the topic of before.
            if !reads_as_sent && self.made_again_by_name(sent).any(|(until, _)| sent.at <= until) {
                continue;
            }
            let Some(place) = place else {
                found.push(format!("{whole} is not there"));
                continue;
            };
            if !taken.insert(place) {
                found.push(format!("{whole} shares that place with another"));
            }
            places.insert(opaque, place);
            let logged = &self.log[place];
            if logged.content != sent.content {
                let (is, was) = (logged.content.shown(), sent.content.shown());
                found.push(format!("{whole} reads {is}, sent was {was}"));
            }
            found.extend(unfit_timestamp(&whole, sent, report.timestamp, logged));
        }
        places
    }

    /// What is left in the log must be records in doubt, each at most once.
    fn nothing_else_is_there(
        &self,
        told: &HashMap<u64, &Told>,
        places: &mut HashMap<u64, usize>,
        found: &mut Vec<String>,
    ) {
        let mut in_doubt: HashMap<(&str, &Content), Vec<&Sent>> = HashMap::new();
        for sent in self.sent.iter().rev() {
            let state = told.get(&sent.opaque).map(|told| told.report.state);
            if state == Some(State::PossiblyPersisted) {
                in_doubt.entry((&sent.topic, &sent.content)).or_default().push(sent);
            }
        }
        let taken: HashSet<usize> = places.values().copied().collect();
        for (place, logged) in self.log.iter().enumerate() {
            if taken.contains(&place) {
                continue;
            }
            let candidates = in_doubt.get_mut(&(logged.topic.as_str(), &logged.content));
            if let Some(sent) = candidates.and_then(Vec::pop) {
                places.insert(sent.opaque, place);
                continue;
            }
            let (topic, content) = (&logged.topic, &logged.content);
            let same = |sent: &&Sent| sent.topic == *topic && sent.content == *content;
            let who = match self.sent.iter().find(same) {
                Some(sent) => format!("record {}", sent.opaque),
                None => "a record that was never accepted".to_owned(),
            };
            let (partition, offset) = (logged.partition, logged.offset);
            found.push(format!(
                "{topic}-{partition}@{offset} holds {who} ({}) although no report says so",
                content.shown()
            ));
        }
    }

    /// The records of one thread are in the order of their sends in each partition.
    fn order_of_sends(&self, places: &HashMap<u64, usize>, found: &mut Vec<String>) {
        let mut last: HashMap<(u64, &str, i32), (i64, u64)> = HashMap::new();
        for sent in self.sent.iter().filter(|sent| !self.may_be_out_of_order(sent)) {
            let Some(logged) = places.get(&sent.opaque).map(|place| &self.log[*place]) else {
                continue;
            };
            let line = (sent.thread, logged.topic.as_str(), logged.partition);
            let before = last.insert(line, (logged.offset, sent.opaque));
            if let Some((offset, opaque)) = before.filter(|(offset, _)| *offset > logged.offset) {
                found.push(format!(
                    "record {} at {}-{}@{} was sent after record {opaque} at {offset}",
                    sent.opaque, line.1, line.2, logged.offset
                ));
            }
        }
    }

    /// Reports come in the order of the log. Where a topic was made again its offsets start anew,
    /// once for each time: returns the records that were persisted before the last time.
    fn gone_with_their_topic(&self, found: &mut Vec<String>) -> HashSet<u64> {
        let mut lines: HashMap<(u64, &str, i32), Vec<&Told>> = HashMap::new();
        let unordered = self.sent.iter().filter(|sent| self.may_be_out_of_order(sent));
        let unordered: HashSet<u64> = unordered.map(|sent| sent.opaque).collect();
        let ordered = |told: &&Told| !unordered.contains(&told.report.opaque);
        for told in self.told.iter().filter(|told| told.report.offset >= 0).filter(ordered) {
            let report = &told.report;
            let line = (told.producer, report.topic.as_str(), report.partition);
            lines.entry(line).or_default().push(told);
        }
        let mut gone = HashSet::new();
        for ((_, topic, partition), told) in lines {
            let by_id = |r: &&Recreated| r.topic == topic && r.by_name.is_none();
            let mut times = self.recreated.iter().filter(by_id).peekable();
            let last = times.clone().last();
            // Where in `told` the log that is there now begins.
            let mut begin = 0;
            for (i, pair) in told.windows(2).enumerate() {
                let (before, offset) = (pair[0].report.offset, pair[1].report.offset);
                if before < offset {
                    continue;
                }
                if times.next_if(|time| time.from <= pair[1].at).is_none() {
                    found
                        .push(format!("{topic}-{partition}@{offset} was reported after @{before}"));
                }
                begin = i + 1;
            }
            if told.last().zip(last).is_some_and(|(told, last)| told.at < last.until) {
                begin = told.len();
            }
            if last.is_some() {
                gone.extend(told[..begin].iter().map(|told| told.report.opaque));
            }
        }
        gone
    }

    /// The times that the record's topic was made again where requests name it: when the new one
    /// was there, and when no request was left that had been in flight before.
    fn made_again_by_name(&self, sent: &Sent) -> impl Iterator<Item = (Instant, Instant)> {
        let of_topic = self.recreated.iter().filter(|r| r.topic == sent.topic);
        of_topic.filter_map(|r| Some((r.until, r.by_name?)))
    }

    fn may_be_out_of_order(&self, sent: &Sent) -> bool {
        self.made_again_by_name(sent).any(|(_, settled)| sent.at <= settled)
    }
}

/// What a report says must fit the record and itself.
fn unfit_report(sent: &Sent, report: &OwnedReport) -> Vec<String> {
    let mut found = Vec::new();
    let opaque = sent.opaque;
    if report.topic.as_str() != sent.topic {
        found.push(format!("record {opaque} to {} is reported on {}", sent.topic, report.topic));
    }
    if sent.partition.is_some_and(|partition| partition != report.partition) {
        let partition = report.partition;
        found.push(format!("record {opaque} to {:?} is reported on {partition}", sent.partition));
    }
    let persisted = report.state == State::Persisted;
    if persisted != (report.offset >= 0) || persisted && report.error.is_some() {
        found.push(format!("the report of record {opaque} contradicts itself: {report:?}"));
    }
    if report.state == State::NotPersisted && report.error.is_none() {
        found.push(format!("record {opaque} failed without a reason"));
    }
    found
}

fn unfit_timestamp(whole: &str, sent: &Sent, told: i64, logged: &Logged) -> Option<String> {
    if told != logged.timestamp {
        return Some(format!("{whole} has timestamp {}, the report {told}", logged.timestamp));
    }
    let (from, to) = sent.created_ms;
    let as_created = (from..=to).contains(&logged.timestamp);
    (!logged.is_append_time && !as_created).then(|| {
        format!("{whole} has timestamp {} and was sent with {from}..={to}", logged.timestamp)
    })
}
