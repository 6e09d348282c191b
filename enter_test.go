package lull_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

func TestJobEntersAnOpenGateAtOnce(t *testing.T) {
	play(t, func(s *scene) {
		job := s.party("job")
		began := time.Now()
		pass := s.enters(job, lull.Job{Name: "report"})
		s.wantTook(began, 0, 0)
		if n := s.called("Enter") + s.called("Poll"); n != 1 {
			s.Errorf("the store was asked %d times, and once is enough", n)
		}
		s.leaves(pass)
		s.wantEvents(lull.EventLeft)
		s.nothingRemains()
	})
}

func TestJobWaitsWhileTheGateIsClosedAndEntersAtTheOpening(t *testing.T) {
	play(t, func(s *scene) {
		job, deploy := s.party("job"), s.party("deploy")
		hold := s.deploys(deploy, lull.Closing{})
		began := time.Now()
		ended := meanwhile(func() {
			time.Sleep(10 * time.Minute) // many leases long
			s.opens(hold)
		})
		asked := 0
		pass := s.enters(job, lull.Job{Waiting: func(g lull.Gate) {
			asked++
			if g.Phase.Open() {
				s.Error("Waiting was told of an open gate")
			}
		}})
		ended()
		// The hint of the store is quicker than its slowest poll.
		s.wantTook(began, 10*time.Minute, 10*time.Minute+10*time.Millisecond)
		if asked == 0 {
			s.Error("nobody was told that the job waits")
		}
		if w := pass.Waited(); w < 10*time.Minute {
			s.Errorf("it waited %s", w)
		}
		if d := s.leaves(pass); d.Casualty {
			s.Error("a job that waited is no casualty")
		}
		s.nothingRemains()
	})
}

// Who has asked has not listened yet.
func TestOpeningRightAfterTheFirstQuestionIsNotMissed(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.closes(s.party("deploy"), lull.Closing{})
		began, opened := time.Now(), false
		pass := s.enters(s.party("job"), lull.Job{Waiting: func(lull.Gate) {
			if !opened {
				opened = true
				s.opens(hold)
			}
		}})
		s.wantTook(began, 0, 0)
		s.leaves(pass)
	})
}

func TestMaxWaitFails(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{})
		began := time.Now()
		_, err := s.party("job").Enter(s.Context(), lull.Job{MaxWait: time.Minute})
		s.want(err, lull.ErrTimeout)
		s.wantTook(began, time.Minute, time.Minute)
		s.opens(hold)
		s.wantEvents(lull.EventClosed, lull.EventBegun, lull.EventWaited, lull.EventTimedOut, lull.EventEnded, lull.EventReleased, lull.EventOpened)
		s.nothingRemains()
	})
}

func TestMaxWaitRuns(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{})
		began := time.Now()
		pass := s.enters(s.party("job"), lull.Job{MaxWait: time.Minute, OnTimeout: lull.TimeoutRuns})
		s.wantTook(began, time.Minute, time.Minute)
		if n := len(s.snapshot().Inside); n != 1 {
			s.Errorf("%d passes are inside, want the forced one", n)
		}
		time.Sleep(time.Second)
		if d := s.leaves(pass); !d.Casualty {
			s.Error("a job that ran beside a deployment was not told so")
		}
		s.opens(hold)
		s.nothingRemains()
	})
}

// No wait at all is not no chance at all: what is asked for is the answer to one
// question, however long that is under way.
func TestMaxWaitOfNearlyNothingEntersAnOpenGate(t *testing.T) {
	play(t, func(s *scene) {
		s.broken(slow(time.Millisecond))
		s.leaves(s.enters(s.party("job"), lull.Job{MaxWait: time.Nanosecond}))
		hold := s.closes(s.party("deploy"), lull.Closing{})
		_, err := s.party("job").Enter(s.Context(), lull.Job{MaxWait: time.Nanosecond})
		s.want(err, lull.ErrTimeout)
		s.opens(hold)
	})
}

func TestSlowAnswerStartsNothing(t *testing.T) {
	play(t, func(s *scene) {
		// The process is stopped for longer than its lease while the answer is under way,
		// and its renewals do not get through.
		s.broken(down, "Renew")
		s.broken(func(_ context.Context, do func() error) error {
			err := do()
			time.Sleep(59 * time.Second)
			s.broken(nil, "Enter")
			return err
		}, "Enter")
		ended := meanwhile(func() {
			time.Sleep(70 * time.Second)
			s.broken(nil)
		})
		began := time.Now()
		pass := s.enters(s.party("job"), lull.Job{})
		ended()
		s.wantTook(began, 70*time.Second, 80*time.Second)
		s.wantCause(pass.Context(), nil)
		if in := s.snapshot().Inside; len(in) != 1 || in[0].ID != pass.ID() {
			s.Errorf("inside are %v, want %s", in, pass.ID())
		}
		s.leaves(pass)
	})
}

func TestNestedJobDoesNotWait(t *testing.T) {
	play(t, func(s *scene) {
		outer := s.enters(s.party("job"), lull.Job{Name: "outer"})
		hold := s.closes(s.party("deploy"), lull.Closing{})
		began := time.Now()
		inner := s.enters(s.party("job"), lull.Job{Name: "inner", Parent: outer.ID()})
		s.wantTook(began, 0, 0)
		s.leaves(outer)
		err := hold.Drain(s.Context(), lull.Draining{Timeout: time.Second})
		s.want(err, lull.ErrTimeout) // the inner one is drained as well
		s.leaves(inner)
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestJobInsideADeploymentDoesNotWaitAndIsNoCasualty(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{})
		began := time.Now()
		pass := s.enters(s.party("deploy"), lull.Job{PartOf: hold.Hold().ID})
		s.wantTook(began, 0, 0)
		time.Sleep(time.Minute)
		if d := s.leaves(pass); d.Casualty {
			s.Error("a part of the deployment is its casualty")
		}
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestLeakedHintIsAnOrdinaryArrival(t *testing.T) {
	play(t, func(s *scene) {
		over := s.enters(s.party("job"), lull.Job{})
		s.leaves(over)
		old := s.closes(s.party("deploy"), lull.Closing{})
		s.opens(old)
		hold := s.closes(s.party("deploy"), lull.Closing{})
		_, err := s.party("job").Enter(s.Context(), lull.Job{
			Parent: over.ID(), PartOf: old.Hold().ID, MaxWait: time.Minute,
		})
		s.want(err, lull.ErrTimeout)
		s.opens(hold)
	})
}

func TestInterruptedWaitLeavesNoPass(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.closes(s.party("deploy"), lull.Closing{})
		interrupt := errors.New("interrupt")
		ctx, cancel := context.WithCancelCause(s.Context())
		ended := meanwhile(func() {
			time.Sleep(time.Minute)
			cancel(interrupt)
		})
		_, err := s.party("job").Enter(ctx, lull.Job{})
		s.want(err, interrupt)
		ended()
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestPassThatLapsedWhileItWaitedArrivesAgain(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.closes(s.party("deploy", func(o *lull.Options) { o.Timing.Lease = time.Hour }), lull.Closing{})
		ended := meanwhile(func() {
			time.Sleep(5 * time.Second)
			s.broken(down, "Renew")
			time.Sleep(90 * time.Second)
			s.broken(nil)
			time.Sleep(90 * time.Second)
			s.opens(hold)
		})
		pass := s.enters(s.party("job"), lull.Job{})
		ended()
		s.wantCause(pass.Context(), nil)
		s.leaves(pass)
		s.nothingRemains()
	})
}
