/**
 * Ottla: a Kafka producer. This file is made by `make header`; do not edit it.
 *
 * NAMES. Functions are ottla_<noun>_<verb>, types ottla_<noun>_t, constants OTTLA_<NAME>.
 * Configuration keys, errors and metrics have Kafka's own names.
 *
 * STATUS. Functions return an int32_t: 0 is success, -1 and positive numbers are Kafka's own error
 * codes, -200 and below are the library's. A number never changes its meaning. Only accessors
 * that cannot fail return something else. Out-parameters come last and are written on success
 * only. There are no partial successes but in ottla_producer_send_batch and _send_array, which say
 * so.
 *
 * ERRORS. Many functions end with `ottla_error_t **error`. If it is not NULL, `*error` is set on
 * failure, and on failure only, to an object that says what happened and why; free it with
 * ottla_error_free.
 *
 * HANDLES. What the _new functions give is a handle: it looks like a pointer and is none. A handle
 * that is NULL, was freed, is of another kind, or is garbage is answered with
 * OTTLA_INVALID_HANDLE. Each is freed by the function of its noun; to free NULL is fine.
 *
 * TEXTS AND BYTES go in as a pointer and an int64_t length and are copied before the function
 * returns. For texts (topics, names of headers) a length of -1 means that a NUL is behind them;
 * they must be UTF-8 (OTTLA_INVALID_UTF8). For bytes (keys, values, values of headers) a length of
 * -1 means null, which Kafka tells apart from empty; the pointer is not looked at then. A NULL
 * pointer with a length above 0 is OTTLA_INVALID_ARGUMENT, and so is a length below -1.
 *
 * TIMEOUTS are int32_t milliseconds: 0 does not wait, -1 waits without limit. Where a send waits,
 * OTTLA_MAX_BLOCK (-2) stands for the configuration's `max.block.ms`. Less is
 * OTTLA_INVALID_ARGUMENT.
 *
 * THREADS. All functions may be called from any thread at any time. To free an object while
 * another thread uses it is a mistake, though a harmless one.
 *
 * DELIVERY REPORTS. Each record that was accepted (a send returned 0) gets exactly one report,
 * unless it is flagged OTTLA_NO_REPORT; one that was refused gets none. Reports are consumed in
 * exactly one way: pulled with ottla_producer_poll_reports, or given to the report callback inside
 * ottla_producer_poll, _flush and _close, or given to the callback on a thread of the library
 * (delivery.report.mode=dispatch). Read them: with delivery.report.queue.max unread ones, those
 * still to come included, a send answers OTTLA_REPORTS_FULL at once. Buffer memory does not wait for
 * that: it returns when the broker answers.
 *
 * CALLBACKS never run on the thread that talks to the brokers. What they are given is valid until
 * they return. They may send and poll; flush, close and free of the same producer answer
 * OTTLA_IN_CALLBACK. They must not throw or longjmp. The `user` pointer that comes with a callback
 * is used on whichever thread the callback runs.
 *
 * STRUCTS GROW. ottla_record_t begins with its own size; arrays of reports and partitions come
 * with the size of an element as the caller knows it, their stride. A caller that was compiled
 * against an older header goes on working.
 *
 * PACKED HEADERS are, for each header and without gaps: int32 length of the name, the name (UTF-8),
 * int32 length of the value or -1 for null, the value.
 *
 * PACKED RECORDS are, for each record and without gaps: int64 timestamp_ms, uint64 opaque, int32
 * partition, uint32 flags, int32 length of the key or -1 for null, the key, int32 length of the
 * value or -1 for null, the value, int32 length in bytes of the packed headers, the packed headers.
 * The first four mean what they mean in ottla_record_t. All numbers are in the byte order of the
 * machine; nothing is aligned.
 *
 * FORKS. A producer that was used before fork() answers OTTLA_FORKED in the child; it can be freed
 * there. One that was not used yet works in both. Do not unload the library with dlclose.
 */

#ifndef OTTLA_H
#define OTTLA_H

#include <stddef.h>
#include <stdint.h>

/** An ottla_record_t with everything left open: set the topic and what else there is. */
#define OTTLA_RECORD_INIT \
    { sizeof(ottla_record_t), NULL, -1, NULL, -1, NULL, -1, NULL, 0, -1, 0, -1, 0 }

/**
 * The version of this header. A library with the same major version is compatible.
 */
#define OTTLA_VERSION_MAJOR 0

/**
 * The minor version of this header.
 */
#define OTTLA_VERSION_MINOR 1

/**
 * The patch version of this header.
 */
#define OTTLA_VERSION_PATCH 0

/**
 * No error.
 */
#define OTTLA_OK 0

/**
 * The server experienced an unexpected error when processing the request.
 */
#define OTTLA_UNKNOWN_SERVER_ERROR -1

/**
 * The requested offset is not within the range of offsets maintained by the server.
 */
#define OTTLA_OFFSET_OUT_OF_RANGE 1

/**
 * The broker found the batch corrupt: its CRC does not match its bytes, or its size is invalid.
 */
#define OTTLA_CORRUPT_MESSAGE 2

/**
 * The broker does not host this topic-partition.
 */
#define OTTLA_UNKNOWN_TOPIC_OR_PARTITION 3

/**
 * There is no leader for this topic-partition as an election is under way.
 */
#define OTTLA_LEADER_NOT_AVAILABLE 5

/**
 * The broker is not the leader of this topic-partition.
 */
#define OTTLA_NOT_LEADER_OR_FOLLOWER 6

/**
 * The request timed out.
 */
#define OTTLA_REQUEST_TIMED_OUT 7

/**
 * The broker is not available.
 */
#define OTTLA_BROKER_NOT_AVAILABLE 8

/**
 * The replica is not available for the requested topic-partition.
 */
#define OTTLA_REPLICA_NOT_AVAILABLE 9

/**
 * The record or its batch is larger than the largest size that is accepted.
 */
#define OTTLA_MESSAGE_TOO_LARGE 10

/**
 * The connection was lost before a response was received.
 */
#define OTTLA_NETWORK_EXCEPTION 13

/**
 * The coordinator is loading and hence can't process requests.
 */
#define OTTLA_COORDINATOR_LOAD_IN_PROGRESS 14

/**
 * The coordinator is not available.
 */
#define OTTLA_COORDINATOR_NOT_AVAILABLE 15

/**
 * This is not the correct coordinator.
 */
#define OTTLA_NOT_COORDINATOR 16

/**
 * The topic name is invalid.
 */
#define OTTLA_INVALID_TOPIC_EXCEPTION 17

/**
 * The request included a batch larger than the configured segment size on the server.
 */
#define OTTLA_RECORD_LIST_TOO_LARGE 18

/**
 * Fewer in-sync replicas than min.insync.replicas; nothing was appended.
 */
#define OTTLA_NOT_ENOUGH_REPLICAS 19

/**
 * Appended, but to fewer in-sync replicas than min.insync.replicas.
 */
#define OTTLA_NOT_ENOUGH_REPLICAS_AFTER_APPEND 20

/**
 * The produce request specified an invalid value for acks.
 */
#define OTTLA_INVALID_REQUIRED_ACKS 21

/**
 * The specified group generation id is not valid.
 */
#define OTTLA_ILLEGAL_GENERATION 22

/**
 * The coordinator is not aware of this member.
 */
#define OTTLA_UNKNOWN_MEMBER_ID 25

/**
 * Not authorized to access the topic.
 */
#define OTTLA_TOPIC_AUTHORIZATION_FAILED 29

