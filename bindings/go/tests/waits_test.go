// Whatever waits ends in its time, by its context, or with what it waited for.

package tests

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ottla/ottla-go"
)

// smallBuffer is for producers whose memory is full after a few records of largeRecord.
var smallBuffer = []ottla.Option{ottla.WithConfig("buffer.memory", "65536"),
	ottla.WithConfig("batch.size", "16384"), ottla.WithConfig("linger.ms", "0")}

func largeRecord(topic string) *ottla.Record {
	return &ottla.Record{Topic: topic, Value: make([]byte, 15000)}
}

// fill sends until the buffer is full, with brokers that do not answer; it gives how many fit.
func (e *env) fill(p *ottla.Producer, topic string) (accepted int) {
	e.Helper()
	e.cluster.Pause(1)
	for {
		err := p.TrySend(largeRecord(topic), nil)
		if errors.Is(err, ottla.ErrWouldBlock) {
			return accepted
		}
		e.must(err)
		accepted++
	}
}

func (e *env) smallProducer(options ...ottla.Option) (*ottla.Producer, string) {
	e.Helper()
	p, topic := e.producer(append(smallBuffer, options...)...), e.topic(1)
	_, err := p.PartitionsFor(e.ctx, topic)
	e.must(err)
	return p, topic
}

func TestFlushWaits(t *testing.T) {
	both(t, func(e *env) {
		p, topic := e.producer(ottla.WithConfig("linger.ms", "60000")), e.topic(3)
		var reported atomic.Int32
		for range 1000 {
			e.must(p.Send(e.ctx, &ottla.Record{Topic: topic},
				func(*ottla.Report) { reported.Add(1) }))
		}
		e.must(p.Flush(e.ctx))
		e.want(reported.Load() == 1000, "%d of 1000 are reported", reported.Load())
		// Also where nobody wants reports.
		e.must(p.Send(e.ctx, &ottla.Record{Topic: topic}, nil))
		e.must(p.Flush(e.ctx))
		e.read(topic, 1001)
	})
}

func TestFlushInTime(t *testing.T) {
	embedded(t, func(e *env) {
		p, topic := e.producer(), e.topic(1)
		e.send(p, &ottla.Record{Topic: topic})
		e.cluster.Pause(1)
		e.must(p.Send(e.ctx, &ottla.Record{Topic: topic}, nil))
		err := p.Flush(e.within(100 * time.Millisecond))
		e.refused(err, ottla.ErrTimedOut, "outcome")
		e.want(errors.Is(err, context.DeadlineExceeded), "%v", err)
		e.cluster.Resume(1)
		e.must(p.Flush(e.ctx))
		e.read(topic, 2)
	})
}

func TestWaitIsInterrupted(t *testing.T) {
	embedded(t, func(e *env) {
		p, topic := e.smallProducer()
		accepted := e.fill(p, topic)
		ctx, cancel := context.WithCancel(e.ctx)
		ended := make(chan error)
		go func() { ended <- p.Send(ctx, largeRecord(topic), nil) }()
		e.eventually("the send waits", func() bool {
			metrics, err := p.Metrics()
			e.must(err)
			return metrics["waiting-threads"] == 1
		})
		cancel()
		err := <-ended
		e.refused(err, ottla.ErrBufferExhausted, "buffer.memory")
		e.want(errors.Is(err, context.Canceled), "%v", err)
		e.cluster.Resume(1)
		e.must(p.Flush(e.ctx))
		e.read(topic, accepted)
	})
}

func TestFullBufferWaits(t *testing.T) {
	embedded(t, func(e *env) {
		p, topic := e.smallProducer(ottla.WithConfig("max.block.ms", "300"))
		accepted := e.fill(p, topic)
		start := time.Now()
		err := p.Send(e.ctx, largeRecord(topic), nil)
		e.refused(err, ottla.ErrBufferExhausted, "buffer.memory")
		e.want(time.Since(start) >= 290*time.Millisecond, "it waited only %v", time.Since(start))
		// And one that is in time goes on.
		ended := make(chan error)
		go func() { ended <- p.Send(e.ctx, largeRecord(topic), nil) }()
		e.cluster.Resume(1)
		e.must(<-ended)
		e.must(p.Flush(e.ctx))
		e.read(topic, accepted+1)
	})
}

