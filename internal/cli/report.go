package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
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
