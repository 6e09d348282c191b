package wire

import (
	"time"

	"github.com/lull-dev/lull"
)

// Arrival asks to enter. The pass's gate is the path's.
type Arrival struct {
	Pass lull.Pass     `json:"pass"`
	Ran  time.Duration `json:"ran,omitempty" doc:"nanoseconds that its command has run already"`
}

// Pass answers about one pass.
type Pass struct {
	Pass lull.Pass `json:"pass"`
	Gate lull.Gate `json:"gate"`
}

// Outcome is how a pass or a hold ended.
type Outcome struct {
	ExitCode *int          `json:"exit_code,omitempty" doc:"the command's; absent if there was none"`
	Waited   time.Duration `json:"waited,omitempty" doc:"nanoseconds a job waited before its command started"`
	Ran      time.Duration `json:"ran,omitempty" doc:"nanoseconds that the command ran"`
	TimedOut bool          `json:"timed_out,omitempty" doc:"the wait ended before the gate opened"`
	Reason   string        `json:"reason,omitempty"`
	By       lull.Holder   `json:"by,omitzero" doc:"who ends a hold"`
	Force    bool          `json:"force,omitempty" doc:"even somebody else's hold"`
}

// Gate answers with the gate as it is.
type Gate struct {
	Gate lull.Gate `json:"gate"`
}

// Closing asks for a hold. The hold's gate is the path's.
type Closing struct {
	Hold   lull.Hold `json:"hold"`
	Parent string    `json:"parent,omitempty" doc:"hint: the pass that the caller runs in"`
	PartOf string    `json:"part_of,omitempty" doc:"hint: the hold that the caller runs in"`
}

// Hold answers about one hold.
type Hold struct {
	Hold lull.Hold `json:"hold"`
	Gate lull.Gate `json:"gate"`
}

// Drain answers a deployment that waits for the jobs inside.
type Drain struct {
	Queued  bool        `json:"queued,omitempty"`
	Drained bool        `json:"drained"`
	Inside  []lull.Pass `json:"inside,omitempty" doc:"some of those it waits for"`
	Count   int         `json:"count"`
	Gate    lull.Gate   `json:"gate"`
}

// Start is how a deployment's command starts.
type Start struct {
	Undrained bool          `json:"undrained,omitempty" doc:"although jobs are inside"`
	Ran       time.Duration `json:"ran,omitempty" doc:"nanoseconds ago; for a hold that was closed anew"`
}

// Extension is a new limit for a hold.
type Extension struct {
	Limit time.Duration `json:"limit" doc:"nanoseconds from now; -1 for none"`
	By    lull.Holder   `json:"by,omitzero"`
	Force bool          `json:"force,omitempty"`
}

// Opening answers the end of a hold.
type Opening struct {
	Gate lull.Gate `json:"gate"`
	Gone bool      `json:"gone,omitempty" doc:"it had ended before"`
}

// Renewal asks to prolong leases, of passes and of holds.
type Renewal struct {
	Leases []Lease `json:"leases"`
}

// Lease names a pass or a hold. One of the IDs is set.
type Lease struct {
	Gate string `json:"gate"`
	Pass string `json:"pass,omitempty"`
	Hold string `json:"hold,omitempty"`
}

// Renewed answers with a state for each, in the same order.
type Renewed struct {
	States []LeaseState `json:"states"`
}

// LeaseState is what became of one lease.
type LeaseState struct {
	Live bool          `json:"live"`
	Stop bool          `json:"stop,omitempty" doc:"a deployment asks this pass to stop"`
	Left time.Duration `json:"left" doc:"nanoseconds until a deployment's limit; -1 for none"`
}

// Snapshot is one gate at one moment.
type Snapshot struct {
	Gate    lull.Gate   `json:"gate"`
	Now     lull.Moment `json:"now"`
	Drained bool        `json:"drained,omitempty" doc:"closed, and nobody inside but what is part of the deployment"`
	Inside  []lull.Pass `json:"inside,omitempty"`
	Waiting []lull.Pass `json:"waiting,omitempty"`
}

// Gates lists every gate that was ever used.
type Gates struct {
	Gates []lull.Gate `json:"gates"`
}

// Changed answers one who waits for a change.
type Changed struct {
	Seen string `json:"seen" doc:"to wait for the next change with"`
}

// Usual is how long the jobs of a gate usually run, in nanoseconds by name.
type Usual struct {
	Usual map[string]time.Duration `json:"usual"`
}

// Traffic is how a gate was used.
type Traffic struct {
	Lately      int        `json:"lately"`
	LastJob     lull.Event `json:"last_job,omitzero"`
	LastClosing lull.Event `json:"last_closing,omitzero"`
}

// About describes the server.
type About struct {
	Store   string `json:"store" doc:"where the gates are kept, without a password"`
	Shared  bool   `json:"shared" doc:"whether other hosts see the same gates"`
	Version string `json:"version"`
}

// End is the last line of an answer that is a list of lines. Without it the answer was cut.
type End struct {
	End bool `json:"end"`
}
