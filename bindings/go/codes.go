// The codes of errors, made from include/ottla.h by `go generate`; a test compares them.

package ottla

// Each is the target of errors.Is for errors of that code.
const (
	// ErrUnknownServerError: the server experienced an unexpected error when processing the
	// request.
	ErrUnknownServerError Code = -1
	// ErrOffsetOutOfRange: the requested offset is not within the range of offsets maintained by
	// the server.
	ErrOffsetOutOfRange Code = 1
	// ErrCorruptMessage: the broker found the batch corrupt: its CRC does not match its bytes, or
	// its size is invalid.
	ErrCorruptMessage Code = 2
	// ErrUnknownTopicOrPartition: the broker does not host this topic-partition.
	ErrUnknownTopicOrPartition Code = 3
	// ErrLeaderNotAvailable: there is no leader for this topic-partition as an election is under
	// way.
	ErrLeaderNotAvailable Code = 5
	// ErrNotLeaderOrFollower: the broker is not the leader of this topic-partition.
	ErrNotLeaderOrFollower Code = 6
	// ErrRequestTimedOut: the request timed out.
	ErrRequestTimedOut Code = 7
	// ErrBrokerNotAvailable: the broker is not available.
	ErrBrokerNotAvailable Code = 8
	// ErrReplicaNotAvailable: the replica is not available for the requested topic-partition.
	ErrReplicaNotAvailable Code = 9
	// ErrMessageTooLarge: the record or its batch is larger than the largest size that is
	// accepted.
	ErrMessageTooLarge Code = 10
	// ErrNetworkException: the connection was lost before a response was received.
	ErrNetworkException Code = 13
	// ErrCoordinatorLoadInProgress: the coordinator is loading and hence can't process requests.
	ErrCoordinatorLoadInProgress Code = 14
	// ErrCoordinatorNotAvailable: the coordinator is not available.
	ErrCoordinatorNotAvailable Code = 15
	// ErrNotCoordinator: this is not the correct coordinator.
	ErrNotCoordinator Code = 16
	// ErrInvalidTopicException: the topic name is invalid.
	ErrInvalidTopicException Code = 17
	// ErrRecordListTooLarge: the request included a batch larger than the configured segment size
	// on the server.
	ErrRecordListTooLarge Code = 18
	// ErrNotEnoughReplicas: fewer in-sync replicas than min.insync.replicas; nothing was appended.
	ErrNotEnoughReplicas Code = 19
	// ErrNotEnoughReplicasAfterAppend: appended, but to fewer in-sync replicas than
	// min.insync.replicas.
	ErrNotEnoughReplicasAfterAppend Code = 20
	// ErrInvalidRequiredAcks: the produce request specified an invalid value for acks.
	ErrInvalidRequiredAcks Code = 21
	// ErrIllegalGeneration: the specified group generation id is not valid.
	ErrIllegalGeneration Code = 22
	// ErrUnknownMemberID: the coordinator is not aware of this member.
	ErrUnknownMemberID Code = 25
	// ErrTopicAuthorizationFailed: not authorized to access the topic.
	ErrTopicAuthorizationFailed Code = 29
	// ErrGroupAuthorizationFailed: not authorized to access the group.
	ErrGroupAuthorizationFailed Code = 30
	// ErrClusterAuthorizationFailed: not authorized on the cluster (idempotent writes need
	// IdempotentWrite or Write on a topic).
	ErrClusterAuthorizationFailed Code = 31
	// ErrInvalidTimestamp: the timestamp of the record is out of the range that the topic accepts.
	ErrInvalidTimestamp Code = 32
	// ErrUnsupportedSaslMechanism: the broker does not support the requested SASL mechanism.
	ErrUnsupportedSaslMechanism Code = 33
	// ErrIllegalSaslState: the request is not valid given the current SASL state.
	ErrIllegalSaslState Code = 34
	// ErrUnsupportedVersion: the version of the API is not supported.
	ErrUnsupportedVersion Code = 35
	// ErrTopicAlreadyExists: topic with this name already exists.
	ErrTopicAlreadyExists Code = 36
	// ErrInvalidPartitions: number of partitions is below 1.
	ErrInvalidPartitions Code = 37
	// ErrInvalidReplicationFactor: replication factor is below 1 or larger than the number of
	// available brokers.
	ErrInvalidReplicationFactor Code = 38
	// ErrInvalidReplicaAssignment: replica assignment is invalid.
	ErrInvalidReplicaAssignment Code = 39
	// ErrInvalidConfig: configuration is invalid.
	ErrInvalidConfig Code = 40
	// ErrNotController: this is not the correct controller for this cluster.
	ErrNotController Code = 41
	// ErrInvalidRequest: the broker found the request malformed or its fields in conflict.
	ErrInvalidRequest Code = 42
	// ErrUnsupportedForMessageFormat: the message format version on the broker does not support
	// the request.
	ErrUnsupportedForMessageFormat Code = 43
	// ErrPolicyViolation: request parameters do not satisfy the configured policy.
	ErrPolicyViolation Code = 44
	// ErrOutOfOrderSequenceNumber: the broker received an out of order sequence number.
	ErrOutOfOrderSequenceNumber Code = 45
	// ErrDuplicateSequenceNumber: the broker received a duplicate sequence number.
	ErrDuplicateSequenceNumber Code = 46
	// ErrInvalidProducerEpoch: the producer attempted to produce with an old epoch.
	ErrInvalidProducerEpoch Code = 47
	// ErrInvalidTxnState: the producer attempted a transactional operation in an invalid state.
	ErrInvalidTxnState Code = 48
	// ErrInvalidProducerIDMapping: the producer id is not the one currently assigned to the
	// transactional id.
	ErrInvalidProducerIDMapping Code = 49
	// ErrInvalidTransactionTimeout: the transaction timeout is larger than the maximum allowed by
	// the broker.
	ErrInvalidTransactionTimeout Code = 50
	// ErrConcurrentTransactions: another transaction operation of this producer is still under
	// way.
	ErrConcurrentTransactions Code = 51
	// ErrTransactionCoordinatorFenced: the transaction coordinator sending this marker is no
	// longer the coordinator.
	ErrTransactionCoordinatorFenced Code = 52
	// ErrTransactionalIDAuthorizationFailed: not authorized to use this transactional id.
	ErrTransactionalIDAuthorizationFailed Code = 53
	// ErrSecurityDisabled: security features are disabled.
	ErrSecurityDisabled Code = 54
	// ErrOperationNotAttempted: the broker did not attempt this operation, as another of the same
	// request failed.
	ErrOperationNotAttempted Code = 55
	// ErrKafkaStorageError: disk error when trying to access the log file on the broker.
	ErrKafkaStorageError Code = 56
	// ErrSaslAuthenticationFailed: SASL authentication failed.
	ErrSaslAuthenticationFailed Code = 58
	// ErrUnknownProducerID: the broker has no state for this producer id.
	ErrUnknownProducerID Code = 59
	// ErrReassignmentInProgress: A partition reassignment is in progress.
	ErrReassignmentInProgress Code = 60
	// ErrNonEmptyGroup: the group is not empty.
	ErrNonEmptyGroup Code = 68
	// ErrGroupIDNotFound: the group id does not exist.
	ErrGroupIDNotFound Code = 69
	// ErrListenerNotFound: the leader has no listener that matches the one on which the metadata
	// was asked for.
	ErrListenerNotFound Code = 72
	// ErrTopicDeletionDisabled: topic deletion is disabled.
	ErrTopicDeletionDisabled Code = 73
	// ErrFencedLeaderEpoch: the leader epoch in the request is older than the epoch on the broker.
	ErrFencedLeaderEpoch Code = 74
	// ErrUnknownLeaderEpoch: the leader epoch in the request is newer than the epoch on the
	// broker.
	ErrUnknownLeaderEpoch Code = 75
	// ErrUnsupportedCompressionType: the broker does not support the compression type of the
	// batch.
	ErrUnsupportedCompressionType Code = 76
	// ErrStaleBrokerEpoch: broker epoch has changed.
	ErrStaleBrokerEpoch Code = 77
	// ErrOffsetNotAvailable: the leader's high watermark has not caught up after a recent
	// election.
	ErrOffsetNotAvailable Code = 78
	// ErrPreferredLeaderNotAvailable: the preferred leader was not available.
	ErrPreferredLeaderNotAvailable Code = 80
	// ErrGroupMaxSizeReached: the consumer group has reached its max size.
	ErrGroupMaxSizeReached Code = 81
	// ErrFencedInstanceID: another member with the same group.instance.id has joined.
	ErrFencedInstanceID Code = 82
	// ErrEligibleLeadersNotAvailable: eligible leaders are not available.
	ErrEligibleLeadersNotAvailable Code = 83
	// ErrElectionNotNeeded: leader election not needed for this topic-partition.
	ErrElectionNotNeeded Code = 84
	// ErrInvalidRecord: the broker refused the record, as it failed its validation.
	ErrInvalidRecord Code = 87
	// ErrUnstableOffsetCommit: there are unstable offsets that need to be cleared.
	ErrUnstableOffsetCommit Code = 88
	// ErrThrottlingQuotaExceeded: the throttling quota has been exceeded.
	ErrThrottlingQuotaExceeded Code = 89
	// ErrProducerFenced: A newer producer with the same transactional id fenced this one.
	ErrProducerFenced Code = 90
	// ErrResourceNotFound: A request illegally referred to a resource that does not exist.
	ErrResourceNotFound Code = 91
	// ErrInconsistentVoterSet: the voter set in the request does not match.
	ErrInconsistentVoterSet Code = 94
	// ErrInvalidUpdateVersion: the given update version was invalid.
	ErrInvalidUpdateVersion Code = 95
	// ErrFeatureUpdateFailed: unable to update finalized features.
	ErrFeatureUpdateFailed Code = 96
	// ErrPrincipalDeserializationFailure: request principal deserialization failed during
	// forwarding.
	ErrPrincipalDeserializationFailure Code = 97
	// ErrUnknownTopicID: the broker does not host a topic with this id.
	ErrUnknownTopicID Code = 100
	// ErrDuplicateBrokerRegistration: this broker id is already in use.
	ErrDuplicateBrokerRegistration Code = 101
	// ErrInconsistentTopicID: the log's topic id did not match the topic id in the request.
	ErrInconsistentTopicID Code = 103
	// ErrIneligibleReplica: the new ISR contains at least one ineligible replica.
	ErrIneligibleReplica Code = 107
	// ErrUnknownSubscriptionID: the client sent a push telemetry request with an outdated
	// subscription id.
	ErrUnknownSubscriptionID Code = 117
	// ErrTelemetryTooLarge: the push telemetry request is larger than the broker accepts.
	ErrTelemetryTooLarge Code = 118
	// ErrTransactionAbortable: the transaction must be aborted.
	ErrTransactionAbortable Code = 120
	// ErrRebootstrapRequired: the broker asks the client to rebootstrap.
	ErrRebootstrapRequired Code = 129
	// ErrInvalidArgument: an argument of the call is invalid.
	ErrInvalidArgument Code = -200
	// ErrInvalidHandle: the handle is null, was freed, or is of another kind.
	ErrInvalidHandle Code = -201
	// ErrInvalidUTF8: A text is not valid UTF-8.
	ErrInvalidUTF8 Code = -202
	// ErrConfiguration: the configuration is invalid.
	ErrConfiguration Code = -203
	// ErrNotImplemented: known to Kafka, not there yet in this version.
	ErrNotImplemented Code = -204
	// ErrClosed: the producer is closed.
	ErrClosed Code = -205
	// ErrTimedOut: the time given was up.
	ErrTimedOut Code = -206
	// ErrBufferExhausted: no buffer memory within the time given.
	ErrBufferExhausted Code = -207
	// ErrWouldBlock: the call would have to wait and was told not to.
	ErrWouldBlock Code = -208
	// ErrInterrupted: the wait was interrupted from another thread.
	ErrInterrupted Code = -209
	// ErrReportsFull: too many delivery reports are unread.
	ErrReportsFull Code = -210
	// ErrInCallback: not allowed inside a callback.
	ErrInCallback Code = -211
	// ErrForked: the handle was in use before this process was forked.
	ErrForked Code = -212
	// ErrWrongMode: delivery reports of this producer are consumed in another way.
	ErrWrongMode Code = -213
	// ErrDeliveryTimedOut: delivery.timeout.ms passed before the record was acknowledged.
	ErrDeliveryTimedOut Code = -214
	// ErrProtocolViolation: the peer does not speak Kafka's protocol as it should.
	ErrProtocolViolation Code = -215
	// ErrNoResolvableBootstrap: none of bootstrap.servers can be resolved.
	ErrNoResolvableBootstrap Code = -216
	// ErrPartitionerFailed: the partitioner callback failed or chose an invalid partition.
	ErrPartitionerFailed Code = -217
	// ErrClosedForcefully: the producer was closed before the record was acknowledged.
	ErrClosedForcefully Code = -218
	// ErrFatal: the producer met a fatal error earlier.
	ErrFatal Code = -219
	// ErrPurged: the record was purged before it was acknowledged.
	ErrPurged Code = -220
	// ErrInternal: A defect of this library; please report it.
	ErrInternal Code = -299
)
