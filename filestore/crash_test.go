package filestore

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

// TestCrashBetweenAnyTwoSystemCallsHeals kills a process before each system call of
// each verb in turn, until one comes through.
func TestCrashBetweenAnyTwoSystemCallsHeals(t *testing.T) {
	// What each is killed in the middle of, and what was done before: by one who lives
	// on, one who is dead by then, and the one who is to die.
	for _, c := range []struct{ verb, before string }{
		{"enter p1", ""},
		{"enter p1", "live enter p0; live leave p0"},
		{"enter p1", "live close h0"},
		{"enter p1", "dead close h0"},
		{"poll p1", "live close h0; dies enter p1; live open h0"},
		{"poll p1", "live enter p0; dead close h0; dies enter p1"},
		{"force p1", "live close h0; dies enter p1"},
		{"leave p1", "dies enter p1"},
		{"leave p1", "live enter p1"},
		{"tidy", "dead enter p1; dead run p1 echo"},
		{"renew p1", "dies enter p1"},
		{"watch p1", "live close h0; dies enter p1; live open h0"},
		{"close h1", ""},
		{"close h1", "live enter p0"},
		{"close h1", "dead crashhold h0"},
		{"close h1", "live enter p0; dead close h0"},
		{"queue h1", "live close h0"},
		{"person h1", ""},
		{"person h1", "live close h0"},
		{"drain h1", "dies close h1; dead bargein p1; dead run p1 echo"},
		{"begin h1", "dies close h1"},
		{"stop h1", "dies close h1"},
		{"extend h1", "dies person h1"},
		{"renew h1", "dies close h1"},
		{"open h1", "dies close h1"},
		{"open h1", "dies person h1"},
		{"open h1", "dies close h1; dies begin h1"},
		{"open h1", "dies close h1; live queue h0"},
		{"open h1", "dies person h1; live close h0"},
		{"snapshot", "live enter p0; dead close h0"},
		{"record x1", "live enter p0"},
	} {
		t.Run(c.before+"; "+c.verb, func(t *testing.T) {
			t.Parallel()
			step := 1
			if testing.Short() {
				step = 5
			}
			for n := 1; ; n += step {
				dir := t.TempDir()
				who := map[string]*actor{"dies": newActor(t, dir)}
				for step := range strings.SplitSeq(c.before, "; ") {
					if name, verb, ok := strings.Cut(step, " "); ok {
						if who[name] == nil {
							who[name] = newActor(t, dir)
						}
						who[name].do(verb)
					}
				}
				if dead := who["dead"]; dead != nil {
					dead.kill()
				}
				dies := who["dies"]
				dies.do("arm", n)
				answer, died := dies.try(c.verb)
				dies.kill()
				ended := heals(t, dir, who["live"])
				if strings.Contains(c.before, "p1") && ended["p1"] != 1 {
					t.Errorf("%d ends of p1 are told", ended["p1"])
				}
				if t.Failed() {
					t.Fatalf("killed before call %d", n)
				}
				if !died {
					if strings.HasPrefix(answer, "error") || n < 3 {
						t.Fatalf("after %d system calls: %s", n-1, answer)
					}
					return
				}
			}
		})
	}
}

// heals looks at what a killed process has left, as the next one that comes.
// It returns how often the end of each pass was told.
func heals(t *testing.T, dir string, live *actor) map[string]int {
	t.Helper()
	var c clock
	s := openAt(t, dir, c.in(thisHost()))
	s.patience = 5 * time.Second
	s.chance = func() bool { return false }
	ctx := t.Context()

	// It can be used at once, and is closed exactly while somebody holds it.
	p := newPass()
	got, g, err := s.Enter(ctx, p)
	if err != nil {
		t.Fatalf("the next job: %v", err)
	}
	if err := g.Check(); err != nil {
		t.Error(err)
	}
	for _, h := range g.Holds {
		if h.Kind == lull.Deployment && h.ID != "h0" {
			t.Errorf("held by %s, which is dead", h.ID)
		}
	}
	if got.Inside(g.Phase) != g.Phase.Open() {
		t.Errorf("inside %t in phase %d", got.Inside(g.Phase), g.Phase)
	}
	// Everybody goes; what the dead hold as persons is opened by force.
	if live != nil {
		live.try("leave p0")
		live.try("open h0")
		live.kill()
	}
	for _, h := range g.Holds {
		if _, err := s.Open(ctx, lull.HoldRef{Gate: h.Gate, ID: h.ID}, lull.Outcome{By: actorHolder, Force: true}); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Leave(ctx, lull.PassRef{Gate: p.Gate, ID: p.ID}, lull.Outcome{}); err != nil {
		t.Error(err)
	}
	// A deployment gets through: the dead inside are abandoned, after a lease at most.
	h := newHold(lull.Deployment)
	if _, _, err := s.Close(ctx, h); err != nil {
		t.Fatalf("the next deployment: %v", err)
	}
	d, err := s.Drain(ctx, lull.HoldRef{Gate: h.Gate, ID: h.ID})
	if err == nil && !d.Drained {
		c.sleep(lull.DefaultLease)
		d, err = s.Drain(ctx, lull.HoldRef{Gate: h.Gate, ID: h.ID})
	}
	if err != nil || !d.Drained {
		t.Fatalf("not drained: %d inside, %v", d.Count, err)
	}
	openGate(t, s, h)
	if r, err := s.room(h.Gate); err != nil || r.tidy(ctx) != nil {
		t.Error(err)
	}
	nothingLeft(t, filepath.Join(dir, h.Gate))
	return toldOnce(t, s)
}

// nothingLeft fails if a gate that nobody uses is more than it must be.
func nothingLeft(t testing.TB, gate string) {
	t.Helper()
	err := filepath.WalkDir(gate, func(path string, d os.DirEntry, err error) error {
		name, _ := filepath.Rel(gate, path)
		switch {
		case err != nil || known[name] || name == ".":
		case d.IsDir() && filepath.Dir(name) == "passes":
		default:
			t.Errorf("%s is left", name)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	dirs, _ := os.ReadDir(filepath.Join(gate, "passes"))
	if len(dirs) > 2 {
		t.Errorf("%d tickets have directories", len(dirs))
	}
}

// toldOnce fails if the history says a thing twice, or the end of what it has not
// said the beginning of, or skips a phase. It returns how often the end of each pass
// was told.
func toldOnce(t testing.TB, s *Store) map[string]int {
	t.Helper()
	ended := map[string]int{}
	said := map[string]int{}
	var phase lull.Phase
	for e, err := range s.Events(t.Context(), lull.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprintf("%s %s", e.Kind, e.ID)
		if said[what]++; said[what] > 1 {
			t.Errorf("said twice: %s", what)
		}
		if e.Phase > phase+1 || e.Phase < phase {
			t.Errorf("phase %d after phase %d: %s", e.Phase, phase, what)
		}
		phase = e.Phase
		switch e.Kind {
		case lull.EventLeft, lull.EventTimedOut, lull.EventAbandoned:
			ended[e.ID]++
		case lull.EventReleased, lull.EventCrashed, lull.EventExpired:
			if said["closed "+e.ID] == 0 {
				t.Errorf("%s, but never closed", what)
			}
		}
	}
	return ended
}
