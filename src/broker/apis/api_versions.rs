//! ApiVersions: what this broker can do.

use crate::broker::call::Call;
use crate::broker::core::ClusterCore;
use crate::broker::kafka_apis::{Answer, Api};
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::messages::api_versions::{FinalizedFeatureKey, KEY, SupportedFeatureKey};
use crate::wire::messages::{ApiVersionsRequest, ApiVersionsResponse};

impl Api for ApiVersionsRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let names = [&self.client_software_name, &self.client_software_version];
        if call.header.api_version >= 3 && !names.iter().all(|name| is_software_name(name)) {
            let response = self.refusal(ErrorCode::INVALID_REQUEST).unwrap_or_default();
            return core.answer(call, response, now);
        }
        let api_keys = core.api_versions(call.broker);
        let features = core.features();
        let supported = |(name, level): &(&str, i16)| SupportedFeatureKey {
            name: (*name).into(),
            min_version: 0,
            max_version: *level,
        };
        let finalized = |(name, level): &(&str, i16)| FinalizedFeatureKey {
            name: (*name).into(),
            max_version_level: *level,
            min_version_level: *level,
        };
        let response = ApiVersionsResponse {
            api_keys,
            supported_features: features.iter().map(supported).collect(),
            finalized_features: features.iter().map(finalized).collect(),
            finalized_features_epoch: if features.is_empty() { -1 } else { 1 },
            ..ApiVersionsResponse::default()
        };
        core.answer(call, response, now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<ApiVersionsResponse> {
        Some(ApiVersionsResponse { error_code: code.0 as i16, ..ApiVersionsResponse::default() })
    }
}

/// Kafka: `[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?`.
fn is_software_name(name: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    ends(name.chars().next())
        && ends(name.chars().next_back())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
}

/// The answer to a version that is not known: one that every client can read, with the versions
/// that are.
pub fn unsupported_version(core: &mut ClusterCore, mut call: Call, now: Instant) {
    let mut api_keys = core.api_versions(call.broker);
    api_keys.retain(|api| api.api_key == KEY);
    let error_code = ErrorCode::UNSUPPORTED_VERSION.0 as i16;
    call.header.api_version = 0;
    let response = ApiVersionsResponse { error_code, api_keys, ..Default::default() };
    core.answer(call, response, now);
}

impl Answer for ApiVersionsResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        self.error_code = code.0 as i16;
    }
}
