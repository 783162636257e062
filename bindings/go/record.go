// What is sent, and what is said of it.

package ottla

import "time"

// Record is what is sent. Only Topic must be set.
type Record struct {
	// Topic is where it goes.
	Topic string
	// Key decides the partition, and what a compacted topic keeps. Nil is null, which Kafka tells
	// apart from empty.
	Key []byte
	// Value is the payload. Nil is null: on a compacted topic it deletes the key.
	Value []byte
	// Headers go with it, in this order; names may repeat.
	Headers []Header
	// Partition is where it must go: ToPartition(3). The zero value lets one be chosen.
	Partition Partition
	// Timestamp is its create time, to the millisecond; the zero value is now.
	Timestamp time.Time
	// Opaque comes back in its Report. The producer does not look at it.
	Opaque any
}

// Header is a name and a value that go with a record.
type Header struct {
	// Name is UTF-8.
	Name string
	// Value is nil for null.
	Value []byte
}

// Partition is a partition that a record names, or the zero value: none.
type Partition struct{ next int32 }

// AnyPartition lets the producer choose; it is the zero value.
var AnyPartition = Partition{}

// ToPartition names a partition. -1 is AnyPartition.
func ToPartition(number int32) Partition { return Partition{number + 1} }

// Number is the partition's number, -1 for AnyPartition.
func (p Partition) Number() int32 { return p.next - 1 }

// State is what is known of a record's fate.
type State int32

const (
	// Unknown is the state of a record whose report was not waited for.
	Unknown State = 0
	// NotPersisted says that the record is provably not in the log: it may be sent again.
	NotPersisted State = 1
	// PossiblyPersisted says that it may be in the log; with acks=0 that is all one can know.
	PossiblyPersisted State = 2
	// Persisted says that it was acknowledged as acks asks.
	Persisted State = 3
)

// String is the state in words.
func (s State) String() string {
	switch s {
	case NotPersisted:
		return "not persisted"
	case PossiblyPersisted:
		return "possibly persisted"
	case Persisted:
		return "persisted"
	}
	return "unknown"
}

// Report says what became of one record that was accepted.
type Report struct {
	// Topic is the record's.
	Topic string
	// Partition is the one that was chosen.
	Partition int32
	// State says whether the record is in the log.
	State State
	// Offset is its place there; -1 if it failed or the place is not known (acks=0).
	Offset int64
	// TimestampMs is the broker's append time if the topic keeps that, else the create time, in
	// milliseconds since 1970; -1 if it is not known. See Time.
	TimestampMs int64
	// Err is nil, or why it failed: an *Error.
	Err error
	// Opaque is the record's.
	Opaque any
}

// Time is TimestampMs as a time; zero if it is not known.
func (r *Report) Time() time.Time {
	if r.TimestampMs < 0 {
		return time.Time{}
	}
	return time.UnixMilli(r.TimestampMs)
}
