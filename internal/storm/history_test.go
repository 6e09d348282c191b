//go:build linux

package storm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// entry is a line of the referee's log.
type entry struct {
	at    time.Time
	what  string // began, ended, overlap, wrong
	role  Role
	id    string
	pid   int
	phase int64 // -1: lull told none
	more  string
}

// entries is the referee's log so far.
func (s *storm) entries() []entry {
	text, err := os.ReadFile(filepath.Join(s.dir, LogName))
	if err != nil && !os.IsNotExist(err) {
		s.Fatalf("the referee's log: %v", err)
	}
	var all []entry
	for line := range strings.Lines(string(text)) {
		field := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 7)
		if len(field) < 7 {
			s.Fatalf("a torn line in the referee's log: %q", line)
		}
		nano, _ := strconv.ParseInt(field[0], 10, 64)
		pid, _ := strconv.Atoi(field[4])
		phase, err := strconv.ParseInt(field[5], 10, 64)
		if err != nil {
			phase = -1
		}
		all = append(all, entry{time.Unix(0, nano), field[1], Role(field[2]), field[3], pid, phase, field[6]})
	}
	return all
}

func (e entry) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s  witness  %-7s %s %s (pid %d, phase %d) %s",
		e.at.UTC().Format(clock), e.what, e.role, e.id, e.pid, e.phase, e.more))
}

const clock = "15:04:05.000000"

// event is a line of lull history.
type event struct {
	Time     time.Time `json:"time"`
	Kind     string    `json:"event"`
	Phase    int64     `json:"phase"`
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Reason   string    `json:"reason"`
	Waited   float64   `json:"waited_seconds"`
	Ran      float64   `json:"ran_seconds"`
	Casualty bool      `json:"casualty"`
}

func (s *storm) history(flags ...string) []event {
	out, _, err := s.run(append([]string{s.lull, "history", "--limit", "0", "-o", "json"}, flags...)...)
	if err != nil {
		s.Errorf("%v", err)
	}
	// A database is gone when somebody asks why.
	if err := os.WriteFile(filepath.Join(s.dir, "history"), []byte(out), 0o644); err != nil {
		s.Errorf("%v", err)
	}
	var all []event
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var e event
		switch err := d.Decode(&e); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			s.Errorf("lull history -o json: %v", err)
			return all
		}
		all = append(all, e)
	}
}

func (e event) String() string {
	return fmt.Sprintf("%s  lull     %-9s phase %d %s %s %q ran %gs", e.Time.UTC().Format(clock), e.Kind, e.Phase, e.ID, e.Name, e.Reason, e.Ran)
}
