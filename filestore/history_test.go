package filestore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

func TestLongEventsFitInOneWrite(t *testing.T) {
	for _, e := range []lull.Event{
		{Command: []string{strings.Repeat("x", 100_000)}},
		{Command: strings.Fields(strings.Repeat("argument ", 10_000))},
		{Command: []string{"a", strings.Repeat("\x01\"", 50_000)}, Reason: strings.Repeat("é", 9000)},
		{Reason: strings.Repeat("\x02", 100_000), Name: strings.Repeat("n", 9000), JobID: strings.Repeat("é", 9000)},
		{Holder: lull.Holder{User: strings.Repeat("u", 9000), Host: strings.Repeat("h", 9000), Link: strings.Repeat("l", 9000)}},
	} {
		e.Kind, e.Gate, e.ID = lull.EventLeft, lull.DefaultGate, lull.NewID()
		l := line(e)
		if len(l) > lineMost || strings.Count(string(l), "\n") != 1 {
			t.Errorf("a line of %d bytes", len(l))
		}
		if got, ok := parseLine(l[:len(l)-1]); !ok || got.ID != e.ID {
			t.Errorf("%.80s… is not read back", l)
		}
	}
}

func TestHistoryIsRotatedAndKeptInOrder(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(w.dir, lull.DefaultGate, "history.jsonl")
	e := lull.Event{Gate: lull.DefaultGate, Kind: lull.EventRerun, Reason: strings.Repeat("long ", 700)}
	for range 4 {
		closed := newHold(lull.Person)
		closeGate(t, w.s, closed)
		openGate(t, w.s, closed)
		for range historyMost/3500 + 10 {
			e.ID = lull.NewID()
			if err := w.s.Record(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		w.sleep(time.Hour)
	}
	files, err := filepath.Glob(filepath.Join(w.dir, lull.DefaultGate, "history*"))
	if err != nil || len(files) != 3 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, f := range files {
		if at, err := os.Stat(f); err != nil || at.Size() > historyMost+100*lineMost {
			t.Errorf("%s: %d bytes, %v", f, at.Size(), err)
		}
	}
	var last lull.Moment
	opened := 0
	for e, err := range w.s.Events(t.Context(), lull.Filter{}) {
		if err != nil || e.At.Sub(last) < 0 && !last.IsZero() {
			t.Fatalf("%+v after %+v, %v", e.At, last, err)
		}
		if last = e.At; e.Kind == lull.EventOpened {
			opened++
		}
	}
	if opened != 3 {
		t.Errorf("%d openings, want the last 3", opened)
	}
	recent := 0
	for range w.s.Events(t.Context(), lull.Filter{Since: 90 * time.Minute, Kinds: []lull.EventKind{lull.EventOpened}}) {
		recent++
	}
	if recent != 1 {
		t.Errorf("%d openings in the last 90 minutes, want 1", recent)
	}
	if err := os.Remove(file); err != nil { // and a missing one is no harm
		t.Fatal(err)
	}
	comeAndGo(t, w.s)
}

func TestJobsAloneRotateTheHistory(t *testing.T) {
	s := openAt(t, t.TempDir(), thisHost())
	s.chance = func() bool { return true }
	comeAndGo(t, s)
	file := filepath.Join(s.dir, lull.DefaultGate, "history.jsonl")
	if err := os.Truncate(file, historyMost+1); err != nil {
		t.Fatal(err)
	}
	comeAndGo(t, s)
	comeAndGo(t, s)
	if at, err := os.Stat(file); err != nil || at.Size() > lineMost {
		t.Fatalf("%d bytes, %v", at.Size(), err)
	}
}

func TestGateThatIsNeverClosedDoesNotCollectTheDead(t *testing.T) {
	w := newWorld(t)
	w.s.chance = func() bool { return true }
	for range 10 {
		p, _ := enter(t, w.s, newPass())
		kill(lull.LeaseRef{Gate: p.Gate, Pass: p.ID}, w.s)
		w.sleep(lull.DefaultLease)
		comeAndGo(t, w.s)
	}
	comeAndGo(t, w.s)
	w.s.rooms[lull.DefaultGate].dropBlanks()
	nothingLeft(t, filepath.Join(w.dir, lull.DefaultGate))
	n := 0
	for range w.s.Events(t.Context(), lull.Filter{Kinds: []lull.EventKind{lull.EventAbandoned}}) {
		n++
	}
	if n != 10 {
		t.Fatalf("%d abandoned, want 10", n)
	}
}
