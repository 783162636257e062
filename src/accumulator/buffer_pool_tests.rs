//! Tests of BufferPool; the names follow Java's BufferPoolTest where the behaviour is the same.

use super::*;
use crate::ticket::Wait;
use crate::time::Instant;

fn granted(pool: &Arc<BufferPool>, size: usize) -> Buffer {
    match pool.reserve(size, || None).unwrap() {
        Reserve::Granted(buffer) => buffer,
        Reserve::Wait(_) => panic!("{size} bytes should be there"),
    }
}

fn waiting(pool: &Arc<BufferPool>, size: usize) -> Arc<Ticket<Grant>> {
    match pool.reserve(size, || None).unwrap() {
        Reserve::Granted(_) => panic!("{size} bytes should not be there"),
        Reserve::Wait(ticket) => ticket,
    }
}

#[test]
fn memory_comes_back_when_the_last_owner_drops_it() {
    let pool = BufferPool::new(64, 16);
    let buffer = granted(&pool, 16);
    assert_eq!(pool.available(), 48);
    let shared = bytes::Bytes::from_owner(buffer);
    let slice = shared.slice(0..0);
    let other = shared.clone();
    drop((shared, slice));
    assert_eq!(pool.available(), 48);
    drop(other);
    assert_eq!(pool.available(), 64);
}

#[test]
fn a_returned_buffer_is_reused_and_spares_never_exceed_what_is_free() {
    let pool = BufferPool::new(64, 16);
    let mut buffer = granted(&pool, 16);
    buffer.append(|bytes| bytes.extend_from_slice(b"x"));
    let address = buffer.as_ref().as_ptr();
    drop(buffer);
    let again = granted(&pool, 16);
    assert_eq!((again.as_ref().as_ptr(), again.as_ref().len()), (address, 0));
    drop(again);
    drop(granted(&pool, 64));
    assert!(pool.ledger.lock().pooled.is_empty());
}

#[test]
fn more_than_the_total_is_refused_at_once() {
    let pool = BufferPool::new(64, 16);
    let error = pool.reserve(65, || None).err().unwrap();
    assert_eq!(error.code(), ErrorCode::MESSAGE_TOO_LARGE);
    assert!(error.message().contains("buffer.memory"));
}

#[test]
fn the_oldest_waiter_is_served_first_and_newcomers_do_not_overtake() {
    let pool = BufferPool::new(64, 16);
    let first = granted(&pool, 48);
    let big = waiting(&pool, 64);
    // 16 bytes are free, but somebody stands before.
    let small = waiting(&pool, 16);
    assert_eq!(pool.queued(), 2);
    drop(first);
    let big = pool.redeem(big.try_take().expect("the whole pool is free")).unwrap();
    assert!(small.try_take().is_none());
    drop(big);
    assert!(small.try_take().is_some());
    assert_eq!(pool.queued(), 0);
}

#[test]
fn one_that_gives_up_lets_those_behind_pass() {
    let pool = BufferPool::new(64, 16);
    let _held = granted(&pool, 48);
    let big = waiting(&pool, 64);
    let small = waiting(&pool, 16);
    pool.cancel(&big);
    assert!(small.try_take().is_some());
}

#[test]
fn a_grant_that_nobody_takes_goes_back() {
    let pool = BufferPool::new(64, 16);
    let held = granted(&pool, 64);
    let ticket = waiting(&pool, 16);
    drop(held);
    assert_eq!(pool.available(), 48);
    pool.cancel(&ticket);
    assert_eq!(pool.available(), 64);
}

#[test]
fn closing_fails_waiters_and_newcomers_but_takes_memory_back() {
    let pool = BufferPool::new(64, 16);
    let held = granted(&pool, 64);
    let ticket = waiting(&pool, 16);
    pool.close();
    assert!(pool.redeem(ticket.try_take().unwrap()).is_err());
    assert!(pool.reserve(1, || None).is_err());
    drop(held);
    assert_eq!(pool.available(), 64);
}

#[test]
fn an_interrupt_ends_the_wait_and_keeps_the_memory_whole() {
    let pool = BufferPool::new(64, 16);
    let held = granted(&pool, 64);
    let ticket = waiting(&pool, 16);
    pool.interrupt();
    assert!(matches!(ticket.wait(Instant::NEVER), Wait::Interrupted));
    pool.cancel(&ticket);
    drop(held);
    assert_eq!(pool.available(), 64);
}

#[test]
fn many_threads_leave_the_pool_whole() {
    let pool = BufferPool::new(1000, 100);
    std::thread::scope(|scope| {
        for thread in 0..8usize {
            let pool = &pool;
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(thread as u64);
                for _ in 0..2000 {
                    let size = if rng.bool() { 100 } else { rng.usize(1..1000) };
                    match pool.reserve(size, || None).unwrap() {
                        Reserve::Granted(buffer) => drop(buffer),
                        Reserve::Wait(ticket) if rng.u8(0..4) == 0 => pool.cancel(&ticket),
                        Reserve::Wait(ticket) => match ticket.wait(Instant::NEVER) {
                            Wait::Ready(grant) => drop(pool.redeem(grant).unwrap()),
                            _ => panic!("nobody interrupts"),
                        },
                    }
                }
            });
        }
    });
    assert_eq!((pool.available(), pool.queued()), (1000, 0));
}

#[test]
fn a_pool_beyond_what_32_bits_count_is_counted_right() {
    let total = 3 << 40;
    let pool = BufferPool::new(total, 16_384);
    let buffers: Vec<Buffer> = (0..4).map(|_| granted(&pool, 16_384)).collect();
    assert_eq!(pool.available(), total - 4 * 16_384);
    drop(buffers);
    assert_eq!((pool.available(), pool.queued()), (total, 0));
}

#[test]
fn a_thread_far_ahead_is_told_so_once_in_a_while_and_one_that_is_not_never() {
    let size = LOOK_EVERY / 2;
    let pool = BufferPool::new(8 * AHEAD, size);
    let take = || match pool.reserve(size, || None).unwrap() {
        Reserve::Granted(buffer) => buffer,
        Reserve::Wait(_) => panic!("there is memory"),
    };
    let mut taken = Vec::new();
    while taken.len() * size + size < AHEAD {
        taken.push(take());
        assert_eq!(pool.take_catch_up(), None, "little is in use");
    }
    assert_eq!(pool.is_caught_up(), taken.len() * size <= BEHIND);
    let told: Vec<bool> = (0..4)
        .map(|_| {
            taken.push(take());
            pool.take_catch_up().is_some()
        })
        .collect();
    assert_eq!(told, [false, true, false, true]);
    while taken.len() * size < 3 * AHEAD {
        taken.push(take());
    }
    pool.take_catch_up();
    taken.push(take());
    assert_eq!(pool.take_catch_up(), Some(CATCH_UP), "the further ahead, the more often");
    let Ok(Reserve::Granted(large)) = pool.reserve(3 * LOOK_EVERY, || None) else { panic!("room") };
    assert_eq!(pool.take_catch_up(), Some(CATCH_UP * 9), "the more, the longer");
    drop(large);
    let Ok(Reserve::Granted(large)) = pool.reserve(4 * LOOK_EVERY, || None) else { panic!("room") };
    assert_eq!(pool.take_catch_up(), Some(CATCH_UP * 10), "and never for long");
    drop(large);
    assert!(!pool.is_caught_up());
    taken.clear();
    assert!(pool.is_caught_up());
}
