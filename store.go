package lull

import (
	"context"
	"iter"
	"time"
)

// Store keeps gates, passes, holds and events, and decides about them. It never
// waits, retries or renews by itself: the [Client] does.
//
// Each verb is atomic: it happened, or it did not. A verb may be repeated with the
// same ID when its answer was lost; it then answers as the first time. Entering
// and changing the phase exclude each other: once Close has returned, every pass
// with a ticket up to the phase is on record and none can be added, save forced
// and nested ones.
//
// Stores make expiry and crashes facts as they meet them: every verb about a gate,
// but Leave perhaps, first ends what is over. Enter, Close, Begin and Renew prolong
// the lease of what they are about, also when they are repeated; no other verb does.
// The first answer to an owner that a waiting pass is inside is noted in its Started,
// so that it can be a casualty even if its owner dies. No clock but the store's own is
// compared, and no time crosses the seam to be compared: what goes in is a
// duration.
//
// An error is one of those in errors.go, or ctx's. Whatever trying again may heal
// wraps [ErrUnavailable]. All methods are safe for concurrent use.
type Store interface {
	// Enter records a pass and says whether it is inside. It may name a parent pass
	// or hold; whether they are live is the store's to decide, in the same step. One that
	// waits and enters again with the same ID may be called inside by them: see
	// [Gate.Readmit].
	Enter(ctx context.Context, p Pass) (Pass, Gate, error)

	// Poll is a waiter's question: inside by now? still live? A pass that is not live
	// is [ErrGone], unless another is that resumes it, and is then the answer. It is cheap,
	// and safe to ask about somebody else's pass.
	Poll(ctx context.Context, ref PassRef) (Pass, Gate, error)

	// Force puts a waiting pass inside, whatever the phase.
	Force(ctx context.Context, ref PassRef) (Pass, Gate, error)

	// Leave ends that pass and no other. The gate is as it was then. A pass that is
	// gone already is no error.
	Leave(ctx context.Context, ref PassRef, out Outcome) (Gate, error)

	// Close adds a hold: see [Gate.Close] for the answers.
	Close(ctx context.Context, h Hold) (Hold, Gate, error)

	// Drain says whether everyone inside has left, save those that are part of the
	// hold, or of the one in force that resumes it. Of a hold that waits in the queue it
	// says that it does.
	Drain(ctx context.Context, ref HoldRef) (Drain, error)

	// Begin notes that the hold's command starts now. A hold that is not in force is
	// [ErrGone]; jobs still inside are [ErrNotDrained] unless how says otherwise.
	Begin(ctx context.Context, ref HoldRef, how Start) error

	// Stop asks everyone inside to stop, save those that are part of the hold. They
	// learn it when they renew.
	Stop(ctx context.Context, ref HoldRef) error

	// Extend gives a hold a new limit, counted from now.
	Extend(ctx context.Context, ref HoldRef, x Extension) (Hold, error)

	// Open ends that hold, and tells when it was gone already.
	Open(ctx context.Context, ref HoldRef, out Outcome) (Opening, error)

	// Renew prolongs leases, all that one process keeps in one call, each by the
	// length it was made with. The answer has a state for each, in the same order.
	Renew(ctx context.Context, refs []LeaseRef) ([]LeaseState, error)

	// Snapshot is one gate as people want to see it.
	Snapshot(ctx context.Context, gate string) (Snapshot, error)

	// Gates lists every gate that was ever used, by name.
	Gates(ctx context.Context) ([]Gate, error)

	// Events yields the chosen events, the oldest first.
	Events(ctx context.Context, f Filter) iter.Seq2[Event, error]

	// Record keeps one event that no other verb does, such as [EventRerun]. The store
	// stamps it.
	Record(ctx context.Context, e Event) error

	// About describes the store. It does no work and cannot fail.
	About() About

	// Shutdown lets go of whatever the store keeps in this process. Passes and holds
	// that are live stay so, as long as their leases.
	Shutdown(ctx context.Context) error
}

// Notifier is what a store may be besides. The channel is closed, or receives,
// some time after something changed at the gate: late, more than once, or never. It
// is a hint, and callers poll as well. A nil channel says that there will be none. The
// subscription ends with ctx.
type Notifier interface {
	Changed(ctx context.Context, gate string) (<-chan struct{}, error)
}

// Watcher is what a store may be besides, when it runs on the host of its jobs: it
// believes in a pass or a hold for as long as the command it is told of lives, even
// when its owner is killed.
type Watcher interface {
	// Watch is called twice: with the zero process just before the command is
	// started, and with the command's just after.
	Watch(ctx context.Context, ref LeaseRef, p Process) error
}

// PassRef names a pass.
type PassRef struct{ Gate, ID string }

// HoldRef names a hold.
type HoldRef struct{ Gate, ID string }

// LeaseRef names a pass or a hold that its owner keeps alive. One of the IDs is
// set.
type LeaseRef struct{ Gate, Pass, Hold string }

// ID is the pass's or the hold's.
func (r LeaseRef) ID() string { return r.Pass + r.Hold }

// LeaseState is the answer to a renewal.
type LeaseState struct {
	Live bool          // not: it is lost for good
	Stop bool          // a deployment asks this pass to stop
	Left time.Duration // until a deployment's limit; [NoLimit] if it has none, and for a pass
}

// Process is a command on this host, and the process group it is in.
type Process struct{ PID, Group int }

// Outcome is how a pass or a hold ended, as its owner tells it.
type Outcome struct {
	ExitCode *int          // the command's; nil if there was none
	Waited   time.Duration // a job's, before its command started
	Ran      time.Duration // the command's
	TimedOut bool          // a job whose wait ended before the gate opened
	Reason   string

	By    Holder // who ends a hold
	Force bool   // even somebody else's
}

// Extension is a new limit for a hold.
type Extension struct {
	Limit time.Duration // counted from now; [NoLimit] for none
	By    Holder
	Force bool // even somebody else's
}

// Start is how a deployment's command starts.
type Start struct {
	Undrained bool          // although jobs are inside
	Ran       time.Duration // so long ago; for a hold that was closed anew
}

// Drain is the answer to a deployment that waits for the jobs inside.
type Drain struct {
	Queued  bool // not in force yet: another deployment holds
	Drained bool
	Inside  []Pass // some of those it waits for, eight at most
	Count   int    // how many; at least len(Inside) when that is not known
	Gate    Gate
}

// Opening is the answer to the end of a hold.
type Opening struct {
	Gate Gate
	Gone bool // it had ended before
}

// Snapshot is one gate at one moment.
type Snapshot struct {
	Gate    Gate
	Now     Moment
	Drained bool   // closed, and nobody inside but what is part of the deployment
	Inside  []Pass // the oldest first
	Waiting []Pass // the oldest first
}

// Blocking is how many of those inside are not part of the deployment.
func (s Snapshot) Blocking() int {
	h, _ := s.Gate.Deployment()
	n := 0
	for _, p := range s.Inside {
		if h.BlockedBy(p, s.Gate.Phase) {
			n++
		}
	}
	return n
}

// About describes a store to people, and to the client that waits for it.
type About struct {
	URL string // without a password

	// A waiter asks again after PollFirst, then more and more slowly until PollMost.
	PollFirst, PollMost time.Duration

	// Shared is whether other hosts see the same gates.
	Shared bool
}
