package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lull-dev/lull"
	"golang.org/x/time/rate"
)

const (
	// renewalsEach is how often leases may be renewed in a second, and renewalsSpare how many
	// renewals that may be ahead.
	renewalsEach, renewalsSpare = 4, 50

	// storeWithin is how long the store may take to answer for many.
	storeWithin = 20 * time.Second
)

// newRenewals renews in one question what many ask for. A renewal is answered by the
// store, and by it alone.
func newRenewals(s lull.Store) *batch[lull.LeaseRef, lull.LeaseState] {
	return &batch[lull.LeaseRef, lull.LeaseState]{
		ask: func(ctx context.Context, refs []lull.LeaseRef) ([]lull.LeaseState, error) {
			states, err := s.Renew(ctx, refs)
			if err == nil && len(states) != len(refs) {
				err = fmt.Errorf("renew %d leases: the store answered about %d", len(refs), len(states))
			}
			return states, err
		},
		most: 5_000, pace: rate.NewLimiter(renewalsEach, renewalsSpare), within: storeWithin,
	}
}

func isGone(err error) bool { return errors.Is(err, lull.ErrGone) }
