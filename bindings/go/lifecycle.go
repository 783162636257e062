// Flush and Close: waiting until what was sent has its outcome, as long as a context allows.

package ottla

import (
	"context"
	"time"

	"github.com/ottla/ottla-go/internal/capi"
)

// callbackGrace is how long a Close whose context is done waits for callbacks that only need a
// moment.
const callbackGrace = 100 * time.Millisecond

// Flush sends what was accepted before this call without lingering, and waits until each of those
// records has its outcome and its callback has returned. It returns nil also if records failed:
// that is in their reports. If ctx is done first the error Is ErrTimedOut and the context's, and
// nothing is given up. After Close there is nothing to wait for.
func (p *Producer) Flush(ctx context.Context) error {
	if err := contextError(ctx); err != nil {
		return err
	}
	if p.inCallback() {
		return errorf(ErrInCallback, "flush would wait for the callback that calls it")
	}
	var mark uint64
	for {
		if p.isClosed.Load() {
			return p.waitClosed(ctx)
		}
		events := p.events.next()
		failure := p.c.TryFlush(&mark)
		if failure == nil {
			break
		}
		if failure.Code != capi.WouldBlock && !p.isClosed.Load() {
			return p.errorOf(failure)
		}
		select {
		case <-events:
		case <-ctx.Done():
			return waited(ctx, ErrTimedOut, failure.Text)
		case <-p.closing:
		}
	}
	if !p.waitDelivered(ctx) {
		return waited(ctx, ErrTimedOut, "a callback has not returned")
	}
	return nil
}

// Close takes no more records, waits until each that was accepted has its outcome and its callback
// has returned, and ends the producer's threads and goroutines. If ctx is done first, what is left
// is given up: it is reported with ErrClosedForcefully, and Close returns the same, which is also
// the context's error. The producer is
// closed whatever Close returns, but for ErrInCallback. A second call waits for the first and then
// does nothing.
func (p *Producer) Close(ctx context.Context) error {
	if p.inCallback() {
		return errorf(ErrInCallback, "close would wait for the callback that calls it")
	}
	if p.isClosed.Swap(true) {
		return p.waitClosed(ctx)
	}
	close(p.closing)
	failure := p.closeC(ctx)
	go p.end()
	select {
	case <-p.closed:
		return closeError(ctx, failure)
	case <-ctx.Done():
	}
	// What was given up has its callbacks now, which takes a moment.
	grace := time.NewTimer(callbackGrace)
	defer grace.Stop()
	select {
	case <-p.closed:
		return closeError(ctx, failure)
	case <-grace.C:
		return waited(ctx, ErrTimedOut, "the producer takes no more records, but a callback that "+
			"began has not returned; others may wait behind it")
	}
}

// closeError is errorOf; what was given up was so because ctx was done.
func closeError(ctx context.Context, failure *capi.Error) error {
	if failure != nil && Code(failure.Code) == ErrClosedForcefully {
		return &Error{Code: ErrClosedForcefully, Reason: failure.Text, cause: ctx.Err()}
	}
	return errorOf(failure)
}

// waitClosed waits for a close that has begun.
func (p *Producer) waitClosed(ctx context.Context) error {
	select {
	case <-p.closed:
		return nil
	case <-ctx.Done():
		return waited(ctx, ErrTimedOut, "another close is under way")
	}
}

// closeC closes what is in C. Its reports can still be pulled.
func (p *Producer) closeC(ctx context.Context) *capi.Error {
	for {
		events := p.events.next()
		failure := p.c.TryClose()
		if failure == nil || failure.Code != capi.WouldBlock {
			return failure
		}
		select {
		case <-events:
		case <-ctx.Done():
			return p.c.Close()
		}
	}
}

// end lets the last callbacks run and takes everything down.
func (p *Producer) end() {
	p.waitDelivered(context.Background())
	p.event.Close()
	close(p.reports.stop)
	p.workers.Wait()
	p.c.Free()
	close(p.closed)
}
