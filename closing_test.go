package lull_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
)

func TestDeploymentClosesBeginsAndOpens(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{Reason: "release 81"})
		if s.snapshot().Gate.Phase.Open() {
			s.Error("the gate is open while a deployment holds it")
		}
		time.Sleep(time.Minute)
		if o := s.opens(hold); o.Gone || !o.Gate.Phase.Open() {
			s.Errorf("the opening was %+v", o)
		}
		s.wantCause(hold.Context(), context.Canceled)
		s.wantEvents(lull.EventClosed, lull.EventBegun, lull.EventEnded, lull.EventReleased, lull.EventOpened)
		s.nothingRemains()
	})
}

func TestStoreDownWhenADeploymentStartsNeverStartsUnheld(t *testing.T) {
	for name, fault := range map[string]fault{"refuses": down, "hangs": hangs} {
		for wait, took := range map[time.Duration]time.Duration{0: time.Minute, 10 * time.Minute: 10 * time.Minute} {
			t.Run(name+" for "+wait.String(), func(t *testing.T) {
				play(t, func(s *scene) {
					s.broken(fault)
					began := time.Now()
					_, err := s.party("deploy").Close(s.Context(), lull.Closing{Kind: lull.Deployment, MaxWait: wait})
					s.want(err, lull.ErrUnavailable)
					s.wantTook(began, took, took+10*time.Second)
				})
			})
		}
	}
}

func TestStoreDownBetweenCloseAndBeginStartsNothing(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.closes(s.party("deploy"), lull.Closing{})
		s.broken(down)
		ended := meanwhile(func() {
			time.Sleep(2 * time.Minute)
			s.broken(nil)
		})
		err := hold.Begin(s.Context(), lull.Draining{})
		ended()
		s.want(err, lull.ErrLost)
		s.opens(hold)
		s.nothingRemains()
	})
}

// Trust may end and come back before the command begins: then nothing was lost, and
// the context must not say so to the command.
func TestDoubtBeforeTheBeginningIsForgottenAtTheBeginning(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.closes(s.party("deploy"), lull.Closing{OnLost: lull.LostTerminates})
		pass := s.enters(s.party("part"), lull.Job{PartOf: hold.Hold().ID})
		s.leaves(pass)
		s.broken(down, "Renew")
		time.Sleep(55 * time.Second)
		s.wantCause(hold.Context(), nil)
		// The store believes for 5 s more, and Begin is a sign of life.
		s.want(hold.Begin(s.Context(), lull.Draining{}), nil)
		began := time.Now()
		s.wantCause(hold.Context(), nil)
		<-hold.Context().Done() // the renewals still fail
		s.wantTook(began, stopBy, stopBy)
		s.broken(nil)
		s.opens(hold)
	})
}

func TestInterruptedWaitForAStoreEndsADeployment(t *testing.T) {
	for name, fault := range map[string]fault{"refuses": down, "hangs": hangs} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				s.broken(fault)
				interrupt := errors.New("interrupt")
				ctx, cancel := context.WithTimeoutCause(s.Context(), 10*time.Second, interrupt)
				defer cancel()
				_, err := s.party("deploy").Close(ctx, lull.Closing{Kind: lull.Deployment})
				s.want(err, interrupt)
			})
		})
	}
}

func TestLostAnswerOfCloseIsHarmless(t *testing.T) {
	play(t, func(s *scene) {
		for _, verb := range []string{"Close", "Drain", "Begin", "Open"} {
			s.broken(losesAnswer(), verb)
		}
		hold := s.deploys(s.party("deploy"), lull.Closing{})
		s.opens(hold)
		s.wantEvents(lull.EventClosed, lull.EventBegun, lull.EventEnded, lull.EventReleased, lull.EventOpened)
		s.nothingRemains()
	})
}

func TestHoldWhoseAnswerWasLostDoesNotOutliveTheAttempt(t *testing.T) {
	play(t, func(s *scene) {
		s.broken(func(ctx context.Context, do func() error) error {
			do()
			return down(ctx, nil)
		}, "Close")
		_, err := s.party("deploy").Close(s.Context(), lull.Closing{Kind: lull.Deployment})
		s.want(err, lull.ErrUnavailable)
		s.nothingRemains()
	})
}

func TestDeployInsideRunIsRefused(t *testing.T) {
	play(t, func(s *scene) {
		pass := s.enters(s.party("job"), lull.Job{})
		_, err := s.party("job").Close(s.Context(), lull.Closing{Kind: lull.Deployment, Parent: pass.ID()})
		if _, ok := errors.AsType[*lull.InsideError](err); !ok {
			s.Errorf("the error is %v", err)
		}
		s.leaves(pass)
		s.nothingRemains()
	})
}