/**
 * Not authorized to access the group.
 */
#define OTTLA_GROUP_AUTHORIZATION_FAILED 30

/**
 * Not authorized on the cluster (idempotent writes need IdempotentWrite or Write on a topic).
 */
#define OTTLA_CLUSTER_AUTHORIZATION_FAILED 31

/**
 * The timestamp of the record is out of the range that the topic accepts.
 */
#define OTTLA_INVALID_TIMESTAMP 32

/**
 * The broker does not support the requested SASL mechanism.
 */
#define OTTLA_UNSUPPORTED_SASL_MECHANISM 33

/**
 * The request is not valid given the current SASL state.
 */
#define OTTLA_ILLEGAL_SASL_STATE 34

/**
 * The version of the API is not supported.
 */
#define OTTLA_UNSUPPORTED_VERSION 35

/**
 * Topic with this name already exists.
 */
#define OTTLA_TOPIC_ALREADY_EXISTS 36

/**
 * Number of partitions is below 1.
 */
#define OTTLA_INVALID_PARTITIONS 37

/**
 * Replication factor is below 1 or larger than the number of available brokers.
 */
#define OTTLA_INVALID_REPLICATION_FACTOR 38

/**
 * Replica assignment is invalid.
 */
#define OTTLA_INVALID_REPLICA_ASSIGNMENT 39

/**
 * Configuration is invalid.
 */
#define OTTLA_INVALID_CONFIG 40

/**
 * This is not the correct controller for this cluster.
 */
#define OTTLA_NOT_CONTROLLER 41

/**
 * The broker found the request malformed or its fields in conflict.
 */
#define OTTLA_INVALID_REQUEST 42

/**
 * The message format version on the broker does not support the request.
 */
#define OTTLA_UNSUPPORTED_FOR_MESSAGE_FORMAT 43

/**
 * Request parameters do not satisfy the configured policy.
 */
#define OTTLA_POLICY_VIOLATION 44

/**
 * The broker received an out of order sequence number.
 */
#define OTTLA_OUT_OF_ORDER_SEQUENCE_NUMBER 45

/**
 * The broker received a duplicate sequence number.
 */
#define OTTLA_DUPLICATE_SEQUENCE_NUMBER 46

/**
 * The producer attempted to produce with an old epoch.
 */
#define OTTLA_INVALID_PRODUCER_EPOCH 47

/**
 * The producer attempted a transactional operation in an invalid state.
 */
#define OTTLA_INVALID_TXN_STATE 48

/**
 * The producer id is not the one currently assigned to the transactional id.
 */
#define OTTLA_INVALID_PRODUCER_ID_MAPPING 49

/**
 * The transaction timeout is larger than the maximum allowed by the broker.
 */
#define OTTLA_INVALID_TRANSACTION_TIMEOUT 50

/**
 * Another transaction operation of this producer is still under way.
 */
#define OTTLA_CONCURRENT_TRANSACTIONS 51

/**
 * The transaction coordinator sending this marker is no longer the coordinator.
 */
#define OTTLA_TRANSACTION_COORDINATOR_FENCED 52

/**
 * Not authorized to use this transactional id.
 */
#define OTTLA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED 53

/**
 * Security features are disabled.
 */
#define OTTLA_SECURITY_DISABLED 54

/**
 * The broker did not attempt this operation, as another of the same request failed.
 */
#define OTTLA_OPERATION_NOT_ATTEMPTED 55

/**
 * Disk error when trying to access the log file on the broker.
 */
#define OTTLA_KAFKA_STORAGE_ERROR 56

/**
 * The user-specified log directory is not found in the broker config.
 */
#define OTTLA_LOG_DIR_NOT_FOUND 57

/**
 * SASL authentication failed.
 */
#define OTTLA_SASL_AUTHENTICATION_FAILED 58

/**
 * The broker has no state for this producer id.
 */
#define OTTLA_UNKNOWN_PRODUCER_ID 59

/**
 * A partition reassignment is in progress.
 */
#define OTTLA_REASSIGNMENT_IN_PROGRESS 60

/**
 * The group is not empty.
 */
#define OTTLA_NON_EMPTY_GROUP 68

/**
 * The group id does not exist.
 */
#define OTTLA_GROUP_ID_NOT_FOUND 69

/**
 * The leader has no listener that matches the one on which the metadata was asked for.
 */
#define OTTLA_LISTENER_NOT_FOUND 72

/**
 * Topic deletion is disabled.
 */
#define OTTLA_TOPIC_DELETION_DISABLED 73

/**
 * The leader epoch in the request is older than the epoch on the broker.
 */
#define OTTLA_FENCED_LEADER_EPOCH 74

/**
 * The leader epoch in the request is newer than the epoch on the broker.
 */
#define OTTLA_UNKNOWN_LEADER_EPOCH 75

/**
 * The broker does not support the compression type of the batch.
 */
#define OTTLA_UNSUPPORTED_COMPRESSION_TYPE 76

/**
 * Broker epoch has changed.
 */
#define OTTLA_STALE_BROKER_EPOCH 77

/**
 * The leader's high watermark has not caught up after a recent election.
 */
#define OTTLA_OFFSET_NOT_AVAILABLE 78

/**
 * The preferred leader was not available.
 */
#define OTTLA_PREFERRED_LEADER_NOT_AVAILABLE 80

/**
 * The consumer group has reached its max size.
 */
#define OTTLA_GROUP_MAX_SIZE_REACHED 81

/**
 * Another member with the same group.instance.id has joined.
 */
#define OTTLA_FENCED_INSTANCE_ID 82

/**
 * Eligible leaders are not available.
 */
#define OTTLA_ELIGIBLE_LEADERS_NOT_AVAILABLE 83

/**
 * Leader election not needed for this topic-partition.
 */
#define OTTLA_ELECTION_NOT_NEEDED 84

/**
 * The broker refused the record, as it failed its validation.
 */
#define OTTLA_INVALID_RECORD 87

/**
 * There are unstable offsets that need to be cleared.
 */
#define OTTLA_UNSTABLE_OFFSET_COMMIT 88

/**
 * The throttling quota has been exceeded.
 */
#define OTTLA_THROTTLING_QUOTA_EXCEEDED 89

/**
 * A newer producer with the same transactional id fenced this one.
 */
#define OTTLA_PRODUCER_FENCED 90

/**
 * A request illegally referred to a resource that does not exist.
 */
#define OTTLA_RESOURCE_NOT_FOUND 91

/**
 * The voter set in the request does not match.
 */
#define OTTLA_INCONSISTENT_VOTER_SET 94

/**
 * The given update version was invalid.
 */
#define OTTLA_INVALID_UPDATE_VERSION 95

/**
 * Unable to update finalized features.
 */
#define OTTLA_FEATURE_UPDATE_FAILED 96

/**
 * Request principal deserialization failed during forwarding.
 */
#define OTTLA_PRINCIPAL_DESERIALIZATION_FAILURE 97

/**
 * The broker does not host a topic with this id.
 */
#define OTTLA_UNKNOWN_TOPIC_ID 100

/**
 * This broker id is already in use.
 */
#define OTTLA_DUPLICATE_BROKER_REGISTRATION 101

/**
 * The log's topic id did not match the topic id in the request.
 */
#define OTTLA_INCONSISTENT_TOPIC_ID 103

/**
 * The new ISR contains at least one ineligible replica.
 */
#define OTTLA_INELIGIBLE_REPLICA 107

/**
 * The client sent a push telemetry request with an outdated subscription id.
 */
