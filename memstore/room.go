package memstore

import (
	"slices"
	"time"

	"github.com/lull-dev/lull"
)

// room is a gate and the passes that are live at it, in order of arrival.
type room struct {
	lull.Gate
	passes []lull.Pass
}

// gate is the gate for a caller, who may do with it what he likes.
func (r *room) gate() lull.Gate {
	g := r.Gate
	g.Holds, g.Queue, g.Loose = slices.Clone(g.Holds), slices.Clone(g.Queue), slices.Clone(g.Loose)
	return g
}

// pass is the live pass of that ID, or nil. It points into the room.
func (r *room) pass(id string) *lull.Pass {
	i := slices.IndexFunc(r.passes, func(p lull.Pass) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return &r.passes[i]
}

// going is the live pass that goes by that ID, or nil. It points into the room.
func (r *room) going(by string) *lull.Pass {
	if p := r.pass(by); p != nil {
		return p
	}
	i := slices.IndexFunc(r.passes, func(p lull.Pass) bool { return p.GoesBy(by) })
	if i < 0 {
		return nil
	}
	return &r.passes[i]
}

// answer is the pass for its owner. It notes when the owner is first told that it
// is inside: not before can its command have started.
func (r *room) answer(p *lull.Pass, now lull.Moment) lull.Pass {
	if p.Inside(r.Phase) && p.Started.IsZero() {
		p.Started = now
	}
	return *p
}

// heard notes a sign of life of a hold, in force, queued, or gone but for its loose
// command. The zero hold is not there.
func (r *room) heard(id string, now lull.Moment) (h lull.Hold, loose bool) {
	for _, holds := range []*[]lull.Hold{&r.Holds, &r.Queue, &r.Loose} {
		i := slices.IndexFunc(*holds, func(h lull.Hold) bool { return h.ID == id })
		if i < 0 {
			continue
		}
		*holds = slices.Clone(*holds)
		(*holds)[i].Heard = now
		return (*holds)[i], holds == &r.Loose
	}
	return lull.Hold{}, false
}

// sweep ends what is over: passes first, so that one whose owner died while it
// waited is not taken for one that was inside.
func (r *room) sweep(now lull.Moment) []lull.Event {
	var events []lull.Event
	r.passes = slices.DeleteFunc(r.passes, func(p lull.Pass) bool {
		if !lapsed(p.Heard, p.Lease, now) {
			return false
		}
		events = append(events, r.Abandon(p, now))
		return true
	})
	g, more := r.Sweep(func(h lull.Hold) lull.Fate { return fate(h, now) }, now)
	r.Gate = g
	return append(events, more...)
}

// fate is what became of a hold. A dead owner comes before a limit: of a command
// nobody is left to tell the end of, a crash is all that will ever be known.
func fate(h lull.Hold, now lull.Moment) lull.Fate {
	switch {
	case h.Kind == lull.Deployment && lapsed(h.Heard, h.Lease, now):
		return lull.Crashed
	case h.Ends.Passed(now):
		return lull.Expired
	}
	return lull.Alive
}

func lapsed(heard lull.Moment, lease time.Duration, now lull.Moment) bool {
	if lease == 0 {
		lease = lull.DefaultLease
	}
	return heard.Add(lease).Passed(now)
}
