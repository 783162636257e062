// How a producer is configured, and the code of the application that it runs.

package ottla

import (
	"context"
	"log/slog"
	"strings"
)

// Option configures a producer.
type Option func(*settings)

type setting struct{ key, value string }

type settings struct {
	config       []setting
	log          *slog.Logger
	interceptors []Interceptor
	partitioner  Partitioner
}

// WithBootstrapServers says where the cluster is: host:port, of some of its brokers.
func WithBootstrapServers(addresses ...string) Option {
	return WithConfig("bootstrap.servers", strings.Join(addresses, ","))
}

// WithConfig sets a key of CONFIGURATION.md, Kafka's own names or librdkafka's, to a value. The
// last value of a key counts.
func WithConfig(key, value string) Option {
	return func(s *settings) { s.config = append(s.config, setting{key, value}) }
}

// WithConfigMap sets many keys.
func WithConfigMap(config map[string]string) Option {
	return func(s *settings) {
		for key, value := range config {
			s.config = append(s.config, setting{key, value})
		}
	}
}

// WithLogger says where log lines go; without it, or with nil, to slog.Default(). log.level says which lines
// there are (warn and worse). The handler runs on the goroutine that runs callbacks.
func WithLogger(log *slog.Logger) Option {
	return func(s *settings) { s.log = log }
}

// WithPartitioner has the partitions of records that name none chosen by the application.
func WithPartitioner(partitioner Partitioner) Option {
	return func(s *settings) { s.partitioner = partitioner }
}

// WithInterceptors adds interceptors, which see records in this order.
func WithInterceptors(interceptors ...Interceptor) Option {
	return func(s *settings) { s.interceptors = append(s.interceptors, interceptors...) }
}

// Partitioner chooses partitions. It runs on the goroutine that sends, once for each record, after
// the interceptors.
type Partitioner interface {
	// Partition gives a number from 0 to count-1, or -1 for the built-in rules. Anything else
	// refuses the record with ErrPartitionerFailed. It must not change the record.
	Partition(record *Record, count int32) int32
}

// PartitionerFunc is a function that is a Partitioner.
type PartitionerFunc func(record *Record, count int32) int32

// Partition calls the function.
func (f PartitionerFunc) Partition(record *Record, count int32) int32 { return f(record, count) }

// Interceptor sees each record before it is sent, and its report before the application does.
type Interceptor interface {
	// OnSend runs once for each record, on the goroutine that sends. It may change the record,
	// which is a copy, and append to its Headers, though not change the bytes and headers that are
	// there. An error is logged, and the record goes on as it was before this interceptor.
	OnSend(ctx context.Context, record *Record) error
	// OnAcknowledgement runs where callbacks run, also for records without a callback. It must
	// not change the report.
	OnAcknowledgement(report *Report)
}
