package lull

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// OnLimit says what becomes of a deployment whose limit comes while its command
// runs.
type OnLimit int

// What becomes of a deployment at its limit.
const (
	LimitOpens      OnLimit = iota // the gate opens, the command goes on
	LimitTerminates                // its context is cancelled with ErrOverdue, and the gate stays closed a kill grace longer
)

// defaultStoreWait is how long a deployment tries to reach a store unless told
// otherwise. Nobody wants a deployment to start an hour later by itself.
const defaultStoreWait = time.Minute

// Closing is what somebody wants to close a gate for. The zero value with a Kind is
// good.
type Closing struct {
	Kind    Kind
	Reason  string
	Command []string // masked, or nil

	Limit   time.Duration // zero: the kind's default; NoLimit: none
	OnLimit OnLimit
	MaxWait time.Duration // for another deployment to end; zero: fail at once with a *BusyError
	OnLost  OnLost

	CrashHold   time.Duration // if its owner crashes, the gate stays closed so long after the last sign of life
	FailureHold time.Duration // if its command fails, the gate stays closed so long

	Parent string // the ID of the pass that this runs in, if any: a deployment is then refused
	PartOf string // the ID of the hold that this runs in, if any: it is then joined

	// Queued is called with the gate as it is, while another deployment is waited for: in
	// the queue, or to see whether it is dead. It must not block.
	Queued func(Gate)
}

// Close closes the gate, and blocks only while another deployment is waited for.
// Its errors are *[BusyError] and [ErrTimeout] when another deployment holds or
// held for too long, *[InsideError] within a job, [ErrUnavailable] when the store
// could not be asked for closing.MaxWait or, if that is zero, a minute, and ctx's.
// After an error the gate is not held on this account.
func (c *Client) Close(ctx context.Context, closing Closing) (*LiveHold, error) {
	h := &LiveHold{c: c, closing: closing}
	h.asked = Hold{
		ID: NewID(), Gate: c.gate, Kind: closing.Kind, Holder: c.holder, Reason: closing.Reason,
		Command: closing.Command, Limit: h.limit(), CrashHold: closing.CrashHold,
		Queue: closing.MaxWait > 0, Parent: closing.Parent, PartOf: closing.PartOf,
	}
	if closing.Kind == Deployment {
		h.asked.Lease = c.timing.Lease
	}
	h.hold = h.asked
	if err := h.close(ctx); err != nil {
		h.giveUp(ctx, err)
		return nil, err
	}
	h.life = newLife(ctx)
	h.begin(h.guard)
	return h, nil
}

// limit is what the store is asked for: enough to stop the command in, if it is to
// be stopped at its limit.
func (h *LiveHold) limit() time.Duration {
	limit := h.closing.Limit
	if limit == 0 && h.closing.Kind == Deployment {
		limit = DefaultDeploymentLimit
	}
	if limit > 0 {
		limit += h.stopping()
	}
	return limit
}

// stopping is how much of the store's limit is meant for stopping the command.
func (h *LiveHold) stopping() time.Duration {
	if h.closing.OnLimit != LimitTerminates || h.closing.Kind != Deployment {
		return 0
	}
	return h.c.timing.KillGrace + h.c.timing.Margin()
}

// close records the hold, and waits until it is in force.
func (h *LiveHold) close(ctx context.Context) error {
	w := h.c.newWaiter(ctx)
	defer w.stop()
	w.until = within(h.closing.MaxWait)
	if w.until.IsZero() {
		w.until = within(defaultStoreWait)
	}
	gate, err := h.recordOver(ctx, w)
	for err == nil && h.hold.State == Queued {
		if h.closing.Queued != nil {
			h.closing.Queued(gate)
		}
		if err = w.wait(ctx); err != nil {
			break
		}
		gate, err = h.promoted(ctx, w.until)
		if errors.Is(err, ErrGone) {
			// The lease ended while we waited: queue once more, at the end.
			h.forget()
			h.hold = h.asked
			h.hold.ID = NewID()
			gate, err = h.record(ctx, w.until)
		}
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if other, busy := gate.Deployment(); busy && errors.Is(err, ErrTimeout) {
		return fmt.Errorf("%w (%w, %s)", &BusyError{Gate: gate.Name, Hold: other}, ErrTimeout, h.closing.MaxWait)
	}
	return err
}

// recordOver is record, which asks on while a deployment is in the way whose owner has
// fallen silent: if it is dead, that becomes a fact within its lease.
func (h *LiveHold) recordOver(ctx context.Context, w *waiter) (Gate, error) {
	for patient := false; ; {
		gate, err := h.record(ctx, w.until)
		busy, is := errors.AsType[*BusyError](err)
		if !is || !busy.Silent {
			return gate, err
		}
		if !patient {
			patient, w.until = true, within(cmp.Or(busy.Hold.Lease, DefaultLease))
		}
		if h.closing.Queued != nil {
			h.closing.Queued(Gate{Name: busy.Gate, Phase: busy.Hold.Phase, Holds: []Hold{busy.Hold}})
		}
		if wait := w.wait(ctx); wait != nil {
			if ctx.Err() != nil {
				return gate, context.Cause(ctx)
			}
			return gate, err
		}
	}
}

// record asks the store for the hold, and begins to renew it.
func (h *LiveHold) record(ctx context.Context, until time.Time) (gate Gate, err error) {
	err = h.c.retry(ctx, until, func(ctx context.Context) error {
		sent := time.Now()
		got, g, err := h.c.store.Close(ctx, h.hold)
		if err != nil {
			return err
		}
		h.joined = got.ID != h.hold.ID
		h.hold, gate = got, g
		if got.Kind == Deployment && !h.joined {
			h.lease = h.c.keeper.keep(got.lease(), sent, h.early())
		}
		return nil
	})
	return gate, err
}

// promoted asks whether the hold is still queued.
func (h *LiveHold) promoted(ctx context.Context, until time.Time) (Gate, error) {
	var d Drain
	err := h.c.retry(ctx, until, func(ctx context.Context) (err error) {
		d, err = h.c.store.Drain(ctx, h.hold.ref())
		return err
	})
	if err != nil || d.Queued {
		return d.Gate, err
	}
	got, held, _ := d.Gate.Find(h.hold.ID)
	if !held || got.Kind != h.hold.Kind {
		return d.Gate, ErrGone // a crash has made it a person's
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hold = got
	return d.Gate, nil
}

// giveUp takes a hold off the record that was not got after all: the store may have
// recorded it although its answer was lost. Nobody could act on an error of this:
// the lease does the rest.
func (h *LiveHold) giveUp(ctx context.Context, why error) {
	h.forget()
	_, busy := errors.AsType[*BusyError](why)
	_, inside := errors.AsType[*InsideError](why)
	if h.hold.State == "" && (busy || inside) {
		return // the store has answered that there is none
	}
	ctx, cancel := lastMoments(ctx)
	defer cancel()
	_ = h.c.lastWord(ctx, func(ctx context.Context) error {
		_, err := h.c.store.Open(ctx, h.hold.ref(), Outcome{By: h.c.holder, Reason: why.Error()})
		return err
	})
}

func (h *LiveHold) early() time.Duration {
	if h.closing.OnLost == LostTerminates {
		return h.c.timing.KillGrace
	}
	return 0
}

func (h Hold) ref() HoldRef    { return HoldRef{Gate: h.Gate, ID: h.ID} }
func (h Hold) lease() LeaseRef { return LeaseRef{Gate: h.Gate, Hold: h.ID} }
