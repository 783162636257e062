//! The places where threads meet, under a scheduler that tries thousands of interleavings:
//! `make schedules`. A lost wake-up is a deadlock there, which the scheduler reports.
//!
//! Time does not pass in it: what waits with a deadline waits until it is woken.

use std::sync::Arc;
use std::time::Duration;

use shuttle::{check_random, thread};

use crate::accumulator::{BufferPool, Demand, RecordAccumulator, Reserve, Sleep, Wakeup};
use crate::producer::Producer;
use crate::record::TopicName;
use crate::report::{Entry, Outcome, ReportQueue, Slots, Woken};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Condvar, Mutex};
use crate::ticket::{Ticket, Wait};
use crate::time::Instant;
use crate::{Config, Hooks};

const SCHEDULES: usize = 3000;

fn entry(opaque: u64) -> Entry {
    let mut slots = Slots::default();
    slots.push(0, opaque, None);
    Entry {
        topic: TopicName::new("t"),
        partition: 0,
        base_offset: 0,
        log_append_time: -1,
        outcome: Outcome::PERSISTED,
        exceptions: Vec::new(),
        slots,
    }
}

#[test]
fn everybody_gets_memory_and_all_of_it_comes_back() {
    check_random(
        || {
            let pool = BufferPool::new(100, 50);
            let threads: Vec<_> = [30, 70, 50, 100]
                .map(|size| {
                    let pool = pool.clone();
                    thread::spawn(move || {
                        for _ in 0..3 {
                            let buffer = match pool.reserve(size, || None).unwrap() {
                                Reserve::Granted(buffer) => buffer,
                                Reserve::Wait(ticket) => match ticket.wait(Instant::NEVER) {
                                    Wait::Ready(grant) => pool.redeem(grant).unwrap(),
                                    _ => panic!("nobody interrupts"),
                                },
                            };
                            assert!(pool.available() <= 100 - size);
                            thread::yield_now();
                            drop(buffer);
                        }
                    })
                })
                .into();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!((pool.available(), pool.queued()), (100, 0));
        },
        SCHEDULES,
    );
}

#[test]
fn places_in_the_queue_for_memory_may_be_given_up_at_any_time() {
    check_random(
        || {
            let pool = BufferPool::new(100, 50);
            let Ok(Reserve::Granted(held)) = pool.reserve(80, || None) else { panic!("free") };
            let Ok(Reserve::Wait(first)) = pool.reserve(90, || None) else { panic!("full") };
            let Ok(Reserve::Wait(second)) = pool.reserve(20, || None) else { panic!("behind it") };
            let canceller = {
                let pool = pool.clone();
                thread::spawn(move || pool.cancel(&first))
            };
            // What the first one leaves is enough for the second, and nothing else comes back.
            match second.wait(Instant::NEVER) {
                Wait::Ready(grant) => drop(pool.redeem(grant).unwrap()),
                _ => panic!("nobody interrupts"),
            }
            canceller.join().unwrap();
            drop(held);
            assert_eq!((pool.available(), pool.queued()), (100, 0));
        },
        SCHEDULES,
    );
}

#[test]
fn closing_the_pool_ends_every_wait() {
    check_random(
        || {
            let pool = BufferPool::new(100, 50);
            let Ok(Reserve::Granted(held)) = pool.reserve(100, || None) else { panic!("free") };
            let waiters: Vec<_> = (0..2)
                .map(|_| {
                    let pool = pool.clone();
                    thread::spawn(move || match pool.reserve(50, || None) {
                        Ok(Reserve::Granted(buffer)) => drop(buffer),
                        Ok(Reserve::Wait(ticket)) => match ticket.wait(Instant::NEVER) {
                            Wait::Ready(grant) => drop(pool.redeem(grant)),
                            _ => panic!("nobody interrupts"),
                        },
                        Err(_) => {}
                    })
                })
                .collect();
            let closer = {
                let pool = pool.clone();
                thread::spawn(move || pool.close())
            };
            drop(held);
            closer.join().unwrap();
            waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
            assert_eq!(pool.available(), 100);
        },
        SCHEDULES,
    );
}

