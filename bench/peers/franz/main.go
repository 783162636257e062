// franz-go as a peer of bench/run.py.
package main

import (
	"context"
	"runtime/debug"
	"strings"
	"time"

	"bench/frame"
	"github.com/twmb/franz-go/pkg/kgo"
)

var codecs = map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "lz4": kgo.Lz4Compression(),
	"zstd": kgo.ZstdCompression(), "snappy": kgo.SnappyCompression(), "gzip": kgo.GzipCompression()}

type peer struct{ client *kgo.Client }

func open(o frame.Options) (frame.Peer, error) {
	linger := time.Duration(o.LingerMs * float64(time.Millisecond))
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(o.Brokers, ",")...),
		kgo.DefaultProduceTopic(o.Topic), kgo.AllowAutoTopicCreation(),
		kgo.ProducerBatchCompression(codecs[o.Codec]), kgo.ProducerLinger(linger),
		kgo.ProducerBatchMaxBytes(int32(o.Batch)), kgo.MaxBufferedRecords(4<<20),
		kgo.MaxBufferedBytes(o.BufferMB<<20))
	return &peer{client}, err
}

// settle is the callback of records whose latency does not count.
func settle(_ *kgo.Record, err error) { frame.Settle(err, time.Time{}) }

func (p *peer) Send(value, key []byte, start time.Time) error {
	record := &kgo.Record{Value: value, Key: key}
	done := settle
	if !start.IsZero() {
		done = func(_ *kgo.Record, err error) { frame.Settle(err, start) }
	}
	p.client.Produce(context.Background(), record, done)
	return nil
}

func (p *peer) Flush() { p.client.Flush(context.Background()) }
func (p *peer) Close() { p.client.Close() }

// version is that of franz-go that is built in.
func version() string {
	if built, ok := debug.ReadBuildInfo(); ok {
		for _, module := range built.Deps {
			if module.Path == "github.com/twmb/franz-go" {
				return module.Version
			}
		}
	}
	return ""
}

func main() { frame.Main("franz-go", version(), open) }
