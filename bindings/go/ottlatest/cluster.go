// Package ottlatest is a Kafka cluster inside a test: brokers that real clients connect to, that
// keep everything in memory, start in a millisecond, and break on command.
//
//	func TestLetters(t *testing.T) {
//		cluster := ottlatest.Cluster(t, ottlatest.WithTopic("letters", 3))
//		p, err := ottla.NewProducer(ottla.WithBootstrapServers(cluster.BootstrapServers()))
//		…
//		cluster.Kill(1)
//	}
package ottlatest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/ottla/ottla-go"
	"github.com/ottla/ottla-go/internal/capi"
)

// Option configures a cluster.
type Option func(lines *strings.Builder)

// WithBrokers is how many brokers there are; one without it. They are numbered from 1.
func WithBrokers(count int) Option { return WithConfig("brokers", strconv.Itoa(count)) }

// WithTopic makes a topic at the start.
func WithTopic(name string, partitions int) Option {
	return WithConfig("topic", fmt.Sprintf("%s:%d", name, partitions))
}

// WithConfig sets one of Kafka's keys of brokers or of topics, which hold for all topics:
// auto.create.topics.enable, min.insync.replicas, max.message.bytes, …
func WithConfig(key, value string) Option {
	return func(lines *strings.Builder) { fmt.Fprintf(lines, "%s=%s\n", key, value) }
}

// Brokers is a cluster of brokers in this process.
type Brokers struct {
	c    *capi.Cluster
	fail func(error)
}

// Cluster starts a cluster that ends with the test. What goes wrong fails the test.
func Cluster(t testing.TB, options ...Option) *Brokers {
	t.Helper()
	brokers, err := Start(options...)
	if err != nil {
		t.Fatal(err)
	}
	brokers.fail = func(err error) {
		t.Helper()
		t.Fatal(err)
	}
	t.Cleanup(brokers.Close)
	return brokers
}

// Start starts a cluster outside of a test, as TestMain and examples do. Close it. What goes wrong
// later panics.
func Start(options ...Option) (*Brokers, error) {
	var lines strings.Builder
	for _, option := range options {
		option(&lines)
	}
	c, failure := capi.NewCluster(lines.String())
	if failure != nil {
		return nil, errorOf(failure)
	}
	return &Brokers{c: c, fail: func(err error) { panic(err) }}, nil
}

func errorOf(failure *capi.Error) error {
	return &ottla.Error{Code: ottla.Code(failure.Code), Reason: failure.Text}
}

// check ends a call.
func (b *Brokers) check(failure *capi.Error) {
	if failure != nil {
		b.fail(errorOf(failure))
	}
}

// Close ends the cluster: its threads, its connections, its records.
func (b *Brokers) Close() { b.check(b.c.Free()) }

// Command does what a line says, in the language of the control port of `ottla cluster`; `help`
// lists it. The answer is lines, JSON where one has more than a word. All methods are commands.
func (b *Brokers) Command(format string, arguments ...any) string {
	answer, failure := b.c.Command(fmt.Sprintf(format, arguments...))
	b.check(failure)
	return answer
}

// BootstrapServers is what clients need to connect.
func (b *Brokers) BootstrapServers() string { return b.Command("bootstrap") }

// CreateTopic makes a topic with three replicas, or as many as there are brokers.
func (b *Brokers) CreateTopic(name string, partitions int) {
	b.Command("topic %s %d", name, partitions)
}

// Kill kills a broker: its connections end, its port refuses.
func (b *Brokers) Kill(broker int) { b.Command("kill %d", broker) }

// Stop ends a broker in order: its leaders move first.
func (b *Brokers) Stop(broker int) { b.Command("stop %d", broker) }

// StartBroker starts a broker that is down, with the logs and the port that it had.
func (b *Brokers) StartBroker(broker int) { b.Command("start %d", broker) }

// Pause lets a broker do nothing until Resume; its connections stay.
func (b *Brokers) Pause(broker int) { b.Command("pause %d", broker) }

// Resume lets a paused broker go on where it was.
func (b *Brokers) Resume(broker int) { b.Command("resume %d", broker) }

// MoveLeader makes a broker that is in sync the leader of a partition.
func (b *Brokers) MoveLeader(topic string, partition, broker int) {
	b.Command("leader %s %d %d", topic, partition, broker)
}

// IsWell tells whether every broker runs, and every partition takes writes and is on all its
// replicas. Command("health") says what is not.
func (b *Brokers) IsWell() bool { return strings.Contains(b.Command("health"), `"well":true`) }

// Fault is something that goes wrong with requests until it is healed.
type Fault struct {
	brokers *Brokers
	id      uint64
}

// Inject makes something go wrong with requests from now on. The fault says what and with which:
// "error NOT_LEADER_OR_FOLLOWER api=Produce times=3", "delay 200 broker=1", "drop skip=2 times=1".
// First one of: error CODE, error-after CODE (done, then the error), delay MS, throttle MS, drop,
// drop-response, close, close-after, half-response, drip BYTES MS, corrupt-response, fail-handler.
// Then any of: api=NAME, broker=NUMBER, topic=NAME, partition=NUMBER, skip=COUNT of requests that
// pass before the first that does not, times=COUNT of those that do not.
func (b *Brokers) Inject(fault string) Fault {
	id, failure := b.c.Inject(fault)
	b.check(failure)
	return Fault{b, id}
}

// Heal ends the fault. One that has ended is fine.
func (f Fault) Heal() { f.brokers.check(f.brokers.c.Heal(f.id)) }

// HealAll ends all faults.
func (b *Brokers) HealAll() { b.check(b.c.Heal(0)) }
