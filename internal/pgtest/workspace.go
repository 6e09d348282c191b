package pgtest

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// A workspace is opened by the first server that needs it, and is the process's, which
// alone lives long enough to own it: an initdb for each test would take a second.
var (
	inMemory = sync.OnceValues(func() (*workspace, error) { return openWorkspace(memory()) })
	onDisk   = sync.OnceValues(func() (*workspace, error) { return openWorkspace(cmp.Or(os.Getenv("TMPDIR"), "/var/tmp")) })
)

// roomy is what must be free in memory to use it: enough for several servers. A
// container often has 64 MB.
const roomy = 2 << 30

// memory is a directory in memory, if it has room; TMPDIR goes before it. A cluster
// is a thousand files: to copy it takes 0.1 s there, and up to 1 s on a disk's ext4,
// which is slow to give the place of a deleted file to another.
func memory() string {
	const shm = "/dev/shm"
	if os.Getenv("TMPDIR") == "" && freeBytes(shm) >= roomy {
		return shm
	}
	return os.TempDir()
}

// workspace is a directory that lives as long as this process, with a cluster to
// copy.
type workspace struct {
	binaries
	account
	dir string
	// template makes the cluster to copy, once.
	template func() error
	servants atomic.Int64
	// alive is never written: that it is closed, by our end, calls the janitor.
	alive *os.File
}

func openWorkspace(parent string) (*workspace, error) {
	b, err := findBinaries()
	if err != nil {
		return nil, err
	}
	a, err := findAccount()
	if err != nil {
		return nil, err
	}
	// The name is short: the path of a socket in it may have 107 bytes.
	dir, err := os.MkdirTemp(parent, "lull-pg-")
	if err != nil {
		return nil, err
	}
	w := &workspace{binaries: b, account: a, dir: dir}
	if w.alive, err = callJanitorAtEnd(dir); err != nil {
		return nil, fmt.Errorf("start the janitor of %s: %w", dir, err)
	}
	if a.other {
		if err := os.Chmod(dir, 0o755); err != nil {
			return nil, err
		}
	}
	w.template = sync.OnceValue(w.initdb)
	return w, nil
}

// janitor removes a directory when its standard input ends. Servers may need a
// moment to end, and still write; the disks of disk.go are mounted in it.
const janitor = `
read -r _
for try in 1 2 3 4 5 6 7 8 9 10; do
	umount -l "$1"/*/mount
	rm -rf "$1" && exit
	sleep 1
done`

// callJanitorAtEnd has dir removed at the end of this process, however it ends: no
// hook of package testing sees a timeout, or a kill. It leads a process group, so
// that Ctrl-C reaches us and not the janitor.
func callJanitorAtEnd(dir string) (alive *os.File, err error) {
	orders, alive, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer orders.Close()
	sh := exec.Command("/bin/sh", "-c", janitor, "janitor", dir)
	sh.Stdin = orders
	sh.Dir = "/"
	sh.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return alive, sh.Start()
}

// place makes the directory of one server or pooler.
func (w *workspace) place() (string, error) {
	dir := filepath.Join(w.dir, strconv.FormatInt(w.servants.Add(1), 10))
	return dir, w.mkdir(dir, 0o755)
}

func (w *workspace) templateDir() string { return filepath.Join(w.dir, "template") }

func (w *workspace) initdb() error {
	passwordFile := filepath.Join(w.dir, "password")
	if err := w.writeFile(passwordFile, Password+"\n"); err != nil {
		return err
	}
	if err := w.mkdir(w.templateDir(), 0o700); err != nil {
		return err
	}
	// No sync: these clusters need not outlive a crash of the machine.
	return w.run(context.Background(), w.path("initdb"), "-D", w.templateDir(),
		"--username", Superuser, "--pwfile", passwordFile,
		"--auth-local", "trust", "--auth-host", "scram-sha-256",
		"--encoding", "UTF8", "--no-locale", "--no-sync")
}

// cluster makes a copy of the template at dir.
func (w *workspace) cluster(ctx context.Context, dir string) error {
	if err := w.template(); err != nil {
		return fmt.Errorf("make a cluster to copy: %w", err)
	}
	return w.run(ctx, "cp", "-a", w.templateDir(), dir)
}

// run runs a program of the servers' account to its end.
func (w *workspace) run(ctx context.Context, program string, args ...string) error {
	cmd := w.command(ctx, program, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(program), err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (w *workspace) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = w.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: w.credential(), Setpgid: true}
	cmd.Env = plainEnvironment()
	return cmd
}

// plainEnvironment is ours without what libpq and the servers would take from it,
// PGHOST, PGDATA and so on, and with messages in English.
func plainEnvironment() []string {
	env := slices.DeleteFunc(os.Environ(), func(setting string) bool {
		return strings.HasPrefix(setting, "PG")
	})
	return append(env, "LC_ALL=C")
}
