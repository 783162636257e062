// franz-go as a peer: options and output are those of ../../README.md.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func rusage() (cpu, rss float64) {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Sec+r.Stime.Sec) + float64(r.Utime.Usec+r.Stime.Usec)/1e6, float64(r.Maxrss) / 1024
}

func main() {
	brokers := flag.String("brokers", "127.0.0.1:9092", "")
	topic := flag.String("topic", "bench", "")
	n := flag.Int("messages", 1000000, "")
	warmup := flag.Int("warmup", 0, "")
	size := flag.Int("size", 100, "")
	payload := flag.String("payload", "payload.bin", "")
	codec := flag.String("compression", "none", "")
	linger := flag.Float64("linger-ms", 5, "")
	batch := flag.Int("batch-size", 16384, "")
	bufMB := flag.Int("buffer-mb", 64, "")
	rate := flag.Int("rate", 0, "")
	keyed := flag.Int("keyed", 0, "")
	threads := flag.Int("threads", 1, "")
	sample := flag.Int("sample", 100, "")
	flag.Parse()

	data, err := os.ReadFile(*payload)
	if err != nil {
		panic(err)
	}
	const nslice, nkey = 4096, 10000
	values, keys := make([][]byte, nslice), make([][]byte, nkey)
	for i := range values {
		o := i * *size % (len(data) - *size)
		values[i] = data[o : o+*size : o+*size]
	}
	for i := range keys {
		keys[i] = []byte(fmt.Sprintf("k%07d", i))
	}
	comp := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "lz4": kgo.Lz4Compression(),
		"zstd": kgo.ZstdCompression(), "snappy": kgo.SnappyCompression(), "gzip": kgo.GzipCompression()}[*codec]
	opts := []kgo.Opt{kgo.SeedBrokers(strings.Split(*brokers, ",")...), kgo.DefaultProduceTopic(*topic),
		kgo.ProducerBatchCompression(comp), kgo.ProducerLinger(time.Duration(*linger * float64(time.Millisecond))),
		kgo.ProducerBatchMaxBytes(int32(*batch)), kgo.MaxBufferedRecords(4 << 20), kgo.MaxBufferedBytes(*bufMB << 20),
		kgo.AllowAutoTopicCreation()}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		panic(err)
	}
	var delivered, errs atomic.Int64
	var firstErr atomic.Value
	firstErr.Store("")
	var latMu sync.Mutex
	var lat []time.Duration
	done := func(_ *kgo.Record, err error) {
		if err != nil {
			if errs.Add(1) == 1 {
				firstErr.Store(err.Error())
			}
			return
		}
		delivered.Add(1)
	}
	ctx := context.Background()
	burst := func(n, rate int, record bool) {
		var wg sync.WaitGroup
		for t := 0; t < *threads; t++ {
			wg.Add(1)
			cnt := n / *threads
			if t < n%*threads {
				cnt++
			}
			go func(t, cnt int) {
				defer wg.Done()
				perTick := float64(rate) / 1000 / float64(*threads)
				t0, tick := time.Now(), 0
				for i := 0; i < cnt; {
					until := cnt
					if rate > 0 { // one burst a millisecond, paced on absolute time
						until = min(cnt, int(float64(tick+1)*perTick))
						if d := time.Until(t0.Add(time.Duration(tick) * time.Millisecond)); d > 0 {
							time.Sleep(d)
						}
						tick++
					}
					for ; i < until; i++ {
						r := &kgo.Record{Value: values[(i+t*977)%nslice]}
						if *keyed != 0 {
							r.Key = keys[i%nkey]
						}
						if record && i%*sample == 0 {
							start := time.Now()
							cl.Produce(ctx, r, func(r *kgo.Record, err error) {
								d := time.Since(start)
								latMu.Lock()
								lat = append(lat, d)
								latMu.Unlock()
								done(r, err)
							})
						} else {
							cl.Produce(ctx, r, done)
						}
					}
				}
			}(t, cnt)
		}
		wg.Wait()
		cl.Flush(ctx)
	}
	burst(max(*warmup, 1), 0, false)
	werr := errs.Swap(0)
	delivered.Store(0)
	c0, _ := rusage()
	t0 := time.Now()
	burst(*n, *rate, true)
	wall := time.Since(t0).Seconds()
	c1, rss := rusage()
	sort.Slice(lat, func(a, b int) bool { return lat[a] < lat[b] })
	pct := func(p float64) float64 {
		if len(lat) == 0 {
			return -1
		}
		return float64(lat[int(p*float64(len(lat)-1)+0.5)]) / 1e6
	}
	version := ""
	if bi, ok := debug.ReadBuildInfo(); ok {
		for _, d := range bi.Deps {
			if d.Path == "github.com/twmb/franz-go" {
				version = d.Version
			}
		}
	}
	d := delivered.Load()
	json.NewEncoder(os.Stdout).Encode(map[string]any{"peer": "franz-go", "version": version, "wall_s": wall, "cpu_s": c1 - c0,
		"cpu_total_s": c1, "rps": float64(d) / wall, "mb_s": float64(d) * float64(*size) / wall / 1e6, "delivered": d,
		"errors": errs.Load() + werr, "first_error": firstErr.Load(), "p50_ms": pct(.5), "p99_ms": pct(.99),
		"p999_ms": pct(.999), "max_ms": pct(1), "rss_mb": rss})
	cl.Close()
	if d != int64(*n) {
		os.Exit(1)
	}
}
