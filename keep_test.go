package lull_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
)

// The default timings: a lease of 60 s, renewed every 20 s, trusted for 58 s.
const (
	lease  = lull.DefaultLease
	margin = 2 * time.Second
	stopBy = lease - margin - lull.DefaultKillGrace // who must stop is told so then
)

func TestLeaseIsKeptForAsLongAsTheJobRuns(t *testing.T) {
	play(t, func(s *scene) {
		job := s.party("job")
		pass := s.enters(job, lull.Job{})
		time.Sleep(10 * time.Hour)
		s.wantCause(pass.Context(), nil)
		if n := s.called("Renew"); n < 1790 || n > 1810 {
			s.Errorf("%d renewals in ten hours, want one every 20 s", n)
		}
		s.leaves(pass)
		s.wantNotices(job)
		s.wantEvents(lull.EventLeft)
	})
}

func TestTrustEndsBeforeTheLeaseDoes(t *testing.T) {
	play(t, func(s *scene) {
		job := s.party("job")
		pass := s.enters(job, lull.Job{})
		s.broken(down, "Renew")
		time.Sleep(lease - margin - time.Millisecond)
		s.wantCause(pass.Context(), nil)
		time.Sleep(time.Millisecond)
		s.wantCause(pass.Context(), lull.ErrLost)
		s.wantCause(pass.MustStop(), nil) // the command is kept, unless its owner wishes otherwise
		s.wantNotices(job, lull.TrustEnded)
		if n := len(s.snapshot().Inside); n != 1 {
			s.Error("the store does not believe in the pass any more, before its owner knew")
		}
		s.leaves(pass)
	})
}

func TestSlowRenewalDoesNotExtendTrust(t *testing.T) {
	play(t, func(s *scene) {
		pass := s.enters(s.party("job"), lull.Job{})
		began := time.Now()
		s.broken(slow(19*time.Second), "Renew")
		time.Sleep(39 * time.Second) // the renewal that was sent at 20 s is answered
		s.broken(down, "Renew")
		<-pass.Context().Done()
		s.wantTook(began, 20*time.Second+lease-margin, 20*time.Second+lease-margin)
		s.leaves(pass)
	})
}

func TestOneHiccupLosesNothing(t *testing.T) {
	for name, fault := range map[string]fault{"refuses": down, "hangs": hangs} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				job, deploy := s.party("job"), s.party("deploy")
				pass, hold := s.enters(job, lull.Job{}), s.closes(deploy, lull.Closing{})
				s.broken(fault)
				time.Sleep(35 * time.Second)
				s.broken(nil)
				time.Sleep(time.Hour / 4)
				s.wantCause(pass.Context(), nil)
				s.wantCause(hold.Context(), nil)
				s.leaves(pass)
				s.opens(hold)
				s.wantNotices(job)
				s.wantNotices(deploy)
			})
		})
	}
}

func TestTerminateIsToldAKillGraceBeforeTheEndOfTrust(t *testing.T) {
	play(t, func(s *scene) {
		pass := s.enters(s.party("job"), lull.Job{OnLost: lull.LostTerminates})
		s.broken(down)
		began := time.Now()
		<-pass.MustStop().Done()
		s.wantTook(began, stopBy, stopBy)
		s.wantCause(pass.MustStop(), lull.ErrLost)
		s.wantCause(pass.Context(), lull.ErrLost)
		s.broken(nil)
		s.leaves(pass)
	})
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{OnLost: lull.LostTerminates})
		s.broken(down)
		began := time.Now()
		<-hold.MustStop().Done()
		s.wantTook(began, stopBy, stopBy)
		s.wantCause(hold.Context(), lull.ErrLost)
		s.broken(nil)
		s.opens(hold)
	})
}

func TestStoreDownWhileAJobRunsIsRetried(t *testing.T) {
	play(t, func(s *scene) {
		job := s.party("job")
		pass := s.enters(job, lull.Job{})
		s.broken(down)
		time.Sleep(10 * time.Minute)
		if n := s.called("Renew"); n < 60 || n > 1000 {
			s.Errorf("%d renewals were tried in ten minutes", n)
		}
		s.broken(nil)
		time.Sleep(10 * time.Second)
		if in := s.snapshot().Inside; len(in) != 1 || in[0].ID != pass.ID() {
			s.Errorf("inside are %v, want the job anew", in)
		}
		s.leaves(pass)
		s.wantNotices(job, lull.TrustEnded, lull.LeaseLost, lull.EnteredAnew)
		s.nothingRemains()
	})
}

