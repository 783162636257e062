//! Why bytes could not be read or a message could not be written.

use std::fmt;

use crate::error::{Error, ErrorCode};

/// An error that names the message, the field and what was wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError {
    code: ErrorCode,
    text: Box<str>,
}

/// The result of most things in this room.
pub type Result<T> = std::result::Result<T, WireError>;

impl WireError {
    /// The peer's bytes are not what the protocol says.
    pub fn violation(text: impl Into<String>) -> WireError {
        WireError { code: ErrorCode::PROTOCOL_VIOLATION, text: text.into().into_boxed_str() }
    }

    /// The bytes of a batch or a record are damaged.
    pub fn corrupt(text: impl Into<String>) -> WireError {
        WireError { code: ErrorCode::CORRUPT_MESSAGE, text: text.into().into_boxed_str() }
    }

    /// The message, or what it says, does not exist in that version of the API.
    pub fn unsupported_version(text: impl Into<String>) -> WireError {
        WireError { code: ErrorCode::UNSUPPORTED_VERSION, text: text.into().into_boxed_str() }
    }

    /// A value of ours does not fit its field.
    pub fn too_large(text: impl Into<String>) -> WireError {
        WireError { code: ErrorCode::INVALID_ARGUMENT, text: text.into().into_boxed_str() }
    }

    /// The number that says what kind of error it is.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The text.
    pub fn message(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for WireError {}

impl From<WireError> for Error {
    fn from(error: WireError) -> Error {
        Error::new(error.code, error.text)
    }
}
