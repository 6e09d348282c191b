package child

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

func TestEverySignalIsForwardedNotOnlyTheFirst(t *testing.T) {
	w := wrap(t, setting{}, reporter(t)...)
	pid, group := w.started()
	if pid != group || reporterUp(w.stdout) != pid {
		t.Fatalf("the child %d is in group %d", pid, group)
	}
	for range 3 {
		for _, sig := range append(append([]os.Signal{syscall.SIGTSTP}, waiting[:3]...), others...) {
			w.signal(sig.(syscall.Signal))
			w.stdout.expect(sig.String())
		}
	}
	w.signal(syscall.SIGTERM)
	w.stdout.expect("terminated")
	w.events.expect("ended 0 0")
	w.stdout.expect("<end>")
}

func TestOffATerminalSignalsReachTheWholeGroup(t *testing.T) {
	w := wrap(t, setting{}, append([]string{"sh", "-c", `trap : USR1; "$@" & while :; do wait; done`, "sh"}, reporter(t)...)...)
	pid, _ := w.started()
	if reporterUp(w.stdout) == pid {
		t.Fatal("not a grandchild")
	}
	w.signal(syscall.SIGUSR1)
	w.stdout.expect("user defined signal 1")
	w.signal(syscall.SIGTERM)
	w.stdout.expect("terminated")
	w.events.expect("ended 143 15")
}

func TestSignalsBeforeAChildAreTheCallers(t *testing.T) {
	for sig, ends := range map[syscall.Signal]bool{syscall.SIGINT: true, syscall.SIGTERM: true, syscall.SIGHUP: true} {
		w := wrap(t, setting{env: []string{"CHILD_TEST_BEFORE=read"}}, "false")
		w.events.expect("caught")
		w.signal(sig)
		w.events.expect(fmt.Sprint("got ", sig, " ", ends))
	}
}

func TestNoSignalIsLostBetweenWaitingAndRunning(t *testing.T) {
	w := wrap(t, setting{env: []string{"CHILD_TEST_BEFORE=wait"}}, "sleep", "1000")
	w.events.expect("caught")
	w.signal(syscall.SIGTERM)
	fmt.Fprintln(w.orders, "start")
	w.events.next()
	w.events.expect("ended 143 15")
}

func TestSignalsIgnoredBeforeStayIgnored(t *testing.T) {
	for _, c := range []struct {
		ignored string
		want    []syscall.Signal
	}{
		{"", nil},
		{"HUP", []syscall.Signal{syscall.SIGHUP}},
		{"INT QUIT", []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT}},
		{"HUP INT QUIT TSTP CONT", []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTSTP, syscall.SIGCONT}},
	} {
		through := []string{"sh", "-c", `for s in ` + c.ignored + `; do trap '' $s; done; exec "$@"`, "sh"}
		w := wrap(t, setting{through: through}, "grep", "-E", "Sig(Ign|Blk)", "/proc/self/status")
		var mask uint64
		for _, sig := range c.want {
			mask |= 1 << (sig - 1)
		}
		w.stdout.expect("SigBlk:\t0000000000000000")
		w.stdout.expect(fmt.Sprintf("SigIgn:\t%016x", mask))
	}
}

func TestNohupSurvives(t *testing.T) {
	w := wrap(t, setting{through: []string{"nohup"}}, "sh", "-c", `echo ready; exec sleep 1000`)
	w.started()
	w.stdout.expect("ready")
	w.signal(syscall.SIGHUP)
	w.signal(syscall.SIGTERM)
	w.events.expect("ended 143 15")
}

func TestAMessageToAClosedPipeDoesNotEndTheWrapper(t *testing.T) {
	closed, stderr := pipe(t)
	closed.Close()
	w := wrap(t, setting{stderr: stderr}, reporter(t)...)
	w.started()
	reporterUp(w.stdout)
	fmt.Fprintln(w.orders, "complain")
	w.events.expect("complained true")
	w.signal(syscall.SIGTERM)
	w.stdout.expect("terminated")
	w.events.expect("ended 0 0")
}
