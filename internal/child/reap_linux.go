package child

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// reap blocks until the child has ended and records how. Blocking is done without
// reaping (WNOWAIT), and reaping under mu, so that no signal is sent to an ID that
// has become someone else's. Without WSTOPPED a stopped child is of no interest.
//
// As process 1 the kernel hands us every orphan of the container; nobody else can
// reap those, so we wait for whoever ends, and take the child for what it is.
func (p *Process) reap() {
	kind, id, whom := unix.P_PID, p.pid, p.pid
	if os.Getpid() == 1 {
		kind, id, whom = unix.P_ALL, 0, -1
	}
	for !p.reaped { // written by this goroutine alone
		err := unix.Waitid(kind, id, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != nil && err != unix.EINTR {
			panic("child: waitid: " + err.Error()) // a child of ours, unreaped: the kernel has no other error
		}
		p.reapEnded(whom)
	}
}

// reapEnded reaps all that have ended by now, without blocking.
func (p *Process) reapEnded(whom int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(whom, &ws, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil || pid == 0:
			return
		case pid == p.pid:
			p.end(ws)
		}
	}
}
