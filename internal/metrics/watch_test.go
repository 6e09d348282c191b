package metrics_test

import (
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

func nothing(*scene) {}

func TestAGateIsShownAsItIs(t *testing.T) {
	play(t, nothing, func(s *scene) {
		inside := s.enters(lull.Pass{})
		hold := s.closes(lull.Hold{})
		s.after(5 * time.Second) // of a gate that is new there is no hint
		s.wants(map[string]float64{
			`lull_gates`:                                                     1,
			`lull_gate_open{gate="default"}`:                                 0,
			`lull_gate_phase{gate="default"}`:                                1,
			`lull_drained{gate="default"}`:                                   0,
			`lull_inside{gate="default"}`:                                    1,
			`lull_waiting{gate="default"}`:                                   0,
			`lull_holds{gate="default",kind="deployment"}`:                   1,
			`lull_holds{gate="default",kind="person"}`:                       0,
			`lull_oldest_waiter_seconds{gate="default"}`:                     0,
			`lull_build_info{goversion="` + goVersion + `",version="1.2.3"}`: 1,
		})
		waiting := s.enters(lull.Pass{})
		queued := s.closes(lull.Hold{Queue: true})
		person := s.closes(lull.Hold{Kind: lull.Person})
		s.leaves(inside, lull.Outcome{Ran: time.Minute})
		s.after(time.Minute)
		s.wants(map[string]float64{
			`lull_drained{gate="default"}`:             1,
			`lull_inside{gate="default"}`:              0,
			`lull_waiting{gate="default"}`:             1,
			`lull_queued{gate="default"}`:              1,
			`lull_holds{gate="default",kind="person"}`: 1,
		})
		got := scrape(t, s.metrics)
		for _, series := range []string{`lull_gate_closed_seconds{gate="default"}`, `lull_oldest_waiter_seconds{gate="default"}`} {
			if got[series] < 55 || got[series] > 70 {
				t.Errorf("%s is %g after a minute", series, got[series])
			}
		}
		s.opens(queued, lull.Outcome{})
		s.opens(hold, lull.Outcome{}) // the person's hold keeps the gate closed
		s.after(time.Minute)
		if closed := scrape(t, s.metrics)[`lull_gate_closed_seconds{gate="default"}`]; closed < 115 || closed > 135 {
			t.Errorf("closed for %g s after two minutes", closed)
		}
		s.opens(person, lull.Outcome{})
		s.leaves(waiting, lull.Outcome{Waited: 2 * time.Minute, Ran: time.Minute})
		s.after(0)
		s.wants(map[string]float64{
			`lull_gate_open{gate="default"}`:               1,
			`lull_gate_phase{gate="default"}`:              2,
			`lull_gate_closed_seconds{gate="default"}`:     0,
			`lull_drained{gate="default"}`:                 0,
			`lull_holds{gate="default",kind="deployment"}`: 0,
			`lull_waiting{gate="default"}`:                 0,
		})
	})
}

func TestWhatHappensIsCountedOnce(t *testing.T) {
	play(t, nothing, func(s *scene) {
		job := s.enters(lull.Pass{})
		hold := s.closes(lull.Hold{})
		s.after(0)
		time.Sleep(time.Minute)
		s.leaves(job, lull.Outcome{Waited: 20 * time.Second, Ran: 3 * time.Minute})
		s.begins(hold, lull.Start{})
		own := lull.PassRef{Gate: "default", ID: lull.NewID()}
		_, _, err := s.Enter(t.Context(), lull.Pass{ID: own.ID, Gate: "default", PartOf: hold.ID, Lease: 24 * time.Hour})
		s.must(err)
		forced := s.enters(lull.Pass{Force: true})
		gaveUp := s.enters(lull.Pass{})
		time.Sleep(2 * time.Minute)
		s.leaves(own, lull.Outcome{Ran: time.Minute})
		s.leaves(forced, lull.Outcome{Ran: time.Minute})
		s.leaves(gaveUp, lull.Outcome{Waited: time.Minute, TimedOut: true})
		s.opens(hold, lull.Outcome{Ran: 2 * time.Minute})
		for range 3 { // what was counted is read again for two minutes
			s.after(time.Minute)
			s.wants(map[string]float64{
				`lull_waits_seconds_count{gate="default"}`:           2,
				`lull_waits_seconds_sum{gate="default"}`:             20,
				`lull_runs_seconds_count{gate="default"}`:            3,
				`lull_runs_seconds_sum{gate="default"}`:              300,
				`lull_drains_seconds_count{gate="default"}`:          1,
				`lull_deployments_seconds_count{gate="default"}`:     1,
				`lull_deployments_seconds_sum{gate="default"}`:       120,
				`lull_casualties_total{gate="default"}`:              1,
				`lull_forced_total{gate="default"}`:                  1,
				`lull_timed_out_total{gate="default"}`:               1,
				`lull_crashed_total{gate="default"}`:                 0,
				`lull_overdue_total{gate="default"}`:                 0,
				`lull_store_errors_total{kind="other",verb="gates"}`: 0,
			})
			if drain := scrape(t, s.metrics)[`lull_drains_seconds_sum{gate="default"}`]; drain < 60 || drain > 65 {
				t.Errorf("a drain of %g s", drain)
			}
		}
	})
}

func TestCrashedAndOverdueDeploymentsAreCounted(t *testing.T) {
	play(t, nothing, func(s *scene) {
		s.closes(lull.Hold{Limit: time.Minute})
		s.after(2 * time.Minute)
		_, _, err := s.Close(t.Context(), lull.Hold{ID: lull.NewID(), Gate: "default", Kind: lull.Deployment, Lease: time.Minute})
		s.must(err)
		s.after(2 * time.Minute)
		s.wants(map[string]float64{
			`lull_overdue_total{gate="default"}`: 1,
			`lull_crashed_total{gate="default"}`: 1,
		})
	})
}

func TestTheHistoryFromBeforeIsNotCounted(t *testing.T) {
	play(t, func(s *scene) {
		s.leaves(s.enters(lull.Pass{}), lull.Outcome{Ran: time.Minute})
		s.opens(s.closes(lull.Hold{}), lull.Outcome{})
	}, func(s *scene) {
		s.after(time.Minute)
		s.wants(map[string]float64{
			`lull_runs_seconds_count{gate="default"}`: 0,
			`lull_gate_phase{gate="default"}`:         2,
		})
	})
}

func TestTheLastLookIsOld(t *testing.T) {
	play(t, nothing, func(s *scene) {
		began := time.Now()
		s.after(10 * time.Minute)
		looked := scrape(t, s.metrics)[`lull_looked_at_timestamp_seconds`]
		if ago := float64(time.Now().Unix()) - looked; ago < 0 || ago > 6 {
			t.Errorf("looked %g s ago, began at %d", ago, began.Unix())
		}
	})
}
