//! InitProducerId (22): a producer's id and epoch, which idempotence stands on.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;

/// The API's number.
pub const KEY: i16 = 22;
const VERSIONS: RangeInclusive<i16> = 0..=5;
const FLEXIBLE_FROM: i16 = 2;

/// Asks for an id, or for the next epoch of one.
#[derive(Clone, Debug, PartialEq)]
pub struct InitProducerIdRequest {
    /// Null for a producer without transactions.
    pub transactional_id: Option<Arc<str>>,
    /// After which time an idle transaction is aborted; without meaning if there is no id.
    pub transaction_timeout_ms: i32,
    /// Since version 3. The id whose epoch is to be raised, or -1.
    pub producer_id: i64,
    /// Since version 3. The epoch that the producer has, or -1.
    pub producer_epoch: i16,
}

impl Default for InitProducerIdRequest {
    fn default() -> InitProducerIdRequest {
        InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: 0,
            producer_id: -1,
            producer_epoch: -1,
        }
    }
}

impl Fields for InitProducerIdRequest {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.nullable_string("transactional_id", &mut self.transactional_id)?;
        c.i32("transaction_timeout_ms", &mut self.transaction_timeout_ms)?;
        if c.version() >= 3 {
            c.i64("producer_id", &mut self.producer_id)?;
            c.i16("producer_epoch", &mut self.producer_epoch)?;
        } else {
            c.absent("producer_id", self.producer_id == -1)?;
            c.absent("producer_epoch", self.producer_epoch == -1)?;
        }
        c.no_tags()
    }
}

impl Message for InitProducerIdRequest {
    const NAME: &'static str = "InitProducerIdRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for InitProducerIdRequest {
    type Response = InitProducerIdResponse;
}

/// The id and its epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct InitProducerIdResponse {
    /// How long the broker holds the client back for a quota; honoured since version 1.
    pub throttle_time_ms: i32,
    /// 0 if there was none. Since version 4 it may be `PRODUCER_FENCED`.
    pub error_code: i16,
    /// -1 if there is none.
    pub producer_id: i64,
    /// Without meaning if there is no id.
    pub producer_epoch: i16,
}

impl Default for InitProducerIdResponse {
    fn default() -> InitProducerIdResponse {
        InitProducerIdResponse {
            throttle_time_ms: 0,
            error_code: 0,
            producer_id: -1,
            producer_epoch: 0,
        }
    }
}

impl Fields for InitProducerIdResponse {
    const MIN_BYTES: usize = 16;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        c.i16("error_code", &mut self.error_code)?;
        c.i64("producer_id", &mut self.producer_id)?;
        c.i16("producer_epoch", &mut self.producer_epoch)?;
        c.no_tags()
    }
}

impl Message for InitProducerIdResponse {
    const NAME: &'static str = "InitProducerIdResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}
