package child

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// onTerminal is a wrapper as a job of a shell on a terminal.
type onTerminal struct {
	*wrapper // its command is the shell
	keyboard *os.File
	screen   *lines
	shell    *lines
	job      int
	child    int
	group    int
}

// underShell starts it with a reporter.
func underShell(t *testing.T, place string) *onTerminal {
	t.Helper()
	o := underShellRunning(t, place, false, reporter(t)...)
	reporterUp(o.screen)
	return o
}

// underShellRunning starts it with any command. place is foreground or
// background; a redirected job has /dev/null for its standard streams.
func underShellRunning(t *testing.T, place string, redirected bool, args ...string) *onTerminal {
	t.Helper()
	cmd := exec.Command(self(t), args...)
	cmd.Env = append(os.Environ(), role+"=shell", "CHILD_TEST_JOB="+place)
	shell, shellsEnd := pipe(t)
	cmd.ExtraFiles = []*os.File{shellsEnd}
	if redirected {
		cmd.Env = append(cmd.Env, "CHILD_TEST_REDIRECTED=1")
	}
	o := &onTerminal{wrapper: &wrapper{t: t, cmd: cmd}, shell: read(t, shell)}
	o.control()
	keyboard, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keyboard.Close() })
	o.began()
	o.keyboard, o.screen = keyboard, read(t, keyboard)
	line := o.shell.next()
	if _, err := fmt.Sscanf(line, "job %d", &o.job); err != nil {
		t.Fatalf("the shell says %q", line)
	}
	o.child, o.group = o.started()
	return o
}

func (o *onTerminal) press(key byte) {
	o.t.Helper()
	if _, err := o.keyboard.Write([]byte{key}); err != nil {
		o.t.Fatal(err)
	}
}

// shows skips the echo of a key, which stands before the line.
func (o *onTerminal) shows(want string) {
	o.t.Helper()
	got := o.screen.next()
	if len(got) > 2 && got[0] == '^' {
		got = got[2:]
	}
	if got != want {
		o.t.Fatalf("got %q, want %q", got, want)
	}
}

func (o *onTerminal) tell(sig syscall.Signal) {
	o.t.Helper()
	if err := syscall.Kill(o.job, sig); err != nil {
		o.t.Fatal(err)
	}
}

func TestOnATerminalTheChildStaysInTheGroup(t *testing.T) {
	o := underShell(t, "foreground")
	if o.group != o.job {
		t.Fatalf("the child is in group %d, want the job's, %d", o.group, o.job)
	}
}

// A signal relayed on top would be seen before the USR1 that follows it.
func testOnce(t *testing.T, key byte, want string) {
	o := underShell(t, "foreground")
	for range 20 {
		o.press(key)
		o.shows(want)
		o.tell(syscall.SIGUSR1)
		o.shows("user defined signal 1")
	}
	o.tell(syscall.SIGTERM)
	o.shows("terminated")
	o.shell.expect("ended 0")
}

func TestCtrlCOnATerminalArrivesOnce(t *testing.T)         { testOnce(t, 'C'-'@', "interrupt") }
func TestCtrlBackslashOnATerminalArrivesOnce(t *testing.T) { testOnce(t, '\\'-'@', "quit") }

func TestWindowSizeChangesReachTheChild(t *testing.T) {
	o := underShell(t, "foreground")
	for i := range 10 {
		if err := pty.Setsize(o.keyboard, &pty.Winsize{Rows: 10, Cols: uint16(20 + i)}); err != nil {
			t.Fatal(err)
		}
		o.shows("window changed")
		o.tell(syscall.SIGUSR1)
		o.shows("user defined signal 1")
	}
}

func TestCtrlZStopsTheWholeJobAndContinuingResumesIt(t *testing.T) {
	o := underShellRunning(t, "foreground", false, "sleep", "1000")
	for range 3 {
		o.press('Z' - '@')
		o.shell.expect(fmt.Sprint("stopped by ", int(syscall.SIGTSTP)))
		eventually(t, "child stopped", func() bool { return state(o.child) == "T" })
		syscall.Kill(-o.job, syscall.SIGCONT)
		o.shell.expect("continued")
		eventually(t, "child continued", func() bool { return state(o.child) == "S" })
	}
	o.press('C' - '@')
	o.shell.expect("ended 130")
}

func TestABackgroundJobOnATerminalGetsWhatIsSentToIt(t *testing.T) {
	o := underShell(t, "background")
	if o.group != o.job {
		t.Fatalf("the child is in group %d, want the job's, %d", o.group, o.job)
	}
	for _, sig := range fromKeyboard {
		o.tell(sig.(syscall.Signal))
		o.shows(sig.String())
	}
}

// The command may still ask for a password on /dev/tty, and Ctrl-Z is for it.
func TestARedirectedForegroundJobIsOnTheTerminal(t *testing.T) {
	o := underShellRunning(t, "foreground", true, "sleep", "1000")
	if o.group != o.job {
		t.Fatalf("the child is in group %d, want the job's, %d", o.group, o.job)
	}
	o.press('C' - '@')
	o.shell.expect("ended 130")
}

func TestARedirectedBackgroundJobLeadsAGroupAndStopsAsAWhole(t *testing.T) {
	o := underShellRunning(t, "background", true, "sleep", "1000")
	if o.group != o.child {
		t.Fatalf("the child %d is in group %d", o.child, o.group)
	}
	for range 3 {
		o.tell(syscall.SIGTSTP)
		o.shell.expect(fmt.Sprint("stopped by ", int(syscall.SIGSTOP)))
		eventually(t, "child stopped", func() bool { return state(o.child) == "T" })
		o.tell(syscall.SIGCONT)
		o.shell.expect("continued")
		eventually(t, "child continued", func() bool { return state(o.child) == "S" })
	}
	o.tell(syscall.SIGTERM)
	o.shell.expect("ended 143")
}

func TestOnATerminalTerminateEndsTheChildAlone(t *testing.T) {
	o := underShellRunning(t, "foreground", false, "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1000; done")
	o.shows("ready")
	fmt.Fprintln(o.orders, "terminate 10ms")
	o.events.expect("ended 137 9")
	o.shell.expect("ended 137")
}
