package lull

import (
	"slices"
	"time"
)

// Kind says what a hold is for.
type Kind string

// The kinds of hold.
const (
	// Deployment holds are exclusive among deployments and live with a process.
	Deployment Kind = "deployment"
	// Person holds live until somebody ends them or their limit comes.
	Person Kind = "person"
)

// HoldState says whether a hold closes its gate yet.
type HoldState string

// The states of a hold.
const (
	Held   HoldState = "held"
	Queued HoldState = "queued" // waits for another deployment
)

// NoLimit, as a hold's limit, is none. It has to be asked for: the zero value
// means the default of the hold's kind.
const NoLimit time.Duration = -1

// The longest a hold lasts unless told otherwise. Half an hour is what a dead or
// hanging deployment may cost the jobs; an hour is a person's lunch.
const (
	DefaultDeploymentLimit = 30 * time.Minute
	DefaultPersonLimit     = time.Hour
)

// Holder says who is behind a pass or a hold. Nothing is decided by it but whose
// hold it is.
type Holder struct {
	User string `json:"user"`
	Host string `json:"host"`
	PID  int    `json:"pid,omitempty"`
	Link string `json:"link,omitempty"` // the page of the CI run, where there is one
}

// sameProcess compares what tells processes apart; the link is for people.
func (h Holder) sameProcess(o Holder) bool {
	return h.User == o.User && h.Host == o.Host && h.PID == o.PID
}

// String is user@host.
func (h Holder) String() string { return h.User + "@" + h.Host }

// Hold is one reason why a gate is closed. The first group of fields is the
// caller's, the second the store's.
type Hold struct {
	ID      string   `json:"id"` // chosen by the caller, see [NewID]
	Gate    string   `json:"gate,omitempty"`
	Kind    Kind     `json:"kind"`
	Holder  Holder   `json:"holder"`
	Reason  string   `json:"reason,omitempty"`
	Command []string `json:"command,omitempty"` // masked

	Limit     time.Duration `json:"limit,omitempty"`      // zero: the kind's default; see NoLimit
	Lease     time.Duration `json:"lease,omitempty"`      // a deployment's; a person's hold has none
	CrashHold time.Duration `json:"crash_hold,omitempty"` // a crash turns it into a person's hold, this long
	Queue     bool          `json:"queue,omitempty"`      // wait for another deployment instead of failing
	Parent    string        `json:"-"`                    // hint: the pass that the caller runs in
	PartOf    string        `json:"-"`                    // hint: the hold that the caller runs in, to be joined
	Resumes   string        `json:"resumes,omitempty"`    // the hold that was lost and is closed anew; of several, the first

	State HoldState `json:"state,omitempty"`
	Phase Phase     `json:"phase"`          // the closed phase in which it came into force
	Since time.Time `json:"since"`          // in force, or queued, since
	Ends  Moment    `json:"ends,omitzero"`  // its limit; zero: none, or still queued
	Begun Moment    `json:"begun,omitzero"` // when its command started
	Heard Moment    `json:"heard,omitzero"` // the last sign of life
	Stop  bool      `json:"stop,omitempty"` // everyone inside is asked to stop
}

// OwnedBy reports whether somebody may end or extend the hold without force: of a
// person's hold the same user on the same host, of a deployment's the very
// process.
func (h Hold) OwnedBy(who Holder) bool {
	if h.Kind == Person {
		return h.Holder.User == who.User && h.Holder.Host == who.Host
	}
	return h.Holder.sameProcess(who)
}

// resumes reports whether the hold is closed anew for the deployment that lost the
// other one: for that one, or as that one was, for one lost before.
func (h Hold) resumes(lost Hold) bool {
	return h.Resumes != "" && h.ID != lost.ID && h.Holder.sameProcess(lost.Holder) &&
		(h.Resumes == lost.ID || h.Resumes == lost.Resumes)
}

// BlockedBy reports whether a live pass keeps the hold from being drained, in the
// gate's phase: it is inside, and not part of the hold.
func (h Hold) BlockedBy(p Pass, phase Phase) bool {
	return phase.Admits(p.Ticket) && (p.PartOf == "" || p.PartOf != h.ID)
}

// Drained reports whether none of the live passes keeps the hold waiting.
func (h Hold) Drained(live []Pass, phase Phase) bool {
	return !slices.ContainsFunc(live, func(p Pass) bool { return h.BlockedBy(p, phase) })
}

// inForce is the hold in the phase that it closes, its age and its limit counted
// from now.
func (h Hold) inForce(phase Phase, now Moment) Hold {
	h.State, h.Phase, h.Since = Held, phase, now.Wall
	h.Ends = h.deadline(now)
	return h
}

func (h Hold) deadline(now Moment) Moment {
	switch {
	case h.Limit < 0:
		return Moment{}
	case h.Limit > 0:
		return now.Add(h.Limit)
	case h.Kind == Deployment:
		return now.Add(DefaultDeploymentLimit)
	}
	return now.Add(DefaultPersonLimit)
}

func (h Hold) event(kind EventKind, phase Phase) Event {
	return Event{
		Kind: kind, Gate: h.Gate, Phase: phase, ID: h.ID,
		Holder: h.Holder, Reason: h.Reason, Hold: h.Kind, Resumes: h.Resumes,
	}
}

// ended is the end of a deployment's command, also where a crash has made the hold a
// person's meanwhile.
func (h Hold) ended(phase Phase, out Outcome) Event {
	e := h.event(EventEnded, phase)
	e.Hold = Deployment
	e.ExitCode, e.Ran = out.ExitCode, out.Ran
	return e
}

// Fate is what a store found out about a hold.
type Fate int

// The fates of a hold.
const (
	Alive   Fate = iota
	Crashed      // its owner is gone
	Expired      // its limit has come
)

// Over reports whether the hold must end.
func (f Fate) Over() bool { return f != Alive }

func (f Fate) event(h Hold) EventKind {
	switch {
	case f == Crashed:
		return EventCrashed
	case h.Kind == Deployment:
		return EventOverdue
	}
	return EventExpired
}