func TestLeaseThatWasNotLostAfterAllIsKept(t *testing.T) {
	play(t, func(s *scene) {
		job := s.party("job", func(o *lull.Options) {
			o.Timing = lull.Timing{Lease: 10 * time.Minute, KillGrace: time.Minute}
		})
		pass := s.enters(job, lull.Job{OnLost: lull.LostTerminates})
		id := pass.ID()
		s.broken(down, "Renew")
		time.Sleep(9 * time.Minute) // trust less the grace has ended, the lease has not
		s.broken(nil)
		time.Sleep(10 * time.Second)
		s.wantNotices(job, lull.TrustEnded, lull.TrustBack)
		if pass.ID() != id {
			s.Error("the pass was recorded anew, and had not been lost")
		}
		s.leaves(pass)
	})
}

func TestContextOfLibraryUserIsCancelledWithCause(t *testing.T) {
	play(t, func(s *scene) {
		pass := s.enters(s.party("job"), lull.Job{})
		s.broken(down)
		<-pass.Context().Done()
		s.wantCause(pass.Context(), lull.ErrLost)
		s.broken(nil)
		s.leaves(pass)
	})
	play(t, func(s *scene) {
		hold := s.deploys(s.party("deploy"), lull.Closing{})
		s.forces(hold)
		<-hold.Context().Done()
		s.wantCause(hold.Context(), lull.ErrLost)
		s.opens(hold)
	})
}

// A context is cancelled once; but a job that goes on although it lost its lease
// can still be asked to stop.
func TestJobThatWasLostAndKeptCanStillBeStopped(t *testing.T) {
	play(t, func(s *scene) {
		pass := s.enters(s.party("job"), lull.Job{})
		s.broken(down, "Renew")
		time.Sleep(lease)
		s.broken(nil)
		time.Sleep(10 * time.Second)
		s.wantCause(pass.Context(), lull.ErrLost)
		s.wantCause(pass.MustStop(), nil)
		hold := s.closes(s.party("deploy"), lull.Closing{})
		ended := meanwhile(func() {
			<-pass.MustStop().Done()
			s.leaves(pass)
		})
		err := hold.Begin(s.Context(), lull.Draining{Timeout: time.Minute, OnTimeout: lull.DrainTerminates})
		s.want(err, nil)
		s.wantCause(pass.MustStop(), lull.ErrStopped)
		ended()
		s.opens(hold)
	})
}

func TestOneRenewalCallForAllThatOneClientKeeps(t *testing.T) {
	play(t, func(s *scene) {
		job := s.party("job")
		var passes []*lull.LivePass
		for range 50 {
			passes = append(passes, s.enters(job, lull.Job{}))
		}
		time.Sleep(20*time.Second + 500*time.Millisecond)
		if n := s.called("Renew"); n != 1 {
			s.Errorf("%d renewals for 50 passes, want 1", n)
		}
		for _, p := range passes {
			s.leaves(p)
		}
	})
}

func TestRenewalOfTooFewIsNoRenewal(t *testing.T) {
	play(t, func(s *scene) {
		store := short{s.faulty}
		c, err := lull.NewClient(store, lull.Options{})
		if err != nil {
			s.Fatal(err)
		}
		pass := s.enters(party{c, &notices{}}, lull.Job{})
		<-pass.Context().Done()
		s.wantCause(pass.Context(), lull.ErrLost)
		s.leaves(pass)
	})
}

// short is a store that answers about none of the leases it was asked to renew.
type short struct{ *faulty }

func (short) Renew(context.Context, []lull.LeaseRef) ([]lull.LeaseState, error) { return nil, nil }

func TestNoGoroutineIsLeftBehind(t *testing.T) {
	// The bubble fails when one is left at its end; here it must be gone at once.
	play(t, func(s *scene) {
		job, deploy := s.party("job"), s.party("deploy")
		s.leaves(s.enters(job, lull.Job{}))
		s.opens(s.deploys(deploy, lull.Closing{}))
		s.closes(s.party("person"), lull.Closing{Kind: lull.Person})
		_, err := job.Enter(s.Context(), lull.Job{MaxWait: time.Minute})
		s.want(err, lull.ErrTimeout)
		synctest.Wait()
		renewals := s.called("Renew")
		time.Sleep(30 * time.Minute)
		if n := s.called("Renew"); n != renewals {
			s.Errorf("%d renewals after the end", n-renewals)
		}
	})
}
