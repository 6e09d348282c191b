package filestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

func TestDirectoryIsMadeForItsOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := openAt(t, dir, thisHost())
	comeAndGo(t, s)
	err := filepath.Walk(dir, func(path string, at os.FileInfo, err error) error {
		if err == nil && at.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v", path, at.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestStoreMayBeReachedByASymbolicLink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(dir, dir+"-link"); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, dir+"-link", thisHost())
	closeGate(t, s, newHold(lull.Deployment)) // the gate's first use
	if _, err := os.Stat(filepath.Join(dir, lull.DefaultGate, "gate.json")); err != nil {
		t.Fatal(err)
	}
}

func TestSharedDirectoryIsForItsGroupWhateverTheUmask(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o770|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	h := thisHost()
	s := openAt(t, dir, h)
	closeGate(t, s, newHold(lull.Deployment))
	enter(t, s, newPass())
	err := filepath.Walk(dir, func(path string, at os.FileInfo, err error) error {
		want := os.FileMode(0o660)
		if err == nil && at.IsDir() {
			want = 0o770 | os.ModeDir | os.ModeSetgid
		}
		if err == nil && at.Mode() != want {
			t.Errorf("%s: %v, want %v", path, at.Mode(), want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDirectoriesThatStrangersCanChangeAreRefused(t *testing.T) {
	for name, mode := range map[string]os.FileMode{"everybody": 0o777, "sticky": 0o777 | os.ModeSticky} {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, Options{})
		isSetup(t, err)
	}
}

func TestAnotherUsersDirectoryIsRefusedUnlessShared(t *testing.T) {
	dir := t.TempDir()
	h := thisHost()
	if h.uid == 0 {
		if err := os.Chown(dir, 4711, -1); err != nil {
			t.Fatal(err)
		}
	} else {
		h.uid++
	}
	_, err := open(dir, Options{}, system{}, h)
	isSetup(t, err)
	if err := os.Chmod(dir, 0o770|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	if _, err := open(dir, Options{}, system{}, h); err != nil {
		t.Fatal(err)
	}
}

func TestFileIsNoDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(file, Options{})
	isSetup(t, err)
	_, err = Open(filepath.Join(file, "below"), Options{})
	isSetup(t, err)
}

func TestNetworkFileSystemIsRefusedUnlessTrusted(t *testing.T) {
	k := meddle(func(string, string) error { return nil })
	k.on = &fileSystem{"nfs", true}
	dir := t.TempDir()
	_, err := open(dir, Options{}, k, thisHost())
	isSetup(t, err)
	if setup, _ := errors.AsType[*lull.SetupError](err); !strings.Contains(setup.Hint, "postgres") || !strings.Contains(setup.Hint, "network=trusted") {
		t.Errorf("hint %q", setup.Hint)
	}
	s, err := open(dir, Options{NetworkTrusted: true}, k, thisHost())
	if err != nil {
		t.Fatal(err)
	}
	a := s.About()
	if back, o, err := ParseURL(a.URL); err != nil || back != dir || !o.NetworkTrusted || !a.Shared {
		t.Fatalf("%+v is read as %s, %+v, %v", a, back, o, err)
	}
}

func TestRemovedGateIsANewOneAndItsPassesGone(t *testing.T) {
	s := openAt(t, t.TempDir(), thisHost())
	p, _ := enter(t, s, newPass())
	h := newHold(lull.Deployment)
	closeGate(t, s, h)
	if err := os.RemoveAll(filepath.Join(s.dir, p.Gate)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Poll(t.Context(), lull.PassRef{Gate: p.Gate, ID: p.ID}); !errors.Is(err, lull.ErrGone) {
		t.Fatal(err)
	}
	states, err := s.Renew(t.Context(), []lull.LeaseRef{{Gate: p.Gate, Pass: p.ID}, {Gate: h.Gate, Hold: h.ID}})
	if err != nil || states[0].Live || states[1].Live {
		t.Fatalf("%+v, %v", states, err)
	}
	if err := s.Begin(t.Context(), lull.HoldRef{Gate: h.Gate, ID: h.ID}, lull.Start{}); !errors.Is(err, lull.ErrGone) {
		t.Fatal(err)
	}
	if got, g := enter(t, s, newPass()); !got.Inside(g.Phase) || g.Phase != 0 {
		t.Fatalf("phase %d", g.Phase)
	}
}

func TestRemovedStoreIsUnavailableUntilItIsBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := openAt(t, dir, thisHost())
	comeAndGo(t, s)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Enter(t.Context(), newPass())
	isUnavailable(t, err)
	_, err = s.Snapshot(t.Context(), lull.DefaultGate)
	isUnavailable(t, err)
	_, err = s.Gates(t.Context())
	isUnavailable(t, err)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	comeAndGo(t, s)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Enter(t.Context(), newPass())
	isSetup(t, err)
}

func TestLockThatIsKeptIsUnavailableAndNamesItsOwner(t *testing.T) {
	s := openAt(t, t.TempDir(), thisHost())
	comeAndGo(t, s)
	s.patience = 20 * time.Millisecond
	r := s.rooms[lull.DefaultGate]
	fd, err := unix.Open(r.lock.path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Enter(t.Context(), newPass())
	isUnavailable(t, err)
	if want := fmt.Sprintf("pid %d (", os.Getpid()); runtime.GOOS == "linux" && !strings.Contains(err.Error(), want) {
		t.Errorf("its owner, %s…), is not named: %v", want, err)
	}
	s.patience = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, _, err = s.Enter(ctx, newPass()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want the context's", err)
	}
}

func TestURLs(t *testing.T) {
	for u, want := range map[string]string{
		"file:///var/lib/lull":                        "/var/lib/lull",
		"file:///var/lib/lull/":                       "/var/lib/lull",
		"file:///var/lib/lull?network=trusted":        "/var/lib/lull trusted",
		"file://localhost/srv/a%20b":                  "/srv/a b",
		"file://var/lib/lull":                         "",
		"file:var/lib":                                "",
		"file:///dir?network=maybe":                   "",
		"file:///dir?network=trusted&network=trusted": "",
		"file:///dir?netwrok=trusted":                 "",
		"file:///dir#x":                               "",
		"postgres:///dir":                             "",
		"file:///%zz":                                 "",
		"file://user@localhost/dir":                   "",
		"":                                            "",
	} {
		dir, o, err := ParseURL(u)
		if o.NetworkTrusted {
			dir += " trusted"
		}
		if want == "" {
			isSetup(t, err)
		} else if err != nil || dir != want {
			t.Errorf("%s: %q, %v", u, dir, err)
		}
	}
}

func TestDefaultIsTheHostsOrSaysThatItIsNot(t *testing.T) {
	home := t.TempDir()
	env := func(name string) string { return map[string]string{"HOME": home}[name] }
	system := filepath.Join(t.TempDir(), "lull")
	user := filepath.Join(home, ".local", "state", "lull")

	dir, implied, err := place{system, env, false}.choose()
	if err != nil || dir != user || !strings.Contains(implied, user) {
		t.Errorf("%s, %q, %v", dir, implied, err)
	}
	dir, implied, err = place{system, env, true}.choose()
	if err != nil || dir != system || implied != "" {
		t.Errorf("root: %s, %q, %v", dir, implied, err)
	}
	state := func(name string) string { return map[string]string{"HOME": home, "XDG_STATE_HOME": "/state"}[name] }
	if dir, _, err = (place{system, state, false}).choose(); err != nil || dir != "/state/lull" {
		t.Errorf("%s, %v", dir, err)
	}
	_, _, err = place{system, func(string) string { return "" }, false}.choose()
	isSetup(t, err)

	// The user's own is in use, and then somebody makes the host's.
	own := openAt(t, user, thisHost())
	p, _ := enter(t, own, newPass())
	if err := os.Mkdir(system, 0o700); err != nil {
		t.Fatal(err)
	}
	_, _, err = place{system, env, false}.choose()
	isSetup(t, err)
	if _, err := own.Leave(t.Context(), lull.PassRef{Gate: p.Gate, ID: p.ID}, lull.Outcome{}); err != nil {
		t.Fatal(err)
	}
	dir, implied, err = place{system, env, false}.choose()
	if err != nil || dir != system || implied != "" {
		t.Errorf("%s, %q, %v", dir, implied, err)
	}
}

func TestInspectFindsWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	found := func(level lull.Level, what string) {
		t.Helper()
		for _, f := range w.s.Inspect(t.Context()) {
			if f.Level == level && strings.Contains(f.What, what) {
				return
			}
		}
		t.Errorf("no %s about %q in %+v", level, what, w.s.Inspect(t.Context()))
	}
	found(lull.LevelOK, "local file system")
	comeAndGo(t, w.s)
	gate := filepath.Join(w.dir, lull.DefaultGate)
	if err := os.WriteFile(filepath.Join(gate, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	found(lull.LevelWarning, "notes.txt")
	spoil(t, filepath.Join(gate, "gate.json"), broken["empty"])
	found(lull.LevelWarning, "unreadable")
	if err := os.Chmod(w.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	found(lull.LevelProblem, "everybody")
}
