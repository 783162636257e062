// Waiting without a thread: a send that would wait has a ticket, whose number the events goroutine
// tells when it is worth to try again.

package ottla

import (
	"context"
	"sync"

	"github.com/ottla/ottla-go/internal/capi"
)

// tickets brings the numbers that C tells to the goroutines that wait for them.
type tickets struct {
	lock    sync.Mutex
	waiting map[uint64]chan struct{}
	// Told before their owner began to wait.
	early map[uint64]struct{}
}

func newTickets() tickets {
	return tickets{waiting: map[uint64]chan struct{}{}, early: map[uint64]struct{}{}}
}

// pump makes the event fd quiet and tells the tickets that are ready. C is asked under the lock,
// so that a ticket that is cancelled was told before or never is.
func (t *tickets) pump(c *capi.Producer, numbers []uint64) {
	for {
		t.lock.Lock()
		count := c.Events(numbers)
		for _, number := range numbers[:count] {
			t.tell(number)
		}
		t.lock.Unlock()
		if count < len(numbers) {
			return
		}
	}
}

func (t *tickets) tell(number uint64) {
	if ready, ok := t.waiting[number]; ok {
		delete(t.waiting, number)
		close(ready)
	} else {
		t.early[number] = struct{}{}
	}
}

// wait waits for a ticket. If the wait ends in another way the ticket is given up, and the error
// says what it was for.
func (p *Producer) wait(ctx context.Context, number uint64) error {
	ready := make(chan struct{})
	p.tickets.lock.Lock()
	if _, ok := p.tickets.early[number]; ok {
		delete(p.tickets.early, number)
		p.tickets.lock.Unlock()
		return nil
	}
	p.tickets.waiting[number] = ready
	p.tickets.lock.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		failure := p.cancel(number)
		return waited(ctx, Code(failure.Code), failure.Text)
	case <-p.closing:
		p.cancel(number)
		return closedError()
	}
}

// cancel gives a ticket up.
func (p *Producer) cancel(number uint64) *capi.Error {
	p.tickets.lock.Lock()
	defer p.tickets.lock.Unlock()
	failure := p.c.CancelTicket(number)
	delete(p.tickets.waiting, number)
	delete(p.tickets.early, number)
	return failure
}