#define OTTLA_UNKNOWN_SUBSCRIPTION_ID 117

/**
 * The push telemetry request is larger than the broker accepts.
 */
#define OTTLA_TELEMETRY_TOO_LARGE 118

/**
 * The transaction must be aborted.
 */
#define OTTLA_TRANSACTION_ABORTABLE 120

/**
 * The broker asks the client to rebootstrap.
 */
#define OTTLA_REBOOTSTRAP_REQUIRED 129

/**
 * An argument of the call is invalid.
 */
#define OTTLA_INVALID_ARGUMENT -200

/**
 * The handle is null, was freed, or is of another kind.
 */
#define OTTLA_INVALID_HANDLE -201

/**
 * A text is not valid UTF-8.
 */
#define OTTLA_INVALID_UTF8 -202

/**
 * The configuration is invalid.
 */
#define OTTLA_CONFIGURATION -203

/**
 * Known to Kafka, not there yet in this version.
 */
#define OTTLA_NOT_IMPLEMENTED -204

/**
 * The producer is closed.
 */
#define OTTLA_CLOSED -205

/**
 * The time given was up.
 */
#define OTTLA_TIMED_OUT -206

/**
 * No buffer memory within the time given.
 */
#define OTTLA_BUFFER_EXHAUSTED -207

/**
 * The call would have to wait and was told not to.
 */
#define OTTLA_WOULD_BLOCK -208

/**
 * The wait was interrupted from another thread.
 */
#define OTTLA_INTERRUPTED -209

/**
 * Too many delivery reports are unread.
 */
#define OTTLA_REPORTS_FULL -210

/**
 * Not allowed inside a callback.
 */
#define OTTLA_IN_CALLBACK -211

/**
 * The handle was in use before this process was forked.
 */
#define OTTLA_FORKED -212

/**
 * Delivery reports of this producer are consumed in another way.
 */
#define OTTLA_WRONG_MODE -213

/**
 * delivery.timeout.ms passed before the record was acknowledged.
 */
#define OTTLA_DELIVERY_TIMED_OUT -214

/**
 * The peer does not speak Kafka's protocol as it should.
 */
#define OTTLA_PROTOCOL_VIOLATION -215

/**
 * None of bootstrap.servers can be resolved.
 */
#define OTTLA_NO_RESOLVABLE_BOOTSTRAP -216

/**
 * The partitioner callback failed or chose an invalid partition.
 */
#define OTTLA_PARTITIONER_FAILED -217

/**
 * The producer was closed before the record was acknowledged.
 */
#define OTTLA_CLOSED_FORCEFULLY -218

/**
 * The producer met a fatal error earlier.
 */
#define OTTLA_FATAL -219

/**
 * The record was purged before it was acknowledged.
 */
#define OTTLA_PURGED -220

/**
 * A defect of this library; please report it.
 */
#define OTTLA_INTERNAL -299

/**
 * The timeout of sends that stands for the configuration's `max.block.ms`.
 */
#define OTTLA_MAX_BLOCK -2

/**
 * Level of a log line: something was lost or cannot go on.
 */
#define OTTLA_LOG_ERROR 3

/**
 * Level of a log line: something is wrong and may mend itself.
 */
#define OTTLA_LOG_WARN 4

/**
 * Level of a log line: something worth knowing happened.
 */
#define OTTLA_LOG_INFO 6

/**
 * Level of a log line: for those who look for a defect.
 */
#define OTTLA_LOG_DEBUG 7

/**
 * Flag of a record: no delivery report is wanted, even for a failure; it takes no report slot.
 */
#define OTTLA_NO_REPORT 1

/**
 * State of a report: provably not in the log.
 */
#define OTTLA_STATE_NOT_PERSISTED 1

/**
 * State of a report: perhaps in the log; with acks=0 all that can be said.
 */
#define OTTLA_STATE_POSSIBLY_PERSISTED 2

/**
 * State of a report: acknowledged as `acks` asks.
 */
#define OTTLA_STATE_PERSISTED 3

/**
 * Flag of a report: sending the record again may help.
 */
#define OTTLA_REPORT_RETRIABLE 1

/**
 * Flag of a report: the producer accepts nothing any more.
 */
#define OTTLA_REPORT_FATAL 2

/**
 * For ottla_producer_purge: records that wait to be sent, or to be sent again.
 */
#define OTTLA_PURGE_QUEUED 1

/**
 * For ottla_producer_purge: records in requests that are not answered.
 */
#define OTTLA_PURGE_IN_FLIGHT 2

/**
 * A cluster of brokers in this process, on loopback and in memory, for tests. Functions:
 * ottla_cluster_new, _bootstrap_servers, _create_topic, _kill, _start, _pause, _resume,
 * _move_leader, _leader, _inject, _heal, _command, _free.
 */
typedef struct ottla_cluster_t ottla_cluster_t;

/**
 * A configuration: keys and values as CONFIGURATION.md lists them, and callbacks. Functions:
 * ottla_config_new, _set, _get, _set_report_callback, _set_log_callback, _set_partitioner,
 * _add_interceptor, _free.
 */
typedef struct ottla_config_t ottla_config_t;

/**
 * Why a call failed: a code, a text that names the thing and the reason, and what kind it is.
 * Functions: ottla_error_code, _name, _text, _is_retriable, _is_fatal, _is_abortable, _free.
 */
typedef struct ottla_error_t ottla_error_t;

/**
 * A producer. Functions: ottla_producer_new, _send, _send_timeout, _try_send, _send_flat,
 * _send_batch, _send_array, _ready_tickets, _cancel_ticket, _poll_reports, _poll, _event_fd,
 * _event_clear, _flush, _purge, _close, _interrupt, _partitions_for, _metrics, _fatal_error,
 * _free, _try_flush, _try_close, _try_partitions_for.
 */
typedef struct ottla_producer_t ottla_producer_t;

/**
 * A lease on the reasons of the reports that one call pulled. Functions: ottla_reports_free.
 */
typedef struct ottla_reports_t ottla_reports_t;

/**
 * What became of one record that was accepted.
 */
typedef struct ottla_report_t {
    /**
     * The caller's number of the record.
     */
    uint64_t opaque;
    /**
     * Its offset; -1 where it failed or is not known (acks=0).
     */
    int64_t offset;
    /**
     * The broker's append time if the topic keeps that, else the record's create time, else -1.
     */
    int64_t timestamp_ms;
    /**
     * The topic with a NUL behind it; lives as long as the producer.
     */
    const char *topic;
    /**
     * Why it failed, with a NUL behind it; NULL if it did not. Lives until the lease is freed,
     * in a callback until that returns.
     */
    const char *reason;
    /**
     * The partition that was chosen.
     */
    int32_t partition;
    /**
     * 0, or why it failed.
     */
    int32_t status;
    /**
     * One of OTTLA_STATE_….
     */
    int32_t state;
    /**
     * OTTLA_REPORT_RETRIABLE, OTTLA_REPORT_FATAL.
     */
    uint32_t flags;
} ottla_report_t;

/**
 * Gets delivery reports: `reports` is an array of `count`, valid until the callback returns.
 */
typedef void (*ottla_report_callback_t)(const struct ottla_report_t *reports,
                                        size_t count,
                                        void *user);

/**
 * Gets a log line: a level (OTTLA_LOG_…), and a text of `length` bytes with a NUL behind it.
 */
typedef void (*ottla_log_callback_t)(int32_t level, const char *text, int64_t length, void *user);