func TestFullBufferWouldBlock(t *testing.T) {
	embedded(t, func(e *env) {
		p, topic := e.smallProducer()
		accepted := e.fill(p, topic)
		e.refused(p.TrySend(largeRecord(topic), nil), ottla.ErrWouldBlock, "buffer.memory")
		e.cluster.Resume(1)
		e.eventually("a later try succeeds", func() bool {
			return p.TrySend(largeRecord(topic), nil) == nil
		})
		// The same for a topic that is not known yet.
		other := e.topic(1)
		e.refused(p.TrySend(&ottla.Record{Topic: other}, nil), ottla.ErrWouldBlock, other)
		e.eventually("the topic is known", func() bool {
			return p.TrySend(&ottla.Record{Topic: other}, nil) == nil
		})
		e.must(p.Flush(e.ctx))
		e.read(topic, accepted+1)
		e.read(other, 1)
	})
}

// A goroutine that waits costs no thread: nothing of it is in C.
func TestWaitingSendsHoldNoThread(t *testing.T) {
	embedded(t, func(e *env) {
		p, topic := e.smallProducer()
		accepted := e.fill(p, topic)
		before := threads(e)
		const waiting = 300
		var group sync.WaitGroup
		for range waiting {
			group.Add(1)
			go func() {
				defer group.Done()
				if err := p.Send(e.ctx, largeRecord(topic), nil); err != nil {
					e.Error(err)
				}
			}()
		}
		e.eventually("all wait", func() bool {
			metrics, err := p.Metrics()
			e.must(err)
			return metrics["waiting-threads"] == waiting
		})
		e.want(threads(e) < before+20, "%d threads, before %d", threads(e), before)
		e.cluster.Resume(1)
		group.Wait()
		e.must(p.Flush(e.ctx))
		e.read(topic, accepted+waiting)
	})
}

// A send that waits for reports to be read sleeps, also while none is there yet.
func TestWaitingForReportsCostsNothing(t *testing.T) {
	embedded(t, func(e *env) {
		p := e.producer(ottla.WithConfig("delivery.report.queue.max", "10"),
			ottla.WithConfig("linger.ms", "0"))
		topic := e.topic(1)
		e.send(p, &ottla.Record{Topic: topic})
		e.cluster.Pause(1)
		done := func(*ottla.Report) {}
		for range 10 {
			e.must(p.Send(e.ctx, &ottla.Record{Topic: topic}, done))
		}
		before := cpuTime(e)
		err := p.Send(e.within(500*time.Millisecond), &ottla.Record{Topic: topic}, done)
		e.refused(err, ottla.ErrReportsFull)
		e.want(cpuTime(e)-before < 250*time.Millisecond, "it took %v", cpuTime(e)-before)
		e.cluster.Resume(1)
		e.must(p.Send(e.ctx, &ottla.Record{Topic: topic}, done))
		e.must(p.Flush(e.ctx))
		e.read(topic, 12)
	})
}

func cpuTime(e *env) time.Duration {
	var usage syscall.Rusage
	e.must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Callbacks that are slower than the brokers hold sends back, as a full buffer does.
func TestUnreadReportsWait(t *testing.T) {
	embedded(t, func(e *env) {
		p := e.producer(ottla.WithConfig("delivery.report.queue.max", "100"),
			ottla.WithConfig("linger.ms", "0"), ottla.WithConfig("max.block.ms", "200"))
		topic := e.topic(1)
		release := make(chan struct{})
		var reported atomic.Int32
		send := func() error {
			return p.Send(e.ctx, &ottla.Record{Topic: topic}, func(*ottla.Report) {
				<-release
				reported.Add(1)
			})
		}
		var err error
		accepted := int32(0)
		for ; err == nil; accepted++ {
			err = send()
		}
		e.refused(err, ottla.ErrReportsFull)
		close(release)
		for range 1000 {
			e.must(send())
		}
		e.must(p.Flush(e.ctx))
		e.want(reported.Load() == accepted-1+1000, "%d reports", reported.Load())
	})
}

func threads(e *env) int {
	tasks, err := os.ReadDir("/proc/self/task")
	e.must(err)
	return len(tasks)
}

func TestSendSyncLingersOnlyForOthers(t *testing.T) {
	both(t, func(e *env) {
		p, topic := e.producer(ottla.WithConfig("linger.ms", "2000")), e.topic(1)
		record := ottla.Record{Topic: topic, Value: []byte("a letter")}
		took := func() time.Duration {
			begin := time.Now()
			e.send(p, &record)
			return time.Since(begin)
		}
		took() // Connects.
		alone := took()
		e.want(alone < time.Second, "nobody else sends, and it took %v", alone)
		e.must(p.Send(e.ctx, &record, func(*ottla.Report) {}))
		beside := took()
		e.want(beside > time.Second, "a record lingers, and it took %v", beside)
	})
}
