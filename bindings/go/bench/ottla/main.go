// Ottla's Go package as a peer of bench/run.py.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"
	"time"

	"bench/frame"
	"github.com/ottla/ottla-go"
)

type peer struct {
	producer *ottla.Producer
	topic    string
}

func open(o frame.Options) (frame.Peer, error) {
	producer, err := ottla.NewProducer(ottla.WithBootstrapServers(o.Brokers),
		ottla.WithConfig("compression.type", o.Codec),
		ottla.WithConfig("linger.ms", fmt.Sprint(o.LingerMs)),
		ottla.WithConfig("batch.size", fmt.Sprint(o.Batch)),
		ottla.WithConfig("buffer.memory", fmt.Sprint(o.BufferMB<<20)))
	return &peer{producer, o.Topic}, err
}

// settle is the callback of records whose latency does not count.
func settle(r *ottla.Report) { frame.Settle(r.Err, time.Time{}) }

func (p *peer) Send(value, key []byte, start time.Time) error {
	record := ottla.Record{Topic: p.topic, Key: key, Value: value}
	if start.IsZero() {
		return p.producer.Send(context.Background(), &record, settle)
	}
	return p.producer.Send(context.Background(), &record,
		func(r *ottla.Report) { frame.Settle(r.Err, start) })
}

func (p *peer) Flush() { p.producer.Flush(context.Background()) }
func (p *peer) Close() { p.producer.Close(context.Background()) }

func main() {
	// For looking where the time goes.
	if path := os.Getenv("OTTLA_PROFILE"); path != "" {
		file, err := os.Create(path)
		if err != nil {
			panic(err)
		}
		pprof.StartCPUProfile(file)
		defer pprof.StopCPUProfile()
	}
	frame.Main("ottla-go", ottla.Version(), open)
}
