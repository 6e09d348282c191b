package pgstore

import (
	"strings"
	"time"

	"github.com/lull-dev/lull"
)

// question is what a verb is asked: the argument of its function. Durations are in
// nanoseconds.
type question struct {
	Schema int    `json:"schema"`
	Watch  []mark `json:"watch,omitempty"`
	Gate   string `json:"gate,omitempty"`
	ID     string `json:"id,omitempty"` // of the pass or hold that it is about

	Pass    *lull.Pass  `json:"pass,omitempty"`
	Hold    *lull.Hold  `json:"hold,omitempty"`
	Event   *lull.Event `json:"event,omitempty"`
	Outcome *outcome    `json:"outcome,omitempty"`
	Passes  []string    `json:"passes,omitempty"`
	Holds   []string    `json:"holds,omitempty"`
	Parent  string      `json:"parent,omitempty"`
	PartOf  string      `json:"part_of,omitempty"`

	By        *lull.Holder   `json:"by,omitempty"`
	Force     bool           `json:"force,omitempty"`
	Undrained bool           `json:"undrained,omitempty"`
	Ran       time.Duration  `json:"ran,omitempty"`
	Limit     *time.Duration `json:"limit,omitempty"`
	Reason    string         `json:"reason,omitempty"`
	ExitCode  *int           `json:"exit_code,omitempty"`

	*wanted
}

// outcome is what a job's event keeps of a [lull.Outcome].
type outcome struct {
	ExitCode *int          `json:"exit_code,omitempty"`
	Waited   time.Duration `json:"waited,omitempty"`
	Ran      time.Duration `json:"ran,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	TimedOut bool          `json:"timed_out,omitempty"`
}

// answer is what a verb says: what its function returns.
type answer struct {
	Error string    `json:"error"`
	Gate  lull.Gate `json:"gate"`
	Sign  int64     `json:"sign"`

	Pass   lull.Pass            `json:"pass"`
	Passes map[string]lull.Pass `json:"passes"` // by the ID that was asked for
	Hold   lull.Hold            `json:"hold"`
	Within string               `json:"within"` // the pass that a deployment was started in
	Silent bool                 `json:"silent"` // the hold's owner has not been heard of for a lease

	Queued    bool        `json:"queued"`
	Count     int         `json:"count"`
	Unsettled bool        `json:"unsettled"` // nobody is inside, but the server was promoted a moment ago
	Inside    []lull.Pass `json:"inside"`
	Waiting   []lull.Pass `json:"waiting"`
	Drained   bool        `json:"drained"`
	Gone      bool        `json:"gone"`
	Now       lull.Moment `json:"now"`

	Live  map[string]live `json:"live"`
	Gates []listed        `json:"gates"`

	Usual       map[string]time.Duration `json:"usual"`
	Lately      int                      `json:"lately"`
	LastJob     lull.Event               `json:"last_job"`
	LastClosing lull.Event               `json:"last_closing"`

	page
}

// live is what a renewal says of a pass or hold that it has prolonged.
type live struct {
	Stop bool           `json:"stop"`
	Left *time.Duration `json:"left"`
}

// listed is a gate in the list of all.
type listed struct {
	lull.Gate
	Stale bool `json:"stale"` // something at it is over
}

// failure is the answer's error, as the seam has it.
func (a answer) failure() error {
	switch a.Error {
	case "":
		return nil
	case "gone":
		return lull.ErrGone
	case "not drained":
		return lull.ErrNotDrained
	case "busy":
		return &lull.BusyError{Gate: a.Gate.Name, Hold: a.Hold, Silent: a.Silent}
	case "not yours":
		return &lull.NotYoursError{Gate: a.Gate.Name, Hold: a.Hold}
	case "inside":
		return &lull.InsideError{Gate: a.Gate.Name, Pass: a.Within}
	}
	return &lull.SetupError{What: "the schema answers with " + a.Error + ", which this lull does not know", Hint: "update lull"}
}

// quoted is a name in SQL.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal is a text in SQL.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
