package lull

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// DefaultGate is the name of the gate that is meant when none is named.
const DefaultGate = "default"

// gateNameMost keeps names usable as file names and metric labels.
const gateNameMost = 63

// CheckGateName says whether a gate may have that name: 1 to 63 of a-z, 0-9, dot,
// underscore and hyphen, the first a letter or digit. So it is a file name, an SQL
// value, a part of a URL and a shell word without quoting. The error is for a person.
func CheckGateName(name string) error {
	ok := len(name) > 0 && len(name) <= gateNameMost
	for i, c := range name {
		letter := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		ok = ok && (letter || i > 0 && strings.ContainsRune("._-", c))
	}
	if ok {
		return nil
	}
	return fmt.Errorf("gate name %q is not allowed: use 1 to %d of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit", name, gateNameMost)
}

// Phase counts a gate's openings and closings, from 0, which is open. Even is
// open, odd is closed. It only grows.
type Phase int64

// Open reports whether a gate in this phase is open.
func (p Phase) Open() bool { return p&1 == 0 }

// Ticket is what an ordinary arrival in this phase gets: the phase itself when
// the gate is open, the next opening's when it is closed.
func (p Phase) Ticket() Phase { return p + p&1 }

// Admits reports whether a pass with that ticket is inside. This is the one rule.
func (p Phase) Admits(ticket Phase) bool { return ticket <= p }

// Gate is a named thing that is open or closed. The zero value with a name is a
// gate that nobody has used: open, in phase 0.
//
// The methods that change a gate are pure: they return the gate as it is
// afterwards, and the events that tell what happened, for the store to stamp and
// keep together with it. A store calls them inside its exclusive section.
type Gate struct {
	Name  string `json:"name"`
	Phase Phase  `json:"phase"`

	// Holds are in force, the oldest first. The gate is closed while there is one;
	// one of them at most is a deployment's.
	Holds []Hold `json:"holds,omitempty"`

	// Queue holds the deployments that wait for another one, in order of arrival.
	Queue []Hold `json:"queue,omitempty"`

	// Loose are deployments that lost their hold, by their limit or by force, while
	// their command ran, and whose command is not known to have ended. They close
	// nothing; jobs that meet them are casualties.
	Loose []Hold `json:"loose,omitempty"`
}

// Deployment returns the deployment's hold in force, if there is one.
func (g Gate) Deployment() (Hold, bool) {
	i := slices.IndexFunc(g.Holds, func(h Hold) bool { return h.Kind == Deployment })
	if i < 0 {
		return Hold{}, false
	}
	return g.Holds[i], true
}

// Find returns the hold of that ID if it is in force, and whether it waits in the
// queue instead.
func (g Gate) Find(id string) (h Hold, held, queued bool) {
	if i := index(g.Holds, id); i >= 0 {
		return g.Holds[i], true, false
	}
	if i := index(g.Queue, id); i >= 0 {
		return g.Queue[i], false, true
	}
	return Hold{}, false, false
}

// Close adds a hold, and closes the gate when it is the first.
//
// A deployment is exclusive among deployments: while another one holds or waits,
// the answer is a *[BusyError], or a place in the queue when h.Queue asks for it.
// A hold whose ID is there already is returned as it is, so that a call can be
// repeated when its answer was lost. A hold that is part of a live one joins it:
// the live one is returned. A hold that resumes one which a crash has made a person's
// ends that when it comes into force. The caller tells in h.Parent whether that pass
// is live; see [Gate.CheckParent].
func (g Gate) Close(h Hold, now Moment) (Gate, Hold, []Event, error) {
	if same, held, queued := g.Find(h.ID); held || queued {
		return g, same, nil, nil
	}
	if index(g.Loose, h.ID) >= 0 {
		return g, Hold{}, nil, ErrGone // it was lost: close anew, with an ID of its own
	}
	if outer, held := g.Around(h.PartOf); held {
		return g, outer, nil, nil
	}
	h.Since, h.State, h.PartOf, h.Heard = now.Wall, Held, "", now
	other, taken := g.Deployment()
	if h.Kind == Deployment && (taken || len(g.Queue) > 0) {
		if !taken {
			other = g.Queue[0]
		}
		if !h.Queue {
			return g, Hold{}, nil, &BusyError{Gate: g.Name, Hold: other}
		}
		h.State = Queued
		g.Queue = append(slices.Clone(g.Queue), h)
		return g, h, []Event{h.event(EventQueued, g.Phase)}, nil
	}
	g, h, events := g.hold(h, now)
	return g, h, events, nil
}

