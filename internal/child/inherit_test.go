package child

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The same command without a wrapper shows what it should find: the standard
// streams, what was passed to us as 5, and whatever the tests themselves inherited.
func TestDescriptorsDoNotLeak(t *testing.T) {
	_, inherited := pipe(t)
	list := []string{"sh", "-c", `ls /proc/$$/fd; exit 0`}
	direct := exec.Command(list[0], list[1:]...)
	direct.ExtraFiles = []*os.File{nil, nil, inherited}
	want, err := direct.Output()
	if err != nil {
		t.Fatal(err)
	}
	w := wrap(t, setting{inherit: inherited}, list...)
	var got []string
	for line := w.stdout.next(); line != "<end>"; line = w.stdout.next() {
		got = append(got, line)
	}
	if !slices.Equal(got, strings.Fields(string(want))) || !slices.Contains(got, "5") {
		t.Fatalf("the child has %q, want %q", got, want)
	}
}

func TestTheChildSeesTheOriginalFileLimit(t *testing.T) {
	through := []string{"sh", "-c", `ulimit -Sn 123; exec "$@"`, "sh"}
	w := wrap(t, setting{through: through}, "sh", "-c", "ulimit -Sn")
	w.stdout.expect("123")
}

func TestStandardStreamsAreTheWrappersOwn(t *testing.T) {
	stderr, childsEnd := pipe(t)
	w := wrap(t, setting{stderr: childsEnd}, "sh", "-c", `readlink /proc/$PPID/fd/0 /proc/$$/fd/0; readlink /proc/$PPID/fd/1 /proc/$$/fd/1; readlink /proc/$PPID/fd/2 /proc/$$/fd/2; echo err >&2`)
	for range 3 {
		w.stdout.expect(w.stdout.next())
	}
	read(t, stderr).expect("err")
}

func TestKilledWrapperTakesTheChildAlong(t *testing.T) {
	w := wrap(t, setting{}, reporter(t)...)
	pid, _ := w.started()
	reporterUp(w.stdout)
	w.signal(syscall.SIGKILL)
	w.stdout.expect("terminated")
	w.stdout.expect("<end>")
	eventually(t, "gone", func() bool { s := state(pid); return s == "" || s == "Z" })
}
