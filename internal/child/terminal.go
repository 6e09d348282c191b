package child

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// terminal is our controlling terminal, if we are on one in the sense of the
// package comment. The zero value is none.
type terminal struct {
	attached bool
	fd       int
	opened   bool // fd is ours to close, not a standard stream
}

func controllingTerminal() terminal {
	for fd := range 3 {
		if controls(fd) {
			return terminal{attached: true, fd: fd}
		}
	}
	fd, err := openControllingTerminal()
	if err != nil {
		return terminal{}
	}
	t := terminal{attached: true, fd: fd, opened: true}
	if !t.inForeground() {
		t.close()
		return terminal{}
	}
	return t
}

// inForeground says whether our group is the one that the keyboard talks to.
func (t terminal) inForeground() bool {
	if !t.attached {
		return false
	}
	group, err := ioctlPID(t.fd, unix.TIOCGPGRP)
	return err == nil && group == syscall.Getpgrp()
}

func (t terminal) close() {
	if t.opened {
		syscall.Close(t.fd)
	}
}

// controls says whether fd is the terminal of our session. Comparing sessions
// tells it from a pseudo-terminal's master side, for which TIOCGPGRP alone works.
func controls(fd int) bool {
	session, err := ioctlPID(fd, sessionOfTerminal)
	if err != nil {
		return false
	}
	own, err := unix.Getsid(0)
	return err == nil && session == own
}

func hasControllingTerminal() bool {
	fd, err := openControllingTerminal()
	if err != nil {
		return false
	}
	syscall.Close(fd)
	return true
}

// openControllingTerminal fails with ENXIO when there is none (tty(4)).
func openControllingTerminal() (int, error) {
	return syscall.Open("/dev/tty", syscall.O_RDONLY|syscall.O_NOCTTY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
}
