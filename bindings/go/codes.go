// The codes of errors. Made from include/ottla.h by codes_test.go; do not edit.

package ottla

// Each is the target of errors.Is for errors of that code.
const (
	// ErrUnknownServerError: The server experienced an unexpected error when processing the
	// request.
	ErrUnknownServerError Code = -1
	// ErrOffsetOutOfRange: The requested offset is not within the range of offsets maintained by
	// the server.
	ErrOffsetOutOfRange Code = 1
	// ErrCorruptMessage: The broker found the batch corrupt: its CRC does not match its bytes, or
	// its size is invalid.
	ErrCorruptMessage Code = 2
	// ErrUnknownTopicOrPartition: The broker does not host this topic-partition.
	ErrUnknownTopicOrPartition Code = 3
	// ErrLeaderNotAvailable: There is no leader for this topic-partition as an election is under
	// way.
	ErrLeaderNotAvailable Code = 5
	// ErrNotLeaderOrFollower: The broker is not the leader of this topic-partition.
	ErrNotLeaderOrFollower Code = 6
	// ErrRequestTimedOut: The request timed out.
	ErrRequestTimedOut Code = 7
	// ErrBrokerNotAvailable: The broker is not available.
	ErrBrokerNotAvailable Code = 8
	// ErrReplicaNotAvailable: The replica is not available for the requested topic-partition.
	ErrReplicaNotAvailable Code = 9
	// ErrMessageTooLarge: The record or its batch is larger than the largest size that is
	// accepted.
	ErrMessageTooLarge Code = 10
	// ErrNetworkException: The connection was lost before a response was received.
	ErrNetworkException Code = 13
	// ErrCoordinatorLoadInProgress: The coordinator is loading and hence can't process requests.
	ErrCoordinatorLoadInProgress Code = 14
	// ErrCoordinatorNotAvailable: The coordinator is not available.
	ErrCoordinatorNotAvailable Code = 15
	// ErrNotCoordinator: This is not the correct coordinator.
	ErrNotCoordinator Code = 16
	// ErrInvalidTopicException: The topic name is invalid.
	ErrInvalidTopicException Code = 17
	// ErrRecordListTooLarge: The request included a batch larger than the configured segment size
	// on the server.
	ErrRecordListTooLarge Code = 18
	// ErrNotEnoughReplicas: Fewer in-sync replicas than min.insync.replicas; nothing was
	// appended.
	ErrNotEnoughReplicas Code = 19
	// ErrNotEnoughReplicasAfterAppend: Appended, but to fewer in-sync replicas than
	// min.insync.replicas.
	ErrNotEnoughReplicasAfterAppend Code = 20
	// ErrInvalidRequiredAcks: The produce request specified an invalid value for acks.
	ErrInvalidRequiredAcks Code = 21
	// ErrIllegalGeneration: The specified group generation id is not valid.
	ErrIllegalGeneration Code = 22
	// ErrUnknownMemberID: The coordinator is not aware of this member.
	ErrUnknownMemberID Code = 25
	// ErrTopicAuthorizationFailed: Not authorized to access the topic.
	ErrTopicAuthorizationFailed Code = 29
	// ErrGroupAuthorizationFailed: Not authorized to access the group.
	ErrGroupAuthorizationFailed Code = 30
	// ErrClusterAuthorizationFailed: Not authorized on the cluster (idempotent writes need
	// IdempotentWrite or Write on a topic).
	ErrClusterAuthorizationFailed Code = 31
	// ErrInvalidTimestamp: The timestamp of the record is out of the range that the topic
	// accepts.
	ErrInvalidTimestamp Code = 32
	// ErrUnsupportedSaslMechanism: The broker does not support the requested SASL mechanism.
	ErrUnsupportedSaslMechanism Code = 33
	// ErrIllegalSaslState: The request is not valid given the current SASL state.
	ErrIllegalSaslState Code = 34
	// ErrUnsupportedVersion: The version of the API is not supported.
	ErrUnsupportedVersion Code = 35
	// ErrTopicAlreadyExists: Topic with this name already exists.
	ErrTopicAlreadyExists Code = 36
	// ErrInvalidPartitions: Number of partitions is below 1.
	ErrInvalidPartitions Code = 37
	// ErrInvalidReplicationFactor: Replication factor is below 1 or larger than the number of
	// available brokers.
	ErrInvalidReplicationFactor Code = 38
	// ErrInvalidReplicaAssignment: Replica assignment is invalid.
	ErrInvalidReplicaAssignment Code = 39
	// ErrInvalidConfig: Configuration is invalid.
	ErrInvalidConfig Code = 40
	// ErrNotController: This is not the correct controller for this cluster.
	ErrNotController Code = 41
	// ErrInvalidRequest: The broker found the request malformed or its fields in conflict.
	ErrInvalidRequest Code = 42
	// ErrUnsupportedForMessageFormat: The message format version on the broker does not support
	// the request.
	ErrUnsupportedForMessageFormat Code = 43
	// ErrPolicyViolation: Request parameters do not satisfy the configured policy.
	ErrPolicyViolation Code = 44
	// ErrOutOfOrderSequenceNumber: The broker received an out of order sequence number.
	ErrOutOfOrderSequenceNumber Code = 45
	// ErrDuplicateSequenceNumber: The broker received a duplicate sequence number.
	ErrDuplicateSequenceNumber Code = 46
	// ErrInvalidProducerEpoch: The producer attempted to produce with an old epoch.
	ErrInvalidProducerEpoch Code = 47
	// ErrInvalidTxnState: The producer attempted a transactional operation in an invalid state.
	ErrInvalidTxnState Code = 48
	// ErrInvalidProducerIDMapping: The producer id is not the one currently assigned to the
	// transactional id.
	ErrInvalidProducerIDMapping Code = 49
	// ErrInvalidTransactionTimeout: The transaction timeout is larger than the maximum allowed by
	// the broker.
	ErrInvalidTransactionTimeout Code = 50
	// ErrConcurrentTransactions: Another transaction operation of this producer is still under
	// way.
	ErrConcurrentTransactions Code = 51
	// ErrTransactionCoordinatorFenced: The transaction coordinator sending this marker is no
	// longer the coordinator.
	ErrTransactionCoordinatorFenced Code = 52
	// ErrTransactionalIDAuthorizationFailed: Not authorized to use this transactional id.
	ErrTransactionalIDAuthorizationFailed Code = 53
	// ErrSecurityDisabled: Security features are disabled.
	ErrSecurityDisabled Code = 54
	// ErrOperationNotAttempted: The broker did not attempt this operation, as another of the same
	// request failed.
	ErrOperationNotAttempted Code = 55
	// ErrKafkaStorageError: Disk error when trying to access the log file on the broker.
	ErrKafkaStorageError Code = 56
	// ErrSaslAuthenticationFailed: SASL authentication failed.
	ErrSaslAuthenticationFailed Code = 58
	// ErrUnknownProducerID: The broker has no state for this producer id.
	ErrUnknownProducerID Code = 59
	// ErrReassignmentInProgress: A partition reassignment is in progress.
	ErrReassignmentInProgress Code = 60
	// ErrNonEmptyGroup: The group is not empty.
	ErrNonEmptyGroup Code = 68
	// ErrGroupIDNotFound: The group id does not exist.
	ErrGroupIDNotFound Code = 69
	// ErrListenerNotFound: The leader has no listener that matches the one on which the metadata
	// was asked for.
	ErrListenerNotFound Code = 72
	// ErrTopicDeletionDisabled: Topic deletion is disabled.
	ErrTopicDeletionDisabled Code = 73
	// ErrFencedLeaderEpoch: The leader epoch in the request is older than the epoch on the
	// broker.
	ErrFencedLeaderEpoch Code = 74
	// ErrUnknownLeaderEpoch: The leader epoch in the request is newer than the epoch on the
	// broker.
	ErrUnknownLeaderEpoch Code = 75
	// ErrUnsupportedCompressionType: The broker does not support the compression type of the
	// batch.
	ErrUnsupportedCompressionType Code = 76
	// ErrStaleBrokerEpoch: Broker epoch has changed.
	ErrStaleBrokerEpoch Code = 77
	// ErrOffsetNotAvailable: The leader's high watermark has not caught up after a recent
	// election.
	ErrOffsetNotAvailable Code = 78
	// ErrPreferredLeaderNotAvailable: The preferred leader was not available.
	ErrPreferredLeaderNotAvailable Code = 80
	// ErrGroupMaxSizeReached: The consumer group has reached its max size.
	ErrGroupMaxSizeReached Code = 81
	// ErrFencedInstanceID: Another member with the same group.instance.id has joined.
	ErrFencedInstanceID Code = 82
	// ErrEligibleLeadersNotAvailable: Eligible leaders are not available.
	ErrEligibleLeadersNotAvailable Code = 83
	// ErrElectionNotNeeded: Leader election not needed for this topic-partition.
	ErrElectionNotNeeded Code = 84
	// ErrInvalidRecord: The broker refused the record, as it failed its validation.
	ErrInvalidRecord Code = 87
	// ErrUnstableOffsetCommit: There are unstable offsets that need to be cleared.
	ErrUnstableOffsetCommit Code = 88
	// ErrThrottlingQuotaExceeded: The throttling quota has been exceeded.
	ErrThrottlingQuotaExceeded Code = 89
	// ErrProducerFenced: A newer producer with the same transactional id fenced this one.
	ErrProducerFenced Code = 90
	// ErrResourceNotFound: A request illegally referred to a resource that does not exist.
	ErrResourceNotFound Code = 91
	// ErrInconsistentVoterSet: The voter set in the request does not match.
	ErrInconsistentVoterSet Code = 94
	// ErrInvalidUpdateVersion: The given update version was invalid.
	ErrInvalidUpdateVersion Code = 95
	// ErrFeatureUpdateFailed: Unable to update finalized features.
	ErrFeatureUpdateFailed Code = 96
	// ErrPrincipalDeserializationFailure: Request principal deserialization failed during
	// forwarding.
	ErrPrincipalDeserializationFailure Code = 97
	// ErrUnknownTopicID: The broker does not host a topic with this id.
	ErrUnknownTopicID Code = 100
	// ErrDuplicateBrokerRegistration: This broker id is already in use.
	ErrDuplicateBrokerRegistration Code = 101
	// ErrInconsistentTopicID: The log's topic id did not match the topic id in the request.
	ErrInconsistentTopicID Code = 103
	// ErrIneligibleReplica: The new ISR contains at least one ineligible replica.
	ErrIneligibleReplica Code = 107
	// ErrUnknownSubscriptionID: The client sent a push telemetry request with an outdated
	// subscription id.
	ErrUnknownSubscriptionID Code = 117
	// ErrTelemetryTooLarge: The push telemetry request is larger than the broker accepts.
	ErrTelemetryTooLarge Code = 118
	// ErrTransactionAbortable: The transaction must be aborted.
	ErrTransactionAbortable Code = 120
	// ErrRebootstrapRequired: The broker asks the client to rebootstrap.
	ErrRebootstrapRequired Code = 129
	// ErrInvalidArgument: An argument of the call is invalid.
	ErrInvalidArgument Code = -200
	// ErrInvalidHandle: The handle is null, was freed, or is of another kind.
	ErrInvalidHandle Code = -201
	// ErrInvalidUTF8: A text is not valid UTF-8.
	ErrInvalidUTF8 Code = -202
	// ErrConfiguration: The configuration is invalid.
	ErrConfiguration Code = -203
	// ErrNotImplemented: Known to Kafka, not there yet in this version.
	ErrNotImplemented Code = -204
	// ErrClosed: The producer is closed.
	ErrClosed Code = -205
	// ErrTimedOut: The time given was up.
	ErrTimedOut Code = -206
	// ErrBufferExhausted: No buffer memory within the time given.
	ErrBufferExhausted Code = -207
	// ErrWouldBlock: The call would have to wait and was told not to.
	ErrWouldBlock Code = -208
	// ErrInterrupted: The wait was interrupted from another thread.
	ErrInterrupted Code = -209
	// ErrReportsFull: Too many delivery reports are unread.
	ErrReportsFull Code = -210
	// ErrInCallback: Not allowed inside a callback.
	ErrInCallback Code = -211
	// ErrForked: The handle was in use before this process was forked.
	ErrForked Code = -212
	// ErrWrongMode: Delivery reports of this producer are consumed in another way.
	ErrWrongMode Code = -213
	// ErrDeliveryTimedOut: delivery.timeout.ms passed before the record was acknowledged.
	ErrDeliveryTimedOut Code = -214
	// ErrProtocolViolation: The peer does not speak Kafka's protocol as it should.
	ErrProtocolViolation Code = -215
	// ErrNoResolvableBootstrap: None of bootstrap.servers can be resolved.
	ErrNoResolvableBootstrap Code = -216
	// ErrPartitionerFailed: The partitioner callback failed or chose an invalid partition.
	ErrPartitionerFailed Code = -217
	// ErrClosedForcefully: The producer was closed before the record was acknowledged.
	ErrClosedForcefully Code = -218
	// ErrFatal: The producer met a fatal error earlier.
	ErrFatal Code = -219
	// ErrPurged: The record was purged before it was acknowledged.
	ErrPurged Code = -220
	// ErrInternal: A defect of this library; please report it.
	ErrInternal Code = -299
)
