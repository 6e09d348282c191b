package lull

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// The pauses between attempts to reach a store that is down: short enough that a
// restart is hardly noticed, long enough that a hundred jobs do not keep it down.
const (
	retryFirst = 100 * time.Millisecond
	retryMost  = 5 * time.Second
)

// retry calls try until it answers anything but [ErrUnavailable], ctx ends, or
// until has come; the zero time never comes. It calls it once in any case. Its
// error is then that of the last attempt, or ctx's cause if none was answered.
func (c *Client) retry(ctx context.Context, until time.Time, try func(context.Context) error) error {
	var down error
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		err := c.attempt(ctx, until, try)
		switch {
		case errors.Is(err, ErrUnavailable):
		case ctx.Err() != nil && err != nil && down != nil:
			return down
		default:
			if down != nil {
				c.notify(Notice{Kind: StoreBack})
			}
			return err
		}
		if over(until) {
			return err
		}
		if down == nil {
			c.notify(Notice{Kind: StoreDown, Err: err})
		}
		down = err
		if sleep(ctx, before(until, jitter(pause))) != nil {
			return err
		}
	}
}

// askFor is how long a person's question is asked: a pooler or a server that was restarted
// is mostly back by then, and nobody has lost patience yet.
const askFor = finalRetry

// Ask asks the store something for a person, who would only type it again: while the store
// is unavailable it is asked for 5 seconds, and an answer is waited for as long. The question
// may be asked again although it was answered, if the answer was lost. The error is the
// question's own.
func (c *Client) Ask(ctx context.Context, question func(context.Context) error) error {
	err := c.retry(ctx, within(askFor), question)
	if errors.Is(err, ErrUnavailable) && ctx.Err() == nil {
		return fmt.Errorf("%w (tried for %s)", err, askFor)
	}
	return err
}

// attempt calls try once, and makes an answer that does not come an
// [ErrUnavailable]: a connection that hangs must not hang the job. An answer that
// took as long as a renewal may take would be worth little anyway.
func (c *Client) attempt(ctx context.Context, until time.Time, try func(context.Context) error) error {
	patience := c.timing.RenewEvery()
	if !until.IsZero() {
		patience = min(patience, max(retryMost, time.Until(until)))
	}
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := try(asking)
	switch {
	case !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, ErrUnavailable):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case asking.Err() != nil:
		return fmt.Errorf("%w: no answer within %s", ErrUnavailable, patience)
	}
	return err
}

// lastMoments is the time for the last calls about a pass or a hold: it does not
// end with the caller's context, which may have ended already, and is not long,
// since the lease does the rest.
func lastMoments(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), finalRetry)
}

// lastWord says the last word within its last moments.
func (c *Client) lastWord(ctx context.Context, say func(context.Context) error) error {
	err := c.retry(ctx, time.Time{}, say)
	if err == nil || ctx.Err() == nil {
		return err
	}
	if !errors.Is(err, ErrUnavailable) {
		err = ErrUnavailable // nothing was answered at all
	}
	return fmt.Errorf("%w (tried for %s; its lease ends by itself)", err, finalRetry)
}

// within bounds a time by the caller's wish; zero is no bound.
func within(d time.Duration) time.Time {
	if d <= 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// over reports whether a bound has come. The zero time never does.
func over(until time.Time) bool {
	return !until.IsZero() && time.Until(until) <= 0
}

// before cuts a pause short at a bound.
func before(until time.Time, pause time.Duration) time.Duration {
	if until.IsZero() {
		return pause
	}
	return min(pause, time.Until(until))
}

// jitter spreads what many processes would do at once: half to one and a half.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(max(d, 1))
}

// sleep waits for d, or until ctx ends, whose cause it then returns.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
