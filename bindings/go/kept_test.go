// A producer keeps nothing of what is over: neither of records that were reported or refused, nor
// of waits that ended, in whatever way.

package ottla_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ottla/ottla-go"
	"github.com/ottla/ottla-go/ottlatest"
)

func TestNothingIsKept(t *testing.T) {
	cluster := ottlatest.Cluster(t, ottlatest.WithTopic("letters", 3))
	p, err := ottla.NewProducer(ottla.WithBootstrapServers(cluster.BootstrapServers()),
		ottla.WithConfig("buffer.memory", "65536"), ottla.WithConfig("linger.ms", "0"),
		ottla.WithConfig("max.block.ms", "50"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(context.Background())
	var accepted, reported atomic.Int32
	done := func(*ottla.Report) { reported.Add(1) }
	var group sync.WaitGroup
	for range 16 {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := range 300 {
				limit := time.Duration(i%100) * time.Millisecond
				ctx, cancel := context.WithTimeout(context.Background(), limit)
				if i%3 == 0 {
					cancel() // Or later, while it waits.
				}
				record := ottla.Record{Topic: "letters", Value: make([]byte, 15000)}
				if i%7 == 0 {
					record.Topic = "a/b"
				}
				send := func() error { return p.Send(ctx, &record, done) }
				if i%2 == 0 {
					send = func() error { return p.TrySend(&record, done) }
				}
				if send() == nil {
					accepted.Add(1)
				}
				cancel()
			}
		}()
	}
	over := make(chan struct{})
	go func() {
		group.Wait()
		close(over)
	}()
	for still := true; still; { // So that some wait longer than max.block.ms.
		cluster.Pause(1)
		<-time.After(70 * time.Millisecond)
		cluster.Resume(1)
		select {
		case <-over:
			still = false
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := p.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if accepted.Load() == 0 || reported.Load() != accepted.Load() {
		t.Errorf("%d accepted, %d reported", accepted.Load(), reported.Load())
	}
	if records, waits := p.Kept(); records != 0 || waits != 0 {
		t.Errorf("%d records and %d waits are kept", records, waits)
	}
}