/**
 * Chooses the partition of a record that names none: a number from 0 to `partition_count` - 1,
 * or -1 for the built-in rules; anything else is a failure. A length of -1 is null.
 */
typedef int32_t (*ottla_partitioner_t)(const char *topic,
                                       int64_t topic_length,
                                       const void *key,
                                       int64_t key_length,
                                       const void *value,
                                       int64_t value_length,
                                       int32_t partition_count,
                                       void *user);

/**
 * A header of a record.
 */
typedef struct ottla_header_t {
    /**
     * The name, UTF-8; may be empty, and may repeat.
     */
    const char *name;
    /**
     * Its length in bytes, or -1 if there is a NUL behind it.
     */
    int64_t name_length;
    /**
     * The value.
     */
    const void *value;
    /**
     * Its length in bytes; -1 is null, which differs from empty.
     */
    int64_t value_length;
} ottla_header_t;

/**
 * A record to send. Begin with OTTLA_RECORD_INIT: zero means something in most fields.
 */
typedef struct ottla_record_t {
    /**
     * sizeof(ottla_record_t), so that the struct can grow.
     */
    size_t struct_size;
    /**
     * The topic's name.
     */
    const char *topic;
    /**
     * Its length in bytes, or -1 if there is a NUL behind it.
     */
    int64_t topic_length;
    /**
     * The key.
     */
    const void *key;
    /**
     * Its length in bytes; -1 is null, which differs from empty.
     */
    int64_t key_length;
    /**
     * The value.
     */
    const void *value;
    /**
     * Its length in bytes; -1 is null (a tombstone on a compacted topic).
     */
    int64_t value_length;
    /**
     * The headers, in order; not looked at if there are none.
     */
    const struct ottla_header_t *headers;
    /**
     * How many headers there are.
     */
    size_t header_count;
    /**
     * Milliseconds since 1970-01-01 UTC; -1 is now.
     */
    int64_t timestamp_ms;
    /**
     * A number of the caller's that comes back in the delivery report.
     */
    uint64_t opaque;
    /**
     * The partition; -1 to have one chosen.
     */
    int32_t partition;
    /**
     * 0, or OTTLA_NO_REPORT.
     */
    uint32_t flags;
} ottla_record_t;

/**
 * Sees a record before its partition is chosen. It may set key, value and headers, with their
 * lengths, to memory of its own that lives until the send call returns; other fields it cannot
 * change. Anything but 0 is a failure: it is logged, and the record goes on as it was.
 */
typedef int32_t (*ottla_on_send_t)(struct ottla_record_t *record, void *user);

/**
 * Sees a delivery report before the application does. Anything but 0 is a failure, and logged.
 */
typedef int32_t (*ottla_on_acknowledgement_t)(const struct ottla_report_t *report, void *user);

/**
 * A partition of a topic.
 */
typedef struct ottla_partition_t {
    /**
     * Its number.
     */
    int32_t partition;
    /**
     * The number of the broker that leads it; -1 if none does at the moment.
     */
    int32_t leader;
} ottla_partition_t;



#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library that runs, "0.1.0".
 *
 * Ownership: the text is the library's and lives as long as the process.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: the version, never NULL.
 * Since: 0.1
 */
const char *ottla_version(void);

/**
 * The version of the library that runs, as a number to compare: 1002003 is 1.2.3.
 *
 * Ownership: nothing.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: major * 1000000 + minor * 1000 + patch.
 * Since: 0.1
 */
int32_t ottla_version_number(void);

/**
 * The name of a status, as Kafka spells it ("NOT_LEADER_OR_FOLLOWER"); "NONE" for 0.
 *
 * Ownership: the text is the library's and lives as long as the process.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: the name, never NULL; "UNKNOWN" for a number that is no status.
 * Since: 0.1
 */
const char *ottla_status_name(int32_t status);

/**
 * One sentence that says what a status means.
 *
 * Ownership: the text is the library's and lives as long as the process.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: the sentence, never NULL.
 * Since: 0.1
 */
const char *ottla_status_text(int32_t status);

/**
 * The status that the call returned.
 *
 * Ownership: borrows `error`.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: the status; OTTLA_INVALID_HANDLE if `error` is no error object.
 * Since: 0.1
 */
int32_t ottla_error_code(const struct ottla_error_t *error);

/**
 * The name of its code, as ottla_status_name gives it.
 *
 * Ownership: the text is the library's and lives as long as the process.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: the name, never NULL.
 * Since: 0.1
 */
const char *ottla_error_name(const struct ottla_error_t *error);

/**
 * What happened, to what, and why, in one line of UTF-8 without the code's name.
 *
 * Ownership: the text lives until `error` is freed.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: the text with a NUL behind it, never NULL.
 * Since: 0.1
 */
const char *ottla_error_text(const struct ottla_error_t *error);

/**
 * Whether trying the same again may help.
 *
 * Ownership: borrows `error`.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 1 or 0; 0 if `error` is no error object.
 * Since: 0.1
 */
int32_t ottla_error_is_retriable(const struct ottla_error_t *error);

/**
 * Whether the producer accepts nothing any more: close it and make a new one.
 *
 * Ownership: borrows `error`.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 1 or 0; 0 if `error` is no error object.
 * Since: 0.1
 */
int32_t ottla_error_is_fatal(const struct ottla_error_t *error);

/**
 * Whether the transaction must be aborted and the producer may go on. There are no transactions
 * in this version.
 *
 * Ownership: borrows `error`.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 1 or 0; 0 if `error` is no error object.
 * Since: 0.1
 */
int32_t ottla_error_is_abortable(const struct ottla_error_t *error);

/**
 * Frees an error object.
 *
 * Ownership: takes `error`; NULL is fine.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_HANDLE if `error` is no error object or was freed before.
 * Since: 0.1
 */
int32_t ottla_error_free(struct ottla_error_t *error);

/**
 * Makes a configuration in which nothing is set.
 *
 * Ownership: `*config` is the caller's, to be freed with ottla_config_free.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_ARGUMENT if `config` is NULL.
 * Since: 0.1
 */
int32_t ottla_config_new(struct ottla_config_t **config);

/**
 * Sets a key to a value, both NUL-terminated. Java's names and librdkafka's are known; the last
 * value of a key counts. How values fit together is checked by ottla_producer_new.
 *
 * Ownership: both texts are copied.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_CONFIGURATION for an unknown key (the error names the nearest known one) or
 * a value out of range, OTTLA_NOT_IMPLEMENTED, OTTLA_INVALID_UTF8, OTTLA_INVALID_ARGUMENT,
 * OTTLA_INVALID_HANDLE. Nothing is changed unless 0.
 * Since: 0.1
 */
int32_t ottla_config_set(struct ottla_config_t *config,
                         const char *key,
                         const char *value,
                         struct ottla_error_t **error);

/**
 * Reads the value of a key: what was set, else its default. A password reads "[hidden]".
 *
 * Ownership: the value is copied to `buffer`, cut to `capacity` - 1 bytes, with a NUL behind it.
 * `*length` is its whole length without the NUL, or -1 if there is neither a value nor a
 * default; call with capacity 0 to learn it, and again if it is not below `capacity`.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_CONFIGURATION for an unknown key, OTTLA_INVALID_UTF8,
 * OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE.
 * Since: 0.1
 */
int32_t ottla_config_get(const struct ottla_config_t *config,
                         const char *key,
                         char *buffer,
                         size_t capacity,
                         int64_t *length,
                         struct ottla_error_t **error);

