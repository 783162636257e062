//! A defect that makes a round panic: no record is left without its report, wherever it was.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::harness::World;
use super::setup::Setup;
use crate::error::{Error, ErrorCode};
use crate::report::State;

/// One record in flight, one behind it.
fn busy() -> (World, u64, u64) {
    let mut world = Setup::default().ready();
    world.hold_produce = true;
    let in_flight = world.send_alone("t", 0);
    let queued = world.send_alone("t", 0);
    (world, in_flight, queued)
}

/// What the I/O thread does when a round panics.
fn panics(world: &mut World, round: impl FnOnce(&mut World)) {
    catch_unwind(AssertUnwindSafe(|| round(world))).expect_err("a panic");
    let error = Error::fatal(ErrorCode::INTERNAL, "it panicked");
    world.shared.fail(&error);
    world.sender.give_up(&error);
    world.sender.end_reports();
    world.read_reports();
}

#[test]
fn a_panic_while_an_answer_is_read_loses_no_report() {
    let (mut world, in_flight, queued) = busy();
    let requests = world.sender.requests.values_mut();
    requests.for_each(|request| request.batches.push((999, None)));
    world.hold_produce = false;
    panics(&mut world, |world| world.advance(1000));
    assert_eq!(world.report(in_flight).state, State::PossiblyPersisted);
    assert_eq!(world.report(queued).state, State::NotPersisted);
    assert_eq!(world.report(in_flight).code(), ErrorCode::INTERNAL);
    assert_eq!(world.shared.accumulator.incomplete.len(), 0);
    assert_eq!(world.reports.len(), 2);
    world.checked = true;
}

#[test]
fn a_panic_while_a_partition_is_looked_at_loses_no_report() {
    let (mut world, in_flight, queued) = busy();
    world.refuse("t", 0, ErrorCode::NOT_ENOUGH_REPLICAS);
    world.answer_with(1, |_| ());
    world.run();
    panics(&mut world, |world| {
        let _part = world.sender.parts.iter_mut().find_map(Option::take);
        panic!("with the partition in hand");
    });
    assert_eq!(world.report(in_flight).state, State::PossiblyPersisted);
    assert_eq!(world.report(queued).state, State::NotPersisted);
    assert_eq!(world.reports.len(), 2);
    world.checked = true;
}
