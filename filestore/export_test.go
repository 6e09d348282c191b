package filestore

import (
	"sync/atomic"
	"time"

	"github.com/lull-dev/lull"
)

// clock is one that tests move on. It runs besides.
type clock struct{ ahead atomic.Int64 }

func (c *clock) sleep(d time.Duration) { c.ahead.Add(int64(d)) }

// in sets a host's clocks to it, all of them as if the time had passed.
func (c *clock) in(h *host) *host {
	wall, up, running := h.wall, h.up, h.running
	h.wall = func() time.Time { return wall().Add(time.Duration(c.ahead.Load())) }
	h.up = func() time.Duration { return up() + time.Duration(c.ahead.Load()) }
	h.running = func() time.Duration { return running() + time.Duration(c.ahead.Load()) }
	return h
}

// kill lets go of a pass or hold as the end of its process would, and has each of the
// stores look at it once: a lease is counted from when somebody first looks.
func kill(ref lull.LeaseRef, stores ...*Store) {
	for _, s := range stores {
		s.mu.Lock()
		r := s.rooms[ref.Gate]
		s.mu.Unlock()
		if r != nil {
			r.release(ref.ID())
		}
	}
	for _, s := range stores {
		if r, err := s.room(ref.Gate); err == nil {
			r.find(ref.ID())
		}
	}
}
