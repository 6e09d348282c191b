package tail

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lull-dev/lull"
)

const (
	// hintedPause is how often the events of a gate are read that gives hints, but gave none:
	// hints may get lost.
	hintedPause = 30 * time.Second

	// settles is how long after a hint events are still read once more: a store may hint
	// before it has told all.
	settles = 3 * time.Second

	// readingShare is how much of the time may go by with reading one gate's events, however
	// many there are.
	readingShare = 20 // one part of so many
)

// follower is one gate that is followed.
type follower struct {
	name       string
	tail       *Tail
	casualties *casualties
	first      bool // nothing has been told of it yet

	hinted  bool      // the store gives hints
	stirred time.Time // something seems to have happened, and not all of it may have been read
	state   string    // what the gate looked like; "" before it was looked at
	read    time.Time // when its events were read
	took    time.Duration
}

// due reports whether there may be events that were not read.
func (f *follower) due() bool { return f.read.IsZero() || !f.stirred.IsZero() }

// look is nil when not even the gate's past could be read: then nothing is known to be
// new.
func (f *follower) look(ctx context.Context, g lull.Gate) (*Look, error) {
	look := &Look{Gate: g, First: f.first}
	f.state = stateOf(g)
	if !f.due() && f.hinted && time.Since(f.read) < hintedPause || time.Since(f.read) < readingShare*f.took {
		return look, nil
	}
	began := time.Now()
	for e, err := range f.tail.Events(ctx) {
		if err != nil {
			look.Casualties = f.casualties.found()
			return f.unless(look), fmt.Errorf("read what happened at gate %q: %w", f.name, err)
		}
		look.Events = append(look.Events, e)
		f.casualties.add(e)
	}
	f.read, f.took, f.first = began, time.Since(began), false
	if began.Sub(f.stirred) >= settles {
		f.stirred = time.Time{}
	}
	if err := f.casualties.load(ctx); err != nil {
		f.stirred = began
		return look, fmt.Errorf("read the past deployments of gate %q: %w", f.name, err)
	}
	look.Casualties = f.casualties.found()
	return look, nil
}

func (f *follower) unless(look *Look) *Look {
	if f.first {
		return nil
	}
	return look
}

// stateOf is equal for a gate at which nothing but signs of life have changed.
func stateOf(g lull.Gate) string {
	state := fmt.Sprint(g.Phase)
	for _, h := range slices.Concat(g.Holds, g.Queue, g.Loose) {
		state += fmt.Sprint(" ", h.ID, h.State, h.Kind, h.Begun.Wall.UnixNano(), h.Ends.Wall.UnixNano())
	}
	return state
}
