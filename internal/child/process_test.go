package child

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func start(t *testing.T, args ...string) *Process {
	t.Helper()
	p, err := Start(Command{Args: args, Env: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Terminate(0) })
	return p
}

func TestExitStatusIsTheChilds(t *testing.T) {
	for _, code := range []int{0, 1, 2, 64, 75, 126, 127, 128, 130, 255} {
		p := start(t, "sh", "-c", fmt.Sprint("exit ", code))
		if got := p.Wait(); got != (Status{Code: code}) {
			t.Errorf("exit %d: %+v", code, got)
		}
	}
	w := wrap(t, setting{}, "sh", "-c", "exit 213")
	if got := w.exitCode(); got != 213 {
		t.Errorf("the wrapper ended with %d, want 213", got)
	}
}

func TestASignalThatEndedTheChildIs128PlusItsNumber(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGINT, syscall.SIGSEGV, syscall.SIGPIPE} {
		p := start(t, "sh", "-c", fmt.Sprintf("ulimit -c 0; kill -%d $$", sig))
		if got := p.Wait(); got != (Status{Code: 128 + int(sig), Signal: sig}) {
			t.Errorf("%v: %+v", sig, got)
		}
	}
}

func TestAStoppedChildHasNotEnded(t *testing.T) {
	p := start(t, "sleep", "1000")
	p.Signal(syscall.SIGSTOP)
	eventually(t, "stopped", func() bool { return state(p.PID()) == "T" })
	p.Signal(syscall.SIGCONT)
	eventually(t, "continued", func() bool { return state(p.PID()) == "S" })
	select {
	case <-p.Done():
		t.Fatal("done, though it was only stopped")
	default:
	}
	p.Signal(syscall.SIGTERM)
	if got := p.Wait(); got.Signal != syscall.SIGTERM {
		t.Fatalf("%+v", got)
	}
}

func TestNoSignalIsSentOnceReaped(t *testing.T) {
	p := start(t, "true")
	p.Wait()
	if err := p.Signal(syscall.SIGTERM); err != os.ErrProcessDone {
		t.Fatal(err)
	}
}

func TestArgumentsReachTheChildAsTyped(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(self(t), dir+"/typed"); err != nil {
		t.Fatal(err)
	}
	through := []string{"env", "PATH=" + dir + ":" + os.Getenv("PATH")}
	w := wrap(t, setting{through: through, env: []string{"CHILD_TEST_CHILD=arguments"}}, "typed", "a b", "", "$HOME")
	w.stdout.expect(`["typed" "a b" "" "$HOME"]`)
}

func TestTerminateEndsAChildThatListens(t *testing.T) {
	began := time.Now()
	p := start(t, "sleep", "1000")
	p.Terminate(time.Hour)
	if got := p.Wait(); got.Signal != syscall.SIGTERM {
		t.Fatalf("%+v", got)
	}
	if took := time.Since(began); took > patience {
		t.Fatalf("it took %v", took)
	}
}

func TestTerminateKillsAfterTheGrace(t *testing.T) {
	w := wrap(t, setting{}, "sh", "-c", `trap '' TERM; echo ready; exec sleep 1000`)
	w.started()
	w.stdout.expect("ready")
	asked := time.Now()
	fmt.Fprintln(w.orders, "terminate 200ms")
	w.events.expect("ended 137 9")
	if lived := time.Since(asked); lived < 200*time.Millisecond {
		t.Fatalf("killed after %v", lived)
	}
}

func TestTerminateWakesAStoppedChild(t *testing.T) {
	p := start(t, "sh", "-c", "kill -STOP $$")
	eventually(t, "stopped", func() bool { return state(p.PID()) == "T" })
	p.Terminate(time.Hour)
	if got := p.Wait(); got.Signal != syscall.SIGTERM {
		t.Fatalf("%+v", got)
	}
}

