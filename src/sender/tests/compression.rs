//! Compressed batches, and brokers that are too old for them.

use super::setup::Setup;
use crate::compression::{Compression, CompressionType};
use crate::error::ErrorCode;
use crate::report::State;

#[test]
fn a_broker_that_is_too_old_for_zstd_is_named_and_sent_none() {
    let mut setup = Setup::default();
    setup.accumulator.compression = Compression { kind: CompressionType::Zstd, level: 3 };
    let mut world = setup.start();
    world.cluster.versions.insert(0, (3, 6));
    world.cluster.create("t", 1);
    world.know("t");
    let record = world.send_alone("t", 0);
    world.advance(1000);
    let report = world.report(record);
    let expected = (ErrorCode::UNSUPPORTED_COMPRESSION_TYPE, State::NotPersisted);
    assert_eq!((report.code(), report.state), expected);
    assert!(report.reason().contains("older than Kafka 2.1"), "{}", report.reason());
    assert!(world.arrived.is_empty());
    world.finish();
}
