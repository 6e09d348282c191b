package access_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/lull-dev/lull/internal/access"
	"golang.org/x/sys/unix"
)

// serve answers at a socket with who asks, as access.Identity in JSON.
func serve(t *testing.T, address string, o access.Options) {
	t.Helper()
	guard, err := access.New(o)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ConnContext: access.ConnContext, Handler: guard.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(answer{access.Of(r.Context()), access.Of(r.Context()).Sign("somebody")})
	}))}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close(); <-ended })
}

type answer struct {
	Who    access.Identity
	Signed string
}

func ask(address string, dial func(string) (net.Conn, error), token string) (status int, a answer, _ error) {
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return dial(address) }}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequest(http.MethodGet, "http://lull/", nil)
	if err != nil {
		return 0, a, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return 0, a, err
	}
	defer response.Body.Close()
	return response.StatusCode, a, json.NewDecoder(response.Body).Decode(&a)
}

func asSelf(address string) (net.Conn, error) { return net.Dial("unix", address) }

// asUser connects as another user. Only a thread that nobody uses afterwards is he.
func asUser(uid int, gids []int) func(string) (net.Conn, error) {
	return func(address string) (conn net.Conn, err error) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread() // for good: the thread ends with the goroutine
			conn, err = connectAs(uid, gids, address)
		}()
		<-done
		return conn, err
	}
}

func connectAs(uid int, gids []int, address string) (net.Conn, error) {
	groups := make([]uint32, len(gids))
	for i, g := range gids {
		groups[i] = uint32(g)
	}
	if err := setGroups(groups); err != nil {
		return nil, err
	}
	for _, call := range []uintptr{unix.SYS_SETRESGID, unix.SYS_SETRESUID} {
		if _, _, errno := unix.RawSyscall(call, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
			return nil, fmt.Errorf("become user %d: %w", uid, errno)
		}
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), address)
	defer file.Close()
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: address}); err != nil {
		return nil, err
	}
	return net.FileConn(file)
}

// setGroups sets the groups of this thread alone, which unix.Setgroups would set for all.
func setGroups(groups []uint32) error {
	var first unsafe.Pointer
	if len(groups) > 0 {
		first = unsafe.Pointer(&groups[0])
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(first), 0); errno != 0 {
		return errno
	}
	return nil
}

func TestUserOfAUnixSocketIsKnownByTheKernel(t *testing.T) {
	address := filepath.Join(t.TempDir(), "lull.sock")
	tokens := openTokens(t, newPath(t))
	token, _ := create(t, tokens, access.Spec{Name: "ci", Role: access.Viewer})
	serve(t, address, access.Options{Tokens: tokens})
	if status, a, err := ask(address, asSelf, ""); err != nil || status != 200 || a.Who.Role != access.Admin || a.Who.Source != access.ByUser || a.Signed != "somebody" {
		t.Errorf("the server's own user is %d, %+v, %v", status, a, err)
	}
	if status, a, err := ask(address, asSelf, token); err != nil || status != 200 || a.Who.Role != access.Viewer || a.Who.Name != "ci" {
		t.Errorf("with a token it is %d, %+v, %v", status, a, err)
	}
	if status, _, err := ask(address, asSelf, "wrong"); err != nil || status != 401 {
		t.Errorf("with a wrong token it is %d, %v", status, err)
	}
}

func TestOtherUsersOfAUnixSocketAreJobsUnderTheirOwnNames(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	const uid = 54321 // nobody's
	address := fmt.Sprintf("@lull-access-%d", os.Getpid())
	serve(t, address, access.Options{})
	_, a, err := ask(address, asUser(uid, nil), "")
	if err != nil || a.Who.Role != access.Job || a.Who.Name != "uid 54321" || a.Signed != "uid 54321" {
		t.Errorf("it is %+v, %v", a, err)
	}
}

func TestRolesOfUsersMayDependOnTheirGroups(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	address := fmt.Sprintf("@lull-access-groups-%d", os.Getpid())
	serve(t, address, access.Options{Peers: func(uid int, gids []int) access.Role {
		if uid == 54321 && slices.Contains(gids, 54321) && slices.Contains(gids, 60100) {
			return access.Deployer
		}
		return ""
	}})
	many := make([]int, 100) // more than are asked for at first
	for i := range many {
		many[i] = 60001 + i
	}
	for _, c := range []struct {
		gids []int
		role access.Role
	}{{many, access.Deployer}, {many[:10], ""}, {nil, ""}} {
		if _, a, err := ask(address, asUser(54321, c.gids), ""); err != nil || a.Who.Role != c.role || a.Who.Source != access.ByUser {
			t.Errorf("in %d groups it is %+v, %v", len(c.gids), a, err)
		}
	}
}

func TestWithoutConnContextASocketsUserIsNobody(t *testing.T) {
	h := newHouse(t, access.Options{})
	if _, id := h.ask("GET", "/", "Remote", "@"); id.Role != "" {
		t.Errorf("it is %+v", id)
	}
}
