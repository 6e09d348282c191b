package filestore

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lull-dev/lull"
)

// world is a store on a host of the test's own making.
type world struct {
	*testing.T
	dir string
	clock
	host *host
	s    *Store
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, dir: t.TempDir()}
	w.host = w.in(thisHost())
	w.s = openAt(t, w.dir, w.host)
	return w
}

// on is the same store on another host, or after its reboot.
func (w *world) on(change func(*host)) *Store {
	h := w.in(thisHost())
	change(h)
	return openAt(w.T, w.dir, h)
}

func reboot(h *host) { h.boot = "another-boot"; h.up = func() time.Duration { return time.Minute } }

func another(h *host) { reboot(h); h.machine = "another-machine" }

// live reports whether a store has that pass or hold in its snapshot.
func live(t testing.TB, s *Store, id string) bool {
	t.Helper()
	snap, err := s.Snapshot(t.Context(), lull.DefaultGate)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range append(snap.Inside, snap.Waiting...) {
		if p.ID == id {
			return true
		}
	}
	_, held, queued := snap.Gate.Find(id)
	return held || queued
}

func (w *world) is(s *Store, id string, want bool) {
	w.Helper()
	if got := live(w.T, s, id); got != want {
		w.Fatalf("%s: live %t, want %t", id, got, want)
	}
}

// gone waits for the end of a process that is dying, as the kernel sees it.
func gone(t testing.TB, pid int) {
	t.Helper()
	for range 1000 {
		if b, err := birthOf(pid); err != nil || b.zombie {
			return
		}
		time.Sleep(5 * time.Millisecond) // it was told to, and nobody is told when
	}
	t.Fatalf("process %d does not end", pid)
}

const endless = "echo up; trap '' TERM; while :; do sleep 1000; done"

func pidOf(t testing.TB, answer string) int {
	t.Helper()
	pid, err := strconv.Atoi(strings.Fields(answer)[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(-pid, syscall.SIGKILL) })
	return pid
}

func TestKilledWrapperWhoseChildLivesKeepsPassAndHold(t *testing.T) {
	for _, id := range []string{"p1", "h1"} {
		t.Run(id, func(t *testing.T) {
			w := newWorld(t)
			a := newActor(t, w.dir)
			if id == "p1" {
				a.do("enter p1")
			} else {
				a.do("close h1")
			}
			group := pidOf(t, a.do("run", id, endless))
			a.kill()
			w.is(w.s, id, true)
			w.sleep(10 * lull.DefaultLease) // no lease runs out while it lives
			if id == "p1" {
				w.is(w.s, id, true)
			} else if g, err := w.s.Gates(t.Context()); err != nil || len(g[0].Holds) != 1 {
				t.Fatalf("gates %+v, %v", g, err)
			}
			syscall.Kill(-group, syscall.SIGKILL)
			gone(t, group)
			w.is(w.s, id, false)
		})
	}
}

func TestKilledWrapperWithoutCommandIsGoneAtOnce(t *testing.T) {
	w := newWorld(t)
	a := newActor(t, w.dir)
	a.do("close h1")
	a.do("begin h1")
	a.do("enter p1")
	a.kill()
	w.is(w.s, "h1", false)
	w.is(w.s, "p1", false)
}

func TestKilledWrapperThatWasStartingIsBelievedInForALease(t *testing.T) {
	w := newWorld(t)
	a := newActor(t, w.dir)
	a.do("enter p1")
	a.kill()
	w.is(w.s, "p1", true)
	w.sleep(lull.DefaultLease - time.Second)
	w.is(w.s, "p1", true)
	w.sleep(2 * time.Second)
	w.is(w.s, "p1", false)
}

