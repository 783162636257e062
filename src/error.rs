//! Errors: one number, one text that says why.
//!
//! Numbers: 0 is no error, -1 and positive ones are Kafka's own (its class `Errors`), -200 and
//! below are ours. A number is never used for another meaning later.

use std::fmt;
use std::sync::Arc;

/// What kind of error a code is; decides what the producer does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Trying again will not help.
    Final,
    /// Trying again may help.
    Retriable,
    /// Retriable, and a sign that the metadata is stale (Java: InvalidMetadataException).
    InvalidMetadata,
}

/// An error's number. Unknown numbers from a broker are kept as they came.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorCode(pub i32);

macro_rules! codes {
    ($($number:literal, $name:ident, $kind:ident, $text:literal;)*) => {
        impl ErrorCode {
            /// No error.
            pub const NONE: ErrorCode = ErrorCode(0);
            $(#[doc = $text] pub const $name: ErrorCode = ErrorCode($number);)*

            /// Every known code.
            pub const ALL: &'static [ErrorCode] = &[ErrorCode::NONE, $(ErrorCode::$name),*];

            /// The name as Kafka spells it; `UNKNOWN` for a number that is not known.
            pub fn name(self) -> &'static str {
                match self.0 { 0 => "NONE", $($number => stringify!($name),)* _ => "UNKNOWN" }
            }

            /// One sentence that says what the code means.
            pub fn text(self) -> &'static str {
                match self.0 { 0 => "No error.", $($number => $text,)* _ => "An unknown error." }
            }

            /// What kind of error it is; unknown numbers are final, as in Java.
            pub fn kind(self) -> Kind {
                match self.0 { $($number => Kind::$kind,)* _ => Kind::Final }
            }
        }
    };
}

