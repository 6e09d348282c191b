package lull_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

func TestHoldAfterFailureLeavesNoFlashOfOpen(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{Reason: "release 81", FailureHold: 10 * time.Minute})
		began := time.Now()
		ended := meanwhile(func() {
			time.Sleep(time.Minute)
			s.broken(losesAnswer(), "Open") // repeating it makes no second hold
			o, err := hold.Open(context.Background(), lull.Outcome{ExitCode: new(1)})
			if err != nil || o.Gate.Phase.Open() {
				s.Errorf("the opening was %+v, %v", o, err)
			}
			if holds := s.snapshot().Gate.Holds; len(holds) != 1 || holds[0].Kind != lull.Person {
				s.Errorf("the gate is held by %+v", holds)
			}
		})
		pass := s.enters(s.party("job"), lull.Job{})
		s.wantTook(began, 11*time.Minute, 11*time.Minute+5*time.Second)
		ended()
		s.leaves(pass)
		if n := count(s.events(), lull.EventOpened); n != 1 {
			s.Errorf("the gate opened %d times, want once, after the person's hold", n)
		}
		s.nothingRemains()
	})
}

func TestHoldAfterFailureIsNotForSuccess(t *testing.T) {
	play(t, func(s *scene) {
		s.opens(s.deploys(s.party("deploy"), lull.Closing{FailureHold: 10 * time.Minute}))
		s.nothingRemains()
	})
}

func TestHoldThatCannotBePutAfterAFailureOpensAllTheSame(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{FailureHold: 10 * time.Minute})
		refused := errors.New("refused")
		s.broken(func(context.Context, func() error) error { return refused }, "Close")
		_, err := hold.Open(context.Background(), lull.Outcome{ExitCode: new(1)})
		s.want(err, refused)
		s.nothingRemains()
	})
}

func TestHoldAfterCrashKeepsTheGateClosedFromTheLastSignOfLife(t *testing.T) {
	play(t, func(s *scene) {
		// The owner dies: nothing of it is heard any more.
		hold := s.deploys(s.party("deploy"), lull.Closing{CrashHold: 10 * time.Minute})
		time.Sleep(5 * time.Second)
		s.broken(down, "Renew", "Close", "Open")
		began := time.Now()
		job := s.party("job", func(o *lull.Options) { o.Timing.Lease = time.Hour })
		pass := s.enters(job, lull.Job{})
		s.wantTook(began, 9*time.Minute, 10*time.Minute)
		s.leaves(pass)
		hold.Open(context.Background(), lull.Outcome{})
		if got := s.events(); count(got, lull.EventCrashed) != 1 || count(got, lull.EventOpened) != 1 {
			s.Errorf("events are %v", got)
		}
	})
}

func TestFinalOpenIsTriedForFiveSeconds(t *testing.T) {
	for name, fault := range map[string]fault{"refuses": down, "hangs": hangs} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				hold := s.deploys(s.party("deploy"), lull.Closing{FailureHold: time.Minute})
				s.broken(fault)
				ctx, cancel := context.WithCancel(s.Context())
				cancel()
				began := time.Now()
				_, err := hold.Open(ctx, lull.Outcome{ExitCode: new(1)})
				s.want(err, lull.ErrUnavailable)
				s.wantTook(began, 4*time.Second, 5*time.Second)
				s.broken(nil)
				time.Sleep(time.Minute)
				s.nothingRemains()
			})
		})
	}
}
