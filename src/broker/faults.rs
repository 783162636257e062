//! Faults on command: what goes wrong with requests, and how often.

use std::sync::Arc;
use std::time::Duration;

use crate::error::ErrorCode;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultAction {
    /// The broker begins with the request only after this time.
    Delay(Duration),
    /// The broker reads the request and forgets it; the connection stays as it is.
    DropRequest,
    /// The broker does what it is asked and never answers.
    DropResponse,
    /// The broker closes the connection instead of doing anything.
    CloseBefore,
    /// The broker does what it is asked and closes the connection instead of answering.
    CloseAfter,
    /// The broker does what it is asked, sends half of the response and closes the connection.
    HalfResponse,
    /// The broker does what it is asked and sends the response a few bytes at a time.
    SlowDrip {
        /// How many at a time.
        bytes: usize,
        /// How long it waits between them.
        every: Duration,
    },
    /// The broker does what it is asked and answers with bytes that make no sense.
    CorruptResponse,
    /// The broker answers with this error instead of doing anything; where the fault names a
    /// topic, only that topic gets it.
    Error(ErrorCode),
    /// The broker does what it is asked and answers with this error; where the fault names a
    /// topic, only that topic gets it.
    ErrorAfter(ErrorCode),
    /// The broker's handler fails, as if it had a defect.
    FailHandler,
    /// The broker tells the client to wait, and does not listen to it for that long.
    Throttle(Duration),
}

/// A fault: which requests, what goes wrong. A field that is `None` says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Requests to this broker.
    pub broker: Option<i32>,
    /// Requests of this API, by its number.
    pub api: Option<i16>,
    /// Parts of produce requests for this topic.
    pub topic: Option<Arc<str>>,
    /// Parts of produce requests for this partition.
    pub partition: Option<i32>,
    /// How many requests pass before the first that does not.
    pub skip: u32,
    /// How many requests it hits; `None` is without limit.
    pub times: Option<u32>,
    /// What goes wrong.
    pub action: FaultAction,
}

impl Fault {
    /// A fault of every request.
    pub fn new(action: FaultAction) -> Fault {
        Fault {
            broker: None,
            api: None,
            topic: None,
            partition: None,
            skip: 0,
            times: None,
            action,
        }
    }

    /// Only requests to this broker.
    pub fn broker(self, id: i32) -> Fault {
        Fault { broker: Some(id), ..self }
    }

    /// Only requests of this API.
    pub fn api(self, key: i16) -> Fault {
        Fault { api: Some(key), ..self }
    }

    /// Only this topic.
    pub fn topic(self, name: &str) -> Fault {
        Fault { topic: Some(name.into()), ..self }
    }

    /// Only partitions with this number.
    pub fn partition(self, index: i32) -> Fault {
        Fault { partition: Some(index), ..self }
    }

    /// Only after this many requests that it would have hit.
    pub fn skip(self, count: u32) -> Fault {
        Fault { skip: count, ..self }
    }

    /// Only this often.
    pub fn times(self, count: u32) -> Fault {
        Fault { times: Some(count), ..self }
    }

    fn is_of_partition(&self) -> bool {
        self.topic.is_some() || self.partition.is_some()
    }

    /// Counts a request that the fault is meant for. True if it hits.
    fn strike(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        match &mut self.times {
            Some(0) => false,
            Some(times) => {
                *times -= 1;
                true
            }
            None => true,
        }
    }
}

/// Everything that goes wrong with one request.
#[derive(Clone, Debug, Default)]
pub struct Fate {
    /// It is delayed by this.
    pub delay: Duration,
    /// It is forgotten.
    pub drop_request: bool,
    /// Its answer is not sent.
    pub drop_response: bool,
    /// The connection is closed before anything is done.
    pub close_before: bool,
    /// The connection is closed instead of answering.
    pub close_after: bool,
    /// Its handler fails.
    pub fail_handler: bool,
    /// Half of the answer is sent.
    pub half_response: bool,
    /// The answer is sent a few bytes at a time: how many, and how long between them.
    pub drip: Option<(usize, Duration)>,
    /// The answer makes no sense.
    pub corrupt_response: bool,
    /// It fails as a whole; `true` if only after it was done.
    pub error: Option<(ErrorCode, bool)>,
    /// The client has to wait.
    pub throttle: Duration,
}

