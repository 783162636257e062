// What tests look at from outside.

package ottla

// Kept is how many records wait for their report, and how many sends for their ticket.
func (p *Producer) Kept() (records, waits int) {
	for i := range p.slots.shards {
		shard := &p.slots.shards[i]
		shard.lock.Lock()
		records += len(shard.slots) - len(shard.free)
		shard.lock.Unlock()
	}
	p.tickets.lock.Lock()
	defer p.tickets.lock.Unlock()
	return records, len(p.tickets.waiting) + len(p.tickets.early)
}
