package child

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// reap blocks until the child has ended and records how. Reaping is done under mu,
// so that no signal is sent to an ID that has become someone else's. Darwin's
// waitid returns for a stopped child too (go.dev/issue/19314), hence kqueue.
func (p *Process) reap() {
	awaitExit(p.pid)
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		var ws syscall.WaitStatus
		_, err := syscall.Wait4(p.pid, &ws, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			panic("child: wait4: " + err.Error()) // a child of ours, unreaped: the kernel has no other error
		}
		p.end(ws)
		return
	}
}

// awaitExit returns when pid is ending, or at once if kqueue cannot tell: it has
// ended already (ESRCH).
func awaitExit(pid int) {
	queue, err := unix.Kqueue()
	if err != nil {
		return
	}
	defer unix.Close(queue)
	unix.CloseOnExec(queue)
	var exit unix.Kevent_t
	unix.SetKevent(&exit, pid, unix.EVFILT_PROC, unix.EV_ADD|unix.EV_ONESHOT)
	exit.Fflags = unix.NOTE_EXIT
	events := make([]unix.Kevent_t, 1)
	for {
		_, err := unix.Kevent(queue, []unix.Kevent_t{exit}, events, nil)
		if err != unix.EINTR {
			return
		}
	}
}
