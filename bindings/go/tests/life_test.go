// Producers begin, end, live beside each other, and survive what happens to brokers.

package tests

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ottla/ottla-go"
	"github.com/ottla/ottla-go/ottlatest"
)

func TestCloseReportsAll(t *testing.T) {
	both(t, func(e *env) {
		p, topic := e.producer(ottla.WithConfig("linger.ms", "60000")), e.topic(3)
		var reported atomic.Int32
		for range 1000 {
			e.must(p.Send(e.ctx, &ottla.Record{Topic: topic}, func(r *ottla.Report) {
				if r.State == ottla.Persisted {
					reported.Add(1)
				}
			}))
		}
		e.must(p.Close(e.ctx))
		e.want(reported.Load() == 1000, "%d of 1000 are reported", reported.Load())
		e.read(topic, 1000)
	})
}

func TestCloseInTime(t *testing.T) {
	embedded(t, func(e *env) {
		p, topic := e.producer(ottla.WithConfig("log.level", "error")), e.topic(1)
		e.send(p, &ottla.Record{Topic: topic})
		e.cluster.Kill(1)
		var reported atomic.Int32
		for range 10 {
			e.must(p.Send(e.ctx, &ottla.Record{Topic: topic}, func(r *ottla.Report) {
				e.refused(r.Err, ottla.ErrClosedForcefully)
				reported.Add(1)
			}))
		}
		start := time.Now()
		err := p.Close(e.within(300 * time.Millisecond))
		e.refused(err, ottla.ErrClosedForcefully, "10 record")
		e.want(errors.Is(err, context.DeadlineExceeded), "%v is not the context's", err)
		took := time.Since(start)
		e.want(took >= 290*time.Millisecond && took < 10*time.Second, "it took %v", took)
		e.want(reported.Load() == 10, "%d of 10 are reported", reported.Load())
	})
}

// A callback that does not return holds up neither Close nor, for ever, what is behind it.
func TestCloseDoesNotWaitForACallbackForEver(t *testing.T) {
	embedded(t, func(e *env) {
		p, topic := e.producer(ottla.WithConfig("linger.ms", "0")), e.topic(1)
		release, running := make(chan struct{}), make(chan struct{})
		e.must(p.Send(e.ctx, &ottla.Record{Topic: topic}, func(*ottla.Report) {
			close(running)
			<-release
		}))
		<-running
		e.refused(p.Close(e.within(50*time.Millisecond)), ottla.ErrTimedOut, "callback")
		close(release)
		e.must(p.Close(e.ctx))
	})
}

func TestClosedSaysSo(t *testing.T) {
	both(t, func(e *env) {
		p, topic := e.producer(), e.topic(1)
		e.send(p, &ottla.Record{Topic: topic})
		e.must(p.Close(e.ctx))
		record := &ottla.Record{Topic: topic}
		done := func(*ottla.Report) { e.Error("a report after the end") }
		e.refused(p.Send(e.ctx, record, done), ottla.ErrClosed, "closed")
		e.refused(p.TrySend(record, done), ottla.ErrClosed)
		_, err := p.SendSync(e.ctx, record)
		e.refused(err, ottla.ErrClosed)
		e.must(p.Flush(e.ctx)) // There is nothing to wait for.
		e.refused(p.Purge(ottla.PurgeQueued), ottla.ErrClosed)
		_, err = p.PartitionsFor(e.ctx, topic)
		e.refused(err, ottla.ErrClosed)
		_, err = p.Metrics()
		e.refused(err, ottla.ErrClosed)
		e.must(p.Close(e.ctx)) // As often as one likes.
	})
}

func TestFlushWaitsForACloseThatIsUnderWay(t *testing.T) {
	embedded(t, func(e *env) {
		p, topic := e.producer(), e.topic(1)
		e.send(p, &ottla.Record{Topic: topic})
		e.cluster.Pause(1)
		flushed, closed := make(chan error, 1), make(chan error, 1)
		record := &ottla.Record{Topic: topic, Value: []byte("late")}
		e.must(p.Send(e.ctx, record, func(r *ottla.Report) { e.must(r.Err) }))
		go func() { flushed <- p.Flush(e.ctx) }()
		go func() { closed <- p.Close(e.ctx) }()
		e.eventually("it closes", func() bool {
			return errors.Is(p.TrySend(record, nil), ottla.ErrClosed)
		})
		err := p.Flush(e.within(20 * time.Millisecond))
		e.refused(err, ottla.ErrTimedOut)
		e.cluster.Resume(1)
		e.must(p.Flush(e.ctx))
		e.must(<-flushed)
		e.must(<-closed)
	})
}

