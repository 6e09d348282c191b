package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// terminal is a pseudo-terminal on which a program runs.
type terminal struct {
	master *os.File
	ended  chan struct{} // closed when nothing more comes

	mu      sync.Mutex
	written bytes.Buffer
}

// newTerminal starts cmd on a terminal of its own.
func newTerminal(cmd *exec.Cmd) (*terminal, error) {
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 100})
	if err != nil {
		return nil, err
	}
	t := &terminal{master: master, ended: make(chan struct{})}
	go func() {
		defer close(t.ended)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			t.mu.Lock()
			t.written.Write(buf[:n])
			t.mu.Unlock()
			if err != nil {
				return // Linux answers EIO when the program has gone
			}
		}
	}()
	return t, nil
}

// text is what has been written so far.
func (t *terminal) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.written.String()
}

// all is what was written, once the program has ended.
func (t *terminal) all() string {
	<-t.ended
	return t.text()
}

// shows waits until the program has written that, and forgets everything so far.
func (t *terminal) shows(test *testing.T, want string) {
	test.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		t.mu.Lock()
		found := bytes.Contains(t.written.Bytes(), []byte(want))
		if found {
			t.written.Reset()
		}
		t.mu.Unlock()
		if found {
			return
		}
		if time.Now().After(end) {
			test.Fatalf("the terminal does not show %q, but\n%s", want, t.text())
		}
	}
}

// press types a key, such as "\x03" for Ctrl-C.
func (t *terminal) press(key string) { _, _ = t.master.WriteString(key) }

func (t *terminal) close() {
	t.master.Close()
	<-t.ended
}
