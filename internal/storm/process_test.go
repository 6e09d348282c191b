//go:build linux

package storm

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mark is the variable by which every process of one storm is known, whoever has
// started it and whoever is its parent by now.
const mark = "LULL_STORM"

// launcher starts processes that the kernel kills when the test dies. The signal is
// sent when the thread that forked ends (prctl(2), PR_SET_PDEATHSIG), so that one
// thread forks them all, and lives as long as the storm.
type launcher struct{ ask chan launch }

type launch struct {
	cmd *exec.Cmd
	err chan error
}

func newLauncher(t *testing.T) *launcher {
	l := &launcher{ask: make(chan launch)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		for next := range l.ask {
			next.err <- next.cmd.Start()
		}
	}()
	t.Cleanup(func() {
		close(l.ask)
		<-ended
	})
	return l
}

// process is a wrapper under way.
type process struct {
	cmd      *exec.Cmd
	ended    chan struct{}
	status   int            // as a shell would tell it, valid once ended
	bySignal syscall.Signal // 0 if it exited by itself
}

// start starts a wrapper of that name. It has no terminal, and its diagnostics go
// to a file of that name: a pipe would be kept open by a child that outlives it.
func (s *storm) start(id string, args []string, streams ...*os.File) (*process, error) {
	diagnostics, err := os.OpenFile(filepath.Join(s.dir, "diagnostics", id), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	defer diagnostics.Close()
	p := &process{cmd: exec.Command(args[0], args[1:]...), ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = s.dir, s.env
	p.cmd.Stdout, p.cmd.Stderr = diagnostics, diagnostics
	if len(streams) == 2 {
		p.cmd.Stdin, p.cmd.Stdout = streams[0], streams[1]
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	l := launch{p.cmd, make(chan error)}
	s.launcher.ask <- l
	if err := <-l.err; err != nil {
		return nil, err
	}
	go func() {
		defer close(p.ended)
		err := p.cmd.Wait()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			ws := exit.Sys().(syscall.WaitStatus)
			p.status = ws.ExitStatus()
			if ws.Signaled() {
				p.bySignal, p.status = ws.Signal(), 128+int(ws.Signal())
			}
		}
	}()
	return p, nil
}

// signal reports whether the signal reached the process alive, or nearly so.
func (p *process) signal(sig syscall.Signal) bool { return p.cmd.Process.Signal(sig) == nil }

// endedWithin waits for the end, but not for ever: what hangs is killed.
func (p *process) endedWithin(patience time.Duration) bool {
	select {
	case <-p.ended:
		return true
	case <-time.After(patience):
	}
	p.signal(syscall.SIGKILL)
	<-p.ended
	return false
}

// remaining lists the processes of the storm that are alive, by their mark. A zombie
// has no environment any more; of a process whose first thread has ended, the other
// threads still have it.
func (s *storm) remaining() map[int]string {
	all := map[int]string{}
	threads, _ := filepath.Glob("/proc/[0-9]*/task/[0-9]*")
	for _, dir := range threads {
		env, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !bytes.Contains(env, []byte(mark+"="+s.dir+"\x00")) {
			continue
		}
		pid, _ := strconv.Atoi(strings.Split(dir, "/")[2])
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		all[pid] = strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
	}
	return all
}

// killRemaining ends every process that the storm has left.
func (s *storm) killRemaining() {
	for range 10 {
		left := s.remaining()
		if len(left) == 0 {
			return
		}
		for pid := range left {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// run starts a wrapper and waits for its end, for what is not part of the storm.
func (s *storm) run(args ...string) (stdout string, status int, err error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = s.dir, s.env
	var diagnostics bytes.Buffer
	cmd.Stderr = &diagnostics
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, diagnostics.String())
	}
	return string(out), cmd.ProcessState.ExitCode(), err
}
