package child

import (
	"errors"
	"runtime"
	"syscall"
)

// Command is what to run. Standard streams are always the caller's own
// descriptors 0, 1 and 2; descriptors above that reach the child only if the
// caller inherited them itself.
type Command struct {
	// Args is the command and its arguments. Args[0] is looked up by Find and
	// reaches the command as typed.
	Args []string
	// Dir is the working directory, entered by its path at Start; empty is the
	// caller's own. Whoever sets it sets PWD in Env.
	Dir string
	// Env is the whole environment, "NAME=value" each. PATH is taken from here.
	Env []string
	// Signals, unless nil, are relayed to the child from before it exists until
	// Done. Its C must not be read in between.
	Signals *Signals
}

// Start runs c and returns as soon as the command itself is executing. Every
// error is a *StartError and carries the exit status 126 or 127.
//
// If we are process 1, every orphan handed to us is reaped while the child runs:
// do not run other commands in that time.
func Start(c Command) (*Process, error) {
	if len(c.Args) == 0 {
		return nil, &StartError{Err: errors.New("no command given")}
	}
	if err := enterable(c.Dir); err != nil {
		return nil, &StartError{Command: c.Args[0], Dir: c.Dir, Err: err}
	}
	path, err := Find(c.Args[0], c.Dir, c.Env)
	if err != nil {
		return nil, err
	}

	p := &Process{terminal: controllingTerminal(), ended: make(chan struct{}), done: make(chan struct{})}
	p.leads = !p.terminal.attached
	if c.Signals != nil {
		c.Signals.prepare(p.leads)
	}
	started := make(chan error)
	go p.run(path, c, started)
	if err := <-started; err != nil {
		p.terminal.close()
		return nil, &StartError{Command: c.Args[0], Err: err, found: true}
	}
	return p, nil
}

// run forks, reports on started, and sees the child to its end, all on one
// thread: the kernel sends the parent-death signal when the thread that forked
// ends, not the process (prctl(2), PR_SET_PDEATHSIG), and Go ends idle threads of
// its own accord.
func (p *Process) run(path string, c Command, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	// ForkExec puts back the limit on open files that the Go runtime raised.
	pid, err := syscall.ForkExec(path, c.Args, &syscall.ProcAttr{
		Dir:   c.Dir,
		Env:   c.Env,
		Files: []uintptr{0, 1, 2},
		Sys:   attributes(p.leads),
	})
	if err != nil {
		started <- err
		return
	}
	p.pid, p.group = pid, pid
	if !p.leads {
		p.group = syscall.Getpgrp()
	}
	started <- nil

	relayed := make(chan struct{})
	go func() {
		defer close(relayed)
		if c.Signals != nil {
			c.Signals.relay(p)
		}
	}()
	p.reap()
	close(p.ended)
	<-relayed
	p.terminations.Wait()
	p.terminal.close()
	close(p.done)
}
