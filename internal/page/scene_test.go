package page_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/page"
	"github.com/lull-dev/lull/memstore"
)

// The viewers of the tests, one of each role.
var (
	anyone   = page.Viewer{Name: "vera", SignedIn: true}
	deployer = page.Viewer{Name: "dana", SignedIn: true, CanClose: true, Limit: 8 * time.Hour}
	admin    = page.Viewer{Name: "ada", SignedIn: true, CanClose: true, CanOpenOthers: true}
)

// stage is a page over a store in memory, and who looks at it.
type stage struct {
	*told
	handler http.Handler
	viewer  atomic.Pointer[page.Viewer]
}

func newStage(t testing.TB, v page.Viewer, change func(*page.Options)) *stage {
	t.Helper()
	s := &stage{told: &told{Store: memstore.New()}}
	s.viewer.Store(&v)
	o := page.Options{
		Store: s.told, Version: "1.2.3", SignIn: true,
		Viewer: func(*http.Request) page.Viewer { return *s.viewer.Load() },
		Close:  s.close, Open: s.open, Extend: s.extend,
		Changes: func(ctx context.Context, gate string) <-chan struct{} {
			hints, err := s.Changed(ctx, gate)
			if err != nil {
				return nil
			}
			return hints
		},
	}
	if change != nil {
		change(&o)
	}
	handler, err := page.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.handler = handler
	return s
}

// me is the viewer as the server makes him a holder.
func (s *stage) me() lull.Holder { return lull.Holder{User: s.viewer.Load().Name, Host: "lulld"} }

func (s *stage) close(ctx context.Context, _ *http.Request, c page.Closing) error {
	_, _, err := s.Close(ctx, lull.Hold{ID: lull.NewID(), Gate: c.Gate, Kind: lull.Person, Holder: s.me(), Reason: c.Reason, Limit: c.Limit})
	return err
}

func (s *stage) open(ctx context.Context, _ *http.Request, o page.Opening) error {
	opened, err := s.Open(ctx, lull.HoldRef{Gate: o.Gate, ID: o.Hold}, lull.Outcome{By: s.me(), Reason: o.Reason, Force: o.Force})
	if err == nil && opened.Gone {
		return lull.ErrGone
	}
	return err
}

func (s *stage) extend(ctx context.Context, _ *http.Request, x page.Extension) error {
	_, err := s.Extend(ctx, lull.HoldRef{Gate: x.Gate, ID: x.Hold}, lull.Extension{Limit: x.Limit, By: s.me(), Force: x.Force})
	return err
}

