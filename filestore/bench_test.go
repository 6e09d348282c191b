package filestore

import (
	"fmt"
	"testing"

	"github.com/lull-dev/lull"
)

// BenchmarkEnterAndLeave is a job's share of a store, in one process.
func BenchmarkEnterAndLeave(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		s := openAt(b, b.TempDir(), thisHost())
		for b.Loop() {
			comeAndGo(b, s)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	})
	b.Run("crowd", func(b *testing.B) {
		s := openAt(b, b.TempDir(), thisHost())
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				comeAndGo(b, s)
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	})
}

func comeAndGo(t testing.TB, s *Store) {
	p := newPass()
	if _, _, err := s.Enter(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Leave(t.Context(), lull.PassRef{Gate: p.Gate, ID: p.ID}, lull.Outcome{}); err != nil {
		t.Fatal(err)
	}
}

func newPass() lull.Pass {
	return lull.Pass{
		ID: lull.NewID(), Gate: lull.DefaultGate, Name: "nightly-report", Command: []string{"./nightly-report.sh", "--all"},
		Holder: lull.Holder{User: "ann", Host: "node1", PID: 4711}, Lease: lull.DefaultLease,
	}
}

func newHold(kind lull.Kind) lull.Hold {
	return lull.Hold{
		ID: lull.NewID(), Gate: lull.DefaultGate, Kind: kind, Reason: "release 81",
		Holder: lull.Holder{User: "ann", Host: "web1", PID: 42}, Lease: lull.DefaultLease,
	}
}

// BenchmarkCloseAndOpen is to cost the same however many are recorded.
func BenchmarkCloseAndOpen(b *testing.B) {
	for _, passes := range []int{10, 10_000} {
		for _, where := range []string{"inside", "waiting"} {
			b.Run(fmt.Sprintf("%d %s", passes, where), func(b *testing.B) {
				s := openAt(b, b.TempDir(), thisHost())
				first := newHold(lull.Deployment)
				if where == "waiting" {
					closeGate(b, s, first)
				}
				for range passes {
					if _, _, err := s.Enter(b.Context(), newPass()); err != nil {
						b.Fatal(err)
					}
				}
				if where == "waiting" {
					openGate(b, s, first)
				}
				for b.Loop() {
					h := newHold(lull.Deployment)
					closeGate(b, s, h)
					openGate(b, s, h)
				}
			})
		}
	}
}

func closeGate(t testing.TB, s *Store, h lull.Hold) {
	t.Helper()
	if _, _, err := s.Close(t.Context(), h); err != nil {
		t.Fatal(err)
	}
}

func openGate(t testing.TB, s *Store, h lull.Hold) {
	t.Helper()
	if _, err := s.Open(t.Context(), lull.HoldRef{Gate: h.Gate, ID: h.ID}, lull.Outcome{By: h.Holder}); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkPoll is a waiter's question.
func BenchmarkPoll(b *testing.B) {
	s := openAt(b, b.TempDir(), thisHost())
	h, p := newHold(lull.Deployment), newPass()
	closeGate(b, s, h)
	if _, _, err := s.Enter(b.Context(), p); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := s.Poll(b.Context(), lull.PassRef{Gate: p.Gate, ID: p.ID}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenStore is what every lull run pays before it can ask.
func BenchmarkOpenStore(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		if _, err := Open(dir, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOwnersElsewhere is what lulld does on files: a job that comes and goes, and
// ten thousand that are renewed, and asked for as the gate opens.
func BenchmarkOwnersElsewhere(b *testing.B) {
	const many = 10_000
	s := openAs(b, b.TempDir(), Options{ByLease: true}, thisHost())
	b.Run("come and go", func(b *testing.B) {
		for b.Loop() {
			comeAndGo(b, s)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	})
	h := newHold(lull.Person)
	closeGate(b, s, h)
	var ids []string
	var refs []lull.LeaseRef
	for range many {
		p := newPass()
		p.Lease = 24 * lull.DefaultPersonLimit
		enter(b, s, p)
		ids, refs = append(ids, p.ID), append(refs, lull.LeaseRef{Gate: p.Gate, Pass: p.ID})
	}
	b.Run("renewed", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Renew(b.Context(), refs); err != nil {
				b.Fatal(err)
			}
		}
	})
	ask := func(b *testing.B) {
		if got, _, err := s.PollAll(b.Context(), lull.DefaultGate, ids); err != nil || len(got) != many {
			b.Fatalf("%d answers, %v", len(got), err)
		}
	}
	b.Run("asked while closed", func(b *testing.B) {
		for b.Loop() {
			ask(b)
		}
	})
	openGate(b, s, h)
	b.Run("asked after the opening", func(b *testing.B) { // the first time only
		for b.Loop() {
			ask(b)
		}
	})
}