#[test]
fn a_ticket_hands_its_value_to_exactly_one() {
    check_random(
        || {
            let ticket = Arc::new(Ticket::new(None));
            let threads = [
                thread::spawn({
                    let ticket = ticket.clone();
                    move || ticket.fulfil(7)
                }),
                thread::spawn({
                    let ticket = ticket.clone();
                    move || ticket.cancel()
                }),
                thread::spawn({
                    let ticket = ticket.clone();
                    move || {
                        ticket.interrupt();
                        ticket.try_take()
                    }
                }),
            ];
            let mut found = threads.into_iter().filter_map(|thread| thread.join().unwrap());
            assert_eq!(found.next().or_else(|| ticket.try_take()), Some(7));
            assert_eq!(found.next(), None);
        },
        SCHEDULES,
    );
}

/// Three senders of work, each of which tells it by `demand`, and an I/O thread that sleeps until
/// it has seen all of it. The first sleeps are light and end by themselves, as they are short.
fn work_is_seen(light_sleeps: u64, demand: fn(&Wakeup, u64)) {
    let wakeup = Arc::new(Wakeup::default());
    let work = Arc::new(AtomicU64::new(0));
    let woken = Arc::new((Mutex::new(false), Condvar::new()));
    let signal = woken.clone();
    wakeup.set_waker(move || {
        *signal.0.lock() = true;
        signal.1.notify_all();
    });
    let senders: Vec<_> = (0..3u64)
        .map(|number| {
            let (wakeup, work) = (wakeup.clone(), work.clone());
            thread::spawn(move || {
                work.fetch_add(1, Ordering::SeqCst);
                demand(&wakeup, number);
            })
        })
        .collect();
    let (mut done, mut sleeps) = (0, 0);
    while done < 3 {
        done += work.swap(0, Ordering::SeqCst);
        if done == 3 {
            break;
        }
        let lightly = sleeps < light_sleeps;
        let how = if lightly { Sleep::Light } else { Sleep::Sound };
        sleeps += 1;
        wakeup.will_sleep(Instant::NEVER, how);
        if lightly {
            thread::yield_now();
        } else if work.load(Ordering::SeqCst) == 0 {
            let mut woken_now = woken.0.lock();
            while !*woken_now {
                woken.1.wait(&mut woken_now);
            }
            *woken_now = false;
        }
        wakeup.awake();
    }
    senders.into_iter().for_each(|sender| sender.join().unwrap());
}

#[test]
fn the_io_thread_never_sleeps_over_work() {
    check_random(|| work_is_seen(0, |wakeup, by| wakeup.demand(Instant(by))), SCHEDULES);
}

#[test]
fn what_is_told_in_a_light_sleep_is_not_slept_over_after_it() {
    check_random(|| work_is_seen(2, |wakeup, _| wakeup.answer(Demand::Soon)), SCHEDULES);
}

#[test]
fn the_io_thread_never_rests_over_work() {
    let work_comes = || {
        let wakeup = Arc::new(Wakeup::default());
        let work = Arc::new(AtomicU64::new(0));
        let sender = {
            let (wakeup, work) = (wakeup.clone(), work.clone());
            thread::spawn(move || {
                work.store(1, Ordering::SeqCst);
                wakeup.demand(Instant(0));
            })
        };
        wakeup.will_sleep(Instant::NEVER, Sleep::Behind);
        if work.load(Ordering::SeqCst) == 0 {
            wakeup.rest(Duration::from_secs(60));
            assert_eq!(work.load(Ordering::SeqCst), 1);
        }
        sender.join().unwrap();
    };
    check_random(work_comes, SCHEDULES);
}

