package tail

import (
	"context"
	"hash/maphash"
	"iter"
	"time"

	"github.com/lull-dev/lull"
)

const (
	// overlap is how far back a thorough reading goes behind the thorough one before it: as
	// late as that an event may be told. A verb that takes longer between its stamp and its
	// commit has long been given up by its caller. No reading may take longer either: see
	// [Tail.forget].
	overlap = 2 * time.Minute

	// thoroughPause is how often a reading is thorough: what is told later than quickOverlap
	// is read so much later. Where thousands of jobs leave in a second, going back two minutes
	// each time would cost more than the jobs do.
	thoroughPause = 30 * time.Second
	quickOverlap  = 10 * time.Second
)

// Tail reads the events of one gate as they come. It is not safe for concurrent use.
type Tail struct {
	store lull.Store
	gate  string

	last     time.Time // when the last reading that came to its end began
	thorough time.Time // … the last thorough one
	skips    bool      // the next reading only learns what is there

	seed maphash.Seed
	seen map[uint64]time.Time // when the last reading that met it began, by the event's key
}

// FromNow returns a tail of what happens at a gate after its first reading, which yields
// nothing.
func FromNow(s lull.Store, gate string) *Tail {
	t := From(s, gate, time.Now())
	t.skips = true
	return t
}

// From returns a tail of what has happened at a gate since, or up to two minutes
// earlier.
func From(s lull.Store, gate string, since time.Time) *Tail {
	return &Tail{
		store: s, gate: gate, last: since, thorough: since.Add(-thoroughPause),
		seed: maphash.MakeSeed(), seen: map[uint64]time.Time{},
	}
}

// Events yields what was not yielded before, in the order in which the store tells it.
// An iteration that is broken off, or ends with an error, is taken up by the next.
func (t *Tail) Events(ctx context.Context) iter.Seq2[lull.Event, error] {
	return func(yield func(lull.Event, error) bool) {
		ctx, cancel := context.WithTimeout(ctx, overlap)
		defer cancel()
		began := time.Now()
		back, thorough := since(t.last)+quickOverlap, since(t.thorough) >= thoroughPause
		if thorough {
			back = since(t.thorough) + overlap
		}
		for e, err := range t.store.Events(ctx, lull.Filter{Gate: t.gate, Since: back}) {
			if err != nil {
				yield(lull.Event{}, err)
				return
			}
			k := maphash.Comparable(t.seed, keyOf(e))
			_, known := t.seen[k]
			t.seen[k] = began
			if known || t.skips {
				continue
			}
			if !yield(e, nil) {
				return
			}
		}
		t.last, t.skips = began, false
		if thorough {
			t.thorough = began
			t.forget(began)
		}
	}
}

// forget drops what no reading after a thorough one can meet. An event that a reading met
// is at most as young as that reading's end, which came within an overlap of its
// beginning; and no later reading goes back further than an overlap before this one began.
func (t *Tail) forget(began time.Time) {
	for k, met := range t.seen {
		if began.Sub(met) > 2*overlap {
			delete(t.seen, k)
		}
	}
}

// since is how long ago that was. The monotonic clock stops while the machine is
// suspended, and the wall clock may be set: the longer time loses nothing.
func since(t time.Time) time.Duration {
	now := time.Now()
	return max(0, now.Sub(t), now.Round(0).Sub(t.Round(0)))
}

// key tells events apart. The same thing that happens twice to the same pass or hold
// within one tick of the store's clock is one.
type key struct {
	at    int64
	kind  lull.EventKind
	phase lull.Phase
	id    string
}

func keyOf(e lull.Event) key { return key{e.At.Wall.UnixNano(), e.Kind, e.Phase, e.ID} }
