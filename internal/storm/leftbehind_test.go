//go:build linux

package storm

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestCommandCountsUntilItIsDead: what a killed wrapper leaves behind keeps its place,
// in every way in which something can be left behind.
func TestCommandCountsUntilItIsDead(t *testing.T) {
	s := newStorm(t)
	s.build(s.lull, "../../cmd/lull", *raceFlag)
	s.tool = s.lullTool()
	ms := time.Millisecond
	for i, test := range []struct {
		name string
		left plan
	}{
		{"it ignores TERM", plan{stubborn: true}},
		{"it is a shell's child", plan{shell: true}},
		{"its first thread has ended", plan{stubborn: true, headless: true}},
		{"it is a shell's child, and its first thread has ended", plan{shell: true, headless: true}},
		{"it ends with TERM, and a job inside it does not", plan{inner: &plan{life: 120 * ms}}},
		{"it is a shell's child, and a job is inside", plan{shell: true, inner: &plan{life: 120 * ms}}},
	} {
		left := test.left
		left.life, left.fault = 160*ms, fault{kind: killedByCommand, after: 120 * ms}
		t.Run("job: "+test.name, func(t *testing.T) {
			left.id, left.role = fmt.Sprintf("j%d", i), Job
			if left.inner != nil {
				left.inner.id, left.inner.role = left.id+".1", Job
			}
			s.leaveBehind(t, left, plan{id: fmt.Sprintf("after-j%d", i), role: Deployment})
		})
		t.Run("deployment: "+test.name, func(t *testing.T) {
			left.id, left.role = fmt.Sprintf("d%d", i), Deployment
			if left.inner != nil {
				left.inner.id, left.inner.role, left.inner.partOf = left.id+".1", Part, left.id
			}
			s.leaveBehind(t, left, plan{id: fmt.Sprintf("after-d%d", i), role: Job})
		})
	}
}

// leaveBehind carries out a plan whose wrapper is killed, and one that must wait for
// what it has left.
func (s *storm) leaveBehind(t *testing.T, left, next plan) {
	before := len(overlaps(s.entries()))
	for _, p := range []plan{left, next} {
		process, err := s.start(p.id, s.wrapper(p))
		if err != nil {
			t.Fatal(err)
		}
		if ended := process.endedWithin(s.patience); !ended || process.bySignal == 0 != (p.fault.kind == unharmed) {
			t.Fatalf("%s ended with %d\n%s", p, process.status, s.diagnostics(p.id))
		}
	}
	ended, began := -1, -1
	entries := s.entries()
	for i, e := range entries {
		switch {
		case e.what == "ended" && strings.Split(e.id, ".")[0] == left.id:
			ended = i
		case e.what == "began" && e.id == next.id:
			began = i
		}
	}
	if ended < 0 || began < ended {
		t.Errorf("%s began in line %d, and what was left ended in line %d", next.id, began, ended)
	}
	for _, e := range overlaps(entries)[before:] {
		t.Error(e)
	}
}
