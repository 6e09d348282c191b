package lull

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// OnDrainTimeout says what becomes of a deployment when jobs stay inside for
// longer than [Draining.Timeout].
type OnDrainTimeout int

// What becomes of a deployment that waited long enough for jobs.
const (
	DrainAborts     OnDrainTimeout = iota // Begin answers ErrTimeout
	DrainProceeds                         // it begins; jobs inside become casualties
	DrainTerminates                       // jobs inside are asked to stop; after a lease and a kill grace it aborts
)

// Draining is how a deployment waits for the jobs inside. The zero value waits as
// long as the hold lasts.
type Draining struct {
	Timeout   time.Duration
	OnTimeout OnDrainTimeout

	// Waiting is called with who is still inside, each time somebody is. It must not
	// block.
	Waiting func(Drain)
}

// Drain blocks until nobody is inside but what is part of the hold. Its errors are
// [ErrTimeout] after d.Timeout, [ErrUnavailable] when the store could not be asked
// until then, [ErrLost] when the hold ended meanwhile, and ctx's.
func (h *LiveHold) Drain(ctx context.Context, d Draining) error {
	return h.drain(ctx, d, within(d.Timeout))
}

func (h *LiveHold) drain(ctx context.Context, d Draining, until time.Time) error {
	w := h.c.newWaiter(ctx)
	defer w.stop()
	w.until = until
	for {
		var got Drain
		err := h.c.retry(ctx, until, func(ctx context.Context) (err error) {
			got, err = h.c.store.Drain(ctx, h.Hold().ref())
			return err
		})
		switch {
		case err == nil && got.Drained:
			return nil
		case err == nil && d.Waiting != nil:
			d.Waiting(got)
		case err == nil:
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, ErrGone):
			return fmt.Errorf("hold %s ended while jobs were waited for: %w", h.Hold().ID, ErrLost)
		default:
			return err
		}
		err = w.wait(ctx)
		if errors.Is(err, ErrTimeout) && ctx.Err() == nil {
			return fmt.Errorf("gate %q has not drained within %s (%d inside): %w", h.c.gate, d.Timeout, got.Count, ErrTimeout)
		}
		if err != nil {
			return err
		}
	}
}

// Begin drains, and notes that the deployment's command starts now. It returns
// nil when the command may be started, certainly. Its errors are those of
// [LiveHold.Drain], and [ErrOverdue] when the limit has come; then nothing may be
// started. It is for deployments, and must be called once.
func (h *LiveHold) Begin(ctx context.Context, d Draining) error {
	w := h.c.newWaiter(ctx)
	defer w.stop()
	until := within(d.Timeout)
	how := Start{}
	for {
		err := h.drain(ctx, d, until)
		if errors.Is(err, ErrTimeout) && ctx.Err() == nil {
			switch d.OnTimeout {
			case DrainProceeds:
				how.Undrained, err = true, nil
			case DrainTerminates:
				err = h.terminateJobs(ctx, d)
			}
		}
		if err != nil {
			return err
		}
		err = h.start(ctx, how)
		if !errors.Is(err, ErrNotDrained) {
			return err
		}
		// A forced or nested pass came in between.
		if err := w.wait(ctx); err != nil {
			return err
		}
	}
}

// start tells the store that the command starts, until it has answered in time.
func (h *LiveHold) start(ctx context.Context, how Start) error {
	for {
		var sent time.Time
		err := h.c.retry(ctx, time.Time{}, func(ctx context.Context) error {
			sent = time.Now()
			return h.c.store.Begin(ctx, h.Hold().ref(), how)
		})
		if err != nil {
			return h.refused(ctx, err)
		}
		if started, err := h.started(sent); started || err != nil {
			return err
		}
	}
}

// started notes that the command starts, if the hold, which was live at sent,
// certainly still is.
func (h *LiveHold) started(sent time.Time) (bool, error) {
	if h.ctx.Err() != nil {
		return false, h.notBegun(context.Cause(h.ctx))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.joined: // whose maker keeps it
	case h.lease == nil, h.c.keeper.look(h.lease).lost:
		return false, fmt.Errorf("hold %s ended before the deployment began: %w", h.hold.ID, ErrLost)
	case !h.c.keeper.proved(h.lease, sent):
		return false, nil // the answer took longer than it is worth
	}
	// Not now: the history counts from the store's noting it, which came before the
	// answer. What ran until then ran to the end by our account, too.
	h.begun = sent
	return true, nil
}

// refused is why a deployment does not begin, of what the store answered.
func (h *LiveHold) refused(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, ErrGone):
		return h.notBegun(ErrLost)
	}
	return err
}

func (h *LiveHold) notBegun(why error) error {
	return fmt.Errorf("hold %s ended before the deployment began: %w", h.Hold().ID, why)
}

// terminateJobs asks the jobs inside to stop. They learn it when they renew, and
// have a kill grace then.
func (h *LiveHold) terminateJobs(ctx context.Context, d Draining) error {
	err := h.c.retry(ctx, time.Time{}, func(ctx context.Context) error {
		return h.c.store.Stop(ctx, h.Hold().ref())
	})
	if err != nil {
		return h.refused(ctx, err)
	}
	d.Timeout = h.c.timing.Lease + h.c.timing.KillGrace
	return h.drain(ctx, d, within(d.Timeout))
}
