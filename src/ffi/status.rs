//! Statuses: the numbers that functions return, with their names. The numbers are those of
//! `ErrorCode`, listed here because cbindgen reads this file; tests/header.rs compares the two.

#![allow(dead_code)] // The constants are for C programs.

use std::collections::HashMap;
use std::ffi::{CString, c_char};
use std::sync::OnceLock;

use super::boundary;
use crate::error::ErrorCode;

/// No error.
pub const OTTLA_OK: i32 = 0;
/// The server experienced an unexpected error when processing the request.
pub const OTTLA_UNKNOWN_SERVER_ERROR: i32 = -1;
/// The requested offset is not within the range of offsets maintained by the server.
pub const OTTLA_OFFSET_OUT_OF_RANGE: i32 = 1;
/// The broker found the batch corrupt: its CRC does not match its bytes, or its size is invalid.
pub const OTTLA_CORRUPT_MESSAGE: i32 = 2;
/// The broker does not host this topic-partition.
pub const OTTLA_UNKNOWN_TOPIC_OR_PARTITION: i32 = 3;
/// There is no leader for this topic-partition as an election is under way.
pub const OTTLA_LEADER_NOT_AVAILABLE: i32 = 5;
/// The broker is not the leader of this topic-partition.
pub const OTTLA_NOT_LEADER_OR_FOLLOWER: i32 = 6;
/// The request timed out.
pub const OTTLA_REQUEST_TIMED_OUT: i32 = 7;
/// The broker is not available.
pub const OTTLA_BROKER_NOT_AVAILABLE: i32 = 8;
/// The replica is not available for the requested topic-partition.
pub const OTTLA_REPLICA_NOT_AVAILABLE: i32 = 9;
/// The record or its batch is larger than the largest size that is accepted.
pub const OTTLA_MESSAGE_TOO_LARGE: i32 = 10;
/// The connection was lost before a response was received.
pub const OTTLA_NETWORK_EXCEPTION: i32 = 13;
/// The coordinator is loading and hence can't process requests.
pub const OTTLA_COORDINATOR_LOAD_IN_PROGRESS: i32 = 14;
/// The coordinator is not available.
pub const OTTLA_COORDINATOR_NOT_AVAILABLE: i32 = 15;
/// This is not the correct coordinator.
pub const OTTLA_NOT_COORDINATOR: i32 = 16;
/// The topic name is invalid.
pub const OTTLA_INVALID_TOPIC_EXCEPTION: i32 = 17;
/// The request included a batch larger than the configured segment size on the server.
pub const OTTLA_RECORD_LIST_TOO_LARGE: i32 = 18;
/// Fewer in-sync replicas than min.insync.replicas; nothing was appended.
pub const OTTLA_NOT_ENOUGH_REPLICAS: i32 = 19;
/// Appended, but to fewer in-sync replicas than min.insync.replicas.
pub const OTTLA_NOT_ENOUGH_REPLICAS_AFTER_APPEND: i32 = 20;
/// The produce request specified an invalid value for acks.
pub const OTTLA_INVALID_REQUIRED_ACKS: i32 = 21;
/// The specified group generation id is not valid.
pub const OTTLA_ILLEGAL_GENERATION: i32 = 22;
/// The coordinator is not aware of this member.
pub const OTTLA_UNKNOWN_MEMBER_ID: i32 = 25;
/// Not authorized to access the topic.
pub const OTTLA_TOPIC_AUTHORIZATION_FAILED: i32 = 29;
/// Not authorized to access the group.
pub const OTTLA_GROUP_AUTHORIZATION_FAILED: i32 = 30;
/// Not authorized on the cluster (idempotent writes need IdempotentWrite or Write on a topic).
pub const OTTLA_CLUSTER_AUTHORIZATION_FAILED: i32 = 31;
/// The timestamp of the record is out of the range that the topic accepts.
pub const OTTLA_INVALID_TIMESTAMP: i32 = 32;
/// The broker does not support the requested SASL mechanism.
pub const OTTLA_UNSUPPORTED_SASL_MECHANISM: i32 = 33;
/// The request is not valid given the current SASL state.
pub const OTTLA_ILLEGAL_SASL_STATE: i32 = 34;
/// The version of the API is not supported.
pub const OTTLA_UNSUPPORTED_VERSION: i32 = 35;
/// Topic with this name already exists.
pub const OTTLA_TOPIC_ALREADY_EXISTS: i32 = 36;
/// Number of partitions is below 1.
pub const OTTLA_INVALID_PARTITIONS: i32 = 37;
/// Replication factor is below 1 or larger than the number of available brokers.
pub const OTTLA_INVALID_REPLICATION_FACTOR: i32 = 38;
/// Replica assignment is invalid.
pub const OTTLA_INVALID_REPLICA_ASSIGNMENT: i32 = 39;
/// Configuration is invalid.
pub const OTTLA_INVALID_CONFIG: i32 = 40;
/// This is not the correct controller for this cluster.
pub const OTTLA_NOT_CONTROLLER: i32 = 41;
/// The broker found the request malformed or its fields in conflict.
pub const OTTLA_INVALID_REQUEST: i32 = 42;
/// The message format version on the broker does not support the request.
pub const OTTLA_UNSUPPORTED_FOR_MESSAGE_FORMAT: i32 = 43;
/// Request parameters do not satisfy the configured policy.
pub const OTTLA_POLICY_VIOLATION: i32 = 44;
/// The broker received an out of order sequence number.
pub const OTTLA_OUT_OF_ORDER_SEQUENCE_NUMBER: i32 = 45;
/// The broker received a duplicate sequence number.
pub const OTTLA_DUPLICATE_SEQUENCE_NUMBER: i32 = 46;
/// The producer attempted to produce with an old epoch.
pub const OTTLA_INVALID_PRODUCER_EPOCH: i32 = 47;
/// The producer attempted a transactional operation in an invalid state.
pub const OTTLA_INVALID_TXN_STATE: i32 = 48;
/// The producer id is not the one currently assigned to the transactional id.
pub const OTTLA_INVALID_PRODUCER_ID_MAPPING: i32 = 49;
/// The transaction timeout is larger than the maximum allowed by the broker.
pub const OTTLA_INVALID_TRANSACTION_TIMEOUT: i32 = 50;
/// Another transaction operation of this producer is still under way.
pub const OTTLA_CONCURRENT_TRANSACTIONS: i32 = 51;
/// The transaction coordinator sending this marker is no longer the coordinator.
pub const OTTLA_TRANSACTION_COORDINATOR_FENCED: i32 = 52;
/// Not authorized to use this transactional id.
pub const OTTLA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED: i32 = 53;
/// Security features are disabled.
pub const OTTLA_SECURITY_DISABLED: i32 = 54;
/// The broker did not attempt this operation, as another of the same request failed.
pub const OTTLA_OPERATION_NOT_ATTEMPTED: i32 = 55;
/// Disk error when trying to access the log file on the broker.
pub const OTTLA_KAFKA_STORAGE_ERROR: i32 = 56;
/// The user-specified log directory is not found in the broker config.
pub const OTTLA_LOG_DIR_NOT_FOUND: i32 = 57;
/// SASL authentication failed.
pub const OTTLA_SASL_AUTHENTICATION_FAILED: i32 = 58;
/// The broker has no state for this producer id.
pub const OTTLA_UNKNOWN_PRODUCER_ID: i32 = 59;
/// A partition reassignment is in progress.
pub const OTTLA_REASSIGNMENT_IN_PROGRESS: i32 = 60;
/// The group is not empty.
pub const OTTLA_NON_EMPTY_GROUP: i32 = 68;
/// The group id does not exist.
pub const OTTLA_GROUP_ID_NOT_FOUND: i32 = 69;
/// The leader has no listener that matches the one on which the metadata was asked for.
pub const OTTLA_LISTENER_NOT_FOUND: i32 = 72;
/// Topic deletion is disabled.
pub const OTTLA_TOPIC_DELETION_DISABLED: i32 = 73;
/// The leader epoch in the request is older than the epoch on the broker.
pub const OTTLA_FENCED_LEADER_EPOCH: i32 = 74;
/// The leader epoch in the request is newer than the epoch on the broker.
pub const OTTLA_UNKNOWN_LEADER_EPOCH: i32 = 75;
/// The broker does not support the compression type of the batch.
pub const OTTLA_UNSUPPORTED_COMPRESSION_TYPE: i32 = 76;
/// Broker epoch has changed.
pub const OTTLA_STALE_BROKER_EPOCH: i32 = 77;
/// The leader's high watermark has not caught up after a recent election.
pub const OTTLA_OFFSET_NOT_AVAILABLE: i32 = 78;
/// The preferred leader was not available.
pub const OTTLA_PREFERRED_LEADER_NOT_AVAILABLE: i32 = 80;
/// The consumer group has reached its max size.
pub const OTTLA_GROUP_MAX_SIZE_REACHED: i32 = 81;
/// Another member with the same group.instance.id has joined.
pub const OTTLA_FENCED_INSTANCE_ID: i32 = 82;
/// Eligible leaders are not available.
pub const OTTLA_ELIGIBLE_LEADERS_NOT_AVAILABLE: i32 = 83;
/// Leader election not needed for this topic-partition.
pub const OTTLA_ELECTION_NOT_NEEDED: i32 = 84;
/// The broker refused the record, as it failed its validation.
pub const OTTLA_INVALID_RECORD: i32 = 87;
/// There are unstable offsets that need to be cleared.
pub const OTTLA_UNSTABLE_OFFSET_COMMIT: i32 = 88;
/// The throttling quota has been exceeded.
pub const OTTLA_THROTTLING_QUOTA_EXCEEDED: i32 = 89;
/// A newer producer with the same transactional id fenced this one.
pub const OTTLA_PRODUCER_FENCED: i32 = 90;
/// A request illegally referred to a resource that does not exist.
pub const OTTLA_RESOURCE_NOT_FOUND: i32 = 91;
/// The voter set in the request does not match.
pub const OTTLA_INCONSISTENT_VOTER_SET: i32 = 94;
/// The given update version was invalid.
pub const OTTLA_INVALID_UPDATE_VERSION: i32 = 95;
/// Unable to update finalized features.
pub const OTTLA_FEATURE_UPDATE_FAILED: i32 = 96;
/// Request principal deserialization failed during forwarding.
pub const OTTLA_PRINCIPAL_DESERIALIZATION_FAILURE: i32 = 97;
/// The broker does not host a topic with this id.
pub const OTTLA_UNKNOWN_TOPIC_ID: i32 = 100;
/// This broker id is already in use.
pub const OTTLA_DUPLICATE_BROKER_REGISTRATION: i32 = 101;
/// The log's topic id did not match the topic id in the request.
pub const OTTLA_INCONSISTENT_TOPIC_ID: i32 = 103;
/// The new ISR contains at least one ineligible replica.
pub const OTTLA_INELIGIBLE_REPLICA: i32 = 107;
/// The client sent a push telemetry request with an outdated subscription id.
pub const OTTLA_UNKNOWN_SUBSCRIPTION_ID: i32 = 117;
/// The push telemetry request is larger than the broker accepts.
pub const OTTLA_TELEMETRY_TOO_LARGE: i32 = 118;
/// The transaction must be aborted.
pub const OTTLA_TRANSACTION_ABORTABLE: i32 = 120;
/// The broker asks the client to rebootstrap.
pub const OTTLA_REBOOTSTRAP_REQUIRED: i32 = 129;
/// An argument of the call is invalid.
pub const OTTLA_INVALID_ARGUMENT: i32 = -200;
/// The handle is null, was freed, or is of another kind.
pub const OTTLA_INVALID_HANDLE: i32 = -201;
/// A text is not valid UTF-8.
pub const OTTLA_INVALID_UTF8: i32 = -202;
/// The configuration is invalid.
pub const OTTLA_CONFIGURATION: i32 = -203;
/// Known to Kafka, not there yet in this version.
pub const OTTLA_NOT_IMPLEMENTED: i32 = -204;
/// The producer is closed.
pub const OTTLA_CLOSED: i32 = -205;
/// The time given was up.
pub const OTTLA_TIMED_OUT: i32 = -206;
/// No buffer memory within the time given.
pub const OTTLA_BUFFER_EXHAUSTED: i32 = -207;
/// The call would have to wait and was told not to.
pub const OTTLA_WOULD_BLOCK: i32 = -208;
/// The wait was interrupted from another thread.
pub const OTTLA_INTERRUPTED: i32 = -209;
/// Too many delivery reports are unread.
pub const OTTLA_REPORTS_FULL: i32 = -210;
/// Not allowed inside a callback.
pub const OTTLA_IN_CALLBACK: i32 = -211;
/// The handle was in use before this process was forked.
pub const OTTLA_FORKED: i32 = -212;
/// Delivery reports of this producer are consumed in another way.
pub const OTTLA_WRONG_MODE: i32 = -213;
/// delivery.timeout.ms passed before the record was acknowledged.
pub const OTTLA_DELIVERY_TIMED_OUT: i32 = -214;
/// The peer does not speak Kafka's protocol as it should.
pub const OTTLA_PROTOCOL_VIOLATION: i32 = -215;
/// None of bootstrap.servers can be resolved.
pub const OTTLA_NO_RESOLVABLE_BOOTSTRAP: i32 = -216;
/// The partitioner callback failed or chose an invalid partition.
pub const OTTLA_PARTITIONER_FAILED: i32 = -217;
/// The producer was closed before the record was acknowledged.
pub const OTTLA_CLOSED_FORCEFULLY: i32 = -218;
/// The producer met a fatal error earlier.
pub const OTTLA_FATAL: i32 = -219;
/// The record was purged before it was acknowledged.
pub const OTTLA_PURGED: i32 = -220;
/// A defect of this library; please report it.
pub const OTTLA_INTERNAL: i32 = -299;

