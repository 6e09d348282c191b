package lull

import "time"

// EventKind says what happened.
type EventKind string

// The kinds of event. Those of a hold carry its ID, those of a job its pass's.
const (
	EventClosed    EventKind = "closed"    // a hold came into force
	EventQueued    EventKind = "queued"    // a deployment waits for another one
	EventBegun     EventKind = "begun"     // a deployment's command started
	EventEnded     EventKind = "ended"     // a deployment's command ended
	EventReleased  EventKind = "released"  // a hold was ended by its owner or by force
	EventOpened    EventKind = "opened"    // the gate opened
	EventExpired   EventKind = "expired"   // a person's hold reached its limit
	EventOverdue   EventKind = "overdue"   // a deployment's hold reached its limit
	EventCrashed   EventKind = "crashed"   // a deployment's owner is gone
	EventForced    EventKind = "forced"    // a job entered a closed gate, or somebody else ended a hold
	EventExtended  EventKind = "extended"  // a hold got a new limit
	EventWaited    EventKind = "waited"    // a job arrived at a closed gate and waits
	EventLeft      EventKind = "left"      // a job's command ended
	EventTimedOut  EventKind = "timed_out" // a job's wait ended before the gate opened: it never ran
	EventAbandoned EventKind = "abandoned" // the owner of a pass, or of a place in the queue, is gone
	EventLost      EventKind = "lost"      // a running job found its pass gone and was recorded anew
	EventRerun     EventKind = "rerun"     // a casualty was run again
)

// Event is one line of a gate's history. A store stamps At and keeps the rest as
// it is. Fields that say nothing about its kind are zero.
type Event struct {
	At       Moment        `json:"at"`
	Gate     string        `json:"gate"`
	Kind     EventKind     `json:"event"`
	Phase    Phase         `json:"phase"` // after the event
	ID       string        `json:"id"`
	Name     string        `json:"name,omitempty"`
	Command  []string      `json:"command,omitempty"`
	JobID    string        `json:"job_id,omitempty"`
	Hold     Kind          `json:"hold,omitempty"` // the kind of the hold it is about
	Holder   Holder        `json:"holder,omitzero"`
	Reason   string        `json:"reason,omitempty"`
	Parent   string        `json:"parent,omitempty"` // the pass that the job runs in
	PartOf   string        `json:"part_of,omitempty"`
	Resumes  string        `json:"resumes,omitempty"`
	ExitCode *int          `json:"exit_code,omitempty"`
	Waited   time.Duration `json:"waited,omitempty"`
	Ran      time.Duration `json:"ran,omitempty"`

	// Casualty is computed by [MarkCasualties], never kept.
	Casualty bool `json:"-"`
}

// Filter chooses events. The zero value chooses all.
type Filter struct {
	Gate  string        // "": every gate
	Since time.Duration // not older than this; zero: of any age
	Kinds []EventKind   // nil: every kind
	Name  string        // a job's name
	Limit int           // the newest so many; zero: all
}

// Wants reports whether the filter, its Limit aside, chooses the event.
func (f Filter) Wants(e Event, now Moment) bool {
	if f.Gate != "" && e.Gate != f.Gate || f.Name != "" && e.Name != f.Name {
		return false
	}
	if f.Since > 0 && now.Sub(e.At) > f.Since {
		return false
	}
	if len(f.Kinds) == 0 {
		return true
	}
	for _, k := range f.Kinds {
		if k == e.Kind {
			return true
		}
	}
	return false
}