/**
 * Has delivery reports given to a callback instead of being pulled; NULL takes it back. It runs
 * inside ottla_producer_poll, _flush and _close, or with delivery.report.mode=dispatch on a
 * thread of the library. Of a partition it gets the reports of what is persisted in the order of
 * the log. Inside it, sending and polling are allowed.
 *
 * Ownership: `user` is handed to the callback and must live as long as the producers made from
 * this configuration; callbacks run on any thread that uses them.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_ARGUMENT if `report_size` is not sizeof(ottla_report_t),
 * OTTLA_INVALID_HANDLE.
 * Since: 0.1
 */
int32_t ottla_config_set_report_callback(struct ottla_config_t *config,
                                         ottla_report_callback_t callback,
                                         size_t report_size,
                                         void *user);

/**
 * Has log lines given to a callback instead of stderr; NULL takes it back. It runs where
 * delivery reports are consumed: inside ottla_producer_poll, _poll_reports, _flush and _close,
 * or on the library's dispatch thread. Which lines there are is `log.level`'s to say.
 *
 * Ownership: `user` as for ottla_config_set_report_callback; the text is the library's.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_HANDLE.
 * Since: 0.1
 */
int32_t ottla_config_set_log_callback(struct ottla_config_t *config,
                                      ottla_log_callback_t callback,
                                      void *user);

/**
 * Has the partitions of records that name none chosen by a callback; NULL takes it back. It runs
 * on the thread that sends.
 *
 * Ownership: `user` as for ottla_config_set_report_callback.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_HANDLE.
 * Since: 0.1
 */
int32_t ottla_config_set_partitioner(struct ottla_config_t *config,
                                     ottla_partitioner_t callback,
                                     void *user);

/**
 * Adds an interceptor behind those added before. `on_send` runs on the thread that sends,
 * `on_acknowledgement` where delivery reports are consumed; one of them may be NULL.
 *
 * Ownership: `user` as for ottla_config_set_report_callback.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_ARGUMENT if both callbacks are NULL, OTTLA_INVALID_HANDLE.
 * Since: 0.1
 */
int32_t ottla_config_add_interceptor(struct ottla_config_t *config,
                                     ottla_on_send_t on_send,
                                     ottla_on_acknowledgement_t on_acknowledgement,
                                     void *user);

/**
 * Frees a configuration. Producers made from it are not concerned.
 *
 * Ownership: takes `config`; NULL is fine.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_HANDLE if it is no configuration or was freed before.
 * Since: 0.1
 */
int32_t ottla_config_free(struct ottla_config_t *config);

/**
 * Pulls delivery reports into an array, the oldest first. For producers without a report
 * callback.
 *
 * Ownership: fills `reports`, an array of the caller's with room for `capacity` reports, each
 * `stride` bytes (sizeof(ottla_report_t)) after the last; `*count` is how many. `*lease` keeps
 * their reasons alive and is NULL if none failed; free it with ottla_reports_free. With `lease`
 * NULL all reasons are NULL.
 * Thread safety: any thread; of two that pull at once each gets reports of its own.
 * Blocking: at most `timeout_ms` for the first report: 0 not at all, -1 without limit. It also
 * ends, with a count of 0, when a ticket is ready; with OTTLA_CLOSED where nothing is left of a
 * closed producer and it would wait.
 * Returns: 0, also when there is none; OTTLA_WRONG_MODE, OTTLA_INTERRUPTED,
 * OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_producer_poll_reports(const struct ottla_producer_t *producer,
                                    struct ottla_report_t *reports,
                                    size_t stride,
                                    size_t capacity,
                                    int32_t timeout_ms,
                                    size_t *count,
                                    struct ottla_reports_t **lease,
                                    struct ottla_error_t **error);

/**
 * Frees the reasons of the reports that one call pulled.
 *
 * Ownership: takes `lease`; NULL is fine. Reasons of those reports are gone after it.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_HANDLE if it is no lease or was freed before.
 * Since: 0.1
 */
int32_t ottla_reports_free(struct ottla_reports_t *lease);

/**
 * Makes a producer. It connects to nothing and starts no thread before its first use.
 *
 * Ownership: `*producer` is the caller's, to be freed with ottla_producer_free. `config` is
 * copied and stays the caller's.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_CONFIGURATION if values do not fit together, OTTLA_NO_RESOLVABLE_BOOTSTRAP,
 * OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE.
 * Since: 0.1
 */
int32_t ottla_producer_new(const struct ottla_config_t *config,
                           struct ottla_producer_t **producer,
                           struct ottla_error_t **error);

/**
 * Serves the report callback and the log callback with what there is.
 *
 * Ownership: `*count`, which may be NULL, becomes the number of reports given to the callback.
 * Thread safety: any thread.
 * Blocking: at most `timeout_ms` for the first report: 0 not at all, -1 without limit. It also
 * ends, with a count of 0, when a ticket is ready; with OTTLA_CLOSED where nothing is left of a
 * closed producer and it would wait.
 * Returns: 0; OTTLA_WRONG_MODE with delivery.report.mode=dispatch, OTTLA_INTERRUPTED,
 * OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_producer_poll(const struct ottla_producer_t *producer,
                            int32_t timeout_ms,
                            size_t *count,
                            struct ottla_error_t **error);

/**
 * Sends what was accepted so far without lingering, and waits until each record has its outcome.
 * With a report callback all those reports are delivered when it returns 0.
 *
 * Ownership: nothing.
 * Thread safety: any thread, but not inside a callback of the same producer.
 * Blocking: at most `timeout_ms`: 0 not at all, -1 without limit.
 * Returns: 0, also if records failed: that is in their reports; OTTLA_TIMED_OUT,
 * OTTLA_INTERRUPTED, OTTLA_IN_CALLBACK, OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE,
 * OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_producer_flush(const struct ottla_producer_t *producer,
                             int32_t timeout_ms,
                             struct ottla_error_t **error);

/**
 * Gives up records that were accepted before this call; the producer goes on. Each has its report
 * at once, with OTTLA_PURGED: what was never sent is not persisted, what is in flight or waits
 * for another attempt is possibly persisted, unless that attempt was surely refused.
 *
 * Ownership: nothing. `flags` are OTTLA_PURGE_QUEUED, OTTLA_PURGE_IN_FLIGHT, or both.
 * Thread safety: any thread, also inside a callback.
 * Blocking: never.
 * Returns: 0; OTTLA_CLOSED, the code of a fatal error, OTTLA_INVALID_ARGUMENT for no flag or
 * one that is not known, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_producer_purge(const struct ottla_producer_t *producer,
                             uint32_t flags,
                             struct ottla_error_t **error);

/**
 * Ends a producer: it takes no more records, waits for those it accepted, and ends its threads.
 * What is not acknowledged in time is reported as failed (OTTLA_CLOSED_FORCEFULLY), and then the
 * same status is returned here: the producer is closed all the same, and so it is after
 * OTTLA_TIMED_OUT, which says that a callback that had begun has not returned. Reports that are
 * pulled can still be pulled. A call while another one is under way waits for it and returns the
 * same; a later one does nothing. Only after OTTLA_INTERRUPTED is it to be called again.
 *
 * Ownership: the handle stays the caller's, to be freed.
 * Thread safety: any thread, but not inside a callback of the same producer.
 * Blocking: at most `timeout_ms`, and a little for the threads to end: 0 not at all, -1 without
 * limit.
 * Returns: 0; OTTLA_CLOSED_FORCEFULLY, OTTLA_TIMED_OUT, OTTLA_INTERRUPTED, OTTLA_IN_CALLBACK,
 * OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_producer_close(const struct ottla_producer_t *producer,
                             int32_t timeout_ms,
                             struct ottla_error_t **error);

/**
 * Frees a producer, and closes it with timeout 0 if it is not closed: what is not acknowledged
 * is lost then. In a child process, where its threads are not, it only frees the handle.
 *
 * Ownership: takes `producer`; NULL is fine. Topic texts of its reports are gone after it.
 * Thread safety: any thread, but not inside a callback of the same producer. To free while
 * another thread is inside a call is a mistake, though that call ends safely.
 * Blocking: a little, for the threads to end.
 * Returns: 0, also if records are lost; OTTLA_INVALID_HANDLE if it is no producer or was freed
 * before, OTTLA_IN_CALLBACK; OTTLA_TIMED_OUT if it is freed but a callback has not returned.
 * Since: 0.1
 */
