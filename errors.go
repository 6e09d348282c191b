package lull

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrGone is the answer about a pass or a hold that is not, or no longer, live.
	ErrGone = errors.New("no longer there")

	// ErrNotDrained means that jobs are still inside.
	ErrNotDrained = errors.New("jobs are still inside")

	// ErrTimeout means that the gate did not open, drain or free up in the time given.
	ErrTimeout = errors.New("waited long enough")

	// ErrUnavailable means that the store could not be asked; it may be later. Stores
	// wrap it: every failure that trying again may heal is this one.
	ErrUnavailable = errors.New("store unavailable")

	// ErrLost is the cause of a live pass's or hold's context when its lease was lost,
	// or could not be renewed in time.
	ErrLost = errors.New("lease lost")

	// ErrOverdue is the cause of a live hold's context when its limit has come and its
	// command is to stop.
	ErrOverdue = errors.New("limit reached")

	// ErrStopped is the cause of a live pass's context when a deployment asks the jobs
	// inside to stop.
	ErrStopped = errors.New("a deployment asks the jobs inside to stop")
)

// BusyError is the answer to a deployment that would not wait for another one.
type BusyError struct {
	Gate string
	Hold Hold // the one that holds, or waits first

	// Silent is whether its owner has not been heard of for longer than its lease. It may
	// be dead; a store that cannot see processes needs to be asked for a while longer
	// before it makes that a fact.
	Silent bool
}

func (e *BusyError) Error() string {
	s := fmt.Sprintf("gate %q is held by %s since %s", e.Gate, e.Hold.Holder, e.Hold.Since.Local().Format("15:04:05"))
	if age := time.Since(e.Hold.Since); age >= 0 {
		s += fmt.Sprintf(" (%s)", age.Round(time.Second))
	}
	if e.Hold.Reason != "" {
		s += ": " + e.Hold.Reason
	}
	return s
}

// NotYoursError is the answer to ending or extending a hold that is somebody
// else's, or a deployment's, without force.
type NotYoursError struct {
	Gate string
	Hold Hold
}

func (e *NotYoursError) Error() string {
	if e.Hold.Kind == Deployment {
		return fmt.Sprintf("hold %s is the deployment of %s", e.Hold.ID, e.Hold.Holder)
	}
	return fmt.Sprintf("hold %s belongs to %s", e.Hold.ID, e.Hold.Holder)
}

// InsideError is the answer to a deployment that is started inside a job.
type InsideError struct {
	Gate string
	Pass string
}

func (e *InsideError) Error() string {
	return fmt.Sprintf("a deployment cannot be started inside a job of gate %q: it would wait for itself", e.Gate)
}

// SetupError means that the store cannot be used as it is set up, and that trying
// again will not help. What is wrong comes first, what to do is the Hint.
type SetupError struct {
	What string
	Hint string
	Err  error // may be nil
}

func (e *SetupError) Error() string {
	if e.Err == nil {
		return e.What
	}
	return e.What + ": " + e.Err.Error()
}

func (e *SetupError) Unwrap() error { return e.Err }
