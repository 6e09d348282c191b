package lull_test

import (
	"context"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

func TestLimitOpensAndTheCommandGoesOn(t *testing.T) {
	play(t, func(s *scene) {
		deploy := s.party("deploy")
		hold := s.deploys(deploy, lull.Closing{})
		time.Sleep(lull.DefaultDeploymentLimit - time.Millisecond)
		if s.snapshot().Gate.Phase.Open() {
			s.Error("the gate is open before the limit")
		}
		time.Sleep(time.Millisecond)
		s.wantNotices(deploy, lull.NearLimit, lull.AtLimit)
		s.wantCause(hold.Context(), nil)
		s.wantCause(hold.MustStop(), nil)
		if !s.snapshot().Gate.Phase.Open() {
			s.Error("the gate is closed after the limit")
		}
		time.Sleep(time.Minute)
		if o := s.opens(hold); !o.Gone {
			s.Error("nobody was told that the hold had ended before")
		}
		s.wantEvents(lull.EventClosed, lull.EventBegun, lull.EventOverdue, lull.EventOpened, lull.EventEnded)
		s.nothingRemains()
	})
}

// Nobody looks but the deployment itself.
func TestLimitIsMadeAFactByTheDeploymentItself(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{Limit: 10 * time.Minute})
		time.Sleep(10*time.Minute + time.Second)
		s.wantEvents(lull.EventClosed, lull.EventBegun, lull.EventOverdue, lull.EventOpened)
		s.opens(hold)
	})
}

// Its command goes on, and the store must not take it for dead.
func TestCommandBeyondItsLimitIsKnownUntilItEnds(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{Limit: 10 * time.Minute})
		time.Sleep(20 * time.Minute)
		if n := len(s.snapshot().Gate.Loose); n != 1 {
			s.Errorf("%d commands are loose, want the one that goes on", n)
		}
		pass := s.enters(s.party("job"), lull.Job{})
		time.Sleep(time.Minute)
		if d := s.leaves(pass); !d.Casualty {
			s.Error("a job that met it was not told so")
		}
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestLimitTerminates(t *testing.T) {
	play(t, func(s *scene) {
		deploy := s.party("deploy")
		hold := s.deploys(deploy, lull.Closing{Limit: 10 * time.Minute, OnLimit: lull.LimitTerminates})
		began := time.Now()
		<-hold.MustStop().Done()
		s.wantTook(began, 10*time.Minute, 10*time.Minute+margin)
		s.wantCause(hold.Context(), lull.ErrOverdue)
		s.wantCause(hold.MustStop(), lull.ErrOverdue)
		s.wantNotices(deploy, lull.NearLimit, lull.AtLimit)
		time.Sleep(lull.DefaultKillGrace - time.Millisecond)
		if s.snapshot().Gate.Phase.Open() {
			s.Error("the gate opened before the command could be stopped")
		}
		s.opens(hold)
		s.wantEvents(lull.EventClosed, lull.EventBegun, lull.EventEnded, lull.EventReleased, lull.EventOpened)
		s.nothingRemains()
	})
}

func TestLimitTerminatesAlsoWhenTheStoreIsDown(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{Limit: 10 * time.Minute, OnLimit: lull.LimitTerminates})
		began := time.Now()
		time.Sleep(5 * time.Minute)
		s.broken(down)
		<-hold.MustStop().Done()
		s.wantTook(began, 10*time.Minute, 10*time.Minute+margin)
		s.wantCause(hold.Context(), lull.ErrLost) // that was before
		s.wantCause(hold.MustStop(), lull.ErrOverdue)
		s.broken(nil)
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestLimitThatComesBeforeTheCommandBeginsStartsNothing(t *testing.T) {
	for on, want := range map[lull.OnLimit]error{lull.LimitOpens: lull.ErrLost, lull.LimitTerminates: lull.ErrOverdue} {
		play(t, func(s *scene) {
			pass := s.enters(s.party("job"), lull.Job{})
			hold := s.closes(s.party("deploy"), lull.Closing{Limit: 10 * time.Minute, OnLimit: on})
			ended := meanwhile(func() {
				time.Sleep(10*time.Minute + 3*time.Second)
				s.leaves(pass)
			})
			s.want(hold.Begin(s.Context(), lull.Draining{}), want)
			ended()
			s.opens(hold)
			s.nothingRemains()
		})
	}
}

func TestNearLimitIsSaidAtFourFifths(t *testing.T) {
	play(t, func(s *scene) {
		deploy := s.party("deploy")
		hold := s.deploys(deploy, lull.Closing{Limit: 10 * time.Minute})
		time.Sleep(8*time.Minute - time.Millisecond)
		s.wantNotices(deploy)
		time.Sleep(time.Millisecond)
		s.wantNotices(deploy, lull.NearLimit)
		if left := deploy.all[0].Left; left != 2*time.Minute {
			s.Errorf("%s are said to be left", left)
		}
		time.Sleep(2*time.Minute - time.Second)
		s.opens(hold)
		s.wantNotices(deploy, lull.NearLimit)
	})
}

