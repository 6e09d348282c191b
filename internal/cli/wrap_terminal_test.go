package cli_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// onATerminal starts lull on a terminal, with a store of the test's own.
func onATerminal(t *testing.T, store string, args ...string) (*terminal, *exec.Cmd) {
	t.Helper()
	cmd := lullCommand(t, store, args...)
	term, err := newTerminal(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		term.close()
		_ = cmd.Wait()
	})
	return term, cmd
}

// lullCommand is this binary, which is lull when it is called so: see TestMain.
func lullCommand(t *testing.T, store string, args ...string) *exec.Cmd {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, args...)
	cmd.Args[0] = "lull"
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "SUDO_USER=ann", "TERM=xterm", "GORACE=atexit_sleep_ms=0",
		"LULL_STORE=file://" + store, "LULL_CONFIG=" + os.DevNull,
	}
	return cmd
}

// lull runs a command that must succeed.
func lull(t *testing.T, store string, args ...string) string {
	t.Helper()
	out, err := lullCommand(t, store, args...).Output()
	if err != nil {
		t.Fatalf("lull %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}

// ends waits until the program has ended, and returns its status.
func ends(t *testing.T, term *terminal, cmd *exec.Cmd) int {
	t.Helper()
	select {
	case <-term.ended:
	case <-time.After(patience):
		t.Fatalf("it does not end; the terminal shows\n%s", term.text())
	}
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode()
}

func TestAWaitingJobHasALiveLineThatGoesWhenTheGateOpens(t *testing.T) {
	t.Parallel()
	store := t.TempDir() + "/store"
	lull(t, store, "close", "-q", "--reason", "a restore")
	term, cmd := onATerminal(t, store, "run", "--", "echo", "inside")
	term.shows(t, "lull: waiting; look with: lull status --store file://")
	term.shows(t, "\r\x1b[Klull: waiting 0s · hold of ann@")
	term.shows(t, "\r\x1b[Klull: waiting 1s · hold of ann@")
	lull(t, store, "open", "-q")
	if status := ends(t, term, cmd); status != 0 {
		t.Errorf("exit %d", status)
	}
	lines := strings.Split(strings.TrimSpace(term.all()), "\r\n")
	last := lines[max(0, len(lines)-2):]
	if !strings.HasPrefix(last[0][strings.LastIndex(last[0], "\r\x1b[K")+4:], "lull: waited ") || last[1] != "inside" {
		t.Errorf("it ends with %q", last)
	}
}

func TestCtrlCWhileWaitingEndsTheWaitWithOneLine(t *testing.T) {
	t.Parallel()
	store := t.TempDir() + "/store"
	lull(t, store, "close", "-q", "--reason", "a restore")
	term, cmd := onATerminal(t, store, "run", "--", "echo", "inside")
	term.shows(t, "lull: waiting 0s")
	term.press("\x03")
	if status := ends(t, term, cmd); status != 130 {
		t.Errorf("exit %d, want 130", status)
	}
	const said = "\r\x1b[Klull: interrupted by SIGINT; the command was not run\r\n"
	if text := term.all(); !strings.HasSuffix(text, said) || strings.Contains(text, "waited") {
		t.Errorf("the terminal shows %q", text)
	}
}

func TestCtrlCWhileTheCommandRunsIsTheCommands(t *testing.T) {
	t.Parallel()
	store := t.TempDir() + "/store"
	for _, verb := range []string{"run", "deploy"} {
		term, cmd := onATerminal(t, store, verb, "-q", "--", "sh", "-c", `trap "echo stopping; exit 7" INT; echo started; while :; do sleep 0.01; done`)
		term.shows(t, "started\r\n")
		term.press("\x03")
		if status := ends(t, term, cmd); status != 7 {
			t.Errorf("%s: exit %d, want the command's 7", verb, status)
		}
		if text := term.all(); !strings.HasSuffix(text, "stopping\r\n") {
			t.Errorf("%s: the terminal shows %q", verb, text)
		}
	}
	if state := lull(t, store, "status"); !strings.Contains(state, "OPEN  nobody inside") {
		t.Errorf("it left behind %s", state)
	}
}

func TestADrainingDeploymentShowsWhoIsInsideAndHowLongThatUsuallyTakes(t *testing.T) {
	t.Parallel()
	store := t.TempDir() + "/store"
	lull(t, store, "run", "--name", "import", "--", "true")
	job := lullCommand(t, store, "run", "--name", "import", "--", "sleep", "30")
	if err := job.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = job.Process.Signal(os.Interrupt)
		_ = job.Wait()
	}()
	for end := time.Now().Add(patience); !strings.Contains(lull(t, store, "status"), "inside: 1"); {
		if time.Now().After(end) {
			t.Fatal("the job does not come inside")
		}
	}
	term, cmd := onATerminal(t, store, "deploy", "--", "echo", "deployed")
	term.shows(t, "\r\x1b[Klull: draining 0s · 1 job inside: import on ")
	term.shows(t, "(usually ")
	term.press("\x03")
	if status := ends(t, term, cmd); status != 130 {
		t.Errorf("exit %d, want 130", status)
	}
	if text := term.all(); !strings.HasSuffix(text, "\r\x1b[Klull: interrupted by SIGINT; nothing was deployed, the gate is open again\r\n") {
		t.Errorf("the terminal shows %q", text)
	}
}
