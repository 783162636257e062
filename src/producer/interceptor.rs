//! Interceptors: code of the application around every send (Java: ProducerInterceptor).

use crate::error::Result;
use crate::log::{Level, Logger};
use crate::record::Record;
use crate::report::Report;
use crate::time;

/// See the file's comment. One that fails is logged and skipped; no record is lost by it.
pub trait Interceptor: Send + Sync {
    /// Runs on the thread that sends, before the partition is chosen. It calls `next` once, with
    /// the record or another one; what that borrows must live until `next` returns.
    fn on_send(
        &self,
        record: &Record<'_>,
        next: &mut dyn FnMut(&Record<'_>) -> Result<()>,
    ) -> Result<()> {
        next(record)
    }

    /// Runs where delivery reports are consumed, before the report is handed over.
    fn on_acknowledgement(&self, _report: &Report<'_>) -> Result<()> {
        Ok(())
    }
}

/// The interceptors of a producer, in their order.
#[derive(Default)]
pub struct Interceptors(Vec<Box<dyn Interceptor>>);

impl Interceptors {
    /// In this order.
    pub fn new(interceptors: Vec<Box<dyn Interceptor>>) -> Interceptors {
        Interceptors(interceptors)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Runs the chain and then `send`, whose result is the result.
    pub fn on_send(
        &self,
        record: &Record<'_>,
        log: &Logger,
        send: &mut dyn FnMut(&Record<'_>) -> Result<()>,
    ) -> Result<()> {
        run(&self.0, record, log, send)
    }

    /// Shows a report to all.
    pub fn on_acknowledgement(&self, report: &Report<'_>, log: &Logger) {
        for interceptor in &self.0 {
            if let Err(error) = interceptor.on_acknowledgement(report) {
                let text =
                    || format!("an interceptor's on_acknowledgement failed: {}", error.message());
                log.rarely(Level::Warn, time::now(), text);
            }
        }
    }
}

fn run(
    chain: &[Box<dyn Interceptor>],
    record: &Record<'_>,
    log: &Logger,
    send: &mut dyn FnMut(&Record<'_>) -> Result<()>,
) -> Result<()> {
    let Some((first, rest)) = chain.split_first() else { return send(record) };
    let mut sent = None;
    let own = first.on_send(record, &mut |record| {
        if sent.is_none() {
            sent = Some(run(rest, record, log, send));
        }
        Ok(())
    });
    if let Err(error) = own {
        let text = || format!("an interceptor's on_send failed: {}", error.message());
        log.rarely(Level::Warn, time::now(), text);
    }
    // One that failed before it passed the record on is skipped.
    sent.unwrap_or_else(|| run(rest, record, log, send))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorCode};

    struct Append(&'static str);

    impl Interceptor for Append {
        fn on_send(
            &self,
            record: &Record<'_>,
            next: &mut dyn FnMut(&Record<'_>) -> Result<()>,
        ) -> Result<()> {
            let value = [record.value.unwrap_or_default(), self.0.as_bytes()].concat();
            next(&Record { value: Some(&value), ..*record })
        }
    }

    struct Fail;

    impl Interceptor for Fail {
        fn on_send(
            &self,
            _: &Record<'_>,
            _: &mut dyn FnMut(&Record<'_>) -> Result<()>,
        ) -> Result<()> {
            Err(Error::new(ErrorCode::LEADER_NOT_AVAILABLE, "it returned 5"))
        }
    }

    #[test]
    fn they_run_in_order_and_one_that_fails_is_skipped_and_logged() {
        let log = Logger::queued(Level::Warn, "test", Box::new(|| ()));
        let chain: Vec<Box<dyn Interceptor>> =
            vec![Box::new(Append("a")), Box::new(Fail), Box::new(Append("b"))];
        let mut sent = Vec::new();
        let record = Record { value: Some(b"v"), ..Record::default() };
        let result = Interceptors::new(chain).on_send(&record, &log, &mut |record| {
            sent.push(record.value.unwrap().to_vec());
            Ok(())
        });
        assert!(result.is_ok());
        assert_eq!(sent, [b"vab".to_vec()]);
        assert_eq!(log.take().unwrap().1, "an interceptor's on_send failed: it returned 5");
    }
}
