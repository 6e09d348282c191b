package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// demoRun is the demo in a process of its own, with a directory for its temporary
// files that nobody else uses.
type demoRun struct {
	cmd  *exec.Cmd
	temp string
	mark string // stands in the environment of every process of it
}

func newDemoRun(t *testing.T) *demoRun {
	t.Helper()
	if testing.Short() {
		t.Skip("plays the demo")
	}
	// This binary is lull when it is called so: see TestMain.
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := &demoRun{temp: t.TempDir(), mark: "DEMO_TEST=" + t.TempDir()}
	d.cmd = exec.Command(binary, "demo", "--fast")
	d.cmd.Args[0] = "lull"
	// What would lead astray a demo that heeded it.
	d.cmd.Env = append(os.Environ(), "TMPDIR="+d.temp, d.mark, "LULL_GATE=other", "LULL_STORE=nowhere:", "SLURM_JOB_ID=1", "NO_COLOR=")
	return d
}

// leavesNothing fails if the demo has left a file or a process.
func (d *demoRun) leavesNothing(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(d.temp)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		t.Errorf("left in the temporary directory: %s", entry.Name())
	}
	// Where there is no /proc, nothing is found.
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range environs {
		environ, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(environ, []byte(d.mark)) {
			continue // gone by now, or another user's
		}
		what, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		t.Errorf("left running: %s: %q", path, what)
	}
}

func TestDemoShowsWhatItPromisesAndLeavesNothing(t *testing.T) {
	t.Parallel()
	d := newDemoRun(t)
	began := time.Now()
	out, err := d.cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
	for _, want := range []string{"What you saw", "lull run    -- ./nightly-report.sh", "is killed", "crashed"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if bytes.ContainsRune(out, '\x1b') {
		t.Error("escape sequences off a terminal")
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
	d.leavesNothing(t)
}

func TestDemoDrawsOnTerminal(t *testing.T) {
	t.Parallel()
	d := newDemoRun(t)
	d.cmd.Env = append(d.cmd.Env, "TERM=xterm")
	terminal, err := pty.StartWithSize(d.cmd, &pty.Winsize{Cols: demoWidth, Rows: demoHeight + 1})
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	// Reading ends with an error when the other side is closed: that is its end.
	out, _ := io.ReadAll(terminal)
	if err := d.cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for _, want := range []string{"What you saw", "▒", "✗", "\x1b[32m", "\x1b[?25h"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the terminal never got %q", want)
		}
	}
	d.leavesNothing(t)
}

func TestInterruptedDemoLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			d := newDemoRun(t)
			out, err := d.cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := d.cmd.Start(); err != nil {
				t.Fatal(err)
			}
			// In the middle of it: jobs are inside, one waits, and so does the deployment.
			readUntil(t, out, "is closed: deployment of")
			if err := d.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, out); err != nil {
				t.Fatal(err)
			}
			var ended *exec.ExitError
			if err := d.cmd.Wait(); !errors.As(err, &ended) || ended.ExitCode() != 128+int(sig) {
				t.Errorf("ended with %v, want exit status %d", err, 128+int(sig))
			}
			d.leavesNothing(t)
		})
	}
}

func readUntil(t *testing.T, r io.Reader, text string) {
	t.Helper()
	var seen []byte
	for part := make([]byte, 4096); !bytes.Contains(seen, []byte(text)); {
		n, err := r.Read(part)
		if seen = append(seen, part[:n]...); err != nil {
			t.Fatalf("%v before %q:\n%s", err, text, seen)
		}
	}
}
