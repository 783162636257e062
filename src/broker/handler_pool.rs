//! The threads that handle requests (Kafka: `KafkaRequestHandlerPool`). What needs nothing but a
//! request's bytes, which is most of the work, they do side by side; the cluster itself is one
//! state machine behind one lock.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::call::{Output, RawRequest};
use super::core::ClusterCore;
use super::kafka_apis;
use super::request_channel::{RequestChannel, Work};
use crate::sync::Mutex;
use crate::time;

/// What a handler thread does until it is stopped.
pub fn run(core: &Arc<Mutex<ClusterCore>>, channel: &RequestChannel) {
    loop {
        let deadline = core.lock().next_deadline();
        let outputs = match channel.receive(time::now().until(deadline)) {
            Some(Work::Stop) => return,
            Some(Work::Request(raw)) => handle(core, raw),
            Some(Work::LookAgain) | None => Vec::new(),
        };
        channel.dispatch(outputs);
        channel.dispatch(tick(core));
    }
}

fn tick(core: &Mutex<ClusterCore>) -> Vec<Output> {
    let mut core = core.lock();
    let now = time::now();
    if core.next_deadline() > now {
        return Vec::new();
    }
    // A task that fails is over; the others go on.
    let _ = catch_unwind(AssertUnwindSafe(|| core.tick(now)));
    core.take_outputs()
}

fn handle(core: &Mutex<ClusterCore>, raw: RawRequest) -> Vec<Output> {
    let (conn, again) = (raw.conn, raw.clone());
    let parsed = catch_unwind(|| kafka_apis::parse(raw, time::now()));
    let Ok(parsed) = parsed else {
        return vec![Output::Close { conn, reason: "reading the request failed".to_owned() }];
    };
    let mut core = core.lock();
    let done = catch_unwind(AssertUnwindSafe(|| core.receive(parsed, time::now())));
    if done.is_err() {
        // A defect of the handler. The client is told, and the others notice nothing.
        let now = time::now();
        let told = catch_unwind(AssertUnwindSafe(|| {
            core.handler_failed(kafka_apis::parse(again, now), now);
        }));
        if told.is_err() {
            return vec![Output::Close { conn, reason: "the handler failed".to_owned() }];
        }
    }
    core.take_outputs()
}
