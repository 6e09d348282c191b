//go:build linux

package lulld_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lull-dev/lull/internal/pgtest"
)

// programs are lull and lulld, built once.
var programs = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "lulld-test-"); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", dir+"/", "../../cmd/lull", "../../cmd/lulld")
	if out, err := build.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("build: %v: %s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := programs(); dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// fleet is many jobs on one host, in front of one server, which may end at any time.
type fleet struct {
	*testing.T
	programs string
	dir      string
	store    string // the server's
	url      string // … as jobs know it
	server   *exec.Cmd
	log      said
}

func newFleet(t *testing.T, store string) *fleet {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{T: t, programs: dir, dir: t.TempDir(), store: store}
	f.url = "unix://" + f.path("lull.sock")
	f.starts()
	t.Cleanup(func() {
		f.ends(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("the server said:\n%s", f.log.String())
		}
	})
	return f
}

func (f *fleet) path(name string) string { return filepath.Join(f.dir, name) }

// starts starts the server, and returns when it answers.
func (f *fleet) starts() {
	f.Helper()
	f.server = f.serves("lull.sock")
	f.until("the server answers", func() bool { return f.lull("status").Run() == nil })
}

// serves starts a server on a socket.
func (f *fleet) serves(socket string) *exec.Cmd {
	f.Helper()
	server := exec.Command(f.programs+"/lulld", "--store", f.store, "--listen", "unix://"+f.path(socket))
	server.Stderr = &f.log
	if err := server.Start(); err != nil {
		f.Fatal(err)
	}
	return server
}

func (f *fleet) ends(how syscall.Signal) {
	_ = f.server.Process.Signal(how)
	_ = f.server.Wait()
}

// lull is the command with its arguments, in front of the server.
func (f *fleet) lull(args ...string) *exec.Cmd {
	cmd := exec.Command(f.programs+"/lull", args...)
	cmd.Env = append(os.Environ(), "LULL_STORE="+f.url, "DIR="+f.dir, "LULL_LEASE=30s")
	return cmd
}

// until waits for something that takes a while, and not for ever.
func (f *fleet) until(what string, so func() bool) {
	f.Helper()
	for began := time.Now(); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			f.Fatalf("not within a minute: %s", what)
		}
	}
}

// crowd is processes that run side by side.
type crowd struct {
	f    *fleet
	all  []*exec.Cmd
	said []*bytes.Buffer
}

// runs starts n jobs with the same script.
func (f *fleet) runs(n int, name, script string) *crowd {
	f.Helper()
	c := &crowd{f: f}
	for range n {
		cmd, said := f.lull("run", "--name", name, "--", "sh", "-c", script), &bytes.Buffer{}
		cmd.Stdout, cmd.Stderr = said, said
		if err := cmd.Start(); err != nil {
			f.Fatal(err)
		}
		c.all, c.said = append(c.all, cmd), append(c.said, said)
	}
	return c
}

// succeed fails the test unless every one of them ends with 0.
func (c *crowd) succeed() {
	c.f.Helper()
	for i, cmd := range c.all {
		if err := cmd.Wait(); err != nil {
			c.f.Errorf("%s: %v: %s", strings.Join(cmd.Args[1:4], " "), err, c.said[i])
		}
	}
}

// lines counts those of a file that jobs write to.
func (f *fleet) lines(name string) int {
	data, _ := os.ReadFile(f.path(name))
	return bytes.Count(data, []byte("\n"))
}

func (f *fleet) touch(name string) {
	f.Helper()
	if err := os.WriteFile(f.path(name), nil, 0o644); err != nil {
		f.Fatal(err)
	}
}

// counts is what lull status says of the gate: how many are inside, and wait.
func (f *fleet) counts(what string) int {
	out, _ := f.lull("status", "-o", "json").Output()
	list := string(out)
	_, list, _ = strings.Cut(list, `"`+what+`":[`)
	if what == "inside" {
		list, _, _ = strings.Cut(list, `"waiting":[`)
	}
	return strings.Count(list, `"ticket"`)
}

// day is a deployment that drains jobs while others wait.
type day struct {
	f                *fleet
	many             int
	running, waiting *crowd
	deploy           *exec.Cmd
	said             bytes.Buffer
}

