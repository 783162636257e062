// Each accepted record has one report, which says what became of it.

package tests

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/ottla/ottla-go"
)

func TestOneReportEach(t *testing.T) {
	both(t, func(e *env) {
		p, topic := e.producer(), e.topic(3)
		const count = 2000
		var seen [count]atomic.Int32
		for i := range count {
			e.must(p.Send(e.ctx, &ottla.Record{Topic: topic},
				func(r *ottla.Report) { seen[i].Add(1) }))
			err := p.Send(e.ctx, &ottla.Record{Topic: "a/b"},
				func(r *ottla.Report) { e.Errorf("a report of a refused record: %+v", r) })
			e.refused(err, ottla.ErrInvalidTopicException)
		}
		e.must(p.Close(e.ctx))
		for i := range seen {
			e.want(seen[i].Load() == 1, "record %d has %d reports", i, seen[i].Load())
		}
		e.read(topic, count)
	})
}

func TestReportTellsThePlace(t *testing.T) {
	both(t, func(e *env) {
		p, topic := e.producer(), e.topic(3)
		var records []*ottla.Record
		for i := range 100 {
			records = append(records, &ottla.Record{Topic: topic, Key: []byte{byte(i)}})
		}
		reports, err := p.SendSync(e.ctx, records...)
		e.must(err)
		type place struct {
			partition int32
			offset    int64
		}
		keys := map[place]byte{}
		for _, r := range e.read(topic, 100) {
			keys[place{r.Partition, r.Offset}] = r.Key[0]
		}
		for i, r := range reports {
			key, ok := keys[place{r.Partition, r.Offset}]
			e.want(ok && key == byte(i) && r.Topic == topic, "record %d: %+v", i, r)
			e.want(r.State == ottla.Persisted && r.Err == nil, "record %d: %+v", i, r)
		}
	})
}

func TestReportFindsItsRecord(t *testing.T) {
	both(t, func(e *env) {
		p, topic := e.producer(), e.topic(1)
		type letter struct{ to string }
		var seen []string
		done := func(r *ottla.Report) { seen = append(seen, r.Opaque.(*letter).to) }
		for _, to := range []string{"Milena", "Felice", "Ottla"} {
			e.must(p.Send(e.ctx, &ottla.Record{Topic: topic, Opaque: &letter{to}}, done))
		}
		e.must(p.Flush(e.ctx))
		e.want(len(seen) == 3 && seen[0] == "Milena" && seen[2] == "Ottla", "%v", seen)
		report := e.send(p, &ottla.Record{Topic: topic, Opaque: 7})
		e.want(report.Opaque == 7, "%+v", report)
	})
}

func TestNoReportWanted(t *testing.T) {
	both(t, func(e *env) {
		// One report would be too many.
		p, topic := e.producer(ottla.WithConfig("delivery.report.queue.max", "1")), e.topic(1)
		for range 100 {
			e.must(p.Send(e.ctx, &ottla.Record{Topic: topic}, nil))
		}
		e.must(p.Flush(e.ctx))
		metrics, err := p.Metrics()
		e.must(err)
		e.want(metrics["reports-unread"] == 0, "%v", metrics)
		e.read(topic, 100)
	})
}

func TestAcks0(t *testing.T) {
	both(t, func(e *env) {
		p, topic := e.producer(ottla.WithConfig("acks", "0")), e.topic(1)
		r := e.send(p, &ottla.Record{Topic: topic})
		e.want(r.State == ottla.PossiblyPersisted && r.Offset == -1 && r.Err == nil, "%+v", r)
		e.must(p.Close(e.ctx))
		e.eventually("the record arrives", func() bool {
			ends, err := e.admin.ListEndOffsets(e.ctx, topic)
			e.must(err)
			end, _ := ends.Lookup(topic, 0)
			return end.Offset == 1
		})
	})
}

