package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// ended reports whether an input has nothing more to give, without reading from it:
// the other end of the pipe or socket is closed, and nothing is left in it.
func ended(in *os.File) bool {
	fds := []unix.PollFd{{Fd: int32(in.Fd()), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	if err != nil || n == 0 {
		return false
	}
	return fds[0].Revents&unix.POLLIN == 0 && fds[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0
}
