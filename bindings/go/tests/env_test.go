// Package tests holds what users of Go rely on: the sentences of tests/behaviours.tsv, each a test
// of that name, on the embedded cluster and on a real Kafka (OTTLA_TEST_BOOTSTRAP). Records are
// read back with franz-go. It is a module of its own, so that the package needs nothing for it.
package tests

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ottla/ottla-go"
	"github.com/ottla/ottla-go/ottlatest"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

// patience is for what must happen, on a machine that has other work too.
const patience = 30 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// env is where a test runs.
type env struct {
	*testing.T
	ctx     context.Context
	servers string
	// cluster is nil on a real Kafka.
	cluster *ottlatest.Brokers
	admin   *kadm.Client
	made    int
}

// both runs a test on the embedded cluster, and on a real Kafka if there is one.
func both(t *testing.T, test func(e *env)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) { embedded(t, test) })
	if servers := os.Getenv("OTTLA_TEST_BOOTSTRAP"); servers != "" {
		t.Run("kafka", func(t *testing.T) { test(newEnv(t, servers, nil)) })
	}
}

// embedded runs a test on the embedded cluster, whose faults it needs.
func embedded(t *testing.T, test func(e *env), options ...ottlatest.Option) {
	t.Helper()
	cluster := ottlatest.Cluster(t, options...)
	test(newEnv(t, cluster.BootstrapServers(), cluster))
}

func newEnv(t *testing.T, servers string, cluster *ottlatest.Brokers) *env {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(servers, ",")...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &env{T: t, ctx: ctx, servers: servers, cluster: cluster, admin: kadm.NewClient(client)}
}

// topic makes a topic that no other test has.
func (e *env) topic(partitions int32) string {
	e.Helper()
	e.made++
	where := strings.NewReplacer("/", "-").Replace(e.Name())
	name := fmt.Sprintf("go-%s-%d-%d", where, e.made, time.Now().UnixNano())
	made, err := e.admin.CreateTopic(e.ctx, partitions, -1, nil, name)
	e.must(err)
	e.must(made.Err)
	return name
}

// producer makes one that is closed at the end of the test.
func (e *env) producer(options ...ottla.Option) *ottla.Producer {
	e.Helper()
	options = append([]ottla.Option{ottla.WithBootstrapServers(e.servers)}, options...)
	p, err := ottla.NewProducer(options...)
	e.must(err)
	e.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = p.Close(ctx)
	})
	return p
}

// read reads all records of a topic, each partition in its order; there must be count of them.
func (e *env) read(topic string, count int) []*kgo.Record {
	e.Helper()
	ends, err := e.admin.ListEndOffsets(e.ctx, topic)
	e.must(err)
	var total int64
	ends.Each(func(end kadm.ListedOffset) { total += end.Offset })
	if total != int64(count) {
		e.Fatalf("topic %s has %d records, not %d", topic, total, count)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(e.servers, ",")...),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	e.must(err)
	defer client.Close()
	var records []*kgo.Record
	for len(records) < count {
		fetches := client.PollFetches(e.ctx)
		e.must(fetches.Err0())
		fetches.EachError(func(_ string, _ int32, err error) { e.Fatal(err) })
		records = append(records, fetches.Records()...)
	}
	return records
}

// must fails the test if something went wrong that is not what it is about.
func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// want fails the test, with a format's text, unless it is so.
func (e *env) want(so bool, format string, arguments ...any) {
	e.Helper()
	if !so {
		e.Fatalf(format, arguments...)
	}
}

// refused checks an error: its code, and words that it says.
func (e *env) refused(err error, code ottla.Code, words ...string) {
	e.Helper()
	if !isCode(err, code) {
		e.Fatalf("%v is not %s", err, code.Name())
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			e.Fatalf("%q does not say %q", err, word)
		}
	}
}

// send sends one record and waits for its report.
func (e *env) send(p *ottla.Producer, record *ottla.Record) ottla.Report {
	e.Helper()
	reports, err := p.SendSync(e.ctx, record)
	e.must(err)
	return reports[0]
}

// within is the context of something that must end by itself.
func (e *env) within(limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(e.ctx, limit)
	e.Cleanup(cancel)
	return ctx
}

// eventually waits until it is so.
func (e *env) eventually(what string, so func() bool) {
	e.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-e.ctx.Done():
			e.Fatalf("in vain: %s", what)
		}
	}
}
