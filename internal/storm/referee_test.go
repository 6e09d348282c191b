//go:build linux

package storm

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRefereeKnowsWhoMayMeet(t *testing.T) {
	job, other := Witness{ID: "j1", Role: Job}, Witness{ID: "j2", Role: Job}
	d1, d2 := Witness{ID: "d1", Role: Deployment}, Witness{ID: "d2", Role: Deployment}
	part, calm := Witness{ID: "d1.1", Role: Part, PartOf: "d1"}, Witness{ID: "p1", Role: Calm}
	for _, test := range []struct {
		come     []Witness
		overlaps int
	}{
		{[]Witness{job, other}, 0},
		{[]Witness{job, d1}, 1},
		{[]Witness{d1, job}, 1},
		{[]Witness{d1, d2}, 1},
		{[]Witness{d1, part}, 0},
		{[]Witness{d2, part}, 1},
		{[]Witness{part, job}, 0}, // its deployment is gone, and the gate open
		{[]Witness{part, d1}, 2},  // it cannot have come before its own
		{[]Witness{part, d2}, 2},
		{[]Witness{d1, part, d2}, 2},
		{[]Witness{job, calm}, 1},
		{[]Witness{calm, job}, 1},
		{[]Witness{calm, d1, part}, 0},
	} {
		s := &storm{T: t, dir: t.TempDir()}
		var who []string
		for _, w := range test.come {
			w.Dir = s.dir
			who = append(who, w.ID)
			if err := w.Enter(); err != nil {
				t.Fatal(err)
			}
			defer w.Release()
		}
		if n := len(overlaps(s.entries())); n != test.overlaps {
			t.Errorf("%s: %d overlaps, want %d", strings.Join(who, ", "), n, test.overlaps)
		}
	}
}

// The child of a shell outlives it, and is a witness until it is dead itself.
func TestRefereeSeesWhomAShellLeavesBehind(t *testing.T) {
	s := newStorm(t)
	command := s.command(plan{id: "j1", role: Job, life: time.Minute, shell: true, headless: true})
	shell := exec.Command(command[0], command[1:]...)
	shell.Env = s.env
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	s.waitFor("the job has begun", slack, func() string {
		if text, _ := os.ReadFile(filepath.Join(s.dir, LogName)); strings.Contains(string(text), "began job j1") {
			return ""
		}
		return "it has not"
	})
	shell.Process.Kill()
	shell.Wait()
	met := func(id string) int {
		d := Witness{Dir: s.dir, ID: id, Role: Deployment}
		if err := d.Enter(); err != nil {
			t.Fatal(err)
		}
		defer d.Release()
		return len(overlaps(s.entries()))
	}
	if met("d1") != 1 {
		t.Error("a deployment met the shell's child, and the referee did not see it")
	}
	pid := s.entries()[0].pid
	if met := overlaps(s.entries())[0].more; !strings.HasSuffix(met, strconv.Itoa(pid)) {
		t.Errorf("the referee saw %q, and not process %d", met, pid)
	}
	syscall.Kill(pid, syscall.SIGKILL)
	s.waitFor("the child is dead", slack, s.survivors)
	if met("d2") != 1 {
		t.Error("a deployment met a dead job")
	}
}
