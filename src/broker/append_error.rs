//! Why a batch was not appended, as a produce response says it.

use crate::error::ErrorCode;

/// A refused batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendError {
    /// The error.
    pub code: ErrorCode,
    /// Why, in words. Kafka's broker tells it to the client only with `record_errors`.
    pub message: String,
    /// The records for which the batch was refused: place in the batch, and why.
    pub record_errors: Vec<(i32, String)>,
    /// Whether the response says where the log starts; it does not for errors that are found
    /// before the log is asked.
    pub tells_log_start: bool,
}

impl AppendError {
    /// An error that says nothing of the log.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> AppendError {
        let message = message.into();
        AppendError { code, message, record_errors: Vec::new(), tells_log_start: false }
    }

    /// An error of a partition that is there.
    pub fn of_log(code: ErrorCode, message: impl Into<String>) -> AppendError {
        AppendError { tells_log_start: true, ..AppendError::new(code, message) }
    }
}

impl From<ErrorCode> for AppendError {
    fn from(code: ErrorCode) -> AppendError {
        AppendError::new(code, code.text())
    }
}