struct Texts {
    name: CString,
    text: CString,
}

/// Names and texts with a NUL behind them.
fn texts(status: i32) -> &'static Texts {
    static TEXTS: OnceLock<HashMap<i32, Texts>> = OnceLock::new();
    static UNKNOWN: OnceLock<Texts> = OnceLock::new();
    let make = |code: ErrorCode| {
        let c_string = |text: &str| CString::new(text).unwrap_or_default();
        Texts { name: c_string(code.name()), text: c_string(code.text()) }
    };
    let all = || ErrorCode::ALL.iter().map(|code| (code.0, make(*code))).collect();
    let known = TEXTS.get_or_init(all).get(&status);
    known.unwrap_or_else(|| UNKNOWN.get_or_init(|| make(ErrorCode(i32::MIN))))
}

/// The name of a status, as Kafka spells it ("NOT_LEADER_OR_FOLLOWER"); "NONE" for 0.
///
/// Ownership: the text is the library's and lives as long as the process.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: the name, never NULL; "UNKNOWN" for a number that is no status.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_status_name(status: i32) -> *const c_char {
    boundary::run_accessor(c"UNKNOWN".as_ptr(), || Some(texts(status).name.as_ptr()))
}

/// One sentence that says what a status means.
///
/// Ownership: the text is the library's and lives as long as the process.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: the sentence, never NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_status_text(status: i32) -> *const c_char {
    boundary::run_accessor(c"An unknown error.".as_ptr(), || Some(texts(status).text.as_ptr()))
}
