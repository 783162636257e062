//! NodeApiVersions: what one broker speaks, and which version of an API to use with it.

use std::collections::HashMap;

use crate::error::{Error, ErrorCode, Result};
use crate::wire::Message;
use crate::wire::messages::ApiVersionsResponse;

/// See the file's comment.
#[derive(Clone, Debug, Default)]
pub struct NodeApiVersions {
    ranges: HashMap<i16, (i16, i16)>,
}

impl NodeApiVersions {
    /// From the broker's answer.
    pub fn new(response: &ApiVersionsResponse) -> NodeApiVersions {
        let range = |api: &crate::wire::messages::api_versions::ApiVersion| {
            (api.api_key, (api.min_version, api.max_version))
        };
        NodeApiVersions { ranges: response.api_keys.iter().map(range).collect() }
    }

    /// The newest version of `M` that both sides speak.
    pub fn choose<M: Message>(&self) -> Result<i16> {
        let ours = M::VERSIONS;
        let Some(&(min, max)) = self.ranges.get(&M::KEY) else {
            let text = format!("the broker does not offer {}; is it a broker's listener?", M::NAME);
            return Err(Error::new(ErrorCode::UNSUPPORTED_VERSION, text));
        };
        let chosen = max.min(*ours.end());
        if chosen < min.max(*ours.start()) {
            let text = format!(
                "the broker speaks {} {min} to {max}, this library {} to {}",
                M::NAME,
                ours.start(),
                ours.end()
            );
            return Err(Error::new(ErrorCode::UNSUPPORTED_VERSION, text));
        }
        Ok(chosen)
    }
}
