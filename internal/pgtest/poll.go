package pgtest

import (
	"context"
	"fmt"
	"time"
)

const (
	// pollEvery is how often a condition is looked at that nothing announces.
	pollEvery = 5 * time.Millisecond
	// patience is for a very busy machine: what is waited for here takes a tenth of a
	// second, or will not come.
	patience = time.Minute
)

// poll waits until a condition is true or returns an error.
func poll(ctx context.Context, condition func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not so after %v", patience))
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if done, err := condition(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
