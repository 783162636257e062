//! ApiVersions (18): what a broker can do. It is asked first on each connection, so the response
//! must be understood even if the broker did not know the version it was asked in.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::error::ErrorCode;
use crate::wire::Reader;
use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;

/// The API's number.
pub const KEY: i16 = 18;
const VERSIONS: RangeInclusive<i16> = 0..=4;
const FLEXIBLE_FROM: i16 = 3;

/// Asks what the broker can do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiVersionsRequest {
    /// Since version 3. The name of the client library; letters, digits, `-` and `.`.
    pub client_software_name: Arc<str>,
    /// Since version 3. Its version; the same characters.
    pub client_software_version: Arc<str>,
}

impl Fields for ApiVersionsRequest {
    const MIN_BYTES: usize = 0;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 3 {
            c.string("client_software_name", &mut self.client_software_name)?;
            c.string("client_software_version", &mut self.client_software_version)?;
        }
        c.no_tags()
    }
}

impl Message for ApiVersionsRequest {
    const NAME: &'static str = "ApiVersionsRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for ApiVersionsRequest {
    type Response = ApiVersionsResponse;
}

/// What the broker can do.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiVersionsResponse {
    /// 0 if there was none; 35 if the broker does not know the version of the request.
    pub error_code: i16,
    /// The APIs. With error 35 the versions of ApiVersions itself, or nothing.
    pub api_keys: Vec<ApiVersion>,
    /// Since version 1, honoured since version 2. How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// Since version 3, tag 0. Features of the broker.
    pub supported_features: Vec<SupportedFeatureKey>,
    /// Since version 3, tag 1. Grows with every change of the finalized features; -1 is unknown.
    pub finalized_features_epoch: i64,
    /// Since version 3, tag 2. Features of the cluster; valid if their epoch is known.
    pub finalized_features: Vec<FinalizedFeatureKey>,
    /// Since version 3, tag 3. Only controllers set it.
    pub zk_migration_ready: bool,
}

impl Default for ApiVersionsResponse {
    fn default() -> ApiVersionsResponse {
        ApiVersionsResponse {
            error_code: 0,
            api_keys: Vec::new(),
            throttle_time_ms: 0,
            supported_features: Vec::new(),
            finalized_features_epoch: -1,
            finalized_features: Vec::new(),
            zk_migration_ready: false,
        }
    }
}

impl Fields for ApiVersionsResponse {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i16("error_code", &mut self.error_code)?;
        c.array("api_keys", &mut self.api_keys)?;
        if c.version() >= 1 {
            c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        }
        let present = [
            !self.supported_features.is_empty(),
            self.finalized_features_epoch != -1,
            !self.finalized_features.is_empty(),
            self.zk_migration_ready,
        ];
        c.tags(&present, |c, tag| match tag {
            0 => c.array("supported_features", &mut self.supported_features),
            1 => c.i64("finalized_features_epoch", &mut self.finalized_features_epoch),
            2 => c.array("finalized_features", &mut self.finalized_features),
            _ => c.bool("zk_migration_ready", &mut self.zk_migration_ready),
        })
    }
}

impl Message for ApiVersionsResponse {
    const NAME: &'static str = "ApiVersionsResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;

    /// A broker that does not know the version answers with error 35 in version 0. Some answer with
    /// a body that is neither; then the error is all that is known.
    fn decode(reader: &mut Reader) -> Result<ApiVersionsResponse> {
        let bytes = reader.clone().into_rest();
        let mut response = ApiVersionsResponse::default();
        let result = response.fields(reader);
        let failed = result.is_err() && bytes.len() >= 2;
        if !failed || ErrorCode::from(response.error_code) != ErrorCode::UNSUPPORTED_VERSION {
            return result.map(|()| response);
        }
        let mut first_version = Reader::new::<ApiVersionsResponse>(bytes, 0)?;
        let mut response = ApiVersionsResponse::default();
        if response.fields(&mut first_version).is_err() {
            let error_code = response.error_code;
            response = ApiVersionsResponse { error_code, ..ApiVersionsResponse::default() };
        }
        Ok(response)
    }
}

/// The versions of one API.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiVersion {
    /// The API.
    pub api_key: i16,
    /// The lowest version the broker knows.
    pub min_version: i16,
    /// The highest version the broker knows.
    pub max_version: i16,
}

impl Fields for ApiVersion {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i16("api_key", &mut self.api_key)?;
        c.i16("min_version", &mut self.min_version)?;
        c.i16("max_version", &mut self.max_version)?;
        c.no_tags()
    }
}

/// A feature that the broker supports.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SupportedFeatureKey {
    /// Its name, such as `transaction.version`.
    pub name: Arc<str>,
    /// The lowest level.
    pub min_version: i16,
    /// The highest level.
    pub max_version: i16,
}

impl Fields for SupportedFeatureKey {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("name", &mut self.name)?;
        c.i16("min_version", &mut self.min_version)?;
        c.i16("max_version", &mut self.max_version)?;
        c.no_tags()
    }
}

/// A feature that the whole cluster has agreed on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FinalizedFeatureKey {
    /// Its name.
    pub name: Arc<str>,
    /// The highest level.
    pub max_version_level: i16,
    /// The lowest level.
    pub min_version_level: i16,
}

impl Fields for FinalizedFeatureKey {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("name", &mut self.name)?;
        c.i16("max_version_level", &mut self.max_version_level)?;
        c.i16("min_version_level", &mut self.min_version_level)?;
        c.no_tags()
    }
}