int32_t ottla_producer_free(struct ottla_producer_t *producer);

/**
 * Ends all waits of other threads in this producer that have begun, with OTTLA_INTERRUPTED:
 * sends, polls, flush. The next wait is not concerned.
 *
 * Ownership: nothing.
 * Thread safety: any thread. Not from a signal handler.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_producer_interrupt(const struct ottla_producer_t *producer);

/**
 * The event fd: readable when there may be reports, log lines or ready tickets. For each time
 * it is readable: ottla_producer_event_clear, then take everything until there is nothing left
 * (polls with timeout 0, ottla_producer_ready_tickets), then wait again.
 *
 * Ownership: the fd is the producer's and lives until it is freed; the caller may dup it.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INTERNAL if none can be made, OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE,
 * OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_producer_event_fd(const struct ottla_producer_t *producer,
                                int32_t *fd,
                                struct ottla_error_t **error);

/**
 * Makes the event fd quiet until there is news.
 *
 * Ownership: nothing.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INTERNAL, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_producer_event_clear(const struct ottla_producer_t *producer);

/**
 * The partitions of a topic and their leaders.
 *
 * Ownership: fills `partitions`, an array of the caller's with room for `capacity` partitions,
 * each `stride` bytes (sizeof(ottla_partition_t)) after the last. `*count` is how many there
 * are, which may be more than `capacity`; with capacity 0 that is all one learns.
 * Thread safety: any thread.
 * Blocking: at most `timeout_ms`, until the topic is known: 0 not at all, -1 without limit,
 * OTTLA_MAX_BLOCK (-2) for `max.block.ms`.
 * Returns: 0; OTTLA_TIMED_OUT, OTTLA_INVALID_TOPIC_EXCEPTION, OTTLA_TOPIC_AUTHORIZATION_FAILED,
 * OTTLA_INTERRUPTED, OTTLA_CLOSED, OTTLA_INVALID_UTF8, OTTLA_INVALID_ARGUMENT,
 * OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_producer_partitions_for(const struct ottla_producer_t *producer,
                                      const char *topic,
                                      int64_t topic_length,
                                      struct ottla_partition_t *partitions,
                                      size_t stride,
                                      size_t capacity,
                                      size_t *count,
                                      int32_t timeout_ms,
                                      struct ottla_error_t **error);

/**
 * A snapshot of the producer's counters: one JSON object, under Kafka's metric names.
 *
 * Ownership: the text is copied to `buffer`, cut to `capacity` - 1 bytes, with a NUL behind it.
 * `*length` is its whole length without the NUL: call with capacity 0 to learn it, and again if
 * it is not below `capacity`, as numbers grow.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_producer_metrics(const struct ottla_producer_t *producer,
                               char *buffer,
                               size_t capacity,
                               int64_t *length);

/**
 * The error after which this producer accepts nothing any more, if there was one.
 *
 * Ownership: `*error` is the caller's, to be freed.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0 if there was none; else the error's code; OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_producer_fatal_error(const struct ottla_producer_t *producer,
                                   struct ottla_error_t **error);

/**
 * Sends a record: appends it to its partition's batch and returns before it is on its way.
 *
 * Ownership: `record` and all it points to are copied; the caller keeps them.
 * Thread safety: any thread.
 * Blocking: at most `max.block.ms`, for metadata of the topic and for buffer memory.
 * Returns: 0 if the record is accepted: there will be one delivery report. Else it is not and
 * there will be none: OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_UTF8, OTTLA_INVALID_TOPIC_EXCEPTION,
 * OTTLA_UNKNOWN_TOPIC_OR_PARTITION, OTTLA_MESSAGE_TOO_LARGE, OTTLA_TIMED_OUT (no metadata),
 * OTTLA_BUFFER_EXHAUSTED, OTTLA_REPORTS_FULL, OTTLA_INTERRUPTED, OTTLA_CLOSED,
 * OTTLA_PARTITIONER_FAILED, the code of a fatal error.
 * Since: 0.1
 */
int32_t ottla_producer_send(const struct ottla_producer_t *producer,
                            const struct ottla_record_t *record,
                            struct ottla_error_t **error);

/**
 * As ottla_producer_send, with a limit of its own.
 *
 * Ownership: `record` and all it points to are copied; the caller keeps them.
 * Thread safety: any thread.
 * Blocking: at most `timeout_ms`: 0 not at all, -1 without limit, OTTLA_MAX_BLOCK (-2) for
 * `max.block.ms`.
 * Returns: as ottla_producer_send.
 * Since: 0.1
 */
int32_t ottla_producer_send_timeout(const struct ottla_producer_t *producer,
                                    const struct ottla_record_t *record,
                                    int32_t timeout_ms,
                                    struct ottla_error_t **error);

/**
 * Sends a record, or leaves a ticket where ottla_producer_send would wait.
 *
 * Set `*ticket` to 0 at first. After OTTLA_WOULD_BLOCK it is the number of a place in the queue:
 * wait on the event fd until ottla_producer_ready_tickets tells that number, then call again
 * with the same record and number; or give it up with ottla_producer_cancel_ticket. After any
 * other status `*ticket` is 0, but after an error of an argument, which leaves it as it was.
 * `max.block.ms` counts from the first call. When it is over the ticket's number is told as if it
 * were ready, and the next call says what was waited for in vain. Interceptors see a record in
 * its first call only.
 *
 * Ownership: `record` and all it points to are copied if it is accepted; the caller keeps them.
 * Thread safety: any thread; one ticket is used by one thread at a time.
 * Blocking: never.
 * Returns: OTTLA_WOULD_BLOCK, or as ottla_producer_send.
 * Since: 0.1
 */
int32_t ottla_producer_try_send(const struct ottla_producer_t *producer,
                                const struct ottla_record_t *record,
                                uint64_t *ticket,
                                struct ottla_error_t **error);

/**
 * Sends a record that is given as single arguments, which Go and Python pass at less cost than
 * a struct. Fields mean what they mean in ottla_record_t. `headers_packed` are packed headers as
 * the top of this file describes them; a `headers_length` of 0 or -1 is none. With `ticket` not
 * NULL this is ottla_producer_try_send, and `timeout_ms` is not looked at.
 *
 * Ownership: all bytes are copied; the caller keeps them.
 * Thread safety: any thread.
 * Blocking: at most `timeout_ms`: 0 not at all, -1 without limit, OTTLA_MAX_BLOCK (-2) for
 * `max.block.ms`. Never with `ticket`.
 * Returns: as ottla_producer_send, with `ticket` as ottla_producer_try_send.
 * Since: 0.1
 */
