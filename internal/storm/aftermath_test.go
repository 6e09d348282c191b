//go:build linux

package storm

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// aftermath looks what is left when every wrapper has ended: no process, no pass, no
// hold, no file. Nobody cleans up. It returns how long that took.
func (s *storm) aftermath() string {
	s.Helper()
	gone := s.waitFor("every command has ended", s.lease+slack, s.survivors)
	if s.lapses {
		s.outwaitTheDead()
	}
	calm := s.waitFor("lull status shows an open and empty gate", s.lease+slack, s.unrest)

	// The gate is free at once, for a job and for a deployment that waits for nobody.
	free := time.Now()
	for _, verb := range []string{"run", "deploy"} {
		if _, _, err := s.run(s.lull, verb, "--", "true"); err != nil {
			s.Errorf("after the storm: %v", err)
		}
	}
	passed := time.Since(free)
	if passed > slack {
		s.Errorf("after the storm a job and a deployment took %s", passed)
	}
	if left, err := s.records(); len(left) > 0 || err != nil {
		s.Errorf("after the storm the store keeps, %v:\n%s", err, strings.Join(left, "\n"))
	}
	races, _ := filepath.Glob(filepath.Join(s.dir, "race.*"))
	for _, report := range races {
		text, _ := os.ReadFile(report)
		s.Errorf("a data race in lull:\n%s", text)
	}
	ms := time.Millisecond
	return fmt.Sprintf("after the storm: the last command was gone after %s, the gate calm after %s, a job and a deployment passed in %s",
		gone.Round(ms), calm.Round(ms), passed.Round(ms))
}

// outwaitTheDead has a deployment wait for the dead, where somebody must: it ends
// their places, when their leases are over.
func (s *storm) outwaitTheDead() {
	began := time.Now()
	if _, _, err := s.run(s.lull, "deploy", "--max-wait", "1m", "--", "true"); err != nil {
		s.Errorf("after the storm: %v", err)
	}
	if took := time.Since(began); took > s.lapse()+2*s.notice+slack {
		s.Errorf("after the storm a deployment waited for the dead for %s", took)
	}
}

// survivors lists the processes that are left, one a line.
func (s *storm) survivors() string {
	var left []string
	for pid, line := range s.remaining() {
		left = append(left, fmt.Sprintf("%d %s", pid, line))
	}
	return strings.Join(left, "\n")
}

// waitFor waits until nothing speaks against it any more.
func (s *storm) waitFor(what string, most time.Duration, against func() string) time.Duration {
	s.Helper()
	began := time.Now()
	for {
		objection := against()
		took := time.Since(began)
		if objection == "" {
			return took
		}
		if took > most {
			s.Errorf("%s: not within %s:\n%s", what, most, objection)
			return took
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// unrest is what lull status shows of a gate that is not open and empty.
func (s *storm) unrest() string {
	out, _, err := s.run(s.lull, "status", "-o", "json")
	if err != nil {
		return err.Error()
	}
	var status struct {
		State                          string
		Holds, Queued, Inside, Waiting []any
	}
	if err := json.Unmarshal([]byte(out), &status); err != nil {
		return err.Error()
	}
	if status.State == "open" && len(status.Holds)+len(status.Queued)+len(status.Inside)+len(status.Waiting) == 0 {
		return ""
	}
	return out
}

// diagnostics is what a wrapper and its command wrote to standard error.
func (s *storm) diagnostics(id string) string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "diagnostics", id))
	return strings.TrimSpace(string(text))
}
