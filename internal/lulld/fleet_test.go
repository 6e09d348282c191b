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
	server   *exec.Cmd
	log      bytes.Buffer
}

func newFleet(t *testing.T, store string) *fleet {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{T: t, programs: dir, dir: t.TempDir(), store: store}
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
func (f *fleet) socket() string          { return f.path("lull.sock") }

// starts starts the server, and returns when it answers.
func (f *fleet) starts() {
	f.Helper()
	f.server = exec.Command(f.programs+"/lulld", "--store", f.store, "--listen", "unix://"+f.socket())
	f.server.Stderr = &f.log
	if err := f.server.Start(); err != nil {
		f.Fatal(err)
	}
	f.until("the server answers", func() bool {
		return f.lull("status").Run() == nil
	})
}

func (f *fleet) ends(how syscall.Signal) {
	_ = f.server.Process.Signal(how)
	_ = f.server.Wait()
}

// lull is the command with its arguments, in front of the server.
func (f *fleet) lull(args ...string) *exec.Cmd {
	cmd := exec.Command(f.programs+"/lull", args...)
	cmd.Env = append(os.Environ(), "LULL_STORE=unix://"+f.socket(), "DIR="+f.dir, "LULL_LEASE=30s")
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

// While a hundred jobs run and a hundred wait for a deployment that drains them, the
// server is killed, stopped in good order, and cut off for ten seconds.
func TestServerMayEndAtAnyTime(t *testing.T) {
	postgres := pgtest.NewServer(t, pgtest.Config{})
	for name, store := range map[string]func(t *testing.T) string{
		"files":    func(t *testing.T) string { return "file://" + t.TempDir() },
		"postgres": func(t *testing.T) string { return migrated(t, postgres.TCPURL("", "")) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, store(t))
			const many = 100
			running := f.runs(many, "runs", `echo >>"$DIR/ran"; until [ -e "$DIR/finish" ]; do sleep 0.2; done; [ ! -e "$DIR/deploying" ] || echo >>"$DIR/overlaps"`)
			f.until("all are inside", func() bool { return f.lines("ran") == many })
			deploy := f.lull("deploy", "--reason", "release 81", "--", "sh", "-c", `touch "$DIR/deploying"; sleep 1; rm "$DIR/deploying"`)
			var said bytes.Buffer
			deploy.Stderr = &said
			if err := deploy.Start(); err != nil {
				t.Fatal(err)
			}
			f.until("the gate is closed", func() bool { return f.lull("status", "--exit-code").Run() != nil })
			waiting := f.runs(many, "waits", `[ ! -e "$DIR/deploying" ] || echo >>"$DIR/overlaps"; echo >>"$DIR/waited"`)
			f.until("all wait", func() bool { return f.counts("waiting") == many })

			f.ends(syscall.SIGKILL)
			f.starts()
			f.ends(syscall.SIGTERM)
			f.starts()
			_ = f.server.Process.Signal(syscall.SIGSTOP)
			time.Sleep(10 * time.Second)
			_ = f.server.Process.Signal(syscall.SIGCONT)

			f.until("all are inside as before", func() bool { return f.counts("inside") == many && f.counts("waiting") == many })
			if n := f.lines("waited"); n > 0 {
				t.Errorf("%d jobs did not wait", n)
			}
			f.touch("finish")
			if err := deploy.Wait(); err != nil {
				t.Errorf("deploy: %v: %s", err, &said)
			}
			running.succeed()
			waiting.succeed()
			if n := f.lines("overlaps"); n > 0 {
				t.Errorf("%d jobs met the deployment", n)
			}
			if ran, waited := f.lines("ran"), f.lines("waited"); ran != many || waited != many {
				t.Errorf("%d and %d jobs ran, of %d each", ran, waited, many)
			}
			if out, err := f.lull("history", "--casualties").Output(); err != nil || bytes.Contains(out, []byte("ran")) {
				t.Errorf("casualties: %s, %v", out, err)
			}
			if in, out := f.counts("inside"), f.counts("waiting"); in+out > 0 {
				t.Errorf("%d inside and %d waiting are left", in, out)
			}
		})
	}
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