// The leader dies of TERM at once; what it started does not listen.
func TestTerminateReachesGrandchildren(t *testing.T) {
	w := wrap(t, setting{}, "sh", "-c", `(trap '' TERM; exec sleep 1000) & echo $!; exec sleep 1000`)
	w.started()
	var grandchild int
	fmt.Sscan(w.stdout.next(), &grandchild)
	eventually(t, "deaf", func() bool { return strings.HasPrefix(ps("args", grandchild), "sleep") })
	fmt.Fprintln(w.orders, "terminate 100ms")
	w.events.expect("ended 143 15")
	w.stdout.expect("<end>") // nobody has it open any more
	eventually(t, "gone", func() bool { s := state(grandchild); return s == "" || s == "Z" })
}

// A grandchild that cleans up on TERM gets the grace, although its parent has died.
func TestTerminateGivesTheGroupItsGrace(t *testing.T) {
	w := wrap(t, setting{}, "sh", "-c",
		`(trap 'echo cleaned; exit' TERM; echo ready; while :; do sleep 0.01; done) & exec sleep 1000`)
	w.started()
	w.stdout.expect("ready")
	fmt.Fprintln(w.orders, "terminate 1h")
	w.events.expect("ended 143 15")
	w.stdout.expect("cleaned")
}

// A shell dies of a relayed TERM at once; what it runs is still cleaning up.
func TestLingerWaitsForWhomASignalIsEnding(t *testing.T) {
	done := t.TempDir() + "/done"
	w := wrap(t, setting{env: []string{"CHILD_TEST_LINGER=1h"}}, "sh", "-c",
		`(trap 'while [ ! -e `+done+` ]; do sleep 0.01; done; exit' TERM; sh -c 'echo $PPID'; while :; do sleep 0.01; done) & exec sleep 1000`)
	w.started()
	var grandchild int
	fmt.Sscan(w.stdout.next(), &grandchild)
	w.cmd.Process.Signal(syscall.SIGTERM)
	w.events.expect("ended 143 15")
	if s := state(grandchild); s == "" || s == "Z" {
		t.Fatal("it has not waited for its file")
	}
	if err := os.WriteFile(done, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.events.expect("lingered")
	if s := state(grandchild); s != "" && s != "Z" {
		t.Fatalf("it is still there: %s", s)
	}
}

func TestLingerIsBounded(t *testing.T) {
	w := wrap(t, setting{env: []string{"CHILD_TEST_LINGER=50ms"}}, "sh", "-c",
		`(trap '' TERM; echo $$; exec sleep 1000) & exec sleep 1000`)
	w.started()
	var group int
	fmt.Sscan(w.stdout.next(), &group)
	t.Cleanup(func() { syscall.Kill(-group, syscall.SIGKILL) })
	w.cmd.Process.Signal(syscall.SIGTERM)
	w.events.expect("ended 143 15")
	w.events.expect("lingered")
}

func TestLingerLeavesAloneWhatAChildLeftBehind(t *testing.T) {
	w := wrap(t, setting{env: []string{"CHILD_TEST_LINGER=1h"}}, "sh", "-c", `sleep 1000 >/dev/null & echo $!`)
	w.started()
	var daemon int
	fmt.Sscan(w.stdout.next(), &daemon)
	t.Cleanup(func() { syscall.Kill(daemon, syscall.SIGKILL) })
	w.events.expect("ended 0 0")
	w.events.expect("lingered")
	if s := state(daemon); s == "" || s == "Z" {
		t.Fatal("the daemon is gone")
	}
}

func TestTerminateMayBeCalledByManyAndAgain(t *testing.T) {
	p := start(t, "sh", "-c", `trap '' TERM; kill -STOP $$; while :; do sleep 1000; done`)
	eventually(t, "deaf", func() bool { return state(p.PID()) == "T" })
	returned := make(chan bool)
	for _, grace := range []time.Duration{time.Hour, time.Hour, time.Millisecond} {
		go func() { p.Terminate(grace); returned <- true }()
	}
	for range 3 {
		<-returned
	}
	if got := p.Wait(); got.Signal != syscall.SIGKILL {
		t.Fatalf("%+v", got)
	}
	p.Terminate(0)
}

// state is the letter that ps shows for a process, empty when there is none.
func state(pid int) string {
	out := ps("state", pid)
	return out[:min(1, len(out))]
}

func ps(column string, pid int) string {
	out, _ := exec.Command("ps", "-o", column+"=", "-p", fmt.Sprint(pid)).Output()
	return strings.TrimSpace(string(out))
}
