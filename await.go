package lull

import (
	"context"
	"time"
)

// Await blocks until done says yes to the gate as it is. It asks at once, and then
// each time the gate may have changed. Its errors are ctx's cause, and
// [ErrUnavailable] when ctx ended while the store could not be asked.
//
// It is for those who watch. Whoever starts work because a gate was open races with
// the next closing: that is what [Client.Enter] is for.
func (c *Client) Await(ctx context.Context, done func(Snapshot) bool) error {
	w := c.newWaiter(ctx)
	defer w.stop()
	for {
		var snap Snapshot
		err := c.retry(ctx, time.Time{}, func(ctx context.Context) (err error) {
			snap, err = c.store.Snapshot(ctx, c.gate)
			return err
		})
		switch {
		case err != nil && err == ctx.Err():
			return context.Cause(ctx)
		case err != nil:
			return err
		case done(snap):
			return nil
		}
		if err := w.wait(ctx); err != nil {
			return err
		}
	}
}
