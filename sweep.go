package lull

import "slices"

// Sweep makes facts of what the store found: it ends the holds that are over, in
// force or queued, and forgets the loose commands that are. The store judges each
// with over; everything else it decides here. Dead places in the queue go first,
// so that nobody dead is promoted.
func (g Gate) Sweep(over func(Hold) Fate, now Moment) (Gate, []Event) {
	var events []Event
	for _, h := range g.Queue {
		if fate := over(h); fate.Over() {
			events = append(events, h.event(EventAbandoned, g.Phase))
			g.Queue = without(g.Queue, h.ID)
		}
	}
	for _, h := range g.Loose {
		if fate := over(h); fate == Crashed {
			events = append(events, h.event(EventCrashed, g.Phase))
			g.Loose = without(g.Loose, h.ID)
		}
	}
	for _, h := range g.Holds {
		var more []Event
		switch fate := over(h); {
		case !fate.Over() || index(g.Holds, h.ID) < 0: // ended by the one that came before
			continue
		case fate == Crashed && h.CrashHold > 0:
			g, more = g.keepClosed(h, now)
		default:
			g, more = g.remove(h, fate.event(h), "", now)
		}
		events = append(events, more...)
	}
	return g, events
}

// keepClosed turns a crashed deployment's hold into a person's, in one step, so
// that the gate is at no instant open.
func (g Gate) keepClosed(h Hold, now Moment) (Gate, []Event) {
	events := []Event{h.event(EventCrashed, g.Phase)}
	h.Kind, h.Limit = Person, h.CrashHold
	h.Ends = now.Add(h.CrashHold)
	if !h.Heard.IsZero() {
		h.Ends = h.Heard.Add(h.CrashHold)
	}
	h.Reason = "held after a crash: " + h.Reason
	h.CrashHold, h.Begun, h.Stop = 0, Moment{}, false
	g.Holds = slices.Clone(g.Holds)
	g.Holds[index(g.Holds, h.ID)] = h
	// The first in the queue cannot wait for what is no deployment any more.
	g, more := g.promote(now)
	return g, append(events, more...)
}

// remove takes a hold out of the gate or its queue, and opens the gate when it
// was the last, or hands it to the head of the queue.
func (g Gate) remove(h Hold, why EventKind, reason string, now Moment) (Gate, []Event) {
	e := h.event(why, g.Phase)
	if reason != "" {
		e.Reason = reason
	}
	if why == EventReleased {
		e.Ran = now.Wall.Sub(h.Since)
	}
	events := []Event{e}
	if index(g.Queue, h.ID) >= 0 {
		g.Queue = without(g.Queue, h.ID)
		return g, events
	}
	g.Holds = without(g.Holds, h.ID)
	if !h.Begun.IsZero() && why != EventCrashed {
		g.Loose = append(slices.Clone(g.Loose), h)
	}
	if len(g.Holds) == 0 {
		g.Phase++
		events = append(events, Event{Kind: EventOpened, Gate: g.Name, Phase: g.Phase, ID: h.ID})
	}
	g, more := g.promote(now)
	return g, append(events, more...)
}

// promote lets the head of the queue hold, when no deployment does. If the gate
// has just opened, it closes in the same step: those who waited are inside and
// will be drained, later arrivals wait.
func (g Gate) promote(now Moment) (Gate, []Event) {
	if _, taken := g.Deployment(); taken || len(g.Queue) == 0 {
		return g, nil
	}
	h := g.Queue[0]
	g.Queue = without(g.Queue, h.ID)
	g, _, events := g.hold(h, now)
	return g, events
}
