package notice

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/lull-dev/lull"
)

// Event says what a notice tells.
type Event string

// The events.
const (
	Closed       Event = "closed"        // a hold came into force
	Drained      Event = "drained"       // … and nobody is inside any more but the deployment's own
	DrainOverdue Event = "drain overdue" // … or somebody is still, after a long time
	Opened       Event = "opened"        // the gate opened
	Crashed      Event = "crashed"       // a deployment's owner is gone
	Casualty     Event = "casualty"      // a job ran while a deployment's command did

	eventTest Event = "test" // somebody tries whether notices arrive
)

// Events lists all of them.
func Events() []Event { return []Event{Closed, Drained, DrainOverdue, Opened, Crashed, Casualty} }

// Notice is one thing that happened, and in JSON the body of a request. Fields that say
// nothing about its event are absent. Later releases may add fields.
type Notice struct {
	ID    string    `json:"id"` // the same each time it is sent, whoever sends it
	Time  time.Time `json:"time"`
	Event Event     `json:"event"`
	Gate  string    `json:"gate"`
	Text  string    `json:"text"` // all of it in a sentence

	About string     `json:"about,omitempty"` // the ID of the hold, or of the casualty's pass
	Kind  lull.Kind  `json:"kind,omitempty"`  // of the hold: deployment or person
	Who   *Who       `json:"who,omitempty"`   // whose hold it is, or whose job it was
	By    *Who       `json:"by,omitempty"`    // who ended somebody else's hold
	Why   string     `json:"why,omitempty"`
	Since *time.Time `json:"since,omitempty"` // the hold is in force
	Until *time.Time `json:"until,omitempty"` // its limit; absent if it has none
	Job   *Job       `json:"job,omitempty"`   // the casualty

	Counts *Counts `json:"counts,omitempty"` // just after; absent if the store could not be asked
	Link   string  `json:"link,omitempty"`   // lulld's page about it
}

// Who is a person or a program.
type Who struct {
	User string `json:"user"`
	Host string `json:"host"`
	Link string `json:"link,omitempty"` // the page of the CI run
}

// Job is one that was a casualty. Its command may tell more than a webhook should.
type Job struct {
	Name       string  `json:"name,omitempty"`
	JobID      string  `json:"job_id,omitempty"` // the scheduler's name for it
	RanSeconds float64 `json:"ran_seconds"`
	ExitCode   *int    `json:"exit_code,omitempty"` // absent if it is not known
}

// Counts is who is at the gate.
type Counts struct {
	Inside  int `json:"inside"`
	Waiting int `json:"waiting"`
	Queued  int `json:"queued"` // deployments
}

// identify gives a notice the ID that every lulld would give it.
func (n *Notice) identify(phase lull.Phase) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d", n.Event, n.Gate, n.About, phase))
	n.ID = hex.EncodeToString(sum[:16])
}

// ofHold is a notice about a hold in force.
func ofHold(event Event, h lull.Hold, gate string, at time.Time) Notice {
	n := Notice{Event: event, Gate: gate, Time: at, About: cut(h.ID), Kind: h.Kind, Who: who(h.Holder), Why: cut(h.Reason)}
	if !h.Since.IsZero() {
		n.Since = &h.Since
	}
	if !h.Ends.IsZero() {
		n.Until = &h.Ends.Wall
	}
	n.identify(h.Phase)
	return n
}

// ofEvent is a notice about an event.
func ofEvent(event Event, e lull.Event) Notice {
	n := Notice{Event: event, Gate: e.Gate, Time: e.At.Wall, About: cut(e.ID), Kind: e.Hold, Who: who(e.Holder), Why: cut(e.Reason)}
	n.identify(e.Phase)
	return n
}

func who(h lull.Holder) *Who {
	if h.User == "" && h.Host == "" {
		return nil
	}
	return &Who{cut(h.User), cut(h.Host), cut(h.Link)}
}
