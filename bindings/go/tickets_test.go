// The order of a ticket's owner and of what tells it.

package ottla

import (
	"context"
	"testing"
)

func TestATicketMayBeToldBeforeItsOwnerWaits(t *testing.T) {
	p := Producer{tickets: newTickets()}
	p.tickets.tell(7)
	if err := p.wait(context.Background(), 7); err != nil {
		t.Error(err)
	}
	waited := make(chan error)
	go func() { waited <- p.wait(context.Background(), 8) }()
	for registered := false; !registered; {
		p.tickets.lock.Lock()
		if registered = len(p.tickets.waiting) == 1; registered {
			p.tickets.tell(8)
		}
		p.tickets.lock.Unlock()
	}
	if err := <-waited; err != nil {
		t.Error(err)
	}
	if _, waits := p.Kept(); waits != 0 {
		t.Errorf("%d waits are kept", waits)
	}
}