func TestCallbackMaySend(t *testing.T) {
	both(t, func(e *env) {
		p, topic := e.producer(), e.topic(1)
		other := e.topic(1) // Its metadata must be waited for inside the callback.
		done := make(chan ottla.Report, 2)
		e.must(p.Send(e.ctx, &ottla.Record{Topic: topic}, func(*ottla.Report) {
			e.must(p.Send(e.ctx, &ottla.Record{Topic: other},
				func(r *ottla.Report) { done <- *r }))
		}))
		select {
		case r := <-done:
			e.must(r.Err)
		case <-e.ctx.Done():
			e.Fatal("the record that the callback sent has no report")
		}
		e.read(other, 1)
	})
}

// t.Fatal ends its goroutine. Inside a callback that is not the end of the others.
func TestCallbackMayEndItsGoroutine(t *testing.T) {
	embedded(t, func(e *env) {
		p, topic := e.producer(ottla.WithConfig("linger.ms", "100")), e.topic(1)
		var reported atomic.Int32
		for i := range 10 {
			e.must(p.Send(e.ctx, &ottla.Record{Topic: topic}, func(*ottla.Report) {
				if reported.Add(1); i == 3 {
					runtime.Goexit()
				}
			}))
		}
		e.must(p.Flush(e.ctx))
		e.want(reported.Load() == 10, "%d reports", reported.Load())
		e.must(p.Close(e.ctx))
	})
}

func TestCallbackMayNotClose(t *testing.T) {
	both(t, func(e *env) {
		p, topic := e.producer(), e.topic(1)
		done := make(chan struct{})
		e.must(p.Send(e.ctx, &ottla.Record{Topic: topic}, func(*ottla.Report) {
			defer close(done)
			e.refused(p.Flush(e.ctx), ottla.ErrInCallback)
			e.refused(p.Close(e.ctx), ottla.ErrInCallback)
			_, err := p.SendSync(e.ctx, &ottla.Record{Topic: topic})
			e.refused(err, ottla.ErrInCallback)
		}))
		<-done
		// Elsewhere they are not, even while a callback runs.
		release, running := make(chan struct{}), make(chan struct{})
		e.must(p.Send(e.ctx, &ottla.Record{Topic: topic}, func(*ottla.Report) {
			close(running)
			<-release
		}))
		<-running
		flushed := make(chan error, 1)
		go func() { flushed <- p.Flush(e.ctx) }()
		close(release)
		e.must(<-flushed)
		e.read(topic, 2)
	})
}

func TestFailureSaysWhy(t *testing.T) {
	embedded(t, func(e *env) {
		p := e.producer(ottla.WithConfig("delivery.timeout.ms", "1500"),
			ottla.WithConfig("request.timeout.ms", "500"), ottla.WithConfig("linger.ms", "0"),
			ottla.WithConfig("log.level", "error"))
		topic := e.topic(1)
		e.send(p, &ottla.Record{Topic: topic})

		// Refused for good.
		e.cluster.Inject("error TOPIC_AUTHORIZATION_FAILED api=Produce times=1")
		reports, err := p.SendSync(e.ctx, &ottla.Record{Topic: topic})
		e.refused(err, ottla.ErrTopicAuthorizationFailed, topic)
		e.want(reports[0].State == ottla.NotPersisted && !ottla.IsRetriable(err), "%+v", reports[0])

		// Answers are lost: the record is there, and the producer cannot know.
		fault := e.cluster.Inject("drop-response api=Produce")
		reports, err = p.SendSync(e.ctx, &ottla.Record{Topic: topic})
		e.refused(err, ottla.ErrDeliveryTimedOut, "broker 1")
		e.want(reports[0].State == ottla.PossiblyPersisted, "%+v", reports[0])
		fault.Heal()
		e.read(topic, 2)

		// Never sent.
		patient := e.producer(ottla.WithConfig("linger.ms", "60000"))
		report := make(chan ottla.Report, 1)
		e.must(patient.Send(e.ctx, &ottla.Record{Topic: topic},
			func(r *ottla.Report) { report <- *r }))
		e.must(patient.Purge(ottla.PurgeQueued))
		never := <-report
		err = never.Err
		e.refused(err, ottla.ErrPurged)
		e.want(never.State == ottla.NotPersisted && never.Offset == -1, "%+v", never)
		var failure *ottla.Error
		e.want(errors.As(err, &failure) && failure.Reason != "" && !failure.Fatal, "%+v", failure)
		e.read(topic, 2)
	})
}