func TestSlowStoreDoesNotRepeatThatTheLimitIsNear(t *testing.T) {
	play(t, func(s *scene) {
		deploy := s.party("deploy")
		hold := s.deploys(deploy, lull.Closing{Limit: 10 * time.Minute})
		time.Sleep(8*time.Minute + time.Second)
		s.broken(func(_ context.Context, do func() error) error {
			time.Sleep(10 * time.Second) // under way to the store
			return do()
		}, "Renew")
		time.Sleep(time.Minute)
		s.broken(nil)
		time.Sleep(58 * time.Second)
		s.opens(hold)
		s.wantNotices(deploy, lull.NearLimit)
	})
}

func TestHoldWithoutALimitHasNone(t *testing.T) {
	play(t, func(s *scene) {
		deploy := s.party("deploy")
		hold := s.deploys(deploy, lull.Closing{Limit: lull.NoLimit, OnLimit: lull.LimitTerminates})
		time.Sleep(10 * time.Hour)
		s.wantCause(hold.Context(), nil)
		s.wantNotices(deploy)
		if o := s.opens(hold); o.Gone {
			s.Error("the hold ended by itself")
		}
	})
}

func (s *scene) extends(h *lull.LiveHold, limit time.Duration) {
	s.Helper()
	ref := lull.HoldRef{Gate: lull.DefaultGate, ID: h.Hold().ID}
	if _, err := s.Store.Extend(s.Context(), ref, lull.Extension{Limit: limit, Force: true}); err != nil {
		s.Fatal(err)
	}
}

func TestExtensionMovesTheLimit(t *testing.T) {
	for name, early := range map[string]time.Duration{"in time": time.Minute, "at the last moment": time.Second, "in no time": time.Millisecond} {
		for _, on := range []lull.OnLimit{lull.LimitOpens, lull.LimitTerminates} {
			t.Run(name, func(t *testing.T) {
				play(t, func(s *scene) {
					// This store tells nobody of changes: the client has to ask.
					deploy := s.oddClient(odd{s.faulty, nil, lull.About{}})
					hold := s.deploys(deploy, lull.Closing{Limit: 10 * time.Minute, OnLimit: on})
					time.Sleep(10*time.Minute - early)
					s.extends(hold, 20*time.Minute)
					time.Sleep(19 * time.Minute)
					s.wantCause(hold.Context(), nil)
					if s.snapshot().Gate.Phase.Open() {
						s.Error("the gate opened before the new limit")
					}
					time.Sleep(time.Minute + margin)
					if on == lull.LimitTerminates {
						s.wantCause(hold.MustStop(), lull.ErrOverdue)
					} else if !s.snapshot().Gate.Phase.Open() {
						s.Error("the gate is closed after the new limit")
					}
					s.opens(hold)
				})
			})
		}
	}
}

func TestExtensionIsNearItsEndAtFourFifthsAgain(t *testing.T) {
	play(t, func(s *scene) {
		deploy := s.party("deploy")
		hold := s.deploys(deploy, lull.Closing{Limit: 10 * time.Minute})
		time.Sleep(9 * time.Minute)
		s.extends(hold, 100*time.Minute)
		time.Sleep(79 * time.Minute)
		s.wantNotices(deploy, lull.NearLimit)
		time.Sleep(time.Minute + 10*time.Second)
		s.wantNotices(deploy, lull.NearLimit, lull.NearLimit)
		s.opens(hold)
	})
}

func TestShorterLimitIsFollowedToo(t *testing.T) {
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{Limit: lull.NoLimit, OnLimit: lull.LimitTerminates})
		time.Sleep(time.Minute)
		s.extends(hold, 5*time.Minute)
		began := time.Now()
		<-hold.MustStop().Done()
		s.wantTook(began, 4*time.Minute+50*time.Second, 5*time.Minute)
		s.opens(hold)
		s.nothingRemains()
	})
}

func TestLimitThatIsTakenAwayNeverComes(t *testing.T) {
	play(t, func(s *scene) {
		deploy := s.party("deploy")
		hold := s.deploys(deploy, lull.Closing{Limit: 10 * time.Minute, OnLimit: lull.LimitTerminates})
		time.Sleep(time.Minute)
		s.extends(hold, lull.NoLimit)
		time.Sleep(time.Hour)
		s.wantCause(hold.Context(), nil)
		s.wantNotices(deploy)
		s.opens(hold)
		s.nothingRemains()
	})
}
