package child

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// others are the signals relayed besides waiting.
var others = []os.Signal{
	syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGCONT, syscall.SIGWINCH, syscall.SIGALRM,
	syscall.SIGABRT, syscall.SIGXCPU, syscall.SIGVTALRM, syscall.SIGIO, syscall.SIGINFO,
}

// fromKeyboard are the signals that a terminal sends to its foreground group.
var fromKeyboard = []os.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGWINCH, syscall.SIGINFO}

// sessionOfTerminal is the ioctl that asks for it, TIOCGSID in sys/ttycom.h, which
// x/sys leaves out.
const sessionOfTerminal = 0x40047463

// attributes: Darwin has no parent-death signal.
func attributes(lead bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: lead}
}

// ignoredByKernel: without C there is no way to ask.
func ignoredByKernel(syscall.Signal) bool { return false }

func ioctlPID(fd int, request uint) (int, error) {
	return unix.IoctlGetInt(fd, request)
}
