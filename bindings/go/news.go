// Something happened: whoever waits for it looks again.

package ottla

import "sync"

// news wakes all who wait. Take the channel, look, and wait on the channel if it was not yet so.
type news struct {
	lock    sync.Mutex
	channel chan struct{}
}

func (n *news) next() <-chan struct{} {
	n.lock.Lock()
	defer n.lock.Unlock()
	if n.channel == nil {
		n.channel = make(chan struct{})
	}
	return n.channel
}

func (n *news) tell() {
	n.lock.Lock()
	if n.channel != nil {
		close(n.channel)
		n.channel = nil
	}
	n.lock.Unlock()
}
