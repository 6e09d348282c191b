package child

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// wrapper is a running wrapper, off a terminal, in a session of its own.
type wrapper struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *lines
	events *lines
	orders io.Writer
}

// setting is what a wrapper is started with besides its command.
type setting struct {
	env     []string
	through []string // put before its command line: nohup, unshare, a shell that sets something first
	stderr  *os.File // nil: the test's own
	inherit *os.File // becomes descriptor 5
}

// wrap starts a wrapper of args.
func wrap(t *testing.T, s setting, args ...string) *wrapper {
	t.Helper()
	line := append(append(s.through, self(t)), args...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(append(os.Environ(), role+"=wrapper"), s.env...)
	cmd.Stderr = os.Stderr
	if s.stderr != nil {
		cmd.Stderr = s.stderr
	}
	if s.inherit != nil {
		cmd.ExtraFiles = []*os.File{s.inherit}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	stdout, childsEnd := pipe(t)
	cmd.Stdout = childsEnd
	w := &wrapper{t: t, cmd: cmd, stdout: read(t, stdout)}
	w.control()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	childsEnd.Close()
	w.began()
	return w
}

// control adds descriptors 3 and 4 to the wrapper's command.
func (w *wrapper) control() {
	events, wrappersEnd := pipe(w.t)
	ordersEnd, orders := pipe(w.t)
	w.cmd.ExtraFiles = append([]*os.File{wrappersEnd, ordersEnd}, w.cmd.ExtraFiles...)
	w.events, w.orders = read(w.t, events), orders
}

func (w *wrapper) began() {
	for _, f := range w.cmd.ExtraFiles {
		f.Close()
	}
	w.t.Cleanup(func() {
		if w.cmd.ProcessState == nil {
			w.cmd.Process.Kill()
			w.cmd.Wait()
		}
	})
}

// started returns the child's ID and group, and sees to it that both end with the
// test.
func (w *wrapper) started() (pid, group int) {
	w.t.Helper()
	pid, group = w.startedElsewhere()
	w.t.Cleanup(func() {
		syscall.Kill(pid, syscall.SIGKILL)
		if group == pid {
			syscall.Kill(-group, syscall.SIGKILL)
		}
	})
	return pid, group
}

// startedElsewhere is started for a child whose IDs mean nothing here.
func (w *wrapper) startedElsewhere() (pid, group int) {
	w.t.Helper()
	w.events.expect("caught")
	line := w.events.next()
	if _, err := fmt.Sscanf(line, "started %d %d", &pid, &group); err != nil {
		w.t.Fatalf("the wrapper says %q", line)
	}
	return pid, group
}

func (w *wrapper) signal(sig syscall.Signal) {
	w.t.Helper()
	if err := w.cmd.Process.Signal(sig); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wrapper) exitCode() int {
	w.t.Helper()
	if err := w.cmd.Wait(); err != nil {
		if _, exited := err.(*exec.ExitError); !exited {
			w.t.Fatal(err)
		}
	}
	return w.cmd.ProcessState.ExitCode()
}

// reporter is the command line of a child that reports its signals.
func reporter(t *testing.T) []string {
	return []string{"env", role + "=reporter", self(t)}
}

// reporterUp waits until the reporter catches signals and returns its ID.
func reporterUp(l *lines) (pid int) {
	l.t.Helper()
	line := l.next()
	if _, err := fmt.Sscanf(line, "ready %d", &pid); err != nil {
		l.t.Fatalf("the child says %q", line)
	}
	l.t.Cleanup(func() { syscall.Kill(pid, syscall.SIGKILL) })
	return pid
}

// lines are what someone says, read as it comes.
type lines struct {
	t  *testing.T
	ch chan string
}

func read(t *testing.T, from io.Reader) *lines {
	l := &lines{t, make(chan string, 1000)}
	go func() {
		defer close(l.ch)
		for s := bufio.NewScanner(from); s.Scan(); {
			l.ch <- strings.TrimSuffix(s.Text(), "\r")
		}
	}()
	return l
}

// next returns the next line, "<end>" when there will be none.
func (l *lines) next() string {
	l.t.Helper()
	select {
	case line, open := <-l.ch:
		if !open {
			return "<end>"
		}
		return line
	case <-time.After(patience):
		l.t.Fatal("nothing more is said")
		return ""
	}
}

func (l *lines) expect(want string) {
	l.t.Helper()
	if got := l.next(); got != want {
		l.t.Fatalf("got %q, want %q", got, want)
	}
}

// eventually waits until is reports true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

func self(t *testing.T) string {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func pipe(t *testing.T) (r, w *os.File) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}
