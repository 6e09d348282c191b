package child

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// others are the signals relayed besides waiting.
var others = []os.Signal{
	syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGCONT, syscall.SIGWINCH, syscall.SIGALRM,
	syscall.SIGABRT, syscall.SIGXCPU, syscall.SIGVTALRM, syscall.SIGIO, syscall.SIGPWR,
}

// fromKeyboard are the signals that a terminal sends to its foreground group.
var fromKeyboard = []os.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGWINCH}

// sessionOfTerminal is the ioctl that asks for it.
const sessionOfTerminal = unix.TIOCGSID

// attributes asks for SIGTERM when the thread that forks dies. ForkExec closes the
// gap before the kernel knows of it: the child compares getppid with our ID after
// the prctl and signals itself if they differ (syscall/exec_linux.go).
func attributes(lead bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: lead, Pdeathsig: syscall.SIGTERM}
}

// ignoredByKernel asks the kernel about signals that the Go runtime leaves alone
// until they are caught (TSTP, CONT) and for which signal.Ignored knows nothing.
func ignoredByKernel(sig syscall.Signal) bool {
	const ignore = 1 // SIG_IGN
	var action struct {
		handler  uintptr
		flags    uint64
		restorer uintptr
		mask     [2]uint64
	}
	const maskSize = 8
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), 0, uintptr(unsafe.Pointer(&action)), maskSize, 0, 0)
	return errno == 0 && action.handler == ignore
}

// ioctlPID reads a process ID, which is 32 bits wide everywhere.
func ioctlPID(fd int, request uint) (int, error) {
	id, err := unix.IoctlGetUint32(fd, request)
	return int(id), err
}