/// Threads let the I/O thread work, which in the end sleeps or has caught up.
fn nobody_is_left_waiting(ends_asleep: bool) {
    let wakeup = Arc::new(Wakeup::default());
    let behind = Arc::new(AtomicU64::new(1));
    let senders: Vec<_> = (0..3)
        .map(|_| {
            let (wakeup, behind) = (wakeup.clone(), behind.clone());
            thread::spawn(move || {
                let is_caught_up = || behind.load(Ordering::SeqCst) == 0;
                wakeup.let_work(Duration::from_millis(1), is_caught_up);
            })
        })
        .collect();
    wakeup.will_sleep(Instant::NEVER, Sleep::Sound);
    wakeup.let_send();
    wakeup.awake();
    if ends_asleep {
        wakeup.will_sleep(Instant::NEVER, Sleep::Light);
    } else {
        behind.store(0, Ordering::SeqCst);
    }
    wakeup.let_send();
    senders.into_iter().for_each(|sender| sender.join().unwrap());
}

#[test]
fn who_lets_the_io_thread_work_goes_on_when_it_sleeps_or_has_caught_up() {
    check_random(|| nobody_is_left_waiting(true), SCHEDULES);
    check_random(|| nobody_is_left_waiting(false), SCHEDULES);
}

#[test]
fn reports_are_read_once_each_by_readers_that_wait() {
    check_random(
        || {
            let queue = Arc::new(ReportQueue::new(100));
            let read = Arc::new(AtomicU64::new(0));
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    let (queue, read) = (queue.clone(), read.clone());
                    thread::spawn(move || {
                        let interrupts = queue.interrupts();
                        loop {
                            let seen = queue.nudges();
                            queue.drain(1, |report| {
                                read.fetch_add(report.opaque, Ordering::SeqCst);
                            });
                            if read.load(Ordering::SeqCst) == 111 {
                                queue.nudge();
                                return;
                            }
                            let woken = queue.wait(seen, interrupts, Instant::NEVER);
                            assert_eq!(woken, Woken::News);
                        }
                    })
                })
                .collect();
            (0..3).for_each(|_| assert!(queue.reserve() > 0));
            queue.push(&mut vec![entry(1), entry(10)]);
            queue.push(&mut vec![entry(100)]);
            readers.into_iter().for_each(|reader| reader.join().unwrap());
            assert_eq!(read.load(Ordering::SeqCst), 111);
        },
        SCHEDULES,
    );
}

/// A producer whose I/O thread is played by the test.
fn producer(hooks: Hooks) -> Arc<Producer> {
    let mut config = Config::new();
    config.set("bootstrap.servers", "127.0.0.1:1").unwrap();
    let producer = Producer::new(&config, hooks).unwrap();
    producer.pretend_to_be_started();
    producer
}

#[test]
fn a_flush_returns_when_its_batches_are_reported() {
    check_random(
        || {
            let count = Arc::new(AtomicU64::new(0));
            let counter = count.clone();
            let sink = move |_: &crate::producer::OwnedReport| {
                counter.fetch_add(1, Ordering::SeqCst);
            };
            let hooks = Hooks { reports: Some(Box::new(sink)), ..Hooks::default() };
            let producer = producer(hooks);
            let accumulator: &RecordAccumulator = producer.accumulator();
            let ids = [accumulator.start_batch(), accumulator.start_batch()];
            let io = {
                let producer = producer.clone();
                thread::spawn(move || {
                    for id in ids {
                        assert!(producer.accumulator().reports.reserve() > 0);
                        producer.accumulator().reports.push(&mut vec![entry(id.number)]);
                        producer.accumulator().complete(&[id]);
                    }
                })
            };
            let other = {
                let producer = producer.clone();
                thread::spawn(move || producer.flush(None).unwrap())
            };
            producer.flush(None).unwrap();
            assert_eq!(count.load(Ordering::SeqCst), 2);
            io.join().unwrap();
            other.join().unwrap();
        },
        SCHEDULES,
    );
}
