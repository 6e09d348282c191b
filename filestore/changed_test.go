package filestore

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

// hinted fails unless a hint comes. How soon is for benchmarks to say.
func hinted(t *testing.T, hints <-chan struct{}) {
	t.Helper()
	select {
	case <-hints:
	case <-time.After(time.Minute):
		t.Fatal("nobody is told")
	}
}

// subscribed is a subscription that stands.
func subscribed(t *testing.T, s *Store) <-chan struct{} {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("there are no hints on this system")
	}
	hints, err := s.Changed(t.Context(), lull.DefaultGate)
	if err != nil {
		t.Fatal(err)
	}
	hinted(t, hints) // the first says that it stands
	return hints
}

func TestWaitersAreToldOfTheOpening(t *testing.T) {
	dir := t.TempDir()
	s, other := openAt(t, dir, thisHost()), openAt(t, dir, thisHost())
	h := newHold(lull.Deployment)
	closeGate(t, other, h)
	p, _ := enter(t, s, newPass())
	hints := subscribed(t, s)
	openGate(t, other, h)
	for {
		hinted(t, hints)
		if got, g, err := s.Poll(t.Context(), lull.PassRef{Gate: p.Gate, ID: p.ID}); err != nil {
			t.Fatal(err)
		} else if got.Inside(g.Phase) {
			return
		}
	}
}

func TestWaitersAreToldOfADeathUntilItCanBeSeen(t *testing.T) {
	w := newWorld(t)
	a := newActor(t, w.dir)
	a.do("close h1")
	p, _ := enter(t, w.s, newPass())
	hints := subscribed(t, w.s)
	a.kill()
	for {
		hinted(t, hints)
		if got, g, err := w.s.Poll(t.Context(), lull.PassRef{Gate: p.Gate, ID: p.ID}); err != nil {
			t.Fatal(err)
		} else if got.Inside(g.Phase) {
			return
		}
	}
}

func TestDrainersAreToldWhoLeaves(t *testing.T) {
	dir := t.TempDir()
	s, other := openAt(t, dir, thisHost()), openAt(t, dir, thisHost())
	p, _ := enter(t, other, newPass())
	h := newHold(lull.Deployment)
	closeGate(t, s, h)
	hints := subscribed(t, s)
	if _, err := other.Leave(t.Context(), lull.PassRef{Gate: p.Gate, ID: p.ID}, lull.Outcome{}); err != nil {
		t.Fatal(err)
	}
	for {
		hinted(t, hints)
		if d, err := s.Drain(t.Context(), lull.HoldRef{Gate: h.Gate, ID: h.ID}); err != nil {
			t.Fatal(err)
		} else if d.Drained {
			return
		}
	}
}

func TestSubscriptionsEndWithTheirContextAndTheStore(t *testing.T) {
	s := openWith(t, t.TempDir(), system{})
	comeAndGo(t, s)
	before := descriptors(t)
	ctx, cancel := context.WithCancel(t.Context())
	for range 20 {
		hints, err := s.Changed(ctx, lull.DefaultGate)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS == "linux" {
			hinted(t, hints)
		}
	}
	cancel()
	if _, err := s.Changed(t.Context(), lull.DefaultGate); err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(t.Context()); err != nil { // waits for them
		t.Fatal(err)
	}
	if after := descriptors(t); after > before {
		t.Fatalf("%d descriptors, %d before", after, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func TestWithoutInotifyNobodyIsToldAndNothingBreaks(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there are no hints on this system")
	}
	var all []*watcher
	s := openAt(t, t.TempDir(), thisHost())
	comeAndGo(t, s)
	r := s.rooms[lull.DefaultGate]
	for {
		w, err := r.watcher()
		if err != nil {
			break
		}
		if all = append(all, w); len(all) > 10_000 {
			break // somebody has raised the limit
		}
	}
	defer func() {
		for _, w := range all {
			w.close()
		}
	}()
	hints, err := s.Changed(t.Context(), lull.DefaultGate)
	if err != nil || hints == nil {
		t.Fatal(err)
	}
	comeAndGo(t, s)
	h := newHold(lull.Deployment)
	closeGate(t, s, h)
	openGate(t, s, h)
}
