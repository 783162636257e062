//! Errors that no producer ever gets, and consumers do.

use crate::error::ErrorCode;

/// What is kept beside an offset is too long.
pub const OFFSET_METADATA_TOO_LARGE: ErrorCode = ErrorCode(12);
/// The member knows no way of assigning that the others know.
pub const INCONSISTENT_GROUP_PROTOCOL: ErrorCode = ErrorCode(23);
/// A group without a name.
pub const INVALID_GROUP_ID: ErrorCode = ErrorCode(24);
/// The session timeout is out of the range that is allowed.
pub const INVALID_SESSION_TIMEOUT: ErrorCode = ErrorCode(26);
/// The member has to join again.
pub const REBALANCE_IN_PROGRESS: ErrorCode = ErrorCode(27);
/// There is no such fetch session.
pub const FETCH_SESSION_ID_NOT_FOUND: ErrorCode = ErrorCode(70);
/// A new member has to join again with the id that it was given.
pub const MEMBER_ID_REQUIRED: ErrorCode = ErrorCode(79);