// hold puts a hold into force, and ends the person's hold that it makes needless.
func (g Gate) hold(h Hold, now Moment) (Gate, Hold, []Event) {
	if len(g.Holds) == 0 {
		g.Phase++
	}
	h = h.inForce(g.Phase, now)
	g.Holds = append(slices.Clone(g.Holds), h)
	g, more := g.endCrashHold(h, now)
	return g, h, append([]Event{h.event(EventClosed, g.Phase)}, more...)
}

// CheckParent refuses to close a gate from within a job that is inside it: the
// drain would wait for its own caller. parentLive says whether a pass that goes by
// h.Parent is live at this gate.
func (g Gate) CheckParent(h Hold, parentLive bool) error {
	if _, held := g.Around(h.PartOf); held || !parentLive || h.Kind != Deployment {
		return nil
	}
	return &InsideError{Gate: g.Name, Pass: h.Parent}
}

// Open ends a hold as its owner, or by force, asks. Ending somebody else's hold
// or a deployment's without force is a *[NotYoursError]. Open of a hold that is
// gone changes nothing but the record of a loose command, and says so: gone is
// true.
func (g Gate) Open(id string, out Outcome, now Moment) (_ Gate, gone bool, _ []Event, _ error) {
	h, held, queued := g.Find(id)
	if !held && !queued {
		return g.endLoose(id, out)
	}
	if !out.Force && !h.OwnedBy(out.By) {
		return g, false, nil, &NotYoursError{Gate: g.Name, Hold: h}
	}
	var events, more []Event
	switch ran := !h.Begun.IsZero() || out.Ran > 0; {
	case !h.OwnedBy(out.By):
		e := h.event(EventForced, g.Phase)
		e.Holder, e.Reason = out.By, out.Reason
		events = append(events, e)
	case ran && h.Holder.sameProcess(out.By): // of a crash hold, a colleague is an owner too
		h.Begun = Moment{}
		g, more = g.takeBack(h).endCrashHold(h, now)
		events = append(append(events, h.ended(g.Phase, out)), more...)
	}
	g, more = g.remove(h, EventReleased, out.Reason, now)
	return g, false, append(events, more...), nil
}

// endLoose writes the end of a command whose hold had ended before it: by its
// limit or by force, so that it is loose, or by a lease that lapsed, so that nobody
// knew better than that it was gone. Without it the jobs that met the command would
// not be known as casualties. Whose a hold was that is neither in force nor loose the
// gate does not know: the event names who told it, and [MarkCasualties] believes
// nobody but the one who began.
func (g Gate) endLoose(id string, out Outcome) (Gate, bool, []Event, error) {
	h := Hold{ID: id, Gate: g.Name, Kind: Deployment, Holder: out.By}
	if i := index(g.Loose, id); i >= 0 {
		if h = g.Loose[i]; !h.OwnedBy(out.By) {
			return g, true, nil, nil
		}
		g.Loose = without(g.Loose, id)
	} else if out.Ran == 0 {
		return g, true, nil, nil
	}
	return g, true, []Event{h.ended(g.Phase, out)}, nil
}

// Extend gives a hold a new limit, counted from now.
func (g Gate) Extend(id string, x Extension, now Moment) (Gate, Hold, []Event, error) {
	i := index(g.Holds, id)
	if i < 0 || g.Holds[i].Ends.Passed(now) {
		return g, Hold{}, nil, ErrGone
	}
	h := g.Holds[i]
	own := h.OwnedBy(x.By)
	if !own && !x.Force {
		return g, Hold{}, nil, &NotYoursError{Gate: g.Name, Hold: h}
	}
	h.Limit = x.Limit
	h.Ends = h.deadline(now)
	g.Holds = slices.Clone(g.Holds)
	g.Holds[i] = h
	e := h.event(EventExtended, g.Phase)
	e.Holder = x.By
	return g, h, []Event{e}, nil
}

