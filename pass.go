package lull

import "time"

// Pass is one job's right to be inside a gate. The first group of fields is the
// caller's, the second the store's.
type Pass struct {
	ID      string   `json:"id"` // chosen by the caller, see [NewID]
	Gate    string   `json:"gate,omitempty"`
	Name    string   `json:"name,omitempty"`
	Command []string `json:"command,omitempty"` // masked
	JobID   string   `json:"job_id,omitempty"`  // the scheduler's name for it, such as slurm:123_4
	Holder  Holder   `json:"holder"`

	Lease   time.Duration `json:"lease"`
	Parent  string        `json:"parent,omitempty"`  // hint: the pass that the caller runs in
	PartOf  string        `json:"part_of,omitempty"` // in: hint, the hold that the caller runs in; out: the hold it is part of
	Force   bool          `json:"force,omitempty"`   // be inside whatever the phase
	Ran     time.Duration `json:"-"`                 // how long its command has run already; for a pass that is recorded late
	Resumes string        `json:"resumes,omitempty"` // the pass that was lost and is recorded anew; of several, the first

	Ticket  Phase  `json:"ticket"`
	Arrived Moment `json:"arrived,omitzero"`
	Started Moment `json:"started,omitzero"` // when the store first said that it is inside
	Heard   Moment `json:"heard,omitzero"`   // the last sign of life
}

// Inside reports whether the pass is inside a gate in that phase.
func (p Pass) Inside(phase Phase) bool { return phase.Admits(p.Ticket) }

// GoesBy reports whether somebody who carries that ID means this pass: it is its own,
// or that of the lost one that it resumes. What a job started before its pass was lost
// carries the lost one's ID on.
func (p Pass) GoesBy(id string) bool { return id != "" && (p.ID == id || p.Resumes == id) }

// Admit gives an arrival its ticket. The parent is the pass that goes by p.Parent, when
// the store found it live at this gate, else nil.
//
//   - forced: inside now, whatever the phase
//   - inside a live job: its parent's ticket, so that neither waits for the other
//     and the drain still sees both; part of what the parent is part of
//   - inside a live deployment, if need be under the hold that it closed anew: inside
//     now, and part of that hold
//   - else: inside now if the gate is open, at the next opening if it is closed
//
// Environment variables leak into jobs that have left their parent long ago; so a
// hint that names nothing live counts as none.
func (g Gate) Admit(p Pass, parent *Pass, now Moment) (Pass, []Event) {
	p = g.place(p, parent)
	p.Arrived = now.Add(-p.Ran)
	p.Heard = now
	forced := p.Force && !p.Inside(g.Phase)
	if forced {
		p.Ticket = g.Phase
	}
	var events []Event
	switch {
	case p.Resumes != "":
		events = append(events, p.event(EventLost, g.Phase))
	case forced:
		events = append(events, p.event(EventForced, g.Phase))
	case !p.Inside(g.Phase):
		events = append(events, p.event(EventWaited, g.Phase))
	}
	if p.Inside(g.Phase) {
		p.Started = p.Arrived
	}
	return p, events
}

// Readmit is Admit for an arrival that is repeated: p is on record, and again is what it
// asks with. It stays as it is, unless it waits although what it runs in is inside: that
// was lost when it first arrived, and has been put on record anew since. Neither would
// get any further if it waited on.
func (g Gate) Readmit(p, again Pass, parent *Pass) Pass {
	placed := g.place(again, parent)
	if !p.Inside(g.Phase) && placed.Inside(g.Phase) {
		p.Ticket, p.Parent, p.PartOf = placed.Ticket, placed.Parent, placed.PartOf
	}
	return p
}

// place sets a pass's ticket, and what it belongs to, by the hints that it comes with.
func (g Gate) place(p Pass, parent *Pass) Pass {
	hold, held := g.Around(p.PartOf)
	switch {
	case parent != nil:
		p.Ticket, p.Parent, p.PartOf = parent.Ticket, parent.ID, parent.PartOf
	case held && hold.Kind == Deployment:
		p.Ticket, p.Parent, p.PartOf = g.Phase, "", hold.ID
	default:
		p.Ticket, p.Parent, p.PartOf = g.Phase.Ticket(), "", ""
	}
	return p
}

// Around is the hold in force that somebody runs in who carries that ID: the one it
// names, or the deployment's that was closed anew for it. What was started before a
// hold was lost carries the lost one's ID on.
func (g Gate) Around(id string) (Hold, bool) {
	if id == "" {
		return Hold{}, false
	}
	if h, held, _ := g.Find(id); held {
		return h, true
	}
	h, deployed := g.Deployment()
	return h, deployed && h.Resumes == id
}

// Force puts a waiting pass inside now.
func (g Gate) Force(p Pass, now Moment) (Pass, []Event) {
	if p.Inside(g.Phase) {
		return p, nil
	}
	p.Ticket, p.Started, p.Force = g.Phase, now, true
	e := p.event(EventForced, g.Phase)
	e.Waited = now.Sub(p.Arrived)
	return p, []Event{e}
}

// Leave is the event of a pass that leaves, or whose wait ended.
func (g Gate) Leave(p Pass, out Outcome) Event {
	kind := EventLeft
	if out.TimedOut || !p.Inside(g.Phase) {
		kind = EventTimedOut
	}
	e := p.event(kind, g.Phase)
	e.ExitCode, e.Waited, e.Ran, e.Reason = out.ExitCode, out.Waited, out.Ran, out.Reason
	return e
}

// Abandon is the event of a pass whose owner is gone. Its command is taken to have
// run from the moment its owner was told that it is inside until now. Who was never
// told, although the gate may have opened, never started.
func (g Gate) Abandon(p Pass, now Moment) Event {
	e := p.event(EventAbandoned, g.Phase)
	if p.Inside(g.Phase) && !p.Started.IsZero() {
		e.Ran = now.Sub(p.Started)
	}
	return e
}

func (p Pass) event(kind EventKind, phase Phase) Event {
	return Event{
		Kind: kind, Gate: p.Gate, Phase: phase, ID: p.ID, Name: p.Name, Command: p.Command,
		JobID: p.JobID, Holder: p.Holder, Parent: p.Parent, PartOf: p.PartOf, Resumes: p.Resumes,
	}
}
