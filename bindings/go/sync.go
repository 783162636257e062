// Sending and waiting for what becomes of it.

package ottla

import (
	"context"
	"sync"
)

// syncCall is one SendSync: its reports, of which left are missing.
type syncCall struct {
	lock    sync.Mutex
	reports []Report
	left    int
	done    chan struct{}
}

// SendSync sends records and waits for their reports, which come in the order of the records. The
// error is that of the first record that was refused or failed; every report has its own. If ctx
// is done first, the State of records whose report is missing is Unknown: they are under way, and
// may be persisted or not.
//
// Records do not linger if all that is under way and has a callback is waited for like this: nobody
// is left to fill their batches. Next to records of Send with a callback they do. While one that
// was hurried so has no outcome, as without a leader, no other record of the producer lingers.
func (p *Producer) SendSync(ctx context.Context, records ...*Record) ([]Report, error) {
	if p.inCallback() {
		return nil, errorf(ErrInCallback, "it would wait for the callback that calls it")
	}
	call := &syncCall{reports: make([]Report, len(records)), left: len(records),
		done: make(chan struct{})}
	var accepted int64
	for i, record := range records {
		err := p.Send(ctx, record, func(report *Report) {
			p.awaited.Add(-1)
			call.report(i, report)
		})
		if err == nil {
			accepted++
			continue
		}
		refused := Report{Offset: -1, TimestampMs: -1, State: NotPersisted, Err: err}
		if record != nil {
			refused.Topic, refused.Opaque = record.Topic, record.Opaque
			refused.Partition = record.Partition.Number()
		}
		call.report(i, &refused)
	}
	p.awaited.Add(accepted)
	if len(records) > 0 {
		p.hurry()
		select {
		case <-call.done:
		case <-ctx.Done():
			return call.cut(ctx, records)
		}
	}
	return call.reports, call.firstError()
}

// hurry ends lingering if every record under way that somebody wants to hear of is one of a
// SendSync that has sent all of its own.
func (p *Producer) hurry() {
	if !p.lingers || int64(p.slots.count()) > p.awaited.Load() {
		return
	}
	// What goes wrong here goes wrong with the records, and is in their reports.
	var mark uint64
	_ = p.c.TryFlush(&mark)
}

func (c *syncCall) report(index int, report *Report) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.reports[index] = *report
	if c.left--; c.left == 0 {
		close(c.done)
	}
}

func (c *syncCall) firstError() error {
	for i := range c.reports {
		if c.reports[i].Err != nil {
			return c.reports[i].Err
		}
	}
	return nil
}

// cut is what there is when the context is done.
func (c *syncCall) cut(ctx context.Context, records []*Record) ([]Report, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	reports := append([]Report(nil), c.reports...)
	late := waited(ctx, ErrTimedOut, "the record is under way: its outcome is not known yet")
	for i := range reports {
		if reports[i].State == Unknown {
			reports[i] = Report{Topic: records[i].Topic, Partition: records[i].Partition.Number(),
				Offset: -1, TimestampMs: -1, Err: late, Opaque: records[i].Opaque}
		}
	}
	return reports, (&syncCall{reports: reports}).firstError()
}
