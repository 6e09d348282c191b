package pgtest

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// tailLines is how much of a log tells what went wrong.
const tailLines = 40

// servant is what a test starts and has to close.
type servant interface {
	Log() string
	Close() error
}

// closeAfter closes at the end of a test, and shows the log if that failed.
func closeAfter(t testing.TB, name string, s servant) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", name, tail(s.Log()))
		}
		if err := s.Close(); err != nil {
			t.Errorf("close %s: %v", name, err)
		}
	})
}

// Log is all that the server has logged since it was made, over restarts.
func (s *Server) Log() string { return readLog(s.logFile()) }

func readLog(path string) string {
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err.Error()
	}
	return string(content)
}

func tail(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