int32_t ottla_producer_send_flat(const struct ottla_producer_t *producer,
                                 const char *topic,
                                 int64_t topic_length,
                                 int32_t partition,
                                 int64_t timestamp_ms,
                                 const void *key,
                                 int64_t key_length,
                                 const void *value,
                                 int64_t value_length,
                                 const void *headers_packed,
                                 int64_t headers_length,
                                 uint64_t opaque,
                                 uint32_t flags,
                                 int32_t timeout_ms,
                                 uint64_t *ticket,
                                 struct ottla_error_t **error);

/**
 * Sends `count` records of one topic from one packed block, whose layout the top of this file
 * describes. All records share `timeout_ms`; when it is used up the rest is still tried, without
 * waiting. A record can be refused and a later one accepted: if order matters more, send again
 * from the first that was refused only after looking at the statuses.
 *
 * A block that is malformed is refused as a whole: nothing is sent, nothing is written but
 * `*accepted`, which becomes 0. Else every record has its status in `statuses`, and `*accepted`
 * is the number of zeros, whatever the function returns. Both may be NULL.
 *
 * Ownership: the block is copied; the caller keeps it.
 * Thread safety: any thread.
 * Blocking: at most `timeout_ms` for all records: 0 not at all, -1 without limit,
 * OTTLA_MAX_BLOCK (-2) for `max.block.ms`.
 * Returns: 0 if all records are accepted; else the status of the first that is not, and the
 * error says which; statuses are those of ottla_producer_send.
 * Since: 0.1
 */
int32_t ottla_producer_send_batch(const struct ottla_producer_t *producer,
                                  const char *topic,
                                  int64_t topic_length,
                                  const void *packed,
                                  int64_t packed_length,
                                  size_t count,
                                  int32_t timeout_ms,
                                  int32_t *statuses,
                                  size_t *accepted,
                                  struct ottla_error_t **error);

/**
 * Sends `count` records of an array in their order, up to the first that is not accepted. That
 * takes less time than a call for each. Those that have no timestamp may share one.
 *
 * `*sent`, which may not be NULL, becomes the number of those that were accepted, whatever the
 * function returns. What follows them is neither accepted nor refused: call again with the rest.
 * With `ticket` not NULL the rest waits as in ottla_producer_try_send, the ticket being that of
 * its first record, and `timeout_ms` is not looked at.
 *
 * Ownership: the array, of which each record is `stride` bytes (sizeof(ottla_record_t)) after the
 * last, and all it points to are copied; the caller keeps them.
 * Thread safety: any thread; one ticket is used by one thread at a time.
 * Blocking: at most `timeout_ms` for all records: 0 not at all, -1 without limit,
 * OTTLA_MAX_BLOCK (-2) for `max.block.ms`. Never with `ticket`.
 * Returns: 0 if all records are accepted; else the status of the first that is not, which is one
 * of ottla_producer_send, with `ticket` of ottla_producer_try_send.
 * Since: 0.1
 */
int32_t ottla_producer_send_array(const struct ottla_producer_t *producer,
                                  const struct ottla_record_t *records,
                                  size_t stride,
                                  size_t count,
                                  int32_t timeout_ms,
                                  uint64_t *ticket,
                                  size_t *sent,
                                  struct ottla_error_t **error);

/**
 * Reads the numbers of tickets that are ready: their sends can be tried again. Each is told once.
 *
 * Ownership: fills `tickets`, an array of the caller's of `capacity` numbers; `*count` is how
 * many were written, 0 if none is ready.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_producer_ready_tickets(const struct ottla_producer_t *producer,
                                     uint64_t *tickets,
                                     size_t capacity,
                                     size_t *count);

/**
 * Gives a ticket up. The error object says what its send waited for and why that was not over:
 * it is the error that the send failed with.
 *
 * Ownership: `*error` is the caller's, to be freed.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: never 0: OTTLA_TIMED_OUT if it waited for metadata, OTTLA_BUFFER_EXHAUSTED if for
 * memory, OTTLA_INVALID_ARGUMENT if `ticket` is none of this producer's or was used already,
 * OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_producer_cancel_ticket(const struct ottla_producer_t *producer,
                                     uint64_t ticket,
                                     struct ottla_error_t **error);

/**
 * Flushes without waiting. Set `*mark` to 0 at first. After OTTLA_WOULD_BLOCK it says how far to
 * flush: whenever the event fd is readable clear it, then call again with the mark, until the
 * answer is another one. It holds nothing: a flush that is given up needs no end. Reports may be
 * unread, and a report callback not yet called, when this returns 0.
 *
 * Ownership: `*mark` is the caller's number; after 0 it is 0.
 * Thread safety: any thread, but not inside a callback of the same producer.
 * Blocking: never.
 * Returns: 0, also if records failed: that is in their reports; OTTLA_WOULD_BLOCK,
 * OTTLA_IN_CALLBACK, OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_producer_try_flush(const struct ottla_producer_t *producer,
                                 uint64_t *mark,
                                 struct ottla_error_t **error);

/**
 * Closes without waiting for brokers: no more records are taken from the first call on. After
 * OTTLA_WOULD_BLOCK some that were accepted have no outcome yet: whenever the event fd is readable
 * clear it, then call again, until the answer is another one; or call ottla_producer_close, with
 * a timeout of 0 if what is left is to be given up. For producers without a report callback.
 *
 * Ownership: the handle stays the caller's, to be freed.
 * Thread safety: any thread, but not inside a callback of the same producer.
 * Blocking: a little, for the threads to end, in the call that returns 0.
 * Returns: 0 if the producer is closed and every record has its outcome; OTTLA_WOULD_BLOCK,
 * OTTLA_WRONG_MODE, OTTLA_IN_CALLBACK, OTTLA_INVALID_HANDLE, OTTLA_FORKED, and as
 * ottla_producer_close.
 * Since: 0.1
 */
int32_t ottla_producer_try_close(const struct ottla_producer_t *producer,
                                 struct ottla_error_t **error);

/**
 * As ottla_producer_partitions_for, or leaves a ticket where that would wait, as
 * ottla_producer_try_send does: `*ticket` is 0 at first, and after OTTLA_WOULD_BLOCK the number
 * to come again with when ottla_producer_ready_tickets tells it, or to give up with
 * ottla_producer_cancel_ticket. A topic that is known is not asked for again.
 *
 * Ownership: fills `partitions` and `*count` as ottla_producer_partitions_for does.
 * Thread safety: any thread; one ticket is used by one thread at a time.
 * Blocking: never.
 * Returns: OTTLA_WOULD_BLOCK, or as ottla_producer_partitions_for.
 * Since: 0.1
 */
int32_t ottla_producer_try_partitions_for(const struct ottla_producer_t *producer,
                                          const char *topic,
                                          int64_t topic_length,
                                          struct ottla_partition_t *partitions,
                                          size_t stride,
                                          size_t capacity,
                                          size_t *count,
                                          uint64_t *ticket,
                                          struct ottla_error_t **error);

/**
 * Starts a cluster; when it returns, clients can connect. `config` is a text of lines key=value,
 * NULL or empty for one broker: `brokers=3`, `port=9092` (of the first broker; 0 takes free
 * ones), `topic=NAME:PARTITIONS` as often as one likes, Kafka's keys of brokers
 * (`num.partitions`, `default.replication.factor`, `auto.create.topics.enable`, …) and those of
 * topics, which hold for all topics (`min.insync.replicas`, `retention.bytes`, …).
 *
 * Ownership: `*cluster` is the caller's, to be freed with ottla_cluster_free. `config` is copied;
 * its length is -1 if a NUL is behind it.
 * Thread safety: any thread.
 * Blocking: some milliseconds.
 * Returns: 0; OTTLA_CONFIGURATION, OTTLA_INTERNAL if a port, a thread or a file descriptor cannot
 * be had, OTTLA_INVALID_UTF8, OTTLA_INVALID_ARGUMENT.
 * Since: 0.1
 */