codes! {
    -1, UNKNOWN_SERVER_ERROR, Final,
        "The server experienced an unexpected error when processing the request.";
    1, OFFSET_OUT_OF_RANGE, Final,
        "The requested offset is not within the range of offsets maintained by the server.";
    2, CORRUPT_MESSAGE, Retriable,
        "The broker found the batch corrupt: its CRC does not match its bytes, or its size is invalid.";
    3, UNKNOWN_TOPIC_OR_PARTITION, InvalidMetadata,
        "The broker does not host this topic-partition.";
    5, LEADER_NOT_AVAILABLE, InvalidMetadata,
        "There is no leader for this topic-partition as an election is under way.";
    6, NOT_LEADER_OR_FOLLOWER, InvalidMetadata,
        "The broker is not the leader of this topic-partition.";
    7, REQUEST_TIMED_OUT, Retriable,
        "The request timed out.";
    8, BROKER_NOT_AVAILABLE, Final,
        "The broker is not available.";
    9, REPLICA_NOT_AVAILABLE, InvalidMetadata,
        "The replica is not available for the requested topic-partition.";
    10, MESSAGE_TOO_LARGE, Final,
        "The record or its batch is larger than the largest size that is accepted.";
    13, NETWORK_EXCEPTION, InvalidMetadata,
        "The connection was lost before a response was received.";
    14, COORDINATOR_LOAD_IN_PROGRESS, Retriable,
        "The coordinator is loading and hence can't process requests.";
    15, COORDINATOR_NOT_AVAILABLE, Retriable,
        "The coordinator is not available.";
    16, NOT_COORDINATOR, Retriable,
        "This is not the correct coordinator.";
    17, INVALID_TOPIC_EXCEPTION, Final,
        "The topic name is invalid.";
    18, RECORD_LIST_TOO_LARGE, Final,
        "The request included a batch larger than the configured segment size on the server.";
    19, NOT_ENOUGH_REPLICAS, Retriable,
        "Fewer in-sync replicas than min.insync.replicas; nothing was appended.";
    20, NOT_ENOUGH_REPLICAS_AFTER_APPEND, Retriable,
        "Appended, but to fewer in-sync replicas than min.insync.replicas.";
    21, INVALID_REQUIRED_ACKS, Final,
        "The produce request specified an invalid value for acks.";
    22, ILLEGAL_GENERATION, Final,
        "The specified group generation id is not valid.";
    25, UNKNOWN_MEMBER_ID, Final,
        "The coordinator is not aware of this member.";
    29, TOPIC_AUTHORIZATION_FAILED, Final,
        "Not authorized to access the topic.";
    30, GROUP_AUTHORIZATION_FAILED, Final,
        "Not authorized to access the group.";
    31, CLUSTER_AUTHORIZATION_FAILED, Final,
        "Not authorized on the cluster (idempotent writes need IdempotentWrite or Write on a topic).";
    32, INVALID_TIMESTAMP, Final,
        "The timestamp of the record is out of the range that the topic accepts.";
    33, UNSUPPORTED_SASL_MECHANISM, Final,
        "The broker does not support the requested SASL mechanism.";
    34, ILLEGAL_SASL_STATE, Final,
        "The request is not valid given the current SASL state.";
    35, UNSUPPORTED_VERSION, Final,
        "The version of the API is not supported.";
    36, TOPIC_ALREADY_EXISTS, Final,
        "Topic with this name already exists.";
    37, INVALID_PARTITIONS, Final,
        "Number of partitions is below 1.";
    38, INVALID_REPLICATION_FACTOR, Final,
        "Replication factor is below 1 or larger than the number of available brokers.";
    39, INVALID_REPLICA_ASSIGNMENT, Final,
        "Replica assignment is invalid.";
    40, INVALID_CONFIG, Final,
        "Configuration is invalid.";
    41, NOT_CONTROLLER, Retriable,
        "This is not the correct controller for this cluster.";
    42, INVALID_REQUEST, Final,
        "The broker found the request malformed or its fields in conflict.";
    43, UNSUPPORTED_FOR_MESSAGE_FORMAT, Final,
        "The message format version on the broker does not support the request.";
    44, POLICY_VIOLATION, Final,
        "Request parameters do not satisfy the configured policy.";
    45, OUT_OF_ORDER_SEQUENCE_NUMBER, Final,
        "The broker received an out of order sequence number.";
    46, DUPLICATE_SEQUENCE_NUMBER, Final,
        "The broker received a duplicate sequence number.";
    47, INVALID_PRODUCER_EPOCH, Final,
        "The producer attempted to produce with an old epoch.";
    48, INVALID_TXN_STATE, Final,
        "The producer attempted a transactional operation in an invalid state.";
    49, INVALID_PRODUCER_ID_MAPPING, Final,
        "The producer id is not the one currently assigned to the transactional id.";
    50, INVALID_TRANSACTION_TIMEOUT, Final,
        "The transaction timeout is larger than the maximum allowed by the broker.";
    51, CONCURRENT_TRANSACTIONS, Retriable,
        "Another transaction operation of this producer is still under way.";
    52, TRANSACTION_COORDINATOR_FENCED, Final,
        "The transaction coordinator sending this marker is no longer the coordinator.";
    53, TRANSACTIONAL_ID_AUTHORIZATION_FAILED, Final,
        "Not authorized to use this transactional id.";
    54, SECURITY_DISABLED, Final,
        "Security features are disabled.";
    55, OPERATION_NOT_ATTEMPTED, Final,
        "The broker did not attempt this operation, as another of the same request failed.";
    56, KAFKA_STORAGE_ERROR, InvalidMetadata,
        "Disk error when trying to access the log file on the broker.";
    57, LOG_DIR_NOT_FOUND, Final,
        "The user-specified log directory is not found in the broker config.";
    58, SASL_AUTHENTICATION_FAILED, Final,
        "SASL authentication failed.";
    59, UNKNOWN_PRODUCER_ID, Final,
        "The broker has no state for this producer id.";
    60, REASSIGNMENT_IN_PROGRESS, Final,
        "A partition reassignment is in progress.";
    68, NON_EMPTY_GROUP, Final,
        "The group is not empty.";
    69, GROUP_ID_NOT_FOUND, Final,
        "The group id does not exist.";
    72, LISTENER_NOT_FOUND, InvalidMetadata,
        "The leader has no listener that matches the one on which the metadata was asked for.";
    73, TOPIC_DELETION_DISABLED, Final,
        "Topic deletion is disabled.";
    74, FENCED_LEADER_EPOCH, InvalidMetadata,
        "The leader epoch in the request is older than the epoch on the broker.";
    75, UNKNOWN_LEADER_EPOCH, Retriable,
        "The leader epoch in the request is newer than the epoch on the broker.";
    76, UNSUPPORTED_COMPRESSION_TYPE, Final,
        "The broker does not support the compression type of the batch.";
    77, STALE_BROKER_EPOCH, Final,
        "Broker epoch has changed.";
    78, OFFSET_NOT_AVAILABLE, Retriable,
        "The leader's high watermark has not caught up after a recent election.";
    80, PREFERRED_LEADER_NOT_AVAILABLE, InvalidMetadata,
        "The preferred leader was not available.";
    81, GROUP_MAX_SIZE_REACHED, Final,
        "The consumer group has reached its max size.";
    82, FENCED_INSTANCE_ID, Final,
        "Another member with the same group.instance.id has joined.";
    83, ELIGIBLE_LEADERS_NOT_AVAILABLE, InvalidMetadata,
        "Eligible leaders are not available.";
    84, ELECTION_NOT_NEEDED, InvalidMetadata,
        "Leader election not needed for this topic-partition.";
    87, INVALID_RECORD, Final,
        "The broker refused the record, as it failed its validation.";
    88, UNSTABLE_OFFSET_COMMIT, Retriable,
        "There are unstable offsets that need to be cleared.";
    89, THROTTLING_QUOTA_EXCEEDED, Retriable,
        "The throttling quota has been exceeded.";
    90, PRODUCER_FENCED, Final,
        "A newer producer with the same transactional id fenced this one.";
    91, RESOURCE_NOT_FOUND, Final,
        "A request illegally referred to a resource that does not exist.";
    94, INCONSISTENT_VOTER_SET, Final,
        "The voter set in the request does not match.";
    95, INVALID_UPDATE_VERSION, Final,
        "The given update version was invalid.";
    96, FEATURE_UPDATE_FAILED, Final,
        "Unable to update finalized features.";
    97, PRINCIPAL_DESERIALIZATION_FAILURE, Final,
        "Request principal deserialization failed during forwarding.";
    100, UNKNOWN_TOPIC_ID, InvalidMetadata,
        "The broker does not host a topic with this id.";
    101, DUPLICATE_BROKER_REGISTRATION, Final,
        "This broker id is already in use.";
    103, INCONSISTENT_TOPIC_ID, InvalidMetadata,
        "The log's topic id did not match the topic id in the request.";
    107, INELIGIBLE_REPLICA, Final,
        "The new ISR contains at least one ineligible replica.";
    117, UNKNOWN_SUBSCRIPTION_ID, Final,
        "The client sent a push telemetry request with an outdated subscription id.";
    118, TELEMETRY_TOO_LARGE, Final,
        "The push telemetry request is larger than the broker accepts.";
    120, TRANSACTION_ABORTABLE, Final,
        "The transaction must be aborted.";
    129, REBOOTSTRAP_REQUIRED, Final,
        "The broker asks the client to rebootstrap.";
    -200, INVALID_ARGUMENT, Final,
        "An argument of the call is invalid.";
    -201, INVALID_HANDLE, Final,
        "The handle is null, was freed, or is of another kind.";
    -202, INVALID_UTF8, Final,
        "A text is not valid UTF-8.";
    -203, CONFIGURATION, Final,
        "The configuration is invalid.";
    -204, NOT_IMPLEMENTED, Final,
        "Known to Kafka, not there yet in this version.";
    -205, CLOSED, Final,
        "The producer is closed.";
    -206, TIMED_OUT, Retriable,
        "The time given was up.";
    -207, BUFFER_EXHAUSTED, Retriable,
        "No buffer memory within the time given.";
    -208, WOULD_BLOCK, Retriable,
        "The call would have to wait and was told not to.";
    -209, INTERRUPTED, Final,
        "The wait was interrupted from another thread.";
    -210, REPORTS_FULL, Retriable,
        "Too many delivery reports are unread.";
    -211, IN_CALLBACK, Final,
        "Not allowed inside a callback.";
    -212, FORKED, Final,
        "The handle was in use before this process was forked.";
    -213, WRONG_MODE, Final,
        "Delivery reports of this producer are consumed in another way.";
    -214, DELIVERY_TIMED_OUT, Retriable,
        "delivery.timeout.ms passed before the record was acknowledged.";
    -215, PROTOCOL_VIOLATION, Retriable,
        "The peer does not speak Kafka's protocol as it should.";
    -216, NO_RESOLVABLE_BOOTSTRAP, Final,
        "None of bootstrap.servers can be resolved.";
    -217, PARTITIONER_FAILED, Final,
        "The partitioner callback failed or chose an invalid partition.";
    -218, CLOSED_FORCEFULLY, Final,
        "The producer was closed before the record was acknowledged.";
    -219, FATAL, Final,
        "The producer met a fatal error earlier.";
    -220, PURGED, Final,
        "The record was purged before it was acknowledged.";
    -299, INTERNAL, Final,
        "A defect of this library; please report it.";
}

