package cli

import (
	"time"

	"github.com/lull-dev/lull"
)

// statusJSON is what lull status -o json prints for each gate.
type statusJSON struct {
	Schema  int        `json:"schema"`
	Gate    string     `json:"gate"`
	Store   string     `json:"store"`
	State   string     `json:"state"`
	Drained bool       `json:"drained"`
	Phase   lull.Phase `json:"phase"`
	Holds   []holdJSON `json:"holds"`
	Queued  []holdJSON `json:"queued"`
	Inside  []passJSON `json:"inside"`
	Waiting []passJSON `json:"waiting"`
}

type holdJSON struct {
	ID        string     `json:"id"`
	Kind      lull.Kind  `json:"kind"`
	Holder    holderJSON `json:"holder"`
	Reason    string     `json:"reason"`
	Command   []string   `json:"command"`
	Since     instant    `json:"since"`
	ExpiresAt instant    `json:"expires_at"`
	BegunAt   instant    `json:"begun_at"`
	LastHeard instant    `json:"last_heard"`
}

type passJSON struct {
	ID           string     `json:"id"`
	Name         string     `json:"name"`
	Command      []string   `json:"command"`
	JobID        string     `json:"job_id"`
	Holder       holderJSON `json:"holder"`
	Since        instant    `json:"since"`
	Ticket       lull.Phase `json:"ticket"`
	PartOf       *string    `json:"part_of"`
	UsualSeconds *float64   `json:"usual_seconds"` // null: it has not run often enough to tell
	LastHeard    instant    `json:"last_heard"`
}

func (v gateView) json() statusJSON {
	return statusJSON{
		Schema: schema, Gate: v.Gate.Name, Store: v.store, State: stateWord(v.Gate.Phase),
		Drained: v.Drained, Phase: v.Gate.Phase,
		Holds:   list(v.Gate.Holds, asHoldJSON),
		Queued:  list(v.Gate.Queue, asHoldJSON),
		Inside:  list(v.Inside, func(p lull.Pass) passJSON { return v.asPassJSON(p, insideSince(p)) }),
		Waiting: list(v.Waiting, func(p lull.Pass) passJSON { return v.asPassJSON(p, p.Arrived) }),
	}
}

func asHoldJSON(h lull.Hold) holdJSON {
	return holdJSON{
		ID: h.ID, Kind: h.Kind, Holder: holderJSON(h.Holder), Reason: h.Reason, Command: list(h.Command, word),
		Since: instant(h.Since), ExpiresAt: instant(h.Ends.Wall), BegunAt: instant(h.Begun.Wall),
		LastHeard: instant(lastHeard(h.Heard, h.Since)),
	}
}

func (v gateView) asPassJSON(p lull.Pass, since lull.Moment) passJSON {
	out := passJSON{
		ID: p.ID, Name: p.Name, Command: list(p.Command, word), JobID: p.JobID, Holder: holderJSON(p.Holder),
		Since: instant(since.Wall), Ticket: p.Ticket, LastHeard: instant(lastHeard(p.Heard, p.Arrived.Wall)),
	}
	if p.PartOf != "" {
		out.PartOf = &p.PartOf
	}
	if usual, known := v.usual[p.Name]; known {
		s := seconds(usual)
		out.UsualSeconds = &s
	}
	return out
}

// insideSince is when a pass came inside. One that has waited, and has not asked
// since the gate opened, has not started yet.
func insideSince(p lull.Pass) lull.Moment {
	if p.Started.IsZero() {
		return p.Arrived
	}
	return p.Started
}

// lastHeard is the last sign of life; making it was one.
func lastHeard(heard lull.Moment, made time.Time) time.Time {
	if heard.IsZero() {
		return made
	}
	return heard.Wall
}

func word(s string) string { return s }