int32_t ottla_cluster_new(const char *config,
                          int64_t config_length,
                          struct ottla_cluster_t **cluster,
                          struct ottla_error_t **error);

/**
 * What clients need to connect, for their `bootstrap.servers`.
 *
 * Ownership: the text is copied to `buffer`, cut to `capacity` - 1 bytes, with a NUL behind it.
 * `*length` is its whole length without the NUL: it never changes.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_cluster_bootstrap_servers(const struct ottla_cluster_t *cluster,
                                        char *buffer,
                                        size_t capacity,
                                        int64_t *length);

/**
 * Makes a topic. A `replication_factor` of -1 is what the cluster's configuration says: three,
 * or as many as there are brokers.
 *
 * Ownership: the name is copied.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_TOPIC_ALREADY_EXISTS, OTTLA_INVALID_TOPIC_EXCEPTION,
 * OTTLA_INVALID_PARTITIONS, OTTLA_INVALID_REPLICATION_FACTOR, OTTLA_INVALID_UTF8,
 * OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_cluster_create_topic(const struct ottla_cluster_t *cluster,
                                   const char *name,
                                   int64_t name_length,
                                   int32_t partitions,
                                   int16_t replication_factor,
                                   struct ottla_error_t **error);

/**
 * Kills a broker: its connections end, its port refuses. Brokers are numbered from 1.
 *
 * Ownership: nothing.
 * Thread safety: any thread.
 * Blocking: until its port is closed, less than a millisecond.
 * Returns: 0; OTTLA_INVALID_ARGUMENT if there is none or it is down, OTTLA_INVALID_HANDLE,
 * OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_cluster_kill(const struct ottla_cluster_t *cluster,
                           int32_t broker,
                           struct ottla_error_t **error);

/**
 * Starts a broker that was killed, with the logs and the port that it had. When it returns 0,
 * clients can connect; when it does not, the broker is still down.
 *
 * Ownership: nothing.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_ARGUMENT if there is none or it runs, OTTLA_INTERNAL if its port is
 * gone, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_cluster_start(const struct ottla_cluster_t *cluster,
                            int32_t broker,
                            struct ottla_error_t **error);

/**
 * Lets a broker do nothing until ottla_cluster_resume; its connections stay.
 *
 * Ownership: nothing.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_ARGUMENT if there is none or it is down, OTTLA_INVALID_HANDLE,
 * OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_cluster_pause(const struct ottla_cluster_t *cluster,
                            int32_t broker,
                            struct ottla_error_t **error);

/**
 * Lets a paused broker go on where it was.
 *
 * Ownership: nothing.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_ARGUMENT if there is none, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_cluster_resume(const struct ottla_cluster_t *cluster,
                             int32_t broker,
                             struct ottla_error_t **error);

/**
 * Makes a broker that is in sync the leader of a partition.
 *
 * Ownership: the topic's name is copied.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_UNKNOWN_TOPIC_OR_PARTITION, OTTLA_ELIGIBLE_LEADERS_NOT_AVAILABLE or another
 * of Kafka's errors if that cannot be, OTTLA_INVALID_UTF8, OTTLA_INVALID_ARGUMENT,
 * OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_cluster_move_leader(const struct ottla_cluster_t *cluster,
                                  const char *topic,
                                  int64_t topic_length,
                                  int32_t partition,
                                  int32_t broker,
                                  struct ottla_error_t **error);

/**
 * The broker that leads a partition.
 *
 * Ownership: the topic's name is copied. `*broker` becomes its number, -1 if none leads.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_UNKNOWN_TOPIC_OR_PARTITION, OTTLA_INVALID_UTF8, OTTLA_INVALID_ARGUMENT,
 * OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_cluster_leader(const struct ottla_cluster_t *cluster,
                             const char *topic,
                             int64_t topic_length,
                             int32_t partition,
                             int32_t *broker,
                             struct ottla_error_t **error);

/**
 * From now on, something goes wrong with requests. `fault` says what and with which:
 * `error NOT_LEADER_OR_FOLLOWER api=Produce times=3`, `delay 200 broker=1`, `drop skip=2 times=1`.
 * First one of: error CODE, error-after CODE (done, then the error), delay MS, throttle MS, drop,
 * drop-response, close, close-after, half-response, drip BYTES MS (so many bytes of a response at
 * a time, so long between them), corrupt-response, fail-handler. Then any of: api=NAME,
 * broker=NUMBER, topic=NAME, partition=NUMBER (these two: errors of Produce), skip=COUNT of
 * requests that pass before the first that does not, times=COUNT of those that do not.
 *
 * Ownership: `fault` is copied; its length is -1 if a NUL is behind it. `*id`, and `id` may be
 * NULL, becomes the fault's number, for ottla_cluster_heal.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_ARGUMENT (the error names the word), OTTLA_INVALID_UTF8,
 * OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_cluster_inject(const struct ottla_cluster_t *cluster,
                             const char *fault,
                             int64_t fault_length,
                             uint64_t *id,
                             struct ottla_error_t **error);

/**
 * Ends a fault, or with an `id` of 0 all of them. One that is not there is fine.
 *
 * Ownership: nothing.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_cluster_heal(const struct ottla_cluster_t *cluster, uint64_t id);

/**
 * Does what a line says, in the language of the control port of `ottla cluster`; `help` lists it.
 * So one has what there is no function for: `stop 1`, `isr letters 0 1,2`, `network 1 2 cut`,
 * `pretend 1 Produce=3-8`, `quota 100000`, and whatever arrived and is there: `requests`,
 * `produced`, `records letters 0`, `replica 2 letters 0`, `health`.
 *
 * Ownership: `line` is copied; its length is -1 if a NUL is behind it. The answer is copied to
 * `buffer`, cut to `capacity` - 1 bytes, with a NUL behind it; `buffer` may be NULL with a
 * `capacity` of 0. It is lines, without an end of line behind the last: what has more than one
 * field is a JSON object a line; most commands answer nothing. `*length`, and `length` may be
 * NULL, becomes its whole length. A command whose answer was cut was done: only those that ask
 * and change nothing should be called again with a larger buffer.
 * Thread safety: any thread.
 * Blocking: never.
 * Returns: 0; OTTLA_INVALID_ARGUMENT (the error names the word), one of Kafka's errors,
 * OTTLA_INTERNAL, OTTLA_INVALID_UTF8, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
 * Since: 0.1
 */
int32_t ottla_cluster_command(const struct ottla_cluster_t *cluster,
                              const char *line,
                              int64_t line_length,
                              char *buffer,
                              size_t capacity,
                              int64_t *length,
                              struct ottla_error_t **error);

/**
 * Ends a cluster: its threads, its connections, its ports, its records. In a process that was
 * forked from the cluster's own, where its threads are not, it only frees the handle; such a
 * process keeps the ports open until it ends or becomes another program.
 *
 * Ownership: takes `cluster`; NULL is fine.
 * Thread safety: any thread.
 * Blocking: some milliseconds, for the threads to end.
 * Returns: 0; OTTLA_INVALID_HANDLE if it is no cluster or was freed before.
 * Since: 0.1
 */
int32_t ottla_cluster_free(struct ottla_cluster_t *cluster);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* OTTLA_H */
