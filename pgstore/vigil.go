package pgstore

import (
	"encoding/json"
	"sync"
	"time"
)

// vigil is what this process knows of the living, by its own clock. Every sign of life
// in the database has a number, and every answer tells the last one. So a lease with an
// old number has an owner that was not heard of since the moment the vigil knew that
// number: a monotonic clock says how long ago that was, whatever the database's says.
//
// Its marks are of ages that about double, which is enough to find, for every lease,
// one that is younger than the lease's end and older than half of it.
type vigil struct {
	now func() time.Time // monotonic

	mu    sync.Mutex
	heard time.Time // when the database was last heard
	marks []moment  // the oldest first; their signs grow
}

// moment is when a sign of life was known to be the last.
type moment struct {
	sign int64
	at   time.Time
	deaf time.Duration // the longest time since then without an answer
}

// Marks that are younger than markYoungest are not worth telling, and older than
// markOldest not worth keeping: half of no lease is shorter, or longer.
const (
	markYoungest = 50 * time.Millisecond
	markOldest   = 24 * time.Hour
)

// note takes over the last sign of an answer that has just come.
func (v *vigil) note(sign int64) {
	if sign == 0 {
		return // the answer did not say
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	for i := range v.marks {
		v.marks[i].deaf = max(v.marks[i].deaf, now.Sub(v.heard))
	}
	v.heard = now
	// Signs that the database does not know of are those of a server whose last writes
	// were lost.
	for len(v.marks) > 0 && v.marks[len(v.marks)-1].sign > sign {
		v.marks = v.marks[:len(v.marks)-1]
	}
	v.marks = thin(append(v.marks, moment{sign: sign, at: now}), now)
}

// thin drops each mark whose neighbours are less than twice as old as one another.
func thin(marks []moment, now time.Time) []moment {
	kept := marks[:0:0]
	for i, m := range marks {
		age := now.Sub(m.at)
		if age > markOldest {
			continue
		}
		if i > 0 && i < len(marks)-1 && len(kept) > 0 && now.Sub(kept[len(kept)-1].at) < 2*now.Sub(marks[i+1].at) {
			continue
		}
		kept = append(kept, m)
	}
	return kept
}

// mark is a moment as the database is told of it: [sign, nanoseconds ago].
type mark struct {
	sign int64
	ago  time.Duration
}

func (m mark) MarshalJSON() ([]byte, error) { return json.Marshal([2]int64{m.sign, int64(m.ago)}) }

// report is what the database needs to know to tell the dead from the silent. It ages
// on the way, which errs to the side of the living. So does that the longest time without
// an answer does not count: while the database was away, or just this process, nobody
// may have been heard. Whoever is the first to ask afterwards knows nothing of the others.
func (v *vigil) report() []mark {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	var marks []mark
	for _, m := range v.marks {
		if ago := now.Sub(m.at) - max(m.deaf, now.Sub(v.heard)); ago >= markYoungest {
			marks = append(marks, mark{m.sign, ago})
		}
	}
	return marks
}
