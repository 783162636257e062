//go:build !race

// The race detector allocates by itself, so these run without it.

package ottla_test

import (
	"context"
	"testing"

	"github.com/ottla/ottla-go"
	"github.com/ottla/ottla-go/ottlatest"
)

func TestSendAllocatesNothing(t *testing.T) {
	cluster := ottlatest.Cluster(t, ottlatest.WithTopic("letters", 3))
	p, err := ottla.NewProducer(ottla.WithBootstrapServers(cluster.BootstrapServers()),
		ottla.WithConfig("linger.ms", "50"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer p.Close(ctx)
	key, value := []byte("key"), make([]byte, 100)
	failed := 0
	done := func(r *ottla.Report) {
		if r.Err != nil {
			failed++
		}
	}
	opaque := new(int)
	headers := []ottla.Header{{Name: "from", Value: key}, {Name: "note"}}
	cases := map[string]func() error{
		"without a callback": func() error {
			return p.Send(ctx, &ottla.Record{Topic: "letters", Key: key, Value: value}, nil)
		},
		"with headers": func() error {
			return p.Send(ctx, &ottla.Record{Topic: "letters", Value: value, Headers: headers}, nil)
		},
		"with a callback and an opaque": func() error {
			return p.Send(ctx, &ottla.Record{Topic: "letters", Value: value, Opaque: opaque}, done)
		},
	}
	for name, send := range cases {
		burst := func() {
			for range 1000 {
				if err := send(); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
		burst() // Tables and buffers grow to what is needed.
		burst()
		// A flush allocates; a thousand sends do not add to it.
		if count := testing.AllocsPerRun(5, burst); count > 300 {
			t.Errorf("a thousand sends %s and a flush allocate %v times", name, count)
		}
		once := func() {
			if err := send(); err != nil {
				t.Fatal(err)
			}
		}
		if count := testing.AllocsPerRun(1000, once); count != 0 {
			t.Errorf("a send %s allocates %v times", name, count)
		}
	}
	if failed > 0 {
		t.Errorf("%d records failed", failed)
	}
}
