// Package frame is what producers in Go have in common as peers of bench/run.py: options and output
// are those of bench/README.md.
package frame

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Options are a run's.
type Options struct {
	Brokers, Topic, Codec string
	LingerMs              float64
	Batch, BufferMB       int
}

// Peer is a producer. Send calls Settle once for each record, with the start that it was given.
type Peer interface {
	Send(value, key []byte, start time.Time) error
	Flush()
	Close()
}

var (
	delivered, failed atomic.Int64
	firstError        atomic.Value
	lock              sync.Mutex
	latencies         []time.Duration
)

// Settle counts a report. A start that is not zero is that of a record whose latency counts.
func Settle(err error, start time.Time) {
	if err != nil {
		if failed.Add(1) == 1 {
			firstError.Store(err.Error())
		}
		return
	}
	delivered.Add(1)
	if !start.IsZero() {
		lock.Lock()
		latencies = append(latencies, time.Since(start))
		lock.Unlock()
	}
}

type run struct {
	peer                   Peer
	values, keys           [][]byte
	threads, keyed, sample int
}

// Main runs the program of a peer.
func Main(name, version string, open func(Options) (Peer, error)) {
	var o Options
	flag.StringVar(&o.Brokers, "brokers", "127.0.0.1:9092", "")
	flag.StringVar(&o.Topic, "topic", "bench", "")
	flag.StringVar(&o.Codec, "compression", "none", "")
	flag.Float64Var(&o.LingerMs, "linger-ms", 5, "")
	flag.IntVar(&o.Batch, "batch-size", 16384, "")
	flag.IntVar(&o.BufferMB, "buffer-mb", 64, "")
	messages := flag.Int("messages", 1000000, "")
	warmup := flag.Int("warmup", 0, "")
	size := flag.Int("size", 100, "")
	payload := flag.String("payload", "payload.bin", "")
	rate := flag.Int("rate", 0, "")
	keyed := flag.Int("keyed", 0, "")
	keySize := flag.Int("key-size", 8, "")
	threads := flag.Int("threads", 1, "")
	sample := flag.Int("sample", 100, "")
	flag.Parse()
	firstError.Store("")
	if *keySize < 8 || *keySize > 64 {
		check(errors.New("--key-size is 8 to 64"))
	}

	data, err := os.ReadFile(*payload)
	check(err)
	peer, err := open(o)
	check(err)
	r := run{peer: peer, threads: *threads, keyed: *keyed, sample: *sample}
	for i := range 4096 {
		at := i * *size % (len(data) - *size)
		r.values = append(r.values, data[at:at+*size:at+*size])
	}
	for i := range 10000 {
		r.keys = append(r.keys, fmt.Appendf(nil, "k%0*d", *keySize-1, i))
	}

	r.burst(max(*warmup, 1), 0, false)
	delivered.Store(0)
	before, _ := usage()
	start := time.Now()
	r.burst(*messages, *rate, true)
	wall := time.Since(start).Seconds()
	after, rss := usage()
	d := delivered.Load()
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{"peer": name, "version": version,
		"wall_s": wall, "cpu_s": after - before, "cpu_total_s": after, "rps": float64(d) / wall,
		"mb_s": float64(d) * float64(*size) / wall / 1e6, "delivered": d, "errors": failed.Load(),
		"first_error": firstError.Load(), "p50_ms": percentile(.5), "p99_ms": percentile(.99),
		"p999_ms": percentile(.999), "max_ms": percentile(1), "rss_mb": rss}))
	peer.Close()
	if d != int64(*messages) {
		os.Exit(1)
	}
}

// burst sends n records from all threads and waits for their reports.
func (r *run) burst(n, rate int, record bool) {
	var group sync.WaitGroup
	for thread := range r.threads {
		count := n / r.threads
		if thread < n%r.threads {
			count++
		}
		group.Add(1)
		go func() {
			defer group.Done()
			r.thread(thread, count, float64(rate)/1000/float64(r.threads), record)
		}()
	}
	group.Wait()
	r.peer.Flush()
}

func (r *run) thread(thread, count int, perTick float64, record bool) {
	t0, tick := time.Now(), 0
	for i := 0; i < count; {
		until := count
		if perTick > 0 { // One burst a millisecond, paced on absolute time.
			until = min(count, int(float64(tick+1)*perTick))
			if d := time.Until(t0.Add(time.Duration(tick) * time.Millisecond)); d > 0 {
				time.Sleep(d)
			}
			tick++
		}
		for ; i < until; i++ {
			var key []byte
			if r.keyed != 0 {
				key = r.keys[i%len(r.keys)]
			}
			var start time.Time
			if record && i%r.sample == 0 {
				start = time.Now()
			}
			if err := r.peer.Send(r.values[(i+thread*977)%len(r.values)], key, start); err != nil {
				Settle(err, start)
			}
		}
	}
}

func percentile(p float64) float64 {
	sort.Slice(latencies, func(a, b int) bool { return latencies[a] < latencies[b] })
	if len(latencies) == 0 {
		return -1
	}
	return float64(latencies[int(p*float64(len(latencies)-1)+0.5)]) / 1e6
}

// usage is the CPU time in seconds and the peak memory in MiB of this process.
func usage() (cpu, rss float64) {
	var r syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	seconds := float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
	return seconds, float64(r.Maxrss) / 1024
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