// begins returns when so many jobs are inside, a deployment drains them, and as many wait.
func (f *fleet) begins(many int) *day {
	f.Helper()
	d := &day{f: f, many: many}
	d.running = f.runs(many, "runs", `echo >>"$DIR/ran"; until [ -e "$DIR/finish" ]; do sleep 0.2; done; [ ! -e "$DIR/deploying" ] || echo >>"$DIR/overlaps"`)
	f.until("all are inside", func() bool { return f.lines("ran") == many })
	d.deploy = f.lull("deploy", "--reason", "release 81", "--", "sh", "-c", `touch "$DIR/deploying"; sleep 1; rm "$DIR/deploying"`)
	d.deploy.Stderr = &d.said
	if err := d.deploy.Start(); err != nil {
		f.Fatal(err)
	}
	f.until("the gate is closed", func() bool { return f.lull("status", "--exit-code").Run() != nil })
	d.waiting = f.runs(many, "waits", `[ ! -e "$DIR/deploying" ] || echo >>"$DIR/overlaps"; echo >>"$DIR/waited"`)
	f.until("all wait", func() bool { return f.counts("waiting") == many })
	return d
}

// ends lets the jobs inside finish, and fails the test unless everybody succeeds, and
// nobody has met the deployment.
func (d *day) ends() {
	f := d.f
	f.Helper()
	f.until("all are inside as before", func() bool { return f.counts("inside") == d.many && f.counts("waiting") == d.many })
	if n := f.lines("waited"); n > 0 {
		f.Errorf("%d jobs did not wait", n)
	}
	f.touch("finish")
	if err := d.deploy.Wait(); err != nil {
		f.Errorf("deploy: %v: %s", err, &d.said)
	}
	d.running.succeed()
	d.waiting.succeed()
	if n := f.lines("overlaps"); n > 0 {
		f.Errorf("%d jobs met the deployment", n)
	}
	if ran, waited := f.lines("ran"), f.lines("waited"); ran != d.many || waited != d.many {
		f.Errorf("%d and %d jobs ran, of %d each", ran, waited, d.many)
	}
	if out, err := f.lull("history", "--casualties").Output(); err != nil || bytes.Contains(out, []byte("ran")) {
		f.Errorf("casualties: %s, %v", out, err)
	}
	if in, out := f.counts("inside"), f.counts("waiting"); in+out > 0 {
		f.Errorf("%d inside and %d waiting are left", in, out)
	}
}

// The server is killed, stopped in good order, and cut off for ten seconds.
func TestServerMayEndAtAnyTime(t *testing.T) {
	postgres := pgtest.NewServer(t, pgtest.Config{})
	for name, store := range map[string]func(t *testing.T) string{
		"files":    func(t *testing.T) string { return "file://" + t.TempDir() },
		"postgres": func(t *testing.T) string { return migrated(t, postgres.TCPURL("", "")) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, store(t))
			d := f.begins(100)
			f.ends(syscall.SIGKILL)
			f.starts()
			f.ends(syscall.SIGTERM)
			f.starts()
			_ = f.server.Process.Signal(syscall.SIGSTOP)
			time.Sleep(10 * time.Second)
			_ = f.server.Process.Signal(syscall.SIGCONT)
			d.ends()
		})
	}
}

func TestDatabaseMayGoAndComeBack(t *testing.T) {
	postgres := pgtest.NewServer(t, pgtest.Config{})
	f := newFleet(t, migrated(t, postgres.TCPURL("", "")))
	d := f.begins(20)
	if err := postgres.Stop(t.Context(), pgtest.Immediate); err != nil {
		t.Fatal(err)
	}
	f.until("the server says so", func() bool { return f.lull("status").Run() != nil })
	time.Sleep(5 * time.Second)
	if err := postgres.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.ends()
}

// Jobs know both servers, and go on with the one that is left; then that one dies, too, and
// the first is there again.
func TestEitherOfTwoServersMayDie(t *testing.T) {
	postgres := pgtest.NewServer(t, pgtest.Config{})
	f := newFleet(t, migrated(t, postgres.TCPURL("", "")))
	other := f.serves("other.sock")
	t.Cleanup(func() {
		_ = other.Process.Kill()
		_ = other.Wait()
	})
	f.url += ",unix://" + f.path("other.sock")
	d := f.begins(30)
	f.ends(syscall.SIGKILL)
	f.until("the other serves", func() bool { return f.counts("inside") == 30 })
	f.starts()
	_ = other.Process.Kill()
	d.ends()
}

// migrated is a database with lull's schema.
func migrated(t *testing.T, url string) string {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	migrate := exec.CommandContext(ctx, dir+"/lull", "migrate", "--store", url)
	migrate.Env = append(os.Environ(), "PGPASSWORD="+pgtest.Password)
	if out, err := migrate.CombinedOutput(); err != nil {
		t.Fatalf("migrate: %v: %s", err, out)
	}
	t.Setenv("PGPASSWORD", pgtest.Password)
	return url
}