func TestDeployInsideItsOwnHoldJoins(t *testing.T) {
	play(t, func(s *scene) {
		outer := s.deploys(s.party("deploy"), lull.Closing{})
		inner := s.deploys(s.party("deploy"), lull.Closing{PartOf: outer.Hold().ID, FailureHold: time.Hour})
		if !inner.Joined() || inner.Hold().ID != outer.Hold().ID {
			s.Errorf("joined is %t, with hold %s in %s", inner.Joined(), inner.Hold().ID, outer.Hold().ID)
		}
		s.want(inner.Watch(s.Context(), lull.Process{PID: 1}), nil)
		inner.Open(s.Context(), lull.Outcome{ExitCode: new(1)})
		if s.snapshot().Gate.Phase.Open() {
			s.Error("the inner one opened the gate under the outer one")
		}
		s.opens(outer)
		s.nothingRemains()
	})
}

func TestPersonsHoldNeedsNobodyToKeepIt(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.closes(s.party("ann"), lull.Closing{Kind: lull.Person, Reason: "look at the disk"})
		time.Sleep(59 * time.Minute)
		if s.snapshot().Gate.Phase.Open() {
			s.Error("the hold did not last its hour")
		}
		if n := s.called("Renew"); n > 0 {
			s.Errorf("it was renewed %d times", n)
		}
		time.Sleep(time.Minute)
		s.nothingRemains() // its limit has come
		if o := s.opens(hold); !o.Gone {
			s.Error("nobody was told that the hold had ended before")
		}
	})
}

func TestPersonsHoldCanBeDrained(t *testing.T) {
	play(t, func(s *scene) {
		pass := s.enters(s.party("job"), lull.Job{})
		hold := s.closes(s.party("ann"), lull.Closing{Kind: lull.Person})
		s.want(hold.Drain(s.Context(), lull.Draining{Timeout: time.Minute}), lull.ErrTimeout)
		s.leaves(pass)
		s.want(hold.Drain(s.Context(), lull.Draining{}), nil)
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestHoldIsSafeToLookAtFromAnywhere(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{Limit: lull.NoLimit})
		stop := make(chan struct{})
		ended := meanwhile(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Second):
					hold.Hold()
					hold.Watch(context.Background(), lull.Process{})
				}
			}
		})
		for range 5 {
			s.forces(hold)
			time.Sleep(30 * time.Second)
		}
		close(stop)
		ended()
		synctest.Wait()
		s.opens(hold)
		s.nothingRemains()
	})
}

func count[T comparable](all []T, one T) (n int) {
	for _, each := range all {
		if each == one {
			n++
		}
	}
	return n
}

// A store that cannot see processes makes a death a fact only when somebody has asked
// for a while. A deployment that would not wait for another one waits for that.
func TestDeploymentOutlivesADeadOne(t *testing.T) {
	play(t, func(s *scene) {
		dead := lull.Hold{ID: lull.NewID(), Gate: lull.DefaultGate, Kind: lull.Deployment, Lease: time.Minute}
		known := time.Now().Add(30 * time.Second)
		s.broken(func(_ context.Context, do func() error) error {
			if time.Now().Before(known) {
				return &lull.BusyError{Gate: lull.DefaultGate, Hold: dead, Silent: true}
			}
			return do()
		}, "Close")
		began := time.Now()
		hold := s.closes(s.party("deploy"), lull.Closing{})
		s.wantTook(began, 30*time.Second, 40*time.Second)
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestDeploymentDoesNotWaitForOneThatOnlyStumbled(t *testing.T) {
	play(t, func(s *scene) {
		other := lull.Hold{ID: lull.NewID(), Gate: lull.DefaultGate, Kind: lull.Deployment, Lease: time.Minute}
		silent := true
		s.broken(func(context.Context, func() error) error {
			err := &lull.BusyError{Gate: lull.DefaultGate, Hold: other, Silent: silent}
			silent = false // it renews
			return err
		}, "Close")
		began := time.Now()
		_, err := s.party("deploy").Close(s.Context(), lull.Closing{Kind: lull.Deployment})
		if _, busy := errors.AsType[*lull.BusyError](err); !busy {
			t.Errorf("the error is %v, want a BusyError", err)
		}
		s.wantTook(began, 0, 2*time.Second)
	})
}

func TestDeploymentWaitsForASilentOneNoLongerThanItsLease(t *testing.T) {
	play(t, func(s *scene) {
		other := lull.Hold{ID: lull.NewID(), Gate: lull.DefaultGate, Kind: lull.Deployment, Lease: 20 * time.Second}
		s.broken(func(context.Context, func() error) error {
			return &lull.BusyError{Gate: lull.DefaultGate, Hold: other, Silent: true}
		}, "Close")
		began := time.Now()
		_, err := s.party("deploy").Close(s.Context(), lull.Closing{Kind: lull.Deployment})
		if _, busy := errors.AsType[*lull.BusyError](err); !busy {
			t.Errorf("the error is %v, want a BusyError", err)
		}
		s.wantTook(began, 20*time.Second, 22*time.Second)
	})
}
