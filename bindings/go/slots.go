// What waits in Go for the reports of records: C is given a number and gives it back.

package ottla

import (
	"sync"
	"unsafe"

	"github.com/ottla/ottla-go/internal/capi"
)

// shardBits: senders on different goroutines seldom meet at the same lock.
const shardBits = 3

// slot is what one record's report needs.
type slot struct {
	done   func(*Report)
	opaque any
}

type shard struct {
	lock  sync.Mutex
	slots []slot
	free  []uint32 // Numbers of slots that were taken, the last one first: it is in the cache.
	_     [72]byte // Shards are in different cache lines.
}

// slots hands out numbers. It grows to as many records as were ever under way at a time.
type slots struct {
	shards [1 << shardBits]shard
}

// put keeps what a record's report needs, and gives its number.
func (s *slots) put(done func(*Report), opaque any) uint64 {
	// Stacks of goroutines are far apart; one goroutine mostly stays with one shard.
	var here byte
	number := uint64(uintptr(unsafe.Pointer(&here))>>11*0x9E3779B97F4A7C15) >> (64 - shardBits)
	shard := &s.shards[number]
	shard.lock.Lock()
	var index uint32
	if last := len(shard.free) - 1; last >= 0 {
		index = shard.free[last]
		shard.free = shard.free[:last]
		shard.slots[index] = slot{done, opaque}
	} else {
		index = uint32(len(shard.slots))
		shard.slots = append(shard.slots, slot{done, opaque})
	}
	shard.lock.Unlock()
	return uint64(index)<<shardBits | number
}

// drop frees the number of a record that was refused.
func (s *slots) drop(number uint64) {
	reports := [1]capi.Report{{Opaque: number}}
	s.take(reports[:], make([]slot, 1))
}

// count is the number of records under way.
func (s *slots) count() int {
	count := 0
	for i := range s.shards {
		shard := &s.shards[i]
		shard.lock.Lock()
		count += len(shard.slots) - len(shard.free)
		shard.lock.Unlock()
	}
	return count
}

// take gives back what was put for each report, and frees the numbers. It writes as many to taken.
func (s *slots) take(reports []capi.Report, taken []slot) {
	var locked *shard
	for i := range reports {
		number := reports[i].Opaque
		shard := &s.shards[number&(1<<shardBits-1)]
		if shard != locked {
			// Neighbours mostly come from one goroutine, and so from one shard.
			if locked != nil {
				locked.lock.Unlock()
			}
			shard.lock.Lock()
			locked = shard
		}
		index := uint32(number >> shardBits)
		taken[i] = shard.slots[index]
		shard.slots[index] = slot{}
		shard.free = append(shard.free, index)
	}
	if locked != nil {
		locked.lock.Unlock()
	}
}
