package pgstore

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/pgtest"
)

// frozenVariable says that this process is one that shall be frozen: what it does, and the
// URL of its store.
const frozenVariable = "LULL_TEST_FROZEN"

// instead is what the test binary does instead of testing, when it was started for that.
func instead() (status int, ok bool) {
	does, url, ok := strings.Cut(os.Getenv(frozenVariable), " ")
	if !ok {
		return 0, false
	}
	return frozenMain(does, url), true
}

// frozenMain runs a job or a deployment until its standard input ends, and says what it
// is told.
func frozenMain(does, url string) int {
	fail := func(err error) int {
		fmt.Println("error", err)
		return 1
	}
	names := map[lull.NoticeKind]string{
		lull.TrustEnded: "trust ended", lull.TrustBack: "trust back", lull.LeaseLost: "lost",
		lull.ClosedAnew: "closed anew", lull.EnteredAnew: "entered anew", lull.StopAsked: "stop",
	}
	s, err := Open(url)
	if err != nil {
		return fail(err)
	}
	c, err := lull.NewClient(s, lull.Options{
		Holder: lull.Holder{User: "ann", Host: "frozen", PID: os.Getpid()},
		Timing: lull.Timing{Lease: lease, KillGrace: 50 * time.Millisecond},
		Notify: func(n lull.Notice) {
			if name, ok := names[n.Kind]; ok {
				fmt.Println(name)
			}
		},
	})
	if err != nil {
		return fail(err)
	}
	ctx := context.Background()
	var finish func() (string, error)
	if does == "run" {
		pass, err := c.Enter(ctx, lull.Job{Name: "frozen", OnLost: lull.LostTerminates})
		if err != nil {
			return fail(err)
		}
		context.AfterFunc(pass.MustStop(), func() { fmt.Println("must stop:", context.Cause(pass.MustStop())) })
		finish = func() (string, error) {
			d, err := pass.Leave(ctx, lull.Outcome{})
			return fmt.Sprint("casualty ", d.Casualty), err
		}
	} else {
		hold, err := c.Close(ctx, lull.Closing{Kind: lull.Deployment})
		if err != nil {
			return fail(err)
		}
		if err := hold.Begin(ctx, lull.Draining{}); err != nil {
			return fail(err)
		}
		finish = func() (string, error) {
			o, err := hold.Open(ctx, lull.Outcome{})
			return fmt.Sprint("gone ", o.Gone), err
		}
	}
	fmt.Println("runs")
	_, _ = io.Copy(io.Discard, os.Stdin)
	said, err := finish()
	if err != nil {
		return fail(err)
	}
	fmt.Println(said)
	return 0
}

// frozen is a process of its own.
type frozen struct {
	w     *world
	cmd   *osexec.Cmd
	stdin io.Closer
	run   *run
	lines chan string
}

func (w *world) frozen(does string, kind runKind) *frozen {
	w.Helper()
	cmd := osexec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), frozenVariable+"="+does+" "+w.server.URL("", "")+"&lull_schema="+w.schema)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	w.no(err)
	stdout, err := cmd.StdoutPipe()
	w.no(err)
	w.no(cmd.Start())
	f := &frozen{w: w, cmd: cmd, stdin: stdin, lines: make(chan string, 100)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			f.lines <- s.Text()
		}
		close(f.lines)
	}()
	w.Cleanup(func() {
		_ = f.cmd.Process.Kill()
		<-read
		_ = f.cmd.Wait()
	})
	f.says("runs")
	f.run = w.starts(kind, ask[string](w, "select id from (select id from SCHEMA.pass where job->>'name' = 'frozen' union all select id from SCHEMA.hold) i limit 1"))
	return f
}

// says waits until the process says that.
func (f *frozen) says(line string) {
	f.w.Helper()
	var heard []string
	late := time.After(patience)
	for {
		select {
		case got, ok := <-f.lines:
			if got == line {
				return
			}
			if heard = append(heard, got); !ok {
				f.w.Fatalf("the process ended without saying %q: %q", line, heard)
			}
		case <-late:
			f.w.Fatalf("the process does not say %q: %q", line, heard)
		}
	}
}

