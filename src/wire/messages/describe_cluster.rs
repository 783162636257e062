//! DescribeCluster (60): the brokers and the controller.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::metadata::NO_AUTHORIZED_OPERATIONS;
use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;

/// The API's number.
pub const KEY: i16 = 60;
const VERSIONS: RangeInclusive<i16> = 0..=2;
const FLEXIBLE_FROM: i16 = 0;

/// Asks about the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeClusterRequest {
    /// Whether to tell what the client may do.
    pub include_cluster_authorized_operations: bool,
    /// Since version 1. 1 for the brokers, 2 for the controllers.
    pub endpoint_type: i8,
    /// Since version 2. Whether to tell about brokers that do not serve.
    pub include_fenced_brokers: bool,
}

impl Default for DescribeClusterRequest {
    fn default() -> DescribeClusterRequest {
        DescribeClusterRequest {
            include_cluster_authorized_operations: false,
            endpoint_type: 1,
            include_fenced_brokers: false,
        }
    }
}

impl Fields for DescribeClusterRequest {
    const MIN_BYTES: usize = 2;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.bool(
            "include_cluster_authorized_operations",
            &mut self.include_cluster_authorized_operations,
        )?;
        if c.version() >= 1 {
            c.i8("endpoint_type", &mut self.endpoint_type)?;
        } else {
            c.absent("endpoint_type", self.endpoint_type == 1)?;
        }
        if c.version() >= 2 {
            c.bool("include_fenced_brokers", &mut self.include_fenced_brokers)?;
        } else {
            c.absent("include_fenced_brokers", !self.include_fenced_brokers)?;
        }
        c.no_tags()
    }
}

impl Message for DescribeClusterRequest {
    const NAME: &'static str = "DescribeClusterRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for DescribeClusterRequest {
    type Response = DescribeClusterResponse;
}

/// The cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeClusterResponse {
    /// How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// 0 if there was none.
    pub error_code: i16,
    /// What is wrong, in words.
    pub error_message: Option<Arc<str>>,
    /// Since version 1. 1 for the brokers, 2 for the controllers.
    pub endpoint_type: i8,
    /// The cluster's id.
    pub cluster_id: Arc<str>,
    /// The controller, or -1.
    pub controller_id: i32,
    /// The brokers.
    pub brokers: Vec<DescribeClusterBroker>,
    /// A set of bits.
    pub cluster_authorized_operations: i32,
}

impl Default for DescribeClusterResponse {
    fn default() -> DescribeClusterResponse {
        DescribeClusterResponse {
            throttle_time_ms: 0,
            error_code: 0,
            error_message: None,
            endpoint_type: 1,
            cluster_id: Arc::default(),
            controller_id: -1,
            brokers: Vec::new(),
            cluster_authorized_operations: NO_AUTHORIZED_OPERATIONS,
        }
    }
}

impl Fields for DescribeClusterResponse {
    const MIN_BYTES: usize = 18;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        c.i16("error_code", &mut self.error_code)?;
        c.nullable_string("error_message", &mut self.error_message)?;
        if c.version() >= 1 {
            c.i8("endpoint_type", &mut self.endpoint_type)?;
        } else {
            c.absent("endpoint_type", self.endpoint_type == 1)?;
        }
        c.string("cluster_id", &mut self.cluster_id)?;
        c.i32("controller_id", &mut self.controller_id)?;
        c.array("brokers", &mut self.brokers)?;
        c.i32("cluster_authorized_operations", &mut self.cluster_authorized_operations)?;
        c.no_tags()
    }
}

impl Message for DescribeClusterResponse {
    const NAME: &'static str = "DescribeClusterResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// A broker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeClusterBroker {
    /// The broker's number.
    pub broker_id: i32,
    /// A name or an address.
    pub host: Arc<str>,
    /// The port.
    pub port: i32,
    /// Null if the broker was not given one.
    pub rack: Option<Arc<str>>,
    /// Since version 2. Whether it does not serve.
    pub is_fenced: bool,
}

impl Fields for DescribeClusterBroker {
    const MIN_BYTES: usize = 11;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("broker_id", &mut self.broker_id)?;
        c.string("host", &mut self.host)?;
        c.i32("port", &mut self.port)?;
        c.nullable_string("rack", &mut self.rack)?;
        if c.version() >= 2 {
            c.bool("is_fenced", &mut self.is_fenced)?;
        } else {
            c.absent("is_fenced", !self.is_fenced)?;
        }
        c.no_tags()
    }
}
