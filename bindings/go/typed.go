// Keys and values of an application's own types.

package ottla

import (
	"context"
	"fmt"
)

// Serializer makes bytes of a T. Nil is null.
type Serializer[T any] interface {
	Serialize(topic string, value T) ([]byte, error)
}

// SerializerFunc is a function that is a Serializer.
type SerializerFunc[T any] func(topic string, value T) ([]byte, error)

// Serialize calls the function.
func (f SerializerFunc[T]) Serialize(topic string, value T) ([]byte, error) {
	return f(topic, value)
}

// Bytes sends bytes as they are.
func Bytes() Serializer[[]byte] {
	return SerializerFunc[[]byte](func(_ string, value []byte) ([]byte, error) {
		return value, nil
	})
}

// String sends texts; an empty one is empty, not null.
func String() Serializer[string] {
	return SerializerFunc[string](func(_ string, value string) ([]byte, error) {
		return []byte(value), nil
	})
}

// TypedProducer sends keys of type K and values of type V by a Producer, which it does not close.
type TypedProducer[K, V any] struct {
	*Producer
	key   Serializer[K]
	value Serializer[V]
}

// TypedRecord is a Record with a key and a value of an application's own types.
type TypedRecord[K, V any] struct {
	// Record is all but Key and Value, which are not looked at.
	Record
	Key   K
	Value V
}

// Typed makes a producer of keys and values.
func Typed[K, V any](p *Producer, key Serializer[K], value Serializer[V]) *TypedProducer[K, V] {
	return &TypedProducer[K, V]{p, key, value}
}

// Send is Producer.Send of the serialized record. A serializer's error refuses the record: it Is
// ErrInvalidRecord and the serializer's.
func (t *TypedProducer[K, V]) Send(ctx context.Context, record *TypedRecord[K, V],
	done func(*Report)) error {
	serialized, err := t.serialize(record)
	if err != nil {
		return err
	}
	return t.Producer.Send(ctx, &serialized, done)
}

// SendSync is Producer.SendSync of one serialized record.
func (t *TypedProducer[K, V]) SendSync(ctx context.Context, record *TypedRecord[K, V]) (
	Report, error) {
	serialized, err := t.serialize(record)
	if err != nil {
		return Report{}, err
	}
	reports, err := t.Producer.SendSync(ctx, &serialized)
	if reports == nil {
		return Report{}, err
	}
	return reports[0], err
}

func (t *TypedProducer[K, V]) serialize(record *TypedRecord[K, V]) (Record, error) {
	if record == nil {
		return Record{}, errorf(ErrInvalidArgument, "the record is nil")
	}
	serialized := record.Record
	for _, part := range []struct {
		name string
		make func() ([]byte, error)
		to   *[]byte
	}{
		{"key", func() ([]byte, error) { return t.key.Serialize(record.Topic, record.Key) },
			&serialized.Key},
		{"value", func() ([]byte, error) { return t.value.Serialize(record.Topic, record.Value) },
			&serialized.Value},
	} {
		data, err := part.make()
		if err != nil {
			reason := fmt.Sprintf("the serializer refused the %s of a record of topic %s",
				part.name, record.Topic)
			return Record{}, &Error{Code: ErrInvalidRecord, Reason: reason, cause: err}
		}
		*part.to = data
	}
	return serialized, nil
}
