// Sending: one call into C, which never waits; what would wait has a ticket.

package ottla

import (
	"context"
	"encoding/binary"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/ottla/ottla-go/internal/capi"
)

// Send hands a record over. It waits for metadata of the topic and for buffer memory, at most
// max.block.ms and until ctx is done. If it returns nil the record is accepted, and done runs
// exactly once with its report; else the record was not taken, will not be sent, and done never
// runs. Nil for done wants no report, even for a failure.
func (p *Producer) Send(ctx context.Context, record *Record, done func(*Report)) error {
	return p.enter(ctx, record, done, false)
}

// TrySend is Send, but where Send would wait it returns ErrWouldBlock at once. A topic that is not
// known is asked for all the same, so that a later call succeeds.
func (p *Producer) TrySend(record *Record, done func(*Report)) error {
	return p.enter(context.Background(), record, done, true)
}

func (p *Producer) enter(ctx context.Context, record *Record, done func(*Report), try bool) error {
	if err := contextError(ctx); err != nil {
		return err
	}
	if record == nil {
		return errorf(ErrInvalidArgument, "the record is nil")
	}
	if p.interceptors != nil || p.partitioner != nil {
		return p.sendPrepared(ctx, record, done, try)
	}
	return p.send(ctx, record, done, try)
}

// sendPrepared sends what interceptors and partitioner make of a copy of the record.
func (p *Producer) sendPrepared(ctx context.Context, record *Record, done func(*Report),
	try bool) error {
	if p.isClosed.Load() {
		return closedError()
	}
	prepared := *record
	// What an interceptor appends must not be written behind the headers of the application.
	prepared.Headers = slices.Clip(prepared.Headers)
	for _, interceptor := range p.interceptors {
		changed := prepared
		if err := interceptor.OnSend(ctx, &changed); err != nil {
			p.log.WarnContext(ctx, "an interceptor's OnSend failed", "error", err)
			continue
		}
		changed.Headers = slices.Clip(changed.Headers)
		prepared = changed
	}
	prepared.Opaque = record.Opaque
	if p.partitioner != nil && prepared.Partition == AnyPartition {
		if err := p.choose(ctx, &prepared, try); err != nil {
			return err
		}
	}
	return p.send(ctx, &prepared, done, try)
}

// choose has the partitioner choose.
func (p *Producer) choose(ctx context.Context, record *Record, try bool) error {
	count, err := p.countFor(ctx, record.Topic, try)
	if err != nil {
		return err
	}
	chosen := p.partitioner.Partition(record, count)
	if chosen < -1 || chosen >= count {
		return errorf(ErrPartitionerFailed, "the partitioner chose partition %d of topic %s, "+
			"which has %d", chosen, record.Topic, count)
	}
	record.Partition = ToPartition(chosen)
	return nil
}

// outgoing is a record as C takes it.
type outgoing struct {
	record    *Record
	headers   []byte
	timestamp int64
	number    uint64
	flags     uint32
	ticket    uint64
	object    uintptr
}

func (p *Producer) send(ctx context.Context, record *Record, done func(*Report), try bool) error {
	out := outgoing{record: record, timestamp: -1, flags: capi.NoReport}
	if !record.Timestamp.IsZero() {
		if out.timestamp = record.Timestamp.UnixMilli(); out.timestamp < 0 {
			return errorf(ErrInvalidArgument, "timestamp %d is negative; it counts milliseconds "+
				"since 1970-01-01 UTC", out.timestamp)
		}
	}
	if len(record.Headers) == 0 {
		return p.sendPacked(ctx, &out, done, try)
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	var err error
	if *buffer, err = packHeaders((*buffer)[:0], record.Headers); err != nil {
		return err
	}
	out.headers = *buffer
	return p.sendPacked(ctx, &out, done, try)
}

// sendPacked sends a record whose headers are packed.
func (p *Producer) sendPacked(ctx context.Context, out *outgoing, done func(*Report),
	try bool) error {
	if done != nil || p.interceptors != nil {
		out.number, out.flags = p.slots.put(done, out.record.Opaque), 0
	}
	status := p.hand(out)
	if status == 0 {
		return nil
	}
	err := p.sendSlowly(ctx, out, status, try)
	if err != nil && out.flags == 0 {
		p.slots.drop(out.number)
	}
	return err
}

// hand gives the record to C.
func (p *Producer) hand(out *outgoing) int32 {
	r := out.record
	return p.c.Send(r.Topic, r.Partition.Number(), out.timestamp, r.Key, r.Value, out.headers,
		out.number, out.flags, &out.ticket, &out.object)
}

// sendSlowly goes on after a status that is not 0: waits and tries again, or says why not.
func (p *Producer) sendSlowly(ctx context.Context, out *outgoing, status int32, try bool) error {
	for status != 0 {
		failure := capi.End(status, out.object)
		if try || status != capi.WouldBlock && status != capi.ReportsFull {
			if out.ticket != 0 {
				p.cancel(out.ticket)
			}
			return p.errorOf(failure)
		}
		var err error
		if status == capi.WouldBlock {
			err = p.wait(ctx, out.ticket)
			if err == nil {
				status = p.hand(out)
			}
		} else {
			status, err = p.handWhenServed(ctx, out, failure)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// handWhenServed gives the record to C when reports were read, which makes room for others.
func (p *Producer) handWhenServed(ctx context.Context, out *outgoing, full *capi.Error) (
	int32, error) {
	if p.inCallback() {
		return 0, errorOf(full)
	}
	limit := time.NewTimer(p.maxBlock)
	defer limit.Stop()
	for {
		served := p.served.next() // Before the try: what is read after that is news.
		status := p.hand(out)
		if status != capi.ReportsFull {
			return status, nil
		}
		full = capi.End(status, out.object)
		select {
		case <-served:
		case <-limit.C:
			return 0, errorOf(full)
		case <-ctx.Done():
			return 0, waited(ctx, Code(full.Code), full.Text)
		case <-p.closing:
			return 0, closedError()
		}
	}
}

// buffers are for packed headers.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// packHeaders writes headers as ottla.h describes them.
func packHeaders(packed []byte, headers []Header) ([]byte, error) {
	for _, header := range headers {
		if len(header.Name)+len(header.Value) > math.MaxInt32 {
			return packed, errorf(ErrMessageTooLarge, "header %.100q has more than 2 GiB",
				header.Name)
		}
		packed = binary.NativeEndian.AppendUint32(packed, uint32(len(header.Name)))
		packed = append(packed, header.Name...)
		length := ^uint32(0)
		if header.Value != nil {
			length = uint32(len(header.Value))
		}
		packed = binary.NativeEndian.AppendUint32(packed, length)
		packed = append(packed, header.Value...)
	}
	return packed, nil
}

// contextError refuses a call whose context is done.
func contextError(ctx context.Context) error {
	if ctx.Err() != nil {
		return waited(ctx, ErrInterrupted, "the context was done before the call")
	}
	return nil
}
