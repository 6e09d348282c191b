package lull_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

func TestSecondDeploymentFailsAtOnceAndSaysWhoHolds(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.closes(s.party("ann"), lull.Closing{Reason: "release 81"})
		began := time.Now()
		_, err := s.party("ben").Close(s.Context(), lull.Closing{Kind: lull.Deployment})
		busy, ok := errors.AsType[*lull.BusyError](err)
		if !ok || busy.Hold.Holder.User != "ann" || busy.Hold.Reason != "release 81" {
			s.Errorf("the error is %v, want one that names ann's release 81", err)
		}
		s.wantTook(began, 0, 0)
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestQueuedDeploymentsHoldInOrder(t *testing.T) {
	play(t, func(s *scene) {
		first := s.deploys(s.party("a"), lull.Closing{})
		var order []string
		var ends []func()
		for _, user := range []string{"b", "c", "d"} {
			ends = append(ends, meanwhile(func() {
				hold := s.closes(s.party(user), lull.Closing{MaxWait: time.Hour})
				if err := hold.Begin(s.Context(), lull.Draining{}); err != nil {
					s.Error(err)
				}
				order = append(order, user)
				time.Sleep(10 * time.Minute)
				s.opens(hold)
			}))
			time.Sleep(time.Second)
		}
		time.Sleep(10 * time.Minute)
		s.opens(first)
		for _, ended := range ends {
			ended()
		}
		if !slices.Equal(order, []string{"b", "c", "d"}) {
			s.Errorf("they held in the order %v", order)
		}
		s.nothingRemains()
	})
}

func TestQueueGivesUpAfterMaxWait(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.closes(s.party("ann"), lull.Closing{Reason: "release 81", Limit: lull.NoLimit})
		began, told := time.Now(), 0
		_, err := s.party("ben").Close(s.Context(), lull.Closing{
			Kind: lull.Deployment, MaxWait: 20 * time.Minute, Queued: func(lull.Gate) { told++ },
		})
		s.want(err, lull.ErrTimeout)
		if busy, ok := errors.AsType[*lull.BusyError](err); !ok || busy.Hold.Holder.User != "ann" {
			s.Errorf("the error is %v, want one that names ann", err)
		}
		s.wantTook(began, 20*time.Minute, 20*time.Minute)
		if told == 0 {
			s.Error("nobody was told who is waited for")
		}
		if n := len(s.snapshot().Gate.Queue); n > 0 {
			s.Errorf("%d are still queued", n)
		}
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestInterruptedQueueLeavesNoPlace(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.closes(s.party("ann"), lull.Closing{})
		interrupt := errors.New("interrupt")
		ctx, cancel := context.WithTimeoutCause(s.Context(), time.Minute, interrupt)
		defer cancel()
		_, err := s.party("ben").Close(ctx, lull.Closing{Kind: lull.Deployment, MaxWait: time.Hour})
		s.want(err, interrupt)
		if n := len(s.snapshot().Gate.Queue); n > 0 {
			s.Errorf("%d are still queued", n)
		}
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestPlaceInTheQueueThatLapsedIsTakenAgain(t *testing.T) {
	play(t, func(s *scene) {
		long := func(o *lull.Options) { o.Timing.Lease = time.Hour }
		hold := s.closes(s.party("ann", long), lull.Closing{})
		ended := meanwhile(func() {
			time.Sleep(5 * time.Second)
			s.broken(down, "Renew")
			time.Sleep(2 * time.Minute)
			s.broken(nil)
			time.Sleep(time.Minute)
			s.opens(hold)
		})
		began := time.Now()
		next := s.closes(s.party("ben"), lull.Closing{MaxWait: 10 * time.Minute})
		s.wantTook(began, 3*time.Minute, 4*time.Minute)
		ended()
		s.want(next.Begin(s.Context(), lull.Draining{}), nil)
		s.opens(next)
		s.nothingRemains()
	})
}
