package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lull-dev/lull"
)

// The exit statuses that are lull's own, after sysexits.h where it has one. All
// others are the child's.
const (
	exitUsage       = 64  // the command line is wrong
	exitUnavailable = 69  // the store cannot be reached
	exitTempFail    = 75  // the gate did not open, drain or free up in time
	exitConfig      = 78  // the configuration is wrong
	exitCannotRun   = 126 // the command cannot be run
	exitNotFound    = 127 // the command cannot be found
	exitInterrupted = 130 // Ctrl-C, where no signal's number is known
)

// failure is an error for a person: what is wrong, what to do, and the status to
// exit with.
type failure struct {
	status int
	what   string
	hint   string // may be ""
	err    error  // may be nil
}

func (f *failure) Error() string { return f.what }
func (f *failure) Unwrap() error { return f.err }

// exit is the end of a command that has nothing more to say, such as a child's
// status that is handed through.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func usage(what, hint string) error {
	return &failure{status: exitUsage, what: what, hint: hint}
}

func misconfigured(what, hint string) error {
	return &failure{status: exitConfig, what: what, hint: hint}
}

// finish says what went wrong, if anything did, and returns the exit status. What
// it says last is lull's own failure: the line by which a caller tells it from the
// child's.
func (a *app) finish(err error) int {
	if err == nil {
		return 0
	}
	var code exit
	if errors.As(err, &code) {
		return int(code)
	}
	f := a.explain(err)
	if f.hint != "" {
		// The hint goes first, so that the last line is the failure.
		a.fail("hint: %s", f.hint)
	}
	a.fail("%s", f.what)
	return f.status
}

// explain turns any error into one for a person.
func (a *app) explain(err error) *failure {
	var f *failure
	var setup *lull.SetupError
	var busy *lull.BusyError
	var inside *lull.InsideError
	var notYours *lull.NotYoursError
	where := a.where(a.settings.gate)
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &setup):
		return a.explainSetup(err, setup)
	case errors.As(err, &busy):
		wait := "wait for it with --max-wait 15m"
		if errors.Is(err, lull.ErrTimeout) {
			wait = "wait longer with --max-wait"
		}
		return &failure{status: exitTempFail, what: err.Error(), hint: wait + ", or look with: " + a.lookLine(busy.Gate), err: err}
	case errors.As(err, &inside):
		return &failure{status: exitUsage, what: err.Error(), hint: "start it from outside the job", err: err}
	case errors.As(err, &notYours):
		return &failure{status: exitUsage, what: err.Error(), hint: "add --force if you mean it; it will be in the history", err: err}
	case errors.Is(err, lull.ErrUnavailable):
		return &failure{status: exitUnavailable, what: err.Error(), hint: "look with: lull doctor" + where, err: err}
	case errors.Is(err, lull.ErrTimeout):
		what := strings.TrimSuffix(err.Error(), ": "+lull.ErrTimeout.Error()) // it says how long
		return &failure{status: exitTempFail, what: what, hint: "look with: lull status" + where, err: err}
	case errors.Is(err, lull.ErrLost), errors.Is(err, lull.ErrOverdue):
		return &failure{status: exitTempFail, what: err.Error(), hint: "see what happened with: lull history" + where, err: err}
	case errors.Is(err, context.Canceled):
		return &failure{status: exitInterrupted, what: "interrupted", err: err}
	}
	return &failure{status: 1, what: err.Error(), err: err}
}