func (f *frozen) stop() { f.w.no(f.cmd.Process.Signal(syscall.SIGSTOP)) }
func (f *frozen) cont() { f.w.no(f.cmd.Process.Signal(syscall.SIGCONT)) }

// ends ends what it runs.
func (f *frozen) ends(id string) {
	f.w.Helper()
	f.w.referee.ends(f.run, id)
	f.w.no(f.stdin.Close())
}

// A job's process is frozen for longer than its lease, as by a host that swaps. The
// deployment goes on; the job, when it wakes up, is told, recorded anew, and a casualty.
func TestFrozenJobIsGivenUpAndTold(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	w := newWorld(t, s)
	f := w.frozen("run", jobRun)
	d := w.closes(w.process("deployer", s.URL("", ""), lonelyProcess))
	d.drains()
	f.stop()
	d.begins()
	f.cont()
	f.says("must stop: lease lost")
	f.says("entered anew")
	again := ask[string](w, "select id from SCHEMA.pass")
	f.ends(again)
	f.says("casualty true")
	d.opens()
	if met := w.onlyCasualtiesMet(); met != 1 {
		t.Errorf("%d jobs met the deployment, want 1", met)
	}
	if n := w.counts(); n[lull.EventAbandoned] != 1 || n[lull.EventLost] != 1 || n[lull.EventLeft] != 1 {
		t.Errorf("events: %v", n)
	}
	w.leavesNothing()
	w.noConnections()
}

// The same of a deployment's: the gate opens without it, and it closes the gate anew.
func TestFrozenDeploymentIsGivenUpAndClosesAnew(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	w := newWorld(t, s)
	f := w.frozen("deploy", deploymentRun)
	k := w.waits(w.process("waiter", s.URL("", ""), lonelyProcess), "import")
	f.stop()
	during := k.inside()
	f.cont()
	f.says("closed anew")
	after := w.waits(w.process("after", s.URL("", ""), lonelyProcess), "after")
	if left := during.ends(); !left.Casualty {
		t.Error("the job was not told that it is a casualty")
	}
	after.stillWaits()
	f.ends(ask[string](w, "select id from SCHEMA.hold where state = 'held'"))
	f.says("gone false")
	after.inside().ends()
	if met := w.onlyCasualtiesMet(); met != 1 {
		t.Errorf("%d jobs met the deployment, want 1", met)
	}
	w.leavesNothing()
	w.noConnections()
}

// Frozen for less than its lease, a job notices nothing, and nobody else does.
func TestFrozenJobThatWakesInTimeKeepsItsPass(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	w := newWorld(t, s)
	f := w.frozen("run", jobRun)
	d := w.closes(w.process("deployer", s.URL("", ""), lonelyProcess))
	pass := ask[string](w, "select id from SCHEMA.pass")
	f.stop()
	w.until("it has missed a renewal", func() bool {
		return ask[bool](w, "select heard_at < clock_timestamp() - interval '1 s' - interval '300 ms' from SCHEMA.pass")
	})
	f.cont()
	w.isHeardOf(2)
	d.drains()
	f.ends(pass)
	f.says("casualty false")
	d.begins()
	d.opens()
	w.nobodyMet()
	w.nothingWasLost()
	w.leavesNothing()
}

// Killed, it is given up when its lease has ended.
func TestKilledDeploymentOpensTheGate(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	w := newWorld(t, s)
	f := w.frozen("deploy", deploymentRun)
	k := w.waits(w.process("waiter", s.URL("", ""), lonelyProcess), "import")
	w.referee.ends(f.run, "")
	w.no(f.cmd.Process.Kill())
	killed := time.Now()
	k.inside().ends()
	if after := time.Since(killed); after > 2*w.timing.Lease+2*pollMost {
		t.Errorf("the gate opened after %s", after)
	}
	w.nobodyMet()
	if n := w.counts(); n[lull.EventCrashed] != 1 || n[lull.EventOpened] != 1 {
		t.Errorf("events: %v", n)
	}
	w.leavesNothing()
	w.noConnections()
}