// A send that waits while another goroutine closes is refused.
func TestCloseEndsWaits(t *testing.T) {
	embedded(t, func(e *env) {
		p, topic := e.smallProducer(ottla.WithConfig("log.level", "error"))
		e.fill(p, topic)
		ended := make(chan error)
		go func() { ended <- p.Send(e.ctx, largeRecord(topic), nil) }()
		e.eventually("the send waits", func() bool {
			metrics, err := p.Metrics()
			e.must(err)
			return metrics["waiting-threads"] == 1
		})
		e.refused(p.Close(e.within(50*time.Millisecond)), ottla.ErrClosedForcefully)
		e.refused(<-ended, ottla.ErrClosed)
		e.cluster.Resume(1)
	})
}

func TestUnusedProducer(t *testing.T) {
	both(t, func(e *env) {
		goroutines := runtime.NumGoroutine()
		start := time.Now()
		for range 10 {
			p, err := ottla.NewProducer(ottla.WithBootstrapServers(e.servers))
			e.must(err)
			e.want(!hasThread(e, "ottla-"), "an unused producer has a thread")
			e.must(p.Flush(e.ctx))
			e.must(p.Close(e.ctx))
		}
		e.want(time.Since(start) < 5*time.Second, "it took %v", time.Since(start))
		e.eventually("the goroutines end", func() bool {
			return runtime.NumGoroutine() <= goroutines
		})
		e.want(!hasThread(e, "ottla-"), "a thread is left")
	})
}

func hasThread(e *env, prefix string) bool {
	tasks, err := os.ReadDir("/proc/self/task")
	e.must(err)
	for _, task := range tasks {
		name, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/comm")
		if strings.HasPrefix(string(name), prefix) {
			return true
		}
	}
	return false
}

func TestTwoProducers(t *testing.T) {
	both(t, func(e *env) {
		topic := e.topic(3)
		var seen [2]map[any]int
		producers := [2]*ottla.Producer{e.producer(), e.producer()}
		for i := range 200 {
			which := i % 2
			if seen[which] == nil {
				seen[which] = map[any]int{}
			}
			e.must(producers[which].Send(e.ctx, &ottla.Record{Topic: topic, Opaque: i},
				func(r *ottla.Report) { seen[which][r.Opaque]++ }))
		}
		for which, p := range producers {
			e.must(p.Close(e.ctx))
			e.want(len(seen[which]) == 100, "%d reports", len(seen[which]))
			for opaque, count := range seen[which] {
				e.want(opaque.(int)%2 == which && count == 1, "%v has %d", opaque, count)
			}
		}
		e.read(topic, 200)
	})
}

func TestManyThreads(t *testing.T) {
	both(t, func(e *env) {
		p, topic := e.producer(), e.topic(3)
		const senders, each = 8, 1000
		var group sync.WaitGroup
		var reported atomic.Int32
		for sender := range senders {
			group.Add(1)
			go func() {
				defer group.Done()
				for i := range each {
					record := ottla.Record{Topic: topic, Key: []byte{byte(sender)},
						Partition: ottla.ToPartition(int32(sender % 3)),
						Value:     fmt.Appendf(nil, "%06d", i)}
					err := p.Send(e.ctx, &record, func(*ottla.Report) { reported.Add(1) })
					if err != nil {
						e.Error(err)
					}
				}
			}()
		}
		group.Wait()
		e.must(p.Flush(e.ctx))
		e.want(reported.Load() == senders*each, "%d reports", reported.Load())
		var last [senders]string
		for _, r := range e.read(topic, senders*each) {
			sender := r.Key[0]
			e.want(last[sender] < string(r.Value), "%s after %s", r.Value, last[sender])
			last[sender] = string(r.Value)
		}
	})
}

func TestBrokersComeBack(t *testing.T) {
	embedded(t, func(e *env) {
		p, topic := e.producer(ottla.WithConfig("log.level", "error")), e.topic(3)
		const count = 3000
		var persisted atomic.Int32
		for i := range count {
			e.must(p.Send(e.ctx, &ottla.Record{Topic: topic, Value: fmt.Appendf(nil, "%d", i)},
				func(r *ottla.Report) {
					if r.State == ottla.Persisted {
						persisted.Add(1)
					}
				}))
			switch i {
			case 500:
				e.cluster.Kill(1)
			case 1000:
				e.must(p.Flush(e.ctx))
				e.cluster.StartBroker(1)
			case 1500:
				e.eventually("all is well", e.cluster.IsWell)
				e.cluster.Kill(2)
			case 2000:
				e.must(p.Flush(e.ctx))
				e.cluster.StartBroker(2)
			}
		}
		e.must(p.Flush(e.ctx))
		e.want(persisted.Load() == count, "%d are persisted", persisted.Load())
		seen := map[string]bool{}
		for _, r := range e.read(topic, count) {
			seen[string(r.Value)] = true
		}
		e.want(len(seen) == count, "%d records, %d different ones", count, len(seen))
	}, ottlatest.WithBrokers(3))
}