/// The number of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FaultId(pub u64);

/// The faults there are.
#[derive(Debug, Default)]
pub struct Faults {
    made: u64,
    faults: Vec<(FaultId, Fault)>,
}

impl Faults {
    /// From now on, this goes wrong.
    pub fn add(&mut self, fault: Fault) -> FaultId {
        self.made += 1;
        self.faults.push((FaultId(self.made), fault));
        FaultId(self.made)
    }

    /// A fault ends.
    pub fn remove(&mut self, id: FaultId) {
        self.faults.retain(|(known, _)| *known != id);
    }

    /// All faults end.
    pub fn clear(&mut self) {
        self.faults.clear();
    }

    /// What goes wrong with a request.
    pub fn fate(&mut self, broker: i32, api: i16) -> Fate {
        let mut fate = Fate::default();
        for (_, fault) in &mut self.faults {
            let meant = fault.broker.is_none_or(|id| id == broker)
                && fault.api.is_none_or(|key| key == api)
                && !fault.is_of_partition();
            if meant && fault.strike() {
                fate.add(&fault.action);
            }
        }
        fate
    }

    /// The error that the part of a produce request for this partition gets, and whether only
    /// after the append.
    pub fn partition_error(
        &mut self,
        broker: i32,
        topic: &str,
        index: i32,
    ) -> Option<(ErrorCode, bool)> {
        let mut hit = None;
        for (_, fault) in &mut self.faults {
            let meant = fault.is_of_partition()
                && fault.api.is_none_or(|key| key == crate::wire::messages::produce::KEY)
                && fault.broker.is_none_or(|id| id == broker)
                && fault.topic.as_ref().is_none_or(|name| **name == *topic)
                && fault.partition.is_none_or(|number| number == index);
            if meant && fault.strike() {
                hit = match fault.action {
                    FaultAction::Error(code) => Some((code, false)),
                    FaultAction::ErrorAfter(code) => Some((code, true)),
                    _ => hit,
                };
            }
        }
        hit
    }
}

impl Fate {
    fn add(&mut self, action: &FaultAction) {
        match action {
            FaultAction::Delay(time) => self.delay = self.delay.max(*time),
            FaultAction::DropRequest => self.drop_request = true,
            FaultAction::DropResponse => self.drop_response = true,
            FaultAction::CloseBefore => self.close_before = true,
            FaultAction::CloseAfter => self.close_after = true,
            FaultAction::FailHandler => self.fail_handler = true,
            FaultAction::HalfResponse => self.half_response = true,
            FaultAction::SlowDrip { bytes, every } => self.drip = Some((*bytes, *every)),
            FaultAction::CorruptResponse => self.corrupt_response = true,
            FaultAction::Error(code) => self.error = Some((*code, false)),
            FaultAction::ErrorAfter(code) => self.error = Some((*code, true)),
            FaultAction::Throttle(time) => self.throttle = self.throttle.max(*time),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_hits_the_requests_it_is_meant_for_and_as_often_as_it_says() {
        let mut faults = Faults::default();
        faults.add(Fault::new(FaultAction::DropRequest).api(3).broker(1).skip(1).times(2));
        let mut hit = |broker, api| faults.fate(broker, api).drop_request;
        assert!(!hit(1, 0));
        assert!(!hit(2, 3));
        let hits: Vec<bool> = (0..5).map(|_| hit(1, 3)).collect();
        assert_eq!(hits, [false, true, true, false, false]);
    }

    #[test]
    fn a_fault_of_a_topic_leaves_requests_alone() {
        let mut faults = Faults::default();
        let error = FaultAction::Error(ErrorCode::KAFKA_STORAGE_ERROR);
        let id = faults.add(Fault::new(error).topic("t").partition(1));
        assert_eq!(faults.fate(0, 0).error, None);
        assert_eq!(faults.partition_error(0, "t", 0), None);
        let expected = Some((ErrorCode::KAFKA_STORAGE_ERROR, false));
        assert_eq!(faults.partition_error(0, "t", 1), expected);
        faults.remove(id);
        assert_eq!(faults.partition_error(0, "t", 1), None);
    }
}
