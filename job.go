package lull

import "time"

// OnTimeout says what becomes of a job that waited for [Job.MaxWait].
type OnTimeout int

// What becomes of a job that waited long enough.
const (
	TimeoutFails OnTimeout = iota // Enter answers ErrTimeout
	TimeoutRuns                   // it enters by force, and is drained like any other
)

// OnUnavailable says what becomes of a job that cannot ask the store.
type OnUnavailable int

// What becomes of a job that cannot ask the store. One that is on record, and waits,
// asks on for as long as it trusts in its lease.
const (
	UnavailableWaits OnUnavailable = iota // up to MaxWait, then ErrUnavailable
	UnavailableRuns                       // it runs, and is recorded as forced as soon as it can be
	UnavailableFails                      // Enter answers ErrUnavailable at once
)

// OnLost says what becomes of a running command whose lease is lost.
type OnLost int

// What becomes of a running command whose lease is lost.
const (
	// LostKeeps lets it go on, and records it anew. Its context is cancelled at the
	// end of trust; whoever keeps a command running heeds MustStop instead.
	LostKeeps OnLost = iota
	// LostTerminates cancels its context, and MustStop, a kill grace before the end of
	// trust.
	LostTerminates
)

// Job is what wants to be inside a gate.
type Job struct {
	Name    string
	Command []string // masked, or nil
	JobID   string   // the scheduler's name for it

	MaxWait       time.Duration // zero: as long as it takes, since every closure ends
	OnTimeout     OnTimeout
	OnUnavailable OnUnavailable
	OnLost        OnLost

	Parent string // the ID of the pass that this job runs in, if any: see [LivePass.Hint]
	PartOf string // the ID of the hold that this job runs in, if any

	// Waiting is called with the gate as it is, each time it is found closed. It must
	// not block.
	Waiting func(Gate)
}
