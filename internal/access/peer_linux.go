package access

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// groupsMost is how many groups of a user are asked for: the kernel's own bound (NGROUPS_MAX).
const groupsMost = 65536

// peerOf asks the kernel who made the connection: unix(7), SO_PEERCRED and SO_PEERGROUPS.
func peerOf(fd int) (peer, error) {
	who, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return peer{}, fmt.Errorf("ask for the user of a socket: %w", err)
	}
	more, err := peerGroups(fd)
	if err != nil && err != unix.ENOPROTOOPT { // Linux 4.13 was the first to tell
		return peer{}, fmt.Errorf("ask for the groups of a socket's user: %w", err)
	}
	return peer{uid: int(who.Uid), gids: append([]int{int(who.Gid)}, more...)}, nil
}

// peerGroups is the supplementary groups. With too little room the kernel answers ERANGE, and
// how much it needs.
func peerGroups(fd int) ([]int, error) {
	groups := make([]uint32, 64)
	for {
		size := uint32(len(groups)) * 4
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		n := int(size / 4)
		switch {
		case errno == unix.ERANGE && n > len(groups) && n <= groupsMost:
			groups = make([]uint32, n)
		case errno != 0:
			return nil, errno
		default:
			gids := make([]int, n)
			for i, g := range groups[:n] {
				gids[i] = int(g)
			}
			return gids, nil
		}
	}
}
