package lull

import (
	"context"
	"time"
)

// quickFor is how long a waiter asks at its first pace before it slows down: most
// waits are short, and the last of a hundred waiters should not sleep long.
const quickFor = 5 * time.Second

// The paces of a waiter whose store names none.
const (
	pollFirst = 100 * time.Millisecond
	pollMost  = time.Second
)

// waiter paces the questions of one who waits for a gate to change.
type waiter struct {
	c     *Client
	until time.Time // the wait ends then, with ErrTimeout; zero: never

	began, hinted time.Time // hinted: when the last hint made a question due
	first, most   time.Duration
	pause         time.Duration

	changed    <-chan struct{}
	subscribed bool
	hearing    context.Context // the subscription's
	stop       context.CancelFunc
}

func (c *Client) newWaiter(ctx context.Context) *waiter {
	about := c.store.About()
	w := &waiter{c: c, began: time.Now(), first: about.PollFirst, most: about.PollMost}
	if w.first <= 0 {
		w.first = pollFirst
	}
	if w.most <= 0 {
		w.most = pollMost
	}
	w.pause, w.most = w.first, max(w.first, w.most)
	w.hearing, w.stop = context.WithCancel(ctx)
	return w
}

// wait blocks until it is time to ask again. Its errors are ctx's cause and
// [ErrTimeout]; the last question is due when the time is up.
//
// Who need not wait shall not pay for a subscription. So it is made by the first
// wait, which returns at once: what changed before would otherwise go unnoticed.
func (w *waiter) wait(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if over(w.until) {
		return ErrTimeout
	}
	if n, ok := w.c.store.(Notifier); ok && !w.subscribed {
		// A hint only: without it the waiter polls.
		w.changed, _ = n.Changed(w.hearing, w.c.gate)
		w.subscribed = true
		if w.changed != nil {
			return nil
		}
	}
	t := time.NewTimer(before(w.until, jitter(w.pause)))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case _, ok := <-w.changed:
		if !ok {
			w.changed = nil
		}
		// At a busy gate something changes all the time. Where one who is told of changes
		// asks seldom without one, the last of several must not go unheeded for so long.
		if err := sleep(ctx, before(w.until, time.Until(w.hinted.Add(min(w.first, hintPause))))); err != nil {
			return err
		}
		w.hinted = time.Now()
	case <-t.C:
	}
	if time.Since(w.began) > quickFor {
		w.pause = min(w.pause*3/2, w.most)
	}
	return nil
}
