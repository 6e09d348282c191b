package access

import (
	"context"
	"net"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// peer is the user at the other end of a unix socket.
type peer struct {
	uid  int
	gids []int // of the process: what the directory of users says may differ
	name string
}

type peerKey struct{}

// ConnContext notes the user at the other end of a unix socket, as the kernel says who it is.
// It is for [net/http.Server.ConnContext]; without it everybody who comes by a socket is
// nobody.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	raw, ok := c.(syscall.Conn)
	if !ok || c.LocalAddr().Network() != "unix" {
		return ctx
	}
	conn, err := raw.SyscallConn()
	if err != nil {
		return ctx
	}
	var p peer
	var asked error
	if err := conn.Control(func(fd uintptr) { p, asked = peerOf(int(fd)) }); err != nil || asked != nil {
		return ctx
	}
	p.name = userName(p.uid)
	return context.WithValue(ctx, peerKey{}, p)
}

// userName is a user's name, or "uid 1000" where the name is not to be found, as it is for
// users of a directory that libc would have to be asked for.
func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid " + strconv.Itoa(uid)
}

// identity is who the user is here.
func (p peer) identity(role Role) Identity {
	return Identity{Name: p.name, Role: role, Source: ByUser, namesOthers: isOwn(p.uid)}
}

// isOwn says whether somebody could do everything on this host, or to this process, anyway.
func isOwn(uid int) bool { return uid == 0 || uid == os.Geteuid() }

// ownUserIsAdmin is the roles of users unless somebody says otherwise.
func ownUserIsAdmin(uid int, _ []int) Role {
	if isOwn(uid) {
		return Admin
	}
	return Job
}
