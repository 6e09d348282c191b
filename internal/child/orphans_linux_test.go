package child

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// The script leaves 20 orphans to process 1 and goes on only when nobody is left
// but process 1, itself and the shell that counts.
func TestZombiesAreReapedAsPID1(t *testing.T) {
	w := wrap(t, setting{through: namespace(t)}, "sh", "-c", `
		echo our parent is $PPID
		for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sh -c 'true & exit'; done
		count() { set -- /proc/[0-9]*; echo $#; }
		count >/dev/null
		while [ $(count) -gt 3 ]; do :; done
		echo reaped
		exit 33`)
	w.startedElsewhere()
	w.stdout.expect("our parent is 1")
	w.stdout.expect("reaped")
	w.events.expect("ended 33 0")
	if got := w.exitCode(); got != 33 {
		t.Fatalf("ended with %d, want 33", got)
	}
}

// A zombie that nobody reaps must not use up the grace: process 1 of the namespace
// is sleep, which reaps nobody.
func TestTerminateDoesNotWaitForZombies(t *testing.T) {
	through := namespace(t, "sh", "-c", `"$@" & exec sleep 1000 >/dev/null`, "sh")
	w := wrap(t, setting{through: through}, "sh", "-c", `sh -c 'sleep 1000 & echo ready' ; exec sleep 1000`)
	w.startedElsewhere()
	w.stdout.expect("ready")
	fmt.Fprintln(w.orders, "terminate 1h")
	w.events.expect("ended 143 15")
}

// namespace is what to put before a command to make it process 1.
func namespace(t *testing.T, through ...string) []string {
	t.Helper()
	unshare := []string{"unshare", "--pid", "--fork", "--mount-proc", "--kill-child"}
	if out, err := exec.Command(unshare[0], append(unshare[1:], "true")...).CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v: %s", err, out)
		}
		t.Skipf("a process namespace is needed: %v: %s", err, out)
	}
	return append(unshare, through...)
}