// get asks for a page, and answers with its status and text.
func (s *stage) get(path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

// deploys closes a gate for a deployment, and returns the hold.
func (s *stage) deploys(t testing.TB, gate, reason string) lull.Hold {
	t.Helper()
	h, _, err := s.Close(t.Context(), lull.Hold{
		ID: lull.NewID(), Gate: gate, Kind: lull.Deployment, Reason: reason, Lease: time.Hour,
		Holder:  lull.Holder{User: "deploy", Host: "web1", PID: 4711, Link: "https://ci.example.org/runs/4711"},
		Command: []string{"cap", "production", "deploy"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// enters sends a job to a gate.
func (s *stage) enters(t testing.TB, gate, name, host string, ran time.Duration) lull.Pass {
	t.Helper()
	p, _, err := s.Enter(t.Context(), lull.Pass{
		ID: lull.NewID(), Gate: gate, Name: name, Command: []string{"./" + name + ".sh", "--all"}, JobID: "slurm:81733",
		Holder: lull.Holder{User: "ops", Host: host, PID: 99}, Lease: time.Hour, Ran: ran,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *stage) leaves(t testing.TB, p lull.Pass, exit int, ran time.Duration) {
	t.Helper()
	if _, err := s.Leave(t.Context(), lull.PassRef{Gate: p.Gate, ID: p.ID}, lull.Outcome{ExitCode: &exit, Ran: ran}); err != nil {
		t.Fatal(err)
	}
}

func (s *stage) begins(t testing.TB, h lull.Hold, how lull.Start) {
	t.Helper()
	if err := s.Begin(t.Context(), lull.HoldRef{Gate: h.Gate, ID: h.ID}, how); err != nil {
		t.Fatal(err)
	}
}

func (s *stage) ends(t testing.TB, h lull.Hold) {
	t.Helper()
	exit := 0
	if _, err := s.Open(t.Context(), lull.HoldRef{Gate: h.Gate, ID: h.ID}, lull.Outcome{By: h.Holder, ExitCode: &exit, Ran: time.Second}); err != nil {
		t.Fatal(err)
	}
}

// told is a store in memory with a past that was not lived through: earlier events, and
// holds and waiting jobs that are older than they are.
type told struct {
	*memstore.Store
	past []lull.Event // the oldest first
	aged bool
	down atomic.Bool
}

// How much older what is aged is made.
const (
	olderHold    = 150 * time.Second
	olderCommand = 42 * time.Second
	olderWait    = 80 * time.Second
)

func (s *told) Snapshot(ctx context.Context, gate string) (lull.Snapshot, error) {
	if s.down.Load() {
		return lull.Snapshot{}, fmt.Errorf("%w: connection refused", lull.ErrUnavailable)
	}
	snap, err := s.Store.Snapshot(ctx, gate)
	if err != nil || !s.aged {
		return snap, err
	}
	for i := range snap.Gate.Holds {
		h := &snap.Gate.Holds[i]
		h.Since, h.Ends = h.Since.Add(-olderHold), h.Ends.Add(-olderHold)
		if !h.Begun.IsZero() {
			h.Begun = h.Begun.Add(-olderCommand)
		}
	}
	for i := range snap.Waiting {
		p := &snap.Waiting[i]
		p.Arrived = p.Arrived.Add(-olderWait / time.Duration(i+1))
	}
	return snap, nil
}

func (s *told) Events(ctx context.Context, f lull.Filter) iter.Seq2[lull.Event, error] {
	return func(yield func(lull.Event, error) bool) {
		now := lull.Moment{Wall: time.Now()}
		var chosen []lull.Event
		for _, e := range s.past {
			if f.Wants(e, now) {
				chosen = append(chosen, e)
			}
		}
		later := f
		later.Limit = 0
		for e, err := range s.Store.Events(ctx, later) {
			if err != nil {
				yield(lull.Event{}, err)
				return
			}
			switch {
			case s.aged && e.Kind == lull.EventClosed:
				e.At = e.At.Add(-olderHold)
			case s.aged && e.Kind == lull.EventBegun:
				e.At = e.At.Add(-olderCommand)
			}
			chosen = append(chosen, e)
		}
		if f.Limit > 0 && len(chosen) > f.Limit {
			chosen = chosen[len(chosen)-f.Limit:]
		}
		for _, e := range chosen {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// day makes up the past day of a gate: jobs that come and go, and four deployments, beside
// the last of which one job ran.
func day(gate string, now time.Time) []lull.Event {
	r := rand.New(rand.NewPCG(8, 1))
	deployer := lull.Holder{User: "deploy", Host: "web1", PID: 4711, Link: "https://ci.example.org/runs/4711"}
	var events []lull.Event
	add := func(ago time.Duration, e lull.Event) {
		e.Gate, e.At = gate, lull.Moment{Wall: now.Add(-ago)}
		events = append(events, e)
	}
	type closing struct {
		ago, drain, run time.Duration
		reason          string
	}
	closings := []closing{
		{22 * time.Hour, time.Minute, 6 * time.Minute, "release 78"},
		{310 * time.Minute, 4 * time.Minute, 7 * time.Minute, "release 79"},
		{175 * time.Minute, 9 * time.Minute, 5 * time.Minute, "release 80: new invoices"},
		{64 * time.Minute, 3 * time.Minute, 9 * time.Minute, "release 80.1: fix the invoices’ sums"},
	}
	zero := 0
	for i, c := range closings {
		id := fmt.Sprintf("01990000-0000-7000-8000-0000deb10%03d", i)
		hold := lull.Event{ID: id, Hold: lull.Deployment, Holder: deployer, Reason: c.reason}
		told := func(ago time.Duration, kind lull.EventKind, change func(*lull.Event)) {
			e := hold
			e.Kind = kind
			if change != nil {
				change(&e)
			}
			add(ago, e)
		}
		told(c.ago, lull.EventClosed, nil)
		told(c.ago-c.drain, lull.EventBegun, nil)
		over := c.ago - c.drain - c.run
		told(over, lull.EventEnded, func(e *lull.Event) { e.Ran, e.ExitCode = c.run, &zero })
		told(over, lull.EventReleased, func(e *lull.Event) { e.Ran = c.drain + c.run })
		add(over, lull.Event{Kind: lull.EventOpened, ID: id})
	}
	add(130*time.Minute, lull.Event{ID: "01990000-0000-7000-8000-00000be50001", Hold: lull.Person, Kind: lull.EventClosed, Holder: lull.Holder{User: "mia", Host: "laptop"}, Reason: "looking at slow queries"})
	add(112*time.Minute, lull.Event{ID: "01990000-0000-7000-8000-00000be50001", Hold: lull.Person, Kind: lull.EventReleased, Holder: lull.Holder{User: "mia", Host: "laptop"}, Ran: 18 * time.Minute})
	add(112*time.Minute, lull.Event{ID: "01990000-0000-7000-8000-00000be50001", Kind: lull.EventOpened})
	jobs := []struct {
		name          string
		every, usual  time.Duration
		spread, drift float64
	}{
		{"sync-customers", 11 * time.Minute, 150 * time.Second, .3, 0},
		{"invoice-run", 25 * time.Minute, 6 * time.Minute, .2, .6},
		{"import-prices", 17 * time.Minute, 4 * time.Minute, .4, 0},
		{"nightly-report", 47 * time.Minute, 11 * time.Minute, .15, 0},
		{"mail-digest", 20 * time.Minute, 70 * time.Second, .5, 0},
		{"thumbnail-batch", 33 * time.Minute, 8 * time.Minute, .3, 0},
	}
	n := 0
	for _, j := range jobs {
		for ago := 23 * time.Hour; ago > 16*time.Minute; ago -= j.every + time.Duration(r.Float64()*float64(j.every)*.4) {
			ran := time.Duration(float64(j.usual) * (1 + j.spread*(r.Float64()-.5)*2 + j.drift*(1-ago.Hours()/23)))
			started := ago
			for _, c := range closings {
				if ago <= c.ago && ago > c.ago-c.drain-c.run { // closed: it waits
					started = c.ago - c.drain - c.run
				}
			}
			if slices.ContainsFunc(closings, func(c closing) bool {
				return started > c.ago-c.drain-c.run && started-ran < c.ago-c.drain
			}) {
				continue // there is one casualty, below
			}
			exit := 0
			if r.IntN(40) == 0 {
				exit = 1
			}
			n++
			add(started-ran, lull.Event{
				Kind: lull.EventLeft, ID: fmt.Sprintf("01990000-0000-7000-8000-00000a55%04d", n), Name: j.name, JobID: fmt.Sprintf("slurm:%d", 81000+n),
				Command: []string{"./" + j.name + ".sh", "--all"},
				Holder:  lull.Holder{User: "ops", Host: fmt.Sprintf("node%d", 1+n%6), PID: 900 + n}, ExitCode: &exit, Waited: ago - started, Ran: ran,
			})
		}
	}
	one := 1
	add(52*time.Minute, lull.Event{
		Kind: lull.EventLeft, ID: "01990000-0000-7000-8000-00000ca50001", Name: "invoice-run", JobID: "slurm:81999",
		Command: []string{"./invoice-run.sh", "--month", "2026-11"}, Holder: lull.Holder{User: "ops", Host: "node4", PID: 77}, ExitCode: &one, Ran: 7 * time.Minute,
	})
	slices.SortStableFunc(events, func(a, b lull.Event) int { return a.At.Wall.Compare(b.At.Wall) })
	events = slices.DeleteFunc(events, func(e lull.Event) bool { return e.At.Wall.After(now) })
	return events
}

// errRefused is what a store may say that no one has words for.
var errRefused = errors.New("the disk is full")