impl ErrorCode {
    /// Whether the number has a name here.
    pub fn is_known(self) -> bool {
        self.name() != "UNKNOWN"
    }

    /// Whether trying again may help.
    pub fn is_retriable(self) -> bool {
        self.kind() != Kind::Final
    }

    /// Whether the error says that the metadata is stale.
    pub fn is_invalid_metadata(self) -> bool {
        self.kind() == Kind::InvalidMetadata
    }
}

/// A number that a broker sent. Those below -1 mean something here and nothing to Kafka.
impl From<i16> for ErrorCode {
    fn from(code: i16) -> ErrorCode {
        match code {
            ..-1 => ErrorCode::UNKNOWN_SERVER_ERROR,
            _ => ErrorCode(i32::from(code)),
        }
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.0)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            "UNKNOWN" => write!(f, "UNKNOWN({})", self.0),
            name => f.write_str(name),
        }
    }
}

/// An error: its code, and a text that names the thing and the reason. Cheap to clone, as one
/// error is often the outcome of many records.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    code: ErrorCode,
    fatal: bool,
    /// With a NUL behind it, for C.
    message: Box<str>,
}

/// The result of most things here.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with its own text.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Error {
        Error::with(code, false, message.into())
    }

    /// An error after which this producer accepts no more records.
    pub fn fatal(code: ErrorCode, message: impl Into<String>) -> Error {
        Error::with(code, true, message.into())
    }

    fn with(code: ErrorCode, fatal: bool, mut message: String) -> Error {
        message.push('\0');
        Error(Arc::new(Inner { code, fatal, message: message.into_boxed_str() }))
    }

    /// The number.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The text, without the code's name.
    pub fn message(&self) -> &str {
        let message = &self.0.message;
        &message[..message.len() - 1]
    }

    /// The text and the NUL behind it; it lives as long as any clone of this error.
    pub fn message_with_nul(&self) -> &[u8] {
        self.0.message.as_bytes()
    }

    /// Whether this and `other` are clones of one error.
    pub fn is_same(&self, other: &Error) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether trying again may help.
    pub fn is_retriable(&self) -> bool {
        !self.0.fatal && self.0.code.is_retriable()
    }

    /// Whether the producer accepts nothing any more after it.
    pub fn is_fatal(&self) -> bool {
        self.0.fatal
    }

    /// Whether it ends the transaction and nothing more. Always false until there are transactions.
    pub fn is_abortable(&self) -> bool {
        false
    }
}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Error {
        Error::new(code, code.text())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.message())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique() {
        for (i, a) in ErrorCode::ALL.iter().enumerate() {
            for b in &ErrorCode::ALL[i + 1..] {
                assert_ne!(a.0, b.0, "{a:?} {b:?}");
                assert_ne!(a.name(), b.name());
            }
        }
    }

    #[test]
    fn an_unknown_code_keeps_its_number() {
        let code = ErrorCode::from(1234i16);
        assert_eq!(code.to_string(), "UNKNOWN(1234)");
        assert!(!code.is_retriable());
    }
}
