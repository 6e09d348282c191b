package filestore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lull-dev/lull"
)

// broken are what a file may be found as that was written whole.
var broken = map[string]func([]byte) []byte{
	"empty":     func([]byte) []byte { return nil },
	"truncated": func(b []byte) []byte { return b[:len(b)/3] },
	"zeros":     func(b []byte) []byte { return make([]byte, len(b)) },
	"half new": func(b []byte) []byte {
		return []byte(strings.Replace(string(b), `"phase": 1`, `"phase": 7`, 1) + `"`)
	},
	"altered":  func(b []byte) []byte { return []byte(strings.Replace(string(b), `release 81`, `release 82`, 1)) },
	"foreign":  func([]byte) []byte { return []byte(`{"name":"another program's","sum":"00000000"}`) },
	"not json": func([]byte) []byte { return []byte("GIF89a") },
}

func spoil(t *testing.T, file string, how func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, how(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestUnreadableGateIsClosedWhileSomebodyHolds(t *testing.T) {
	broken["removed"] = nil
	defer delete(broken, "removed")
	for name, how := range broken {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []lull.Kind{lull.Deployment, lull.Person} {
				w := newWorld(t)
				h, before := newHold(kind), newPass()
				enter(t, w.s, before)
				closeGate(t, w.s, h)
				waiter, _ := enter(t, w.s, newPass())
				file := filepath.Join(w.dir, h.Gate, "gate.json")
				if how == nil {
					os.Remove(file)
				} else {
					spoil(t, file, how)
				}
				other := openAt(t, w.dir, w.in(thisHost()))
				p, g := enter(t, other, newPass())
				if p.Inside(g.Phase) || g.Phase.Open() || len(g.Holds) != 1 || g.Holds[0].ID != h.ID || g.Holds[0].Reason != h.Reason {
					t.Fatalf("ticket %d in phase %d, held by %+v", p.Ticket, g.Phase, g.Holds)
				}
				if waiter.Inside(g.Phase) || g.Phase.Ticket() < waiter.Ticket {
					t.Fatalf("phase %d; a waiter has ticket %d", g.Phase, waiter.Ticket)
				}
				d, err := other.Drain(t.Context(), lull.HoldRef{Gate: h.Gate, ID: h.ID})
				if err != nil || d.Count != 1 || d.Inside[0].ID != before.ID {
					t.Fatalf("drain %+v, %v", d, err)
				}
				openGate(t, w.s, h)
				if got, g, err := w.s.Poll(t.Context(), lull.PassRef{Gate: p.Gate, ID: waiter.ID}); err != nil || !got.Inside(g.Phase) {
					t.Fatalf("ticket %d in phase %d, %v", got.Ticket, g.Phase, err)
				}
			}
		})
	}
}

func TestUnreadableGateThatNobodyHoldsIsOpen(t *testing.T) {
	for name, how := range broken {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			h, person := newHold(lull.Deployment), newHold(lull.Person)
			for range 3 {
				closeGate(t, w.s, person)
				openGate(t, w.s, person)
				person.ID = lull.NewID()
			}
			closeGate(t, w.s, h)
			spoil(t, filepath.Join(w.dir, h.Gate, "gate.json"), how)
			kill(lull.LeaseRef{Gate: h.Gate, Hold: h.ID}, w.s)
			p, g := enter(t, w.s, newPass())
			if !p.Inside(g.Phase) || g.Phase < 8 {
				t.Fatalf("ticket %d in phase %d, which was 7", p.Ticket, g.Phase)
			}
		})
	}
}

func TestUnreadableHoldCloses(t *testing.T) {
	for _, kind := range []lull.Kind{lull.Deployment, lull.Person} {
		w := newWorld(t)
		h := newHold(kind)
		closeGate(t, w.s, h)
		gate := filepath.Join(w.dir, h.Gate)
		spoil(t, filepath.Join(gate, "holds", h.ID+".json"), broken["truncated"])
		w.is(w.s, h.ID, true)
		// And also when it is all that is left.
		spoil(t, filepath.Join(gate, "gate.json"), broken["empty"])
		other := openAt(t, w.dir, w.in(thisHost()))
		w.is(other, h.ID, true)
		if p, g := enter(t, other, newPass()); p.Inside(g.Phase) {
			t.Fatalf("inside in phase %d", g.Phase)
		}
		if kind == lull.Deployment {
			openGate(t, w.s, h) // its owner is known again
		} else {
			w.sleep(lull.DefaultPersonLimit)
		}
		w.is(other, h.ID, false)
	}
}

func TestUnreadablePassIsInsideForALease(t *testing.T) {
	for name, how := range broken {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p, _ := enter(t, w.s, newPass())
			h := newHold(lull.Deployment)
			closeGate(t, w.s, h)
			spoil(t, filepath.Join(w.dir, p.Gate, "passes", "0", p.ID+".json"), how)
			w.is(w.s, p.ID, true)
			w.sleep(2 * lull.DefaultLease) // its owner lives
			w.is(w.s, p.ID, true)
			other := openAt(t, w.dir, w.in(thisHost()))
			kill(lull.LeaseRef{Gate: p.Gate, Pass: p.ID}, w.s, other)
			ref := lull.HoldRef{Gate: h.Gate, ID: h.ID}
			if name != "altered" && name != "half new" { // which leave a pass's record alone
				if d, err := other.Drain(t.Context(), ref); err != nil || d.Drained {
					t.Fatalf("drained %t, %v", d.Drained, err)
				}
			}
			w.sleep(lull.DefaultLease)
			if d, err := other.Drain(t.Context(), ref); err != nil || !d.Drained {
				t.Fatalf("drained %t, %v", d.Drained, err)
			}
		})
	}
}

func TestNewerGateIsLeftAlone(t *testing.T) {
	s := openAt(t, t.TempDir(), thisHost())
	comeAndGo(t, s)
	file := filepath.Join(s.dir, lull.DefaultGate, "gate.json")
	data, err := seal(gateRecord{Format: format + 1, Gate: lull.Gate{Name: lull.DefaultGate}}, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Enter(t.Context(), newPass())
	isSetup(t, err)
	if now, err := os.ReadFile(file); err != nil || string(now) != string(data) {
		t.Fatalf("it was written over: %s, %v", now, err)
	}
}

func TestTornLinesOfTheHistoryAreSkipped(t *testing.T) {
	s := openAt(t, t.TempDir(), thisHost())
	comeAndGo(t, s)
	file := filepath.Join(s.dir, lull.DefaultGate, "history.jsonl")
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, torn := range []string{"\x00\x00\x00\n", "{}\n", "[1]\n", "\n", `{"at":{"wall":"2026-01-02T03:04:05Z"},"gate":"defa`} {
		if _, err := f.WriteString(torn); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	comeAndGo(t, s) // its line is glued to the torn one
	comeAndGo(t, s)
	n := 0
	for e, err := range s.Events(t.Context(), lull.Filter{}) {
		if err != nil || e.Kind != lull.EventLeft {
			t.Errorf("%+v, %v", e, err)
		}
		n++
	}
	if n != 3 {
		t.Fatalf("%d events, want 3", n)
	}
}
