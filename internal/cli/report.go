package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// report is what --report writes: how a command fared, told apart from lull's own
// failures.
type report struct {
	Started  bool    `json:"started"`
	ExitCode *int    `json:"exit_code"` // the child's; null if it was not started
	Waited   float64 `json:"waited"`    // seconds
	Casualty bool    `json:"casualty"`
	Lost     bool    `json:"lost"` // the lease was lost while it ran
	Error    string  `json:"error,omitempty"`
}

// reported does what a command is for, and writes the report about it. The path may
// still come from the configuration, which that reads.
func (a *app) reported(path *string, do func(*report) error) error {
	var r report
	err := do(&r)
	if errors.Is(err, errNoReport) {
		return err
	}
	if err != nil && !r.Started {
		r.Error = err.Error()
	}
	if failed := r.write(*path); failed != nil {
		a.fail("the report could not be written: %v", failed)
	}
	return err
}

// errNoReport is why nothing is begun that could not be reported.
var errNoReport = errors.New("no report can be written there")

// prepareReport refuses a path to which no report can be written, while there is time, and
// removes an older report: if this process is killed, it must not stand for ours.
func prepareReport(path string) error {
	if path == "" || special(path) {
		return nil
	}
	dir := filepath.Dir(path)
	err := unix.Access(dir, unix.W_OK|unix.X_OK)
	if err == nil {
		if err = unix.Unlink(path); errors.Is(err, unix.ENOENT) {
			err = nil
		}
	}
	if err == nil {
		return nil
	}
	return &failure{status: exitUsage, what: fmt.Sprintf("--report %s: %v: %v", path, errNoReport, err), hint: "name a file in a directory that can be written", err: errNoReport}
}

// special reports whether a path leads to something that is not a file, such as
// /dev/stderr or /dev/null: that is written to, and never replaced.
func special(path string) bool {
	at, err := os.Stat(path)
	return err == nil && !at.Mode().IsRegular() && !at.IsDir()
}

// write puts the report in place in one step, so that a reader never sees half of
// it.
func (r report) write(path string) error {
	if path == "" {
		return nil
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if special(path) {
		return os.WriteFile(path, append(text, '\n'), 0)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".lull-report-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(text, '\n'))
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	// Other users of the host may read it, as any file a shell would write.
	if err := os.Chmod(f.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
