// Delivery reports, from the event fd to the callbacks. Two goroutines: one watches the event fd
// and tells tickets, so that a send inside a callback can wait; the other runs callbacks. Both are
// parked by Go while nothing happens.

package ottla

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/ottla/ottla-go/internal/capi"
)

// reportsAtATime are pulled in one call.
const reportsAtATime = 256

// reportsReader is what the goroutine that runs callbacks has for itself, and for those who wait.
type reportsReader struct {
	// kick: there may be reports. stop: there will be none any more.
	kick, stop chan struct{}
	// goroutine is the number of the goroutine, and running whether a callback may be running.
	goroutine atomic.Uint64
	running   atomic.Bool

	// lock guards pulled, so that it goes with what C says is unread.
	lock   sync.Mutex
	pulled uint64
	// done is how many of those that were pulled have had their callback.
	done atomic.Uint64

	topics    map[uintptr]string
	lastAt    uintptr
	lastTopic string
	// In hand: count reports, and what waits for them; next is the first not yet begun.
	raw         [reportsAtATime]capi.Report
	taken       [reportsAtATime]slot
	count, next int
	lease       capi.Lease
	// report is what callbacks see, one after another.
	report Report
}

func (r *reportsReader) init() {
	r.kick, r.stop = make(chan struct{}, 1), make(chan struct{})
	r.topics = map[uintptr]string{}
}

func (r *reportsReader) wake() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// unread is how many reports wait in C.
func (r *reportsReader) unread(c *capi.Producer) uint64 {
	var metrics struct {
		Unread uint64 `json:"reports-unread"`
	}
	text, failure := c.Metrics()
	if failure != nil || json.Unmarshal(text, &metrics) != nil {
		return 0
	}
	return metrics.Unread
}

// watchEvents parks until the library has news, and tells those whom they concern.
func (p *Producer) watchEvents() {
	defer p.workers.Done()
	raw, err := p.event.SyscallConn()
	if err != nil {
		return
	}
	numbers := make([]uint64, 64)
	look := func(uintptr) bool {
		p.tickets.pump(p.c, numbers)
		p.reports.wake()
		p.events.tell()
		return false // Parks until the event fd is ready, and looks again.
	}
	_ = raw.Read(look) // Ends with an error when the file is closed.
}

// readReports runs callbacks and log handlers until Close has everything.
func (p *Producer) readReports() {
	ended := false
	defer func() {
		if ended {
			p.workers.Done()
		} else {
			// A callback has ended its goroutine, as t.Fatal does. The others still have theirs.
			go p.readReports()
		}
	}()
	r := &p.reports
	r.goroutine.Store(goroutineNumber())
	for {
		p.deliverTaken()
		for p.readSome() {
		}
		select {
		case <-r.kick:
		case <-r.stop:
			p.readSome() // The last log lines.
			ended = true
			return
		}
	}
}

// readSome pulls reports once and runs their callbacks. It tells whether there may be more; if
// there are none, the event fd will tell of the next.
func (p *Producer) readSome() bool {
	r := &p.reports
	r.lock.Lock()
	count, lease, lines := p.c.PollReports(r.raw[:])
	r.pulled += uint64(count)
	r.lock.Unlock()
	r.count, r.next, r.lease = count, 0, lease
	p.slots.take(r.raw[:count], r.taken[:count])
	if lines > 0 {
		r.running.Store(true)
		p.writeLog()
	}
	p.deliverTaken()
	return count == reportsAtATime
}

// deliverTaken runs the callbacks of the reports in hand.
func (p *Producer) deliverTaken() {
	r := &p.reports
	r.running.Store(true)
	for r.next < r.count {
		r.next++
		p.deliver(&r.raw[r.next-1], r.taken[r.next-1])
	}
	r.running.Store(false)
	r.lease.Free()
	clear(r.taken[:r.count])
	r.done.Add(uint64(r.count))
	r.count, r.next, r.lease, r.report = 0, 0, 0, Report{}
	p.served.tell()
}

// deliver runs what waits for a report.
func (p *Producer) deliver(from *capi.Report, waits slot) {
	r := &p.reports
	report := &r.report
	*report = Report{Topic: r.topic(from.Topic), Partition: from.Partition,
		State: State(from.State), Offset: from.Offset, TimestampMs: from.TimestampMs,
		Opaque: waits.opaque}
	if from.Status != 0 {
		report.Err = &Error{Code: Code(from.Status), Reason: capi.Text(from.Reason),
			Retriable: from.Flags&capi.ReportRetriable != 0,
			Fatal:     from.Flags&capi.ReportFatal != 0}
	}
	for _, interceptor := range p.interceptors {
		interceptor.OnAcknowledgement(report)
	}
	if waits.done != nil {
		waits.done(report)
	}
}

// topic is the text of a topic; C's text of it stays where it is.
func (r *reportsReader) topic(at uintptr) string {
	if at != r.lastAt {
		topic, ok := r.topics[at]
		if !ok {
			topic = capi.Text(at)
			r.topics[at] = topic
		}
		r.lastAt, r.lastTopic = at, topic
	}
	return r.lastTopic
}

// levels are C's levels, which are syslog's.
var levels = map[int32]slog.Level{3: slog.LevelError, 4: slog.LevelWarn, 6: slog.LevelInfo,
	7: slog.LevelDebug}

func (p *Producer) writeLog() {
	for {
		level, text := p.c.TakeLog()
		if level == 0 {
			return
		}
		p.log.Log(context.Background(), levels[level], text)
	}
}

// waitDelivered waits until the callbacks of all reports that C has now have run.
func (p *Producer) waitDelivered(ctx context.Context) bool {
	r := &p.reports
	r.lock.Lock()
	target := r.pulled + r.unread(p.c)
	r.lock.Unlock()
	r.wake()
	for {
		served := p.served.next()
		if r.done.Load() >= target {
			return true
		}
		select {
		case <-served:
		case <-ctx.Done():
			return false
		}
	}
}

// inCallback tells whether the caller is a callback of this producer. Callbacks have a goroutine of
// their own, and its number in a trace is the only thing that tells it from others.
func (p *Producer) inCallback() bool {
	return p.reports.running.Load() && p.reports.goroutine.Load() == goroutineNumber()
}

func goroutineNumber() uint64 {
	var buffer [64]byte
	trace := buffer[:runtime.Stack(buffer[:], false)]
	trace = bytes.TrimPrefix(trace, []byte("goroutine "))
	digits, _, _ := bytes.Cut(trace, []byte(" "))
	number, _ := strconv.ParseUint(string(digits), 10, 64)
	return number
}
