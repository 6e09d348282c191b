package lull_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

func TestDeploymentWaitsForTheJobsInside(t *testing.T) {
	play(t, func(s *scene) {
		pass := s.enters(s.party("job"), lull.Job{Name: "report"})
		hold := s.closes(s.party("deploy"), lull.Closing{})
		began := time.Now()
		ended := meanwhile(func() {
			time.Sleep(10 * time.Minute)
			s.leaves(pass)
		})
		told := 0
		err := hold.Begin(s.Context(), lull.Draining{Waiting: func(d lull.Drain) {
			if told++; d.Count != 1 || d.Inside[0].Name != "report" {
				s.Errorf("waiting for %+v", d)
			}
		}})
		s.want(err, nil)
		s.wantTook(began, 10*time.Minute, 10*time.Minute+10*time.Millisecond)
		if told == 0 {
			s.Error("nobody was told who is waited for")
		}
		ended()
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestDrainTimeoutAborts(t *testing.T) {
	play(t, func(s *scene) {
		pass := s.enters(s.party("job"), lull.Job{})
		hold := s.closes(s.party("deploy"), lull.Closing{})
		began := time.Now()
		err := hold.Begin(s.Context(), lull.Draining{Timeout: 5 * time.Minute})
		s.want(err, lull.ErrTimeout)
		s.wantTook(began, 5*time.Minute, 5*time.Minute)
		s.opens(hold)
		if d := s.leaves(pass); d.Casualty {
			s.Error("nothing was deployed, and the job is a casualty")
		}
		s.nothingRemains()
	})
}

func TestDrainTimeoutProceeds(t *testing.T) {
	play(t, func(s *scene) {
		pass := s.enters(s.party("job"), lull.Job{})
		hold := s.closes(s.party("deploy"), lull.Closing{})
		began := time.Now()
		err := hold.Begin(s.Context(), lull.Draining{Timeout: 5 * time.Minute, OnTimeout: lull.DrainProceeds})
		s.want(err, nil)
		s.wantTook(began, 5*time.Minute, 5*time.Minute)
		time.Sleep(time.Second)
		if d := s.leaves(pass); !d.Casualty {
			s.Error("the job that was inside was not told so")
		}
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestDrainTimeoutTerminates(t *testing.T) {
	play(t, func(s *scene) {
		pass := s.enters(s.party("job"), lull.Job{})
		hold := s.closes(s.party("deploy"), lull.Closing{})
		began := time.Now()
		ended := meanwhile(func() {
			<-pass.MustStop().Done()
			time.Sleep(time.Second)
			s.leaves(pass)
		})
		err := hold.Begin(s.Context(), lull.Draining{Timeout: 5 * time.Minute, OnTimeout: lull.DrainTerminates})
		s.want(err, nil)
		s.wantTook(began, 5*time.Minute, 5*time.Minute+25*time.Second)
		ended()
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestDrainTimeoutThatTerminatesInVainAborts(t *testing.T) {
	play(t, func(s *scene) {
		pass := s.enters(s.party("job"), lull.Job{})
		hold := s.closes(s.party("deploy"), lull.Closing{})
		began := time.Now()
		err := hold.Begin(s.Context(), lull.Draining{Timeout: 5 * time.Minute, OnTimeout: lull.DrainTerminates})
		s.want(err, lull.ErrTimeout)
		most := 5*time.Minute + lull.DefaultLease + lull.DefaultKillGrace
		s.wantTook(began, most, most)
		s.opens(hold)
		s.leaves(pass)
		s.nothingRemains()
	})
}

func TestStopReachesTheJobsInside(t *testing.T) {
	play(t, func(s *scene) {
		job := s.party("job")
		inside := s.enters(job, lull.Job{})
		hold := s.closes(s.party("deploy"), lull.Closing{})
		part := s.enters(s.party("part"), lull.Job{PartOf: hold.Hold().ID})
		ended := meanwhile(func() {
			hold.Begin(s.Context(), lull.Draining{Timeout: time.Second, OnTimeout: lull.DrainTerminates})
		})
		began := time.Now()
		<-inside.Context().Done()
		s.wantTook(began, time.Second, 21*time.Second) // by the next renewal
		s.wantCause(inside.Context(), lull.ErrStopped)
		s.wantCause(inside.MustStop(), lull.ErrStopped)
		s.wantNotices(job, lull.StopAsked)
		time.Sleep(20 * time.Second)
		s.wantCause(part.Context(), nil)
		s.leaves(inside)
		s.leaves(part)
		ended()
		s.opens(hold)
	})
}

func TestDrainedGateIsFoundSoWithinNoTimeAtAll(t *testing.T) {
	play(t, func(s *scene) {
		s.broken(slow(time.Millisecond))
		hold := s.closes(s.party("deploy"), lull.Closing{})
		s.want(hold.Begin(s.Context(), lull.Draining{Timeout: time.Nanosecond}), nil)
		s.opens(hold)
	})
}

func TestForcedPassBetweenDrainAndBeginIsDrainedToo(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.closes(s.party("deploy"), lull.Closing{})
		forced := make(chan *lull.LivePass, 1)
		s.broken(func(_ context.Context, do func() error) error {
			if s.called("Begin") == 1 {
				forced <- s.enters(s.party("job"), lull.Job{MaxWait: time.Nanosecond, OnTimeout: lull.TimeoutRuns})
			}
			return do()
		}, "Begin")
		ended := meanwhile(func() {
			pass := <-forced
			time.Sleep(time.Minute)
			s.leaves(pass)
		})
		began := time.Now()
		s.want(hold.Begin(s.Context(), lull.Draining{}), nil)
		s.wantTook(began, time.Minute, time.Minute+time.Second)
		ended()
		s.opens(hold)
	})
}

func TestStoreThatIsNeverReadyIsNotAskedWithoutAPause(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.closes(s.party("deploy"), lull.Closing{})
		s.broken(func(context.Context, func() error) error { return lull.ErrNotDrained }, "Begin")
		ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
		defer cancel()
		s.want(hold.Begin(ctx, lull.Draining{}), context.DeadlineExceeded)
		if n := s.called("Begin"); n > 500 {
			s.Errorf("the store was asked %d times in a minute", n)
		}
		s.opens(hold)
	})
}

func TestHoldThatEndsDuringTheDrainBeginsNothing(t *testing.T) {
	play(t, func(s *scene) {
		pass := s.enters(s.party("job"), lull.Job{})
		hold := s.closes(s.party("deploy"), lull.Closing{})
		ended := meanwhile(func() {
			time.Sleep(time.Minute)
			s.forces(hold)
		})
		s.want(hold.Begin(s.Context(), lull.Draining{}), lull.ErrLost)
		ended()
		s.wantCause(hold.Context(), lull.ErrLost)
		time.Sleep(5 * time.Second)
		if !s.snapshot().Gate.Phase.Open() {
			s.Error("the gate was closed anew, and there is nothing to protect")
		}
		s.leaves(pass)
		s.opens(hold)
		s.nothingRemains()
	})
}

// The store says that the command may begin, and the hold is opened by force before
// the answer is there.
func TestHoldThatEndsUnderTheBeginningBeginsNothing(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.closes(s.party("deploy"), lull.Closing{})
		s.broken(func(_ context.Context, do func() error) error {
			err := do()
			s.forces(hold)
			time.Sleep(10 * time.Second)
			return err
		}, "Begin")
		s.want(hold.Begin(s.Context(), lull.Draining{}), lull.ErrLost)
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestInterruptedDrainSaysWhatInterruptedIt(t *testing.T) {
	for name, fault := range map[string]fault{"waits": nil, "refuses": down, "hangs": hangs} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				pass := s.enters(s.party("job"), lull.Job{})
				hold := s.closes(s.party("deploy"), lull.Closing{})
				s.broken(fault)
				interrupt := errors.New("interrupt")
				ctx, cancel := context.WithTimeoutCause(s.Context(), 10*time.Second, interrupt)
				defer cancel()
				s.want(hold.Begin(ctx, lull.Draining{}), interrupt)
				s.broken(nil)
				s.opens(hold)
				s.leaves(pass)
			})
		})
	}
}

func TestStoreDownWhileADeploymentDrainsIsAskedUntilTheTimeout(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.closes(s.party("deploy"), lull.Closing{})
		s.broken(down)
		began := time.Now()
		err := hold.Begin(s.Context(), lull.Draining{Timeout: 5 * time.Minute, OnTimeout: lull.DrainProceeds})
		s.want(err, lull.ErrUnavailable) // to proceed over jobs is one thing, without a hold another
		s.wantTook(began, 5*time.Minute, 5*time.Minute+10*time.Second)
		s.broken(nil)
		s.opens(hold)
	})
}

func TestHoldThatTheStoreForgotBeginsNothing(t *testing.T) {
	play(t, func(s *scene) {
		c, err := lull.NewClient(forgetful{s.Store}, lull.Options{})
		if err != nil {
			s.Fatal(err)
		}
		hold := s.closes(party{c, &notices{}}, lull.Closing{})
		time.Sleep(30 * time.Second)
		s.want(hold.Begin(s.Context(), lull.Draining{}), lull.ErrLost)
		s.opens(hold)
		s.nothingRemains()
	})
}
