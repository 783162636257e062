//! Code of the application in the producer's path.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ottla::producer::{Interceptor, Partitioner};
use ottla::{Error, ErrorCode, Header, Hooks, Record, Report, Result};

use crate::cluster::{bootstrap, close_and_check, topic_name};
use crate::run::Run;

/// Adds to value and headers, and counts what was acknowledged.
struct Stamp(Arc<AtomicUsize>);

impl Interceptor for Stamp {
    fn on_send(
        &self,
        record: &Record<'_>,
        next: &mut dyn FnMut(&Record<'_>) -> Result<()>,
    ) -> Result<()> {
        let value = [record.value.unwrap_or_default(), b"+stamp"].concat();
        let header = Header { name: "stamped", value: None };
        next(&Record { value: Some(&value), headers: &[header], ..*record })
    }

    fn on_acknowledgement(&self, report: &Report<'_>) -> Result<()> {
        assert!(report.error.is_none());
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Fails at everything.
struct Fail;

impl Interceptor for Fail {
    fn on_send(&self, _: &Record<'_>, _: &mut dyn FnMut(&Record<'_>) -> Result<()>) -> Result<()> {
        Err(Error::new(ErrorCode::INTERNAL, "on purpose"))
    }

    fn on_acknowledgement(&self, _: &Report<'_>) -> Result<()> {
        Err(Error::new(ErrorCode::INTERNAL, "on purpose"))
    }
}

#[test]
#[ignore = "needs make test"]
fn interceptors_change_records_and_one_that_fails_is_skipped() {
    let topic = topic_name("interceptors");
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let interceptors: Vec<Box<dyn Interceptor>> =
        vec![Box::new(Fail), Box::new(Stamp(acknowledged.clone()))];
    let run = Run::with_hooks(&bootstrap(), &[], Hooks { interceptors, ..Hooks::default() });
    let mut thread = run.thread();
    for i in 0..100 {
        let value = i.to_string();
        let value = Some(value.as_bytes());
        thread.send(&Record { topic: &topic, value, ..Record::default() }).unwrap();
        let content = &mut thread.last().content;
        content.value = Some(format!("{i}+stamp").into_bytes());
        content.headers = vec![("stamped".to_owned(), None)];
    }
    drop(thread);
    assert_eq!(close_and_check(&run, &[&topic]).len(), 100);
    assert_eq!(acknowledged.load(Ordering::SeqCst), 100);
}

/// By the first byte of the value; none for an empty one, and 99 is too many.
struct ByValue;

impl Partitioner for ByValue {
    fn partition(
        &self,
        _: &str,
        _: Option<&[u8]>,
        value: Option<&[u8]>,
        count: i32,
    ) -> Result<Option<i32>> {
        assert_eq!(count, 12);
        match value.and_then(<[u8]>::first) {
            Some(b'!') => Err(Error::new(ErrorCode::PARTITIONER_FAILED, "not this one")),
            first => Ok(first.map(|byte| i32::from(*byte))),
        }
    }
}

#[test]
#[ignore = "needs make test"]
fn a_partitioner_decides_and_its_mistakes_are_refused() {
    let topic = topic_name("partitioner");
    let hooks = Hooks { partitioner: Some(Box::new(ByValue)), ..Hooks::default() };
    let run = Run::with_hooks(&bootstrap(), &[], hooks);
    let mut thread = run.thread();
    for i in 0..120u8 {
        let value = [i % 12];
        let record = Record { topic: &topic, value: Some(&value), ..Record::default() };
        thread.send(&Record { key: Some(b"ignored"), ..record }).unwrap();
        thread.last().partition = Some(i32::from(value[0]));
    }
    // The built-in rules where it does not care; its choice counts for nothing beside an
    // explicit one.
    let record = Record { topic: &topic, ..Record::default() };
    thread.send(&Record { key: Some(b"k"), value: Some(b""), ..record }).unwrap();
    thread.last().partition = Some(ottla::producer::partition_for_key(b"k", 12));
    thread.send(&Record { partition: Some(3), value: Some(&[7]), ..record }).unwrap();
    for value in [&[99][..], b"!"] {
        let error = thread.send(&Record { value: Some(value), ..record }).unwrap_err();
        assert_eq!(error.code(), ErrorCode::PARTITIONER_FAILED, "{error}");
    }
    drop(thread);
    assert_eq!(close_and_check(&run, &[&topic]).len(), 122);
}