// Begin notes that a deployment's command starts now, or, when it resumes one,
// that it started how.Ran ago. drained is what the store found; without it, and
// without how.Undrained, the answer is [ErrNotDrained]. Repeating it is harmless. A
// hold whose limit has come is gone, looked at or not; and so is one that a crash has
// turned into a person's, for the deployment that made it: another may hold by now.
func (g Gate) Begin(id string, how Start, drained bool, now Moment) (Gate, []Event, error) {
	i := index(g.Holds, id)
	if i < 0 || g.Holds[i].Kind != Deployment || g.Holds[i].Ends.Passed(now) {
		return g, nil, ErrGone
	}
	h := g.Holds[i]
	if !h.Begun.IsZero() {
		return g, nil, nil
	}
	if !drained && !how.Undrained {
		return g, nil, ErrNotDrained
	}
	h.Begun = now.Add(-how.Ran)
	g.Holds = slices.Clone(g.Holds)
	g.Holds[i] = h
	g = g.takeBack(h)
	e := h.event(EventBegun, g.Phase)
	e.Ran = how.Ran
	return g, []Event{e}, nil
}

// takeBack makes the command that a lost hold left behind, loose, that of the hold
// which was closed anew for it.
func (g Gate) takeBack(h Hold) Gate {
	g.Loose = slices.DeleteFunc(slices.Clone(g.Loose), h.resumes)
	return g
}

// endCrashHold ends the person's hold that a lost hold left behind when its deployment
// was taken for dead. It never opens the gate: h is in force then, or queued behind
// another deployment that is.
func (g Gate) endCrashHold(h Hold, now Moment) (Gate, []Event) {
	i := slices.IndexFunc(g.Holds, func(left Hold) bool { return left.Kind == Person && h.resumes(left) })
	if i < 0 {
		return g, nil
	}
	return g.remove(g.Holds[i], EventReleased, "its deployment goes on", now)
}

// Stop marks that everyone inside, save those that are part of the hold, is asked
// to stop.
func (g Gate) Stop(id string) (Gate, error) {
	i := index(g.Holds, id)
	if i < 0 {
		return g, ErrGone
	}
	g.Holds = slices.Clone(g.Holds)
	g.Holds[i].Stop = true
	return g, nil
}

// Stops reports whether a hold asks that pass to stop.
func (g Gate) Stops(p Pass) bool {
	return slices.ContainsFunc(g.Holds, func(h Hold) bool {
		return h.Stop && h.BlockedBy(p, g.Phase)
	})
}

// Check reports whether a gate keeps what must always be true of it: it is closed
// exactly while it has a hold, at most one hold is a deployment's, nobody queues
// for nothing, and no ID stands twice. Stores check what they read.
func (g Gate) Check() error {
	var errs []error
	if g.Phase < 0 {
		errs = append(errs, fmt.Errorf("phase %d is negative", g.Phase))
	}
	if g.Phase.Open() != (len(g.Holds) == 0) {
		errs = append(errs, fmt.Errorf("phase %d with %d holds", g.Phase, len(g.Holds)))
	}
	deployments, seen := 0, map[string]bool{}
	for _, h := range slices.Concat(g.Holds, g.Queue, g.Loose) {
		if seen[h.ID] || h.ID == "" {
			errs = append(errs, fmt.Errorf("hold ID %q stands twice or is empty", h.ID))
		}
		seen[h.ID] = true
	}
	for _, h := range g.Holds {
		if h.Kind == Deployment {
			deployments++
		}
	}
	if deployments > 1 {
		errs = append(errs, fmt.Errorf("%d deployments hold at once", deployments))
	}
	if len(g.Queue) > 0 && deployments == 0 {
		errs = append(errs, errors.New("a deployment is queued behind nobody"))
	}
	return errors.Join(errs...)
}

func index(holds []Hold, id string) int {
	return slices.IndexFunc(holds, func(h Hold) bool { return h.ID == id })
}

func without(holds []Hold, id string) []Hold {
	return slices.DeleteFunc(slices.Clone(holds), func(h Hold) bool { return h.ID == id })
}
