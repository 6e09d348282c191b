package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// killAfter is how long a server may take to stop when nothing of it is wanted any
// more. PostgreSQL's own patience with its children in an immediate shutdown is 5 s.
const killAfter = 10 * time.Second

// process is a server: a direct child, so that its process id is known and its end
// is noticed.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; to be read once done is closed
}

// startProcess starts cmd with its output in a log. If we are killed, the kernel
// sends it the signal lastWord.
//
// It leads a process group. A server that is stopped (see Freeze) when we are killed
// gets no signal until it is continued: the kernel does that for a stopped group
// that has lost its parent's session (setpgid(2), orphaned process groups).
func startProcess(cmd *exec.Cmd, log string, lastWord syscall.Signal) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	signalAtParentsEnd(cmd.SysProcAttr, lastWord)

	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// run sees the process to its end on one thread: the parent-death signal is sent
// when the thread that forked ends, and Go ends idle threads of its own accord.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	started <- nil
	p.err = p.cmd.Wait()
	close(p.done)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop sends a signal and waits for the end.
func (p *process) stop(ctx context.Context, signal syscall.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("process %d has not ended after %v: %w", p.pid(), signal, context.Cause(ctx))
	}
}

// end stops the process whatever it takes.
func (p *process) end(signal syscall.Signal) {
	ctx, cancel := context.WithTimeout(context.Background(), killAfter)
	defer cancel()
	if p.stop(ctx, signal) != nil {
		p.cmd.Process.Kill()
		<-p.done
	}
}
