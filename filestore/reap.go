package filestore

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/lull-dev/lull"
)

const (
	// namedMost is how many of those inside an answer names.
	namedMost = 8

	// askedMost is how many passes a question about the drain asks before it takes the
	// rest for granted: with so many inside, the answer is no, and their number a guess.
	askedMost = 256

	// tidyOneIn is how many jobs leave for one that looks for what the dead have left,
	// and tidyMost how many names it looks at for each ticket. Where deployments drain,
	// they do that; this is for a gate that is never closed.
	tidyOneIn = 32
	tidyMost  = 64
)

func oneIn(n int) func() bool { return func() bool { return rand.IntN(n) == 0 } }

// census is who is inside and in the way of a hold.
type census struct {
	inside []lull.Pass // a few
	count  int
	dead   []listed
}

// count looks who is inside and not part of the hold. It reads the directories of
// those tickets only that are inside: however many wait, they cost nothing.
func (r *room) count(h lull.Hold, phase lull.Phase) (c census, err error) {
	tickets, err := r.listTickets()
	if err != nil {
		return c, err
	}
	slices.Sort(tickets)
	asked := 0
	for _, t := range tickets {
		if !phase.Admits(t) {
			break
		}
		passes, err := r.list(t, 0)
		if err != nil {
			return c, err
		}
		for _, p := range passes {
			if asked++; asked > askedMost && c.count > 0 {
				c.count++
				continue
			}
			rec, found, err := r.examinePass(p.ticket, p.id)
			switch {
			case err != nil:
				return c, err
			case found == over:
				c.dead = append(c.dead, p)
			case found == alive && h.BlockedBy(rec.Pass, phase):
				if c.count++; len(c.inside) < namedMost {
					c.inside = append(c.inside, rec.Pass)
				}
			}
		}
	}
	return c, nil
}

// reap ends the passes that are still found dead. The event comes before the removal:
// who is killed between them has told by it that the pass is over.
func (x *section) reap(dead []listed) error {
	if len(dead) == 0 {
		return nil
	}
	ids := make([]string, len(dead))
	for i, p := range dead {
		ids[i] = p.id
	}
	gone := x.goodbyes(ids)
	for _, p := range dead {
		rec, found, err := x.examinePass(p.ticket, p.id)
		if err != nil {
			return err
		}
		if found != over {
			continue
		}
		if !gone[p.id] {
			x.stamp(x.gate.Abandon(rec.Pass, x.now))
		}
		path := x.passFile(p.ticket, p.id)
		if err := x.s.sys.Unlink(path); err != nil && !missing(err) {
			return fault("remove", path, err)
		}
		x.forget(path)
		x.release(p.id)
	}
	return nil
}

// tidy removes a bounded part of what the dead have left, if nobody is in the way.
func (r *room) tidy(ctx context.Context) error {
	err := r.aloneFor(ctx, looks, 0, func(x *section) error {
		for _, t := range x.tickets() {
			passes, err := x.list(t, tidyMost)
			if err != nil {
				return err
			}
			var dead []listed
			for _, p := range passes {
				_, found, err := x.examinePass(p.ticket, p.id)
				if err != nil {
					return err
				}
				if found == over {
					dead = append(dead, p)
				}
			}
			if err := x.reap(dead); err != nil {
				return err
			}
		}
		x.sweepBlanks()
		x.tidyTickets()
		return x.rotateIfLong()
	})
	if errors.Is(err, errNoGate) {
		return nil
	}
	return err
}
