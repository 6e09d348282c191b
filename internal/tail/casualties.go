package tail

import (
	"context"
	"slices"
	"time"

	"github.com/lull-dev/lull"
)

// How much of a gate's history is kept to judge by. A deployment's command that began
// before is not known any more, and the end of one that is told so late finds no job.
const (
	deploymentsFor = 7 * 24 * time.Hour
	jobsFor        = time.Hour
	mostKept       = 5000 // of each
)

// casualties finds the jobs of one gate whose command ran while a deployment's did, as
// the events come in. Whichever of the two ends last makes it known.
type casualties struct {
	store lull.Store
	gate  string

	loaded      bool
	deployments []lull.Event // of deployments' commands, as they were told
	known       map[key]bool // those
	jobs        []lull.Event // ends of jobs that are no casualties, so far as is known
	changed     bool
}

func newCasualties(s lull.Store, gate string) *casualties {
	return &casualties{store: s, gate: gate, known: map[key]bool{}}
}

// load reads what happened before the first event that add is told. What add was told
// meanwhile may be among it.
func (c *casualties) load(ctx context.Context) error {
	if c.loaded {
		return nil
	}
	told := c.deployments
	c.deployments, c.known = nil, map[key]bool{}
	kinds := []lull.EventKind{lull.EventClosed, lull.EventBegun, lull.EventEnded, lull.EventCrashed}
	var failed error
	for e, err := range c.store.Events(ctx, lull.Filter{Gate: c.gate, Kinds: kinds, Since: deploymentsFor}) {
		if failed = err; err != nil {
			break
		}
		c.add(e)
	}
	for _, e := range told {
		c.add(e)
	}
	c.loaded = failed == nil
	return failed
}

func (c *casualties) add(e lull.Event) {
	switch e.Kind {
	case lull.EventClosed, lull.EventBegun, lull.EventEnded, lull.EventCrashed:
		if k := keyOf(e); !c.known[k] {
			c.known[k], c.changed = true, true
			c.deployments = append(c.deployments, e)
		}
	case lull.EventLeft, lull.EventAbandoned:
		if e.Ran > 0 {
			c.jobs, c.changed = append(c.jobs, e), true
		}
	}
}

// found returns those that were not known before, marked.
func (c *casualties) found() []lull.Event {
	if !c.changed || !c.loaded {
		return nil
	}
	c.changed = false
	c.forget()
	var found, others []lull.Event
	for _, e := range lull.MarkCasualties(slices.Concat(c.deployments, c.jobs))[len(c.deployments):] {
		if e.Casualty {
			found = append(found, e)
		} else {
			others = append(others, e)
		}
	}
	c.jobs = others
	return found
}

// forget drops what is too old to matter, measured from the newest.
func (c *casualties) forget() {
	for _, kept := range []struct {
		events *[]lull.Event
		age    time.Duration
	}{{&c.deployments, deploymentsFor}, {&c.jobs, jobsFor}} {
		all := *kept.events
		if len(all) == 0 {
			continue
		}
		newest, drop := all[len(all)-1].At, max(0, len(all)-mostKept)
		for drop < len(all) && newest.Sub(all[drop].At) > kept.age {
			drop++
		}
		for _, e := range all[:drop] {
			delete(c.known, keyOf(e))
		}
		*kept.events = slices.Clone(all[drop:])
	}
}
