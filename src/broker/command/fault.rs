//! A fault from its text.

use super::words::{Words, api_key, error_code, parse, wrong};
use crate::broker::faults::{Fault, FaultAction};
use crate::error::Result;

impl Fault {
    /// A fault from its text: what goes wrong, then what it is limited to, as
    /// [`HELP`](crate::broker::HELP) has it: `error NOT_LEADER_OR_FOLLOWER api=Produce times=3`.
    /// An error names the word that is wrong.
    pub fn parse(text: &str) -> Result<Fault> {
        let mut words = Words::of(text);
        let action = match words.text("a fault")? {
            "error" => FaultAction::Error(error_code(words.text("CODE")?)?),
            "error-after" => FaultAction::ErrorAfter(error_code(words.text("CODE")?)?),
            "delay" => FaultAction::Delay(words.duration("MS")?),
            "throttle" => FaultAction::Throttle(words.duration("MS")?),
            "drop" => FaultAction::DropRequest,
            "drop-response" => FaultAction::DropResponse,
            "close" => FaultAction::CloseBefore,
            "close-after" => FaultAction::CloseAfter,
            "half-response" => FaultAction::HalfResponse,
            "drip" => FaultAction::SlowDrip {
                bytes: words.number("BYTES")?,
                every: words.duration("MS")?,
            },
            "corrupt-response" => FaultAction::CorruptResponse,
            "fail-handler" => FaultAction::FailHandler,
            other => return Err(wrong(format!("`{other}` is unknown; `help` lists all"))),
        };
        let errs = matches!(action, FaultAction::Error(_) | FaultAction::ErrorAfter(_));
        let mut fault = Fault::new(action);
        while let Some(word) = words.next() {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            fault = match key {
                "topic" | "partition" if !errs => {
                    let only = "error and error-after are of topics and partitions";
                    return Err(wrong(format!("`{word}` cannot be here: only {only}")));
                }
                "api" => fault.api(api_key(value)?),
                "broker" => fault.broker(parse(key, value)?),
                "topic" if value.is_empty() => return Err(wrong("topic= names no topic".into())),
                "topic" => fault.topic(value),
                "partition" => fault.partition(parse(key, value)?),
                "skip" => fault.skip(parse(key, value)?),
                "times" => fault.times(parse(key, value)?),
                _ => {
                    let known = "api=, broker=, topic=, partition=, skip= or times=";
                    return Err(wrong(format!("`{word}` is none of {known}")));
                }
            };
        }
        Ok(fault)
    }
}