func TestOrphanInTheGroupKeepsThePassAfterTheShell(t *testing.T) {
	w := newWorld(t)
	a := newActor(t, w.dir)
	a.do("enter p1")
	group := pidOf(t, a.do("run p1", "sleep 1000 >/dev/null 2>&1 & echo up; exit 0"))
	gone(t, group)
	a.kill()
	w.is(w.s, "p1", true)
	syscall.Kill(-group, syscall.SIGKILL)
	for range 1000 {
		if !live(t, w.s, "p1") {
			return
		}
		time.Sleep(5 * time.Millisecond) // until init has reaped it, which nobody is told of
	}
	t.Fatal("p1 is live although its group is not")
}

func TestDaemonThatLeftTheSessionDoesNotKeepThePass(t *testing.T) {
	w := newWorld(t)
	a := newActor(t, w.dir)
	a.do("enter p1")
	answer := a.do("run p1", "setsid sh -c 'echo $$; exec sleep 1000 2>/dev/null >/dev/null' & wait")
	group := pidOf(t, answer)
	daemon, err := strconv.Atoi(strings.Fields(answer)[1])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(daemon, syscall.SIGKILL) })
	a.kill()
	syscall.Kill(group, syscall.SIGKILL)
	gone(t, group)
	if _, err := birthOf(daemon); err != nil {
		t.Fatal("the daemon is gone too")
	}
	w.is(w.s, "p1", false)
}

func TestChildrenInheritNoLock(t *testing.T) {
	w := newWorld(t)
	a := newActor(t, w.dir)
	a.do("close h1")
	a.do("bargein p1")
	answer := a.do("run p1", "ls -l /proc/self/fd | tr '\\n' ' '; echo; exec sleep 1000")
	pidOf(t, answer)
	if strings.Contains(answer, w.dir) {
		t.Fatalf("a child has %s", answer)
	}
}

func TestStoppedWrapperKeepsItsPlaceForLongerThanALease(t *testing.T) {
	w := newWorld(t)
	a := newActor(t, w.dir)
	a.do("enter p1")
	a.do("close h1")
	if err := a.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		w.sleep(lull.DefaultLease)
		w.is(w.s, "p1", true)
		w.is(w.s, "h1", true)
	}
}

