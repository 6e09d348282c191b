package lull

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// hintPause is how often changes at the gate make a deployment ask about its hold,
// which somebody may have opened.
const hintPause = time.Second

// guard watches over a deployment's hold: its lease, its limit, and whether
// somebody opened it.
func (h *LiveHold) guard(ctx context.Context) {
	if h.lease == nil {
		return
	}
	var changed, hints <-chan struct{}
	if n, ok := h.c.store.(Notifier); ok {
		changed, _ = n.Changed(ctx, h.c.gate)
		h.c.keeper.nudge(h.lease) // somebody may have opened it before we listened
	}
	listen := time.NewTimer(0)
	defer listen.Stop()
	limit := newLimitClock(h)
	defer limit.stop()
	var was leaseState
	for {
		select {
		case <-ctx.Done():
			return
		case <-listen.C:
			hints = changed
			continue
		case _, ok := <-hints:
			if !ok {
				changed = nil
			}
			h.c.keeper.nudge(h.lease)
			hints = nil
			listen.Reset(hintPause)
			continue
		case <-limit.C():
			limit.rang()
			continue
		case <-h.lease.changed:
		}
		now, kept := h.heed(ctx, was, limit)
		if !kept {
			<-ctx.Done()
			return
		}
		was = now
	}
}

// heed acts on what has become of the lease. It reports whether there still is a hold
// to keep.
func (h *LiveHold) heed(ctx context.Context, was leaseState, limit *limitClock) (now leaseState, kept bool) {
	now, begun := h.judge()
	if !now.lost {
		limit.set(now)
	} else if limit.past() {
		// The lease stays: it is all that the store hears of the command.
		limit.reached()
		return now, false
	}
	h.c.tell(h.hold.ID, was, now)
	switch {
	case now.lost && !begun:
		// There is nothing to protect, and Begin says that the hold is lost.
		h.lose(h.closing.OnLost)
		return now, false
	case now.lost:
		h.lose(h.closing.OnLost)
		if h.again(ctx, limit) {
			return leaseState{}, true
		}
		limit.outlast(ctx)
		return now, false
	case now.untrusted && begun:
		h.lose(h.closing.OnLost)
	}
	return now, true
}

// judge looks at the lease, and at whether the command has begun, in one step with
// Begin: either that finds the hold lost, or this finds the command begun.
func (h *LiveHold) judge() (now leaseState, begun bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.c.keeper.look(h.lease), !h.begun.IsZero()
}

// again closes the gate anew, when the hold was lost while the command runs: by a
// lapsed lease, or because somebody opened it. The limit is what is left of the
// first one. It reports whether the hold is in force.
func (h *LiveHold) again(ctx context.Context, limit *limitClock) bool {
	if !limit.ends.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, limit.ends, ErrOverdue)
		defer cancel()
	}
	h.mu.Lock()
	h.left, h.lease = loose{h.hold, h.lease}, nil
	h.mu.Unlock()
	w := h.c.newWaiter(ctx)
	defer w.stop()
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		err := h.closeAnew(ctx, limit)
		if err == nil {
			err = h.beginAnew(ctx, w)
		}
		if err == nil {
			h.resumed()
			return true
		}
		if errors.Is(err, ErrGone) && sleep(ctx, jitter(pause)) == nil {
			continue // lost once more
		}
		switch {
		case errors.Is(context.Cause(ctx), ErrOverdue):
			limit.reached()
			h.callOff(ctx)
		case ctx.Err() == nil:
			h.c.notify(Notice{Kind: NotRecorded, ID: h.hold.ID, Err: err})
		}
		return false
	}
}

// closeAnew asks for a new hold like the one that was left.
func (h *LiveHold) closeAnew(ctx context.Context, limit *limitClock) error {
	left := h.left.hold
	anew := Hold{
		ID: NewID(), Gate: left.Gate, Kind: left.Kind, Holder: left.Holder, Reason: left.Reason, Command: left.Command,
		Lease: left.Lease, CrashHold: left.CrashHold, Resumes: cmp.Or(left.Resumes, left.ID), Queue: true,
	}
	// Before the answer, which may be lost: Open must end it as well.
	h.mu.Lock()
	if h.lease != nil {
		h.c.keeper.drop(h.lease)
	}
	h.hold, h.lease = anew, nil
	h.mu.Unlock()
	err := h.c.retry(ctx, time.Time{}, func(ctx context.Context) error {
		sent := time.Now()
		anew.Limit = limit.left()
		got, _, err := h.c.store.Close(ctx, anew)
		if err != nil {
			return err
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.hold, h.lease = got, h.c.keeper.keep(got.lease(), sent, h.early())
		return nil
	})
	if err != nil {
		return err
	}
	// The hold is live without it as well, for as long as this process is.
	_ = h.c.attempt(ctx, time.Now(), func(ctx context.Context) error {
		return h.c.watch(ctx, h.hold.lease(), h.told)
	})
	return nil
}

// beginAnew notes that the command of a hold that was closed anew has run all the
// while. Behind another deployment it is queued first, and begins when that ends.
func (h *LiveHold) beginAnew(ctx context.Context, w *waiter) error {
	for {
		err := h.c.retry(ctx, time.Time{}, func(ctx context.Context) error {
			return h.c.store.Begin(ctx, h.hold.ref(), Start{Undrained: true, Ran: time.Since(h.begun)})
		})
		if !errors.Is(err, ErrGone) {
			return err
		}
		if _, err = h.promoted(ctx, time.Time{}); err != nil {
			return err
		}
		if err := w.wait(ctx); err != nil {
			return err
		}
	}
}

// resumed lets go of the hold that was left.
func (h *LiveHold) resumed() {
	h.mu.Lock()
	h.c.keeper.drop(h.left.lease)
	h.left = loose{}
	h.mu.Unlock()
	h.c.notify(Notice{Kind: ClosedAnew, ID: h.hold.ID})
}

// callOff ends a hold that was asked for anew, and came too late. Nobody could act
// on an error of this: the lease does the rest.
func (h *LiveHold) callOff(ctx context.Context) {
	h.mu.Lock()
	if h.lease != nil {
		h.c.keeper.drop(h.lease)
		h.lease = nil
	}
	h.mu.Unlock()
	_ = h.c.attempt(context.WithoutCancel(ctx), time.Now(), func(ctx context.Context) error {
		_, err := h.c.store.Open(ctx, h.hold.ref(), Outcome{By: h.c.holder, Reason: ErrOverdue.Error()})
		return err
	})
}
