package access

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// peerOf asks the kernel who made the connection: unix(4), LOCAL_PEERCRED.
func peerOf(fd int) (peer, error) {
	who, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return peer{}, fmt.Errorf("ask for the user of a socket: %w", err)
	}
	p := peer{uid: int(who.Uid)}
	for _, g := range who.Groups[:min(int(who.Ngroups), len(who.Groups))] {
		p.gids = append(p.gids, int(g))
	}
	return p, nil
}
