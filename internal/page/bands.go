package page

import (
	"cmp"
	"fmt"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
)

// holding is a hold as far as it is known from events and from the gate.
type holding struct {
	id, who, reason       string
	kind                  lull.Kind
	from, begun, ran, end time.Time
	closed                lull.Event // zero if it is not among the events
}

// bands are the holds, and how many were deployments'.
func (c canvas) bands(l look) (bands []band, deployments int) {
	for _, h := range c.holdings(l) {
		if !c.shows(h.from, h.end) {
			continue
		}
		add := func(class, says string, from, to time.Time) {
			x, width, seen := c.stretch(from, to)
			if !seen {
				return
			}
			link := ""
			if h.closed.Kind != "" {
				link = eventURL(h.closed)
			}
			bands = append(bands, band{x, width, class, says, link})
		}
		says := words.Printable(h.who + ": " + h.reason)
		if h.kind == lull.Person {
			add("person", says+"\nheld "+c.between(h.from, h.end), h.from, h.end)
			continue
		}
		deployments++
		runs := cmp.Or(h.begun, h.end)
		add("draining", says+"\ndrained "+c.between(h.from, runs), h.from, runs)
		if !h.begun.IsZero() {
			add("running", says+"\nits command ran "+c.between(h.begun, cmp.Or(h.ran, h.end)), h.begun, cmp.Or(h.ran, h.end))
		}
	}
	return bands, deployments
}

// between says from when until when, and how long that was.
func (c canvas) between(from, to time.Time) string {
	if !to.Before(c.now.Wall) {
		return "since " + from.Local().Format("15:04:05")
	}
	return fmt.Sprintf("%s–%s, %s", from.Local().Format("15:04:05"), to.Local().Format("15:04:05"), short(to.Sub(from)))
}

func (c canvas) holdings(l look) []*holding {
	var all []*holding
	of, queued := map[string]*holding{}, map[string]bool{}
	add := func(id string, h lull.Holder, reason string, kind lull.Kind, from time.Time) *holding {
		one := &holding{id: id, who: who(h), reason: reason, kind: kind, from: from}
		of[id], all = one, append(all, one)
		return one
	}
	for _, e := range l.past.events {
		if e.Kind == lull.EventQueued {
			queued[e.ID] = true
		}
		if e.Kind == lull.EventClosed {
			delete(queued, e.ID)
		}
		if e.Hold == "" || queued[e.ID] { // who queues holds nothing
			continue
		}
		at := c.wall(e.At)
		h := of[e.ID]
		if h == nil {
			switch e.Kind {
			case lull.EventForced, lull.EventExtended, lull.EventAbandoned:
				continue // whoever did that need not be its holder
			}
			from := c.from
			if e.Kind == lull.EventReleased && e.Ran > 0 {
				from = at.Add(-e.Ran)
			}
			h = add(e.ID, e.Holder, e.Reason, e.Hold, from)
		}
		switch e.Kind {
		case lull.EventClosed:
			h.from, h.closed = at, e
		case lull.EventBegun:
			h.begun = at.Add(-e.Ran)
		case lull.EventEnded:
			h.ran = at
			if h.begun.IsZero() {
				h.begun = at.Add(-e.Ran)
			}
		case lull.EventReleased, lull.EventExpired, lull.EventOverdue, lull.EventCrashed:
			h.end = at
		}
	}
	for _, held := range l.Gate.Holds {
		h := of[held.ID]
		if h == nil {
			h = add(held.ID, held.Holder, held.Reason, held.Kind, held.Since)
		}
		if !held.Begun.IsZero() {
			h.begun = c.wall(held.Begun)
		}
		h.end = c.edge()
	}
	for _, h := range all {
		if h.end.IsZero() { // its end is not told yet, or is not among the events
			h.end = cmp.Or(h.ran, cmp.Or(h.begun, h.from))
		}
	}
	return all
}