func TestProcessNumberThatCameRoundIsAnotherGroup(t *testing.T) {
	h := thisHost()
	cmd := exec.Command("cat") // a group of its own: the leader of ours may have ended
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer stdin.Close()
	leader, err := h.birth(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	ours := process{PID: cmd.Process.Pid, Group: cmd.Process.Pid, Born: leader.at, Leader: leader.at}
	if h.group(ours) != alive {
		t.Error("a group that lives is not alive")
	}
	earlier := ours
	earlier.Leader--
	if h.group(earlier) != over {
		t.Error("a group of the same number and another leader is taken for it")
	}
	later := ours
	later.Born = ^uint64(0)
	if h.group(later) != over {
		t.Error("a member that was born before the command counts")
	}
	if h.group(process{Group: 1}) != unsure || h.group(process{}) != unsure {
		t.Error("groups 0 and 1 are known")
	}
}

func TestRebootEndsAllButPersons(t *testing.T) {
	w := newWorld(t)
	pass, deployment, person := newPass(), newHold(lull.Deployment), newHold(lull.Person)
	enter(t, w.s, pass)
	closeGate(t, w.s, deployment)
	closeGate(t, w.s, person)
	kill(lull.LeaseRef{Gate: lull.DefaultGate, Pass: pass.ID}, w.s)
	kill(lull.LeaseRef{Gate: lull.DefaultGate, Hold: deployment.ID}, w.s)
	after := w.on(reboot)
	w.is(after, pass.ID, false)
	w.is(after, deployment.ID, false)
	w.is(after, person.ID, true)
	for e, err := range after.Events(t.Context(), lull.Filter{Kinds: []lull.EventKind{lull.EventCrashed}}) {
		if err != nil || e.ID != deployment.ID {
			t.Errorf("%+v, %v", e, err)
		}
	}
}

// blind is a kernel that does not see the locks that others have on records.
type blind struct{ *meddler }

func (b blind) Flock(fd, how int) error {
	if strings.HasSuffix(b.named(fd), ".json") {
		return nil
	}
	return b.meddler.Flock(fd, how)
}

func TestAnotherHostsRecordsLiveByTheirLease(t *testing.T) {
	w := newWorld(t)
	pass, deployment := newPass(), newHold(lull.Deployment)
	enter(t, w.s, pass)
	closeGate(t, w.s, deployment)
	there := w.on(another)
	there.sys = blind{meddle(func(call, file string) error { return nil })}
	refs := []lull.LeaseRef{{Gate: lull.DefaultGate, Pass: pass.ID}, {Gate: lull.DefaultGate, Hold: deployment.ID}}
	w.is(there, pass.ID, true)
	w.is(there, deployment.ID, true)
	for range 4 { // renewed, they live
		w.sleep(lull.DefaultLease / 2)
		if _, err := w.s.Renew(t.Context(), refs); err != nil {
			t.Fatal(err)
		}
		w.is(there, pass.ID, true)
		w.is(there, deployment.ID, true)
	}
	w.sleep(lull.DefaultLease)
	w.is(there, pass.ID, false)
	w.is(there, deployment.ID, false)
}

func TestClockSetBackOrForwardMovesNoLimit(t *testing.T) {
	for _, shift := range []time.Duration{-1000 * time.Hour, 1000 * time.Hour} {
		w := newWorld(t)
		person := newHold(lull.Person)
		closeGate(t, w.s, person)
		later := w.on(func(h *host) {
			wall := h.wall
			h.wall = func() time.Time { return wall().Add(shift) }
		})
		w.sleep(lull.DefaultPersonLimit - time.Minute)
		w.is(later, person.ID, true)
		w.sleep(2 * time.Minute)
		w.is(later, person.ID, false)
	}
}

func TestHoldWhoseFileWasRemovedHasALeaseLeft(t *testing.T) {
	w := newWorld(t)
	h := newHold(lull.Deployment)
	closeGate(t, w.s, h)
	if err := os.Remove(filepath.Join(w.dir, h.Gate, "holds", h.ID+".json")); err != nil {
		t.Fatal(err)
	}
	w.is(w.s, h.ID, true)
	w.sleep(lull.DefaultLease + time.Second)
	w.is(w.s, h.ID, false)
}

func TestCrashHoldRunsFromTheLastSignOfLife(t *testing.T) {
	w := newWorld(t)
	h := newHold(lull.Deployment)
	h.CrashHold = time.Hour
	closeGate(t, w.s, h)
	w.sleep(10 * time.Minute)
	ref := lull.LeaseRef{Gate: h.Gate, Hold: h.ID}
	if _, err := w.s.Renew(t.Context(), []lull.LeaseRef{ref}); err != nil {
		t.Fatal(err)
	}
	kill(ref, w.s)
	w.sleep(30 * time.Minute) // and nobody looks
	snap, err := w.on(func(*host) {}).Snapshot(t.Context(), h.Gate)
	if err != nil || len(snap.Gate.Holds) != 1 {
		t.Fatalf("%+v, %v", snap.Gate, err)
	}
	left := snap.Gate.Holds[0].Ends.Sub(snap.Now)
	if left.Round(time.Minute) != 30*time.Minute {
		t.Fatalf("%s left of an hour since it was heard of half an hour ago", left)
	}
}

func enter(t testing.TB, s *Store, p lull.Pass) (lull.Pass, lull.Gate) {
	t.Helper()
	p, g, err := s.Enter(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return p, g
}

func isSetup(t testing.TB, err error) {
	t.Helper()
	setup, ok := errors.AsType[*lull.SetupError](err)
	if !ok || setup.What == "" || setup.Hint == "" || errors.Is(err, lull.ErrUnavailable) {
		t.Fatalf("error %v (%T), want a SetupError with a hint", err, err)
	}
}

func isUnavailable(t testing.TB, err error) {
	t.Helper()
	if _, setup := errors.AsType[*lull.SetupError](err); setup || !errors.Is(err, lull.ErrUnavailable) {
		t.Fatalf("error %v, want unavailable", err)
	}
}
