package lull

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// LiveHold is a hold that this process has made, and keeps alive if it is a
// deployment's. Whoever got one must call [LiveHold.Open], unless it is a person's
// hold that shall stay.
type LiveHold struct {
	c       *Client
	closing Closing
	life

	asked  Hold // as it was first asked for
	joined bool

	// Written by guard alone while it runs, which reads them without the mutex.
	mu    sync.Mutex
	hold  Hold
	lease *lease // nil for a person's
	left  loose  // what it was before it was lost and closed anew

	// Written by Begin and Watch, under the mutex too.
	begun   time.Time // zero until Begin
	command Process
	watched bool
}

// loose is a hold that was lost while its command ran. It is renewed, to let the
// store know that the command still does.
type loose struct {
	hold  Hold
	lease *lease // nil: there is none
}

// Hold is the hold as the store last gave it. Its ID changes when a lost hold is
// closed anew.
func (h *LiveHold) Hold() Hold {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hold
}

// Joined reports whether this is the hold that the caller runs in. Opening it is
// then its maker's.
func (h *LiveHold) Joined() bool { return h.joined }

// Watch tells a store on this host about the deployment's command: see
// [LivePass.Watch].
func (h *LiveHold) Watch(ctx context.Context, command Process) error {
	h.mu.Lock()
	h.command, h.watched = command, true
	ref, kept := h.hold.lease(), h.lease != nil
	h.mu.Unlock()
	if !kept {
		return nil
	}
	return h.c.watch(ctx, ref, h.told)
}

// told is what Watch was told.
func (h *LiveHold) told() (command Process, any bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.command, h.watched
}

// Open ends the hold; the gate opens when it was the last. If the command failed
// and the closing asked for it, the gate is held for that long in the same moment.
// It tries for a few seconds, whatever ctx says, and then leaves the rest to the
// lease; the error is for a person. Opening what has ended already is no error. It
// must be called once.
func (h *LiveHold) Open(ctx context.Context, out Outcome) (Opening, error) {
	h.finish()
	if h.joined {
		return Opening{}, nil
	}
	out.By = h.c.holder
	if out.Ran == 0 && !h.begun.IsZero() {
		out.Ran = time.Since(h.begun)
	}
	ctx, cancel := lastMoments(ctx)
	defer cancel()
	var opening Opening
	var unheld error
	err := h.c.lastWord(ctx, func(ctx context.Context) (err error) {
		unheld = h.holdAfterFailure(ctx, out)
		if errors.Is(unheld, ErrUnavailable) {
			return unheld
		}
		last := out
		if lost := h.left.hold; lost.ID != "" {
			// It was not resumed yet: the command ran under it alone.
			if _, err := h.c.store.Open(ctx, lost.ref(), out); err != nil {
				return err
			}
			last = Outcome{By: out.By, Reason: out.Reason}
		}
		opening, err = h.c.store.Open(ctx, h.hold.ref(), last)
		return err
	})
	h.forget()
	if err == nil {
		err = unheld
	}
	return opening, err
}

// holdAfterFailure puts a person's hold before the deployment's ends, so that the
// gate is at no instant open.
func (h *LiveHold) holdAfterFailure(ctx context.Context, out Outcome) error {
	if h.closing.FailureHold == 0 || out.ExitCode == nil || *out.ExitCode == 0 {
		return nil
	}
	_, _, err := h.c.store.Close(ctx, Hold{
		ID: failureID(h.hold.ID), Gate: h.c.gate, Kind: Person, Holder: h.c.holder,
		Reason: "held after a failure: " + h.hold.Reason, Limit: h.closing.FailureHold,
	})
	if err != nil {
		return fmt.Errorf("hold the gate after the failure: %w", err)
	}
	return nil
}

// failureID derives the ID of the hold after a failure, so that repeating the call
// does not make two.
func failureID(id string) string {
	last := byte('0')
	if id[len(id)-1] == last {
		last = '1'
	}
	return id[:len(id)-1] + string(last)
}

func (h *LiveHold) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range []*lease{h.lease, h.left.lease} {
		if l != nil {
			h.c.keeper.drop(l)
		}
	}
	h.lease, h.left.lease = nil, nil
}
