package filestore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

// TestMain lets the test binary be the processes that the tests are about.
func TestMain(m *testing.M) {
	if dir := os.Getenv("LULL_TEST_ACTOR"); dir != "" {
		o := Options{ByLease: os.Getenv("LULL_TEST_BY_LEASE") != ""}
		if err := act(dir, o, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "actor:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// actor is another process with a store, which does one thing after the other.
type actor struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func newActor(t testing.TB, dir string) *actor {
	t.Helper()
	return newActorWith(t, dir, "")
}

// newClerk is one that acts for owners elsewhere.
func newClerk(t testing.TB, dir string) *actor {
	t.Helper()
	return newActorWith(t, dir, "yes")
}

func newActorWith(t testing.TB, dir, byLease string) *actor {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LULL_TEST_ACTOR="+dir, "LULL_TEST_BY_LEASE="+byLease)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a := &actor{t, cmd, in, bufio.NewReader(out)}
	t.Cleanup(a.kill)
	return a
}

// try has it do something, and returns its answer, or that it died of it.
func (a *actor) try(what ...any) (answer string, died bool) {
	a.t.Helper()
	fmt.Fprintln(a.in, what...)
	line, err := a.out.ReadString('\n')
	if err != nil {
		a.cmd.Wait()
		return "", true
	}
	return strings.TrimSuffix(line, "\n"), false
}

func (a *actor) do(what ...any) string {
	a.t.Helper()
	answer, died := a.try(what...)
	if died || strings.HasPrefix(answer, "error") {
		a.t.Fatalf("%v: %q, died %t", what, answer, died)
	}
	return answer
}

// kill ends it without a word, and returns when it is gone.
func (a *actor) kill() {
	a.cmd.Process.Kill()
	a.cmd.Wait()
}

// act is what an actor does: a verb a line, with the IDs as they are given.
func act(dir string, o Options, in io.Reader, out io.Writer) error {
	signal.Ignore(syscall.SIGPIPE)
	k := newDying()
	s, err := open(dir, o, k, thisHost())
	if err != nil {
		return err
	}
	s.chance = func() bool { return false }
	p := &player{s: s, k: k, ctx: context.Background()}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		answer, err := p.play(strings.Fields(lines.Text()))
		if err != nil {
			answer = fmt.Sprintf("error %q", err)
		}
		if _, err := fmt.Fprintln(out, answer); err != nil {
			return nil
		}
	}
	return nil
}

// actorHolder is who the actors act for.
var actorHolder = lull.Holder{User: "ann", Host: "web1", PID: 42}

type player struct {
	s   *Store
	k   *dying
	ctx context.Context
}

func (p *player) play(words []string) (string, error) {
	verb, id := words[0], append(words, "")[1]
	pass := lull.PassRef{Gate: lull.DefaultGate, ID: id}
	hold := lull.HoldRef{Gate: lull.DefaultGate, ID: id}
	arrival := newPass()
	arrival.ID = id
	deployment := newHold(lull.Deployment)
	deployment.ID, deployment.Holder = id, actorHolder
	switch verb {
	case "arm":
		n, err := strconv.Atoi(id)
		p.k.arm(n)
		return "armed", err
	case "enter", "bargein":
		arrival.Force = verb == "bargein"
		got, g, err := p.s.Enter(p.ctx, arrival)
		return fmt.Sprint("inside ", err == nil && got.Inside(g.Phase)), err
	case "poll":
		got, g, err := p.s.Poll(p.ctx, pass)
		return fmt.Sprint("inside ", err == nil && got.Inside(g.Phase)), err
	case "force":
		_, _, err := p.s.Force(p.ctx, pass)
		return "forced", err
	case "leave":
		_, err := p.s.Leave(p.ctx, pass, lull.Outcome{})
		return "left", err
	case "close", "queue", "crashhold":
		deployment.Queue = verb == "queue"
		if verb == "crashhold" {
			deployment.CrashHold = time.Hour
		}
		_, _, err := p.s.Close(p.ctx, deployment)
		return "closed", err
	case "person":
		deployment.Kind = lull.Person
		_, _, err := p.s.Close(p.ctx, deployment)
		return "closed", err
	case "drain":
		d, err := p.s.Drain(p.ctx, hold)
		return fmt.Sprintf("drained %t queued %t", d.Drained, d.Queued), err
	case "begin":
		return "begun", p.s.Begin(p.ctx, hold, lull.Start{})
	case "stop":
		return "stopped", p.s.Stop(p.ctx, hold)
	case "extend":
		_, err := p.s.Extend(p.ctx, hold, lull.Extension{Limit: 2 * time.Hour, By: actorHolder})
		return "extended", err
	case "open":
		o, err := p.s.Open(p.ctx, hold, lull.Outcome{By: actorHolder})
		return fmt.Sprint("opened, gone ", o.Gone), err
	case "renew":
		states, err := p.s.Renew(p.ctx, []lull.LeaseRef{ref(id)})
		return fmt.Sprint(states), err
	case "snapshot":
		snap, err := p.s.Snapshot(p.ctx, lull.DefaultGate)
		return fmt.Sprintf("phase %d, %d inside", snap.Gate.Phase, len(snap.Inside)), err
	case "record":
		return "recorded", p.s.Record(p.ctx, lull.Event{Kind: lull.EventRerun, Gate: lull.DefaultGate, ID: id})
	case "tidy":
		r, err := p.s.room(lull.DefaultGate)
		if err != nil {
			return "", err
		}
		return "tidied", r.tidy(p.ctx)
	case "watch":
		return "watched", p.s.Watch(p.ctx, ref(id), lull.Process{})
	case "run":
		return p.run(ref(id), strings.Join(words[2:], " "))
	case "rounds":
		return p.rounds(id)
	}
	return "", fmt.Errorf("%q is nothing to do", verb)
}

// ref tells passes from holds by their names, which begin with p and h.
func ref(id string) lull.LeaseRef {
	if strings.HasPrefix(id, "p") {
		return lull.LeaseRef{Gate: lull.DefaultGate, Pass: id}
	}
	return lull.LeaseRef{Gate: lull.DefaultGate, Hold: id}
}

// run starts a shell as a wrapper does: in a group of its own, told of by Watch. It
// returns when the shell has written a line.
func (p *player) run(ref lull.LeaseRef, script string) (string, error) {
	if err := p.s.Watch(p.ctx, ref, lull.Process{}); err != nil {
		return "", err
	}
	cmd := exec.Command("sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	go func() {
		// A wrapper reaps its child, but not what that leaves behind.
		cmd.Process.Wait()
	}()
	err = p.s.Watch(p.ctx, ref, lull.Process{PID: cmd.Process.Pid, Group: cmd.Process.Pid})
	if err != nil {
		return "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strconv.Itoa(cmd.Process.Pid) + " " + strings.TrimSpace(line), err
}

// rounds is for the crowd; see crowd_test.go.
func (p *player) rounds(what string) (string, error) { return crowd(p.ctx, p.s, what) }
