package child

import (
	"os"
	"sync"
	"syscall"
)

// Process is a command that was started. All methods may be called from several
// goroutines.
type Process struct {
	pid      int
	group    int
	leads    bool // the child leads a group of its own
	terminal terminal
	ended    chan struct{} // closed when reaped; the relay stops
	done     chan struct{} // closed after ended, when relay and terminations are over

	// mu orders signals before the reaping: a process ID that was reaped may
	// belong to a stranger.
	mu          sync.Mutex
	reaped      bool
	terminating bool
	told        bool // a signal that ends programs was relayed
	killed      bool
	// terminations are the calls of Terminate under way; none begins once reaped.
	terminations sync.WaitGroup
	status       Status
}

// Status is how a command ended.
type Status struct {
	// Code is what a shell would report: the exit status 0 to 255, or 128 + n
	// when signal n ended the command.
	Code int
	// Signal ended the command; 0 if it exited by itself.
	Signal syscall.Signal
	// CoreDumped says that the signal left a core file.
	CoreDumped bool
}

// PID is the child's process ID.
func (p *Process) PID() int { return p.pid }

// Group is the process group the child was started in: off a terminal one that it
// leads itself (its own PID), on one the caller's.
func (p *Process) Group() int { return p.group }

// Done is closed when the child has ended and been reaped, no signal is relayed any
// more, and a Terminate under way has also dealt with the rest of the group: a
// caller that exits then leaves nothing half done.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait blocks until Done and returns how the child ended. It may be called more
// than once. A child that is stopped has not ended.
func (p *Process) Wait() Status {
	<-p.done
	return p.status
}

// Signal sends sig to the child's whole group, or to the child alone when it
// shares ours. It returns os.ErrProcessDone once the child was reaped.
func (p *Process) Signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.send(sig)
}

// send is Signal for those who hold mu.
func (p *Process) send(sig syscall.Signal) error {
	if p.reaped {
		return os.ErrProcessDone
	}
	if p.leads {
		return os.NewSyscallError("kill", syscall.Kill(-p.group, sig))
	}
	return os.NewSyscallError("kill", syscall.Kill(p.pid, sig))
}

// end records how the child ended. The caller holds mu and reaped it under the
// same lock.
func (p *Process) end(ws syscall.WaitStatus) {
	p.reaped = true
	p.status = Status{Code: ws.ExitStatus()}
	if ws.Signaled() {
		p.status = Status{Code: 128 + int(ws.Signal()), Signal: ws.Signal(), CoreDumped: ws.CoreDump()}
	}
}
