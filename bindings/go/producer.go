// Making a producer, and what is asked of it besides sending.

package ottla

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ottla/ottla-go/internal/capi"
)

// Producer sends records. All methods may be called from any goroutine. Close it.
type Producer struct {
	c            *capi.Producer
	log          *slog.Logger
	interceptors []Interceptor
	partitioner  Partitioner
	counts       sync.Map // Of topics, for the partitioner: string to partitionCount.
	maxBlock     time.Duration
	lingers      bool

	slots   slots
	awaited atomic.Int64 // Records of SendSync calls that wait, without outcome.
	tickets tickets
	// events tells that the library has news: of a flush, of a close.
	events news
	// served tells that reports were read.
	served  news
	reports reportsReader
	event   *os.File

	// closing is closed when Close begins, closed when all is over.
	closing  chan struct{}
	isClosed atomic.Bool
	closed   chan struct{}
	workers  sync.WaitGroup
}

type partitionCount struct {
	count int32
	until time.Time
}

// partitionCountAge is for how long a partitioner is told what was once known.
const partitionCountAge = time.Second

// Version is the version of the library that runs.
func Version() string { return capi.Version() }

// NewProducer makes a producer. It connects to nothing before its first use. An error names the
// option that is wrong.
func NewProducer(options ...Option) (*Producer, error) {
	var s settings
	for _, option := range options {
		if option == nil {
			return nil, errorf(ErrInvalidArgument, "an option is nil")
		}
		option(&s)
	}
	if slices.Contains(s.interceptors, nil) {
		return nil, errorf(ErrInvalidArgument, "an interceptor is nil")
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	config, failure := capi.NewConfig()
	if failure != nil {
		return nil, errorOf(failure)
	}
	defer config.Free()
	for _, setting := range s.config {
		if failure := config.Set(setting.key, setting.value); failure != nil {
			return nil, errorOf(failure)
		}
	}
	if mode, _ := config.Get("delivery.report.mode"); mode != "poll" {
		return nil, errorf(ErrConfiguration, "delivery.report.mode=%s: in Go each send says "+
			"whether it wants a report, by its callback; leave it out", mode)
	}
	text, _ := config.Get("max.block.ms")
	maxBlock, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, errorf(ErrInternal, "max.block.ms=%s: %v", text, err)
	}
	linger, _ := config.Get("linger.ms")
	c, fd, failure := config.NewProducer()
	if failure != nil {
		return nil, errorOf(failure)
	}
	p := &Producer{c: c, log: s.log, interceptors: s.interceptors, partitioner: s.partitioner,
		tickets: newTickets(), closing: make(chan struct{}), closed: make(chan struct{}),
		event: os.NewFile(uintptr(fd), "ottla event fd")}
	p.maxBlock = time.Duration(min(maxBlock, 1<<40)) * time.Millisecond
	p.lingers = linger != "0"
	p.reports.init()
	p.workers.Add(2)
	go p.watchEvents()
	go p.readReports()
	return p, nil
}

// PartitionInfo is a partition of a topic.
type PartitionInfo struct {
	// Partition is its number.
	Partition int32
	// Leader is the number of the broker that leads it; -1 if none does at the moment.
	Leader int32
}

// PartitionsFor tells the partitions of a topic, as they were last heard of. It waits until the
// topic is known, at most max.block.ms.
func (p *Producer) PartitionsFor(ctx context.Context, topic string) ([]PartitionInfo, error) {
	found, err := p.partitions(ctx, topic, false)
	if err != nil {
		return nil, err
	}
	infos := make([]PartitionInfo, len(found))
	for i, partition := range found {
		infos[i] = PartitionInfo(partition)
	}
	return infos, nil
}

func (p *Producer) partitions(ctx context.Context, topic string, try bool) (
	[]capi.Partition, error) {
	if err := p.check(ctx); err != nil {
		return nil, err
	}
	into := make([]capi.Partition, 128)
	var ticket uint64
	for {
		count, failure := p.c.Partitions(topic, into, &ticket)
		switch {
		case failure == nil && count <= len(into):
			return into[:count], nil
		case failure == nil:
			into = make([]capi.Partition, count+16)
		case failure.Code != capi.WouldBlock:
			return nil, p.errorOf(failure)
		case try:
			p.cancel(ticket)
			return nil, p.errorOf(failure)
		default:
			if err := p.wait(ctx, ticket); err != nil {
				return nil, err
			}
		}
	}
}

// countFor is how many partitions a topic has, for the partitioner. It is asked for again every
// second: more partitions are heard of much later anyway.
func (p *Producer) countFor(ctx context.Context, topic string, try bool) (int32, error) {
	now := time.Now()
	if known, ok := p.counts.Load(topic); ok && now.Before(known.(partitionCount).until) {
		return known.(partitionCount).count, nil
	}
	found, err := p.partitions(ctx, topic, try)
	if err != nil {
		return 0, err
	}
	count := int32(len(found))
	p.counts.Store(topic, partitionCount{count, now.Add(partitionCountAge)})
	return count, nil
}

// Metrics is a snapshot of the producer's counters under Kafka's names.
func (p *Producer) Metrics() (map[string]float64, error) {
	if err := p.check(context.Background()); err != nil {
		return nil, err
	}
	text, failure := p.c.Metrics()
	if failure != nil {
		return nil, p.errorOf(failure)
	}
	var values map[string]any
	if err := json.Unmarshal(text, &values); err != nil {
		return nil, errorf(ErrInternal, "the metrics are no JSON: %v", err)
	}
	metrics := make(map[string]float64, len(values))
	for name, value := range values {
		if number, ok := value.(float64); ok {
			metrics[name] = number
		}
	}
	return metrics, nil
}

// Purge says which records to give up.
type Purge uint32

const (
	// PurgeQueued are records that wait to be sent, or to be sent again.
	PurgeQueued Purge = 1
	// PurgeInFlight are records in requests that are not answered.
	PurgeInFlight Purge = 2
)

// Purge gives up records that were accepted before this call; the producer goes on. Each has its
// report at once, with ErrPurged: what was never sent is NotPersisted, the rest mostly
// PossiblyPersisted.
func (p *Producer) Purge(what Purge) error {
	if err := p.check(context.Background()); err != nil {
		return err
	}
	return p.errorOf(p.c.Purge(uint32(what)))
}

// FatalError is the error after which nothing is accepted any more; nil if there was none.
func (p *Producer) FatalError() error {
	if p.isClosed.Load() {
		return nil
	}
	return p.errorOf(p.c.FatalError())
}

// check refuses a call whose context is done, and one after Close.
func (p *Producer) check(ctx context.Context) error {
	if p.isClosed.Load() {
		return closedError()
	}
	return contextError(ctx)
}

// errorOf is the error of a call. A handle is invalid only when Close has freed it.
func (p *Producer) errorOf(failure *capi.Error) error {
	if failure != nil && Code(failure.Code) == ErrInvalidHandle {
		return closedError()
	}
	return errorOf(failure)
}
