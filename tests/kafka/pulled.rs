//! Reports that the application pulls, and sends that never wait.

use std::time::{Duration, Instant};

use ottla::{ErrorCode, Producer, Record};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::cluster::{bootstrap, close_and_check, topic, topic_name};
use crate::run::Run;

/// Waits until the event fd is readable.
fn wait(producer: &Producer) {
    let fd = producer.event_fd().unwrap();
    let mut fds = [PollFd::from_borrowed_fd(fd.fd(), PollFlags::IN)];
    let ready = poll(&mut fds, Some(&Timespec { tv_sec: 20, tv_nsec: 0 })).unwrap();
    assert_eq!(ready, 1, "nothing happened for 20 s; {}", producer.metrics_json());
    fd.clear();
}

#[test]
#[ignore = "needs make test"]
fn one_thread_sends_ten_thousand_records_and_never_waits_but_on_the_fd() {
    const COUNT: u32 = 10_000;
    let topic = topic_name("event-fd");
    let settings = [("buffer.memory", "32768"), ("batch.size", "2048"), ("linger.ms", "1")];
    let run = Run::pulling(&bootstrap(), &settings);
    let mut thread = run.thread();
    let (mut next, mut ticket, mut waits) = (0, 0, 0);
    while run.reported() < COUNT as usize {
        while next < COUNT {
            let value = format!("{next:0200}");
            let value = Some(value.as_bytes());
            let record = Record { topic: &topic, value, ..Record::default() };
            let sent =
                thread.write_down(&record, |record| run.producer.try_send(record, &mut ticket));
            match sent {
                Ok(()) => next += 1,
                Err(error) => {
                    assert_eq!(error.code(), ErrorCode::WOULD_BLOCK, "{error}");
                    waits += 1;
                    break;
                }
            }
        }
        if run.reported() < COUNT as usize {
            wait(&run.producer);
        }
        while run.pull(256, Duration::ZERO).unwrap() > 0 {}
        while run.producer.take_ready_ticket().is_some() {}
    }
    assert!(waits > 100, "the memory was full {waits} times only");
    drop(thread);
    assert_eq!(close_and_check(&run, &[&topic]).len(), COUNT as usize);
}

#[test]
#[ignore = "needs make test"]
fn many_tickets_at_once_all_become_ready() {
    const COUNT: u32 = 2000;
    let topic = topic("tickets", 3);
    let settings = [("buffer.memory", "8192"), ("batch.size", "1024"), ("linger.ms", "0")];
    let run = Run::pulling(&bootstrap(), &settings);
    let mut thread = run.thread();
    // Records that wait, with their tickets: sixteen at most, tried in any order.
    let mut waiting: Vec<(u32, u64)> = Vec::new();
    let mut next = 0;
    while run.reported() < COUNT as usize {
        while waiting.len() < 16 && next < COUNT {
            waiting.push((next, 0));
            next += 1;
        }
        waiting.retain_mut(|(number, ticket)| {
            let value = format!("{number:0300}");
            let value = Some(value.as_bytes());
            let record = Record { topic: &topic, value, ..Record::default() };
            let sent = thread.write_down(&record, |record| run.producer.try_send(record, ticket));
            sent.is_err_and(|error| {
                assert_eq!(error.code(), ErrorCode::WOULD_BLOCK, "{error}");
                true
            })
        });
        if waiting.len() == 16 || next == COUNT && run.reported() < COUNT as usize {
            wait(&run.producer);
        }
        while run.pull(256, Duration::ZERO).unwrap() > 0 {}
        while run.producer.take_ready_ticket().is_some() {}
    }
    drop(thread);
    assert_eq!(close_and_check(&run, &[&topic]).len(), COUNT as usize);
}

#[test]
#[ignore = "needs make test"]
fn a_full_report_queue_refuses_until_reports_are_read() {
    let topic = topic_name("reports-full");
    let run = Run::pulling(&bootstrap(), &[("delivery.report.queue.max", "100")]);
    let mut thread = run.thread();
    let mut refused = 0;
    for i in 0..1000u32 {
        let value = i.to_be_bytes();
        let record = Record { topic: &topic, value: Some(&value), ..Record::default() };
        while let Err(error) = thread.send(&record) {
            assert_eq!(error.code(), ErrorCode::REPORTS_FULL, "{error}");
            refused += 1;
            run.pull(50, Duration::from_secs(20)).unwrap();
        }
        assert!(run.producer.unread() <= 100);
    }
    assert!(refused >= 9, "refused {refused} times");
    run.producer.flush(Some(Duration::from_secs(20))).unwrap();
    while run.pull(7, Duration::ZERO).unwrap() > 0 {}
    assert_eq!(run.producer.unread(), 0);
    drop(thread);
    assert_eq!(close_and_check(&run, &[&topic]).len(), 1000);
}

#[test]
#[ignore = "needs make test"]
fn reports_can_be_read_after_close_and_records_that_want_none_have_none() {
    let topic = topic("after-close", 1);
    let run = Run::pulling(&bootstrap(), &[]);
    let mut thread = run.thread();
    for i in 0..100u32 {
        let value = i.to_be_bytes();
        let record = Record { topic: &topic, value: Some(&value), ..Record::default() };
        thread.send(&record).unwrap();
        run.producer.send(&Record { value: Some(b"silent"), no_report: true, ..record }).unwrap();
    }
    drop(thread);
    run.producer.close(Some(Duration::from_secs(20))).unwrap();
    while run.pull(7, Duration::ZERO).unwrap() > 0 {}
    let mut log = crate::cluster::read(&topic);
    let all = log.len();
    log.retain(|record| record.content.value.as_deref() != Some(b"silent"));
    assert_eq!((all, log.len()), (200, 100));
    run.history(log).check();
}

#[test]
#[ignore = "needs make test"]
fn an_interrupt_ends_a_wait_for_reports_and_harms_nothing() {
    let topic = topic_name("interrupt");
    let run = Run::pulling(&bootstrap(), &[]);
    let limit = Instant::now() + Duration::from_secs(10);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| run.pull(1, Duration::from_secs(60)).unwrap_err());
        while !waiter.is_finished() {
            assert!(Instant::now() < limit, "the wait did not end");
            run.producer.interrupt();
            std::thread::yield_now();
        }
        assert_eq!(waiter.join().unwrap().code(), ErrorCode::INTERRUPTED);
    });
    run.thread().send(&Record { topic: &topic, ..Record::default() }).unwrap();
    run.producer.flush(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(run.pull(1, Duration::ZERO).unwrap(), 1);
    close_and_check(&run, &[&topic]);
}
