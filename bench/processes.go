package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/filestore"
)

// patience bounds every wait for something to happen.
const patience = 30 * time.Second

// place is where gates are kept: for commands, and for this process.
type place struct {
	url  string
	open func() (lull.Store, error)
}

// files is a place in a directory of its own.
func (m *machine) files(name string) place {
	dir := filepath.Join(m.dir, name)
	return place{"file://" + dir, func() (lull.Store, error) { return filestore.Open(dir, filestore.Options{}) }}
}

// env is the environment of commands that use a store.
func (p place) env() []string {
	return append(os.Environ(), "LULL_STORE="+p.url, "LULL_CONFIG=/dev/null")
}

func (m *machine) command(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command(m.lull, append([]string{"-q"}, args...)...)
	cmd.Env = env
	return cmd
}

// client opens the store in this process.
func (p place) client() (*lull.Client, error) {
	s, err := p.open()
	if err != nil {
		return nil, err
	}
	return lull.NewClient(s, lull.Options{Holder: lull.Holder{User: "bench", Host: "localhost", PID: os.Getpid()}})
}

// until waits for a condition, looking every millisecond.
func until(what string, done func() (bool, error)) error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if ok, err := done(); ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: not within %s", what, patience)
}

// there waits until a gate has so many passes waiting and inside.
func there(c *lull.Client, waiting, inside int) error {
	return until(fmt.Sprintf("%d waiting, %d inside", waiting, inside), func() (bool, error) {
		s, err := c.Store().Snapshot(context.Background(), c.Gate())
		return len(s.Waiting) == waiting && len(s.Inside) == inside, err
	})
}

// start starts commands in the background, and returns what ends them.
func start(cmds ...*exec.Cmd) (end func(), err error) {
	var started []*exec.Cmd
	end = func() {
		for _, c := range started {
			_ = c.Process.Signal(syscall.SIGTERM)
		}
		for _, c := range started {
			_ = c.Wait()
		}
	}
	for _, c := range cmds {
		if err := c.Start(); err != nil {
			end()
			return nil, err
		}
		started = append(started, c)
	}
	return end, nil
}

// memory measures the private memory of wrappers. Two run at once, so that the pages
// of the binary itself, which all wrappers share, do not count as one's own.
func memory(m *machine) ([]row, error) {
	at := m.files("memory")
	env := at.env()
	c, err := at.client()
	if err != nil {
		return nil, err
	}
	running := []*exec.Cmd{m.command(env, "run", "--", "sleep", "60"), m.command(env, "run", "--", "sleep", "60")}
	end, err := start(running...)
	if err != nil {
		return nil, err
	}
	defer end()
	if err := there(c, 0, 2); err != nil {
		return nil, err
	}
	inside, err := private(running[0].Process.Pid)
	if err != nil {
		return nil, err
	}
	hold, err := c.Close(context.Background(), lull.Closing{Kind: lull.Person, Reason: "bench"})
	if err != nil {
		return nil, err
	}
	defer hold.Open(context.Background(), lull.Outcome{})
	waiting := []*exec.Cmd{m.command(env, "run", "--", "true"), m.command(env, "run", "--", "true")}
	end2, err := start(waiting...)
	if err != nil {
		return nil, err
	}
	defer end2()
	if err := there(c, 2, 2); err != nil {
		return nil, err
	}
	outside, err := private(waiting[0].Process.Pid)
	if err != nil {
		return nil, err
	}
	return []row{
		{"private memory of a running wrapper", fmt.Sprintf("%.1f MB", inside), "≤ 4 MB"},
		{"private memory of a waiting wrapper", fmt.Sprintf("%.1f MB", outside), "≤ 4 MB"},
	}, nil
}

// private is the memory in MB that goes when a process goes, by the kernel's own
// account (proc_pid_smaps(5)).
func private(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	kb := 0
	for line := range bytes.Lines(text) {
		name, value, _ := strings.Cut(string(line), ":")
		if name == "Private_Clean" || name == "Private_Dirty" {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			if err != nil {
				return 0, err
			}
			kb += n
		}
	}
	return float64(kb) / 1024, nil
}

// manyWaiters is how many jobs wait for the gate in that row.
const manyWaiters = 100

// waiters measures when the first and the last of many waiting jobs start after the
// gate opens. Each job writes the time at which it runs.
func waiters(m *machine) ([]row, error) {
	var first, last []float64
	for range 5 {
		f, l, err := m.opening(m.files("waiters"))
		if err != nil {
			return nil, err
		}
		first, last = append(first, ms(f)), append(last, ms(l))
	}
	what := fmt.Sprintf("after the gate opens, of %d waiting jobs, median of %d openings: ", manyWaiters, len(first))
	return []row{
		{what + "the first starts", fmt.Sprintf("%.0f ms", median(first)), "≤ 20 ms"},
		{what + "the last starts", fmt.Sprintf("%.0f ms", median(last)), "≤ 250 ms"},
	}, nil
}

func (m *machine) opening(at place) (first, last time.Duration, err error) {
	env := at.env()
	c, err := at.client()
	if err != nil {
		return 0, 0, err
	}
	hold, err := c.Close(context.Background(), lull.Closing{Kind: lull.Person, Reason: "bench"})
	if err != nil {
		return 0, 0, err
	}
	out, err := os.CreateTemp(m.dir, "starts-")
	if err != nil {
		return 0, 0, err
	}
	defer out.Close()
	var cmds []*exec.Cmd
	for range manyWaiters {
		cmd := m.command(env, "run", "--", "date", "+%s%N")
		cmd.Stdout = out
		cmds = append(cmds, cmd)
	}
	end, err := start(cmds...)
	if err != nil {
		return 0, 0, err
	}
	defer end()
	if err := there(c, manyWaiters, 0); err != nil {
		return 0, 0, err
	}
	opened := time.Now()
	if _, err := hold.Open(context.Background(), lull.Outcome{}); err != nil {
		return 0, 0, err
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			return 0, 0, err
		}
	}
	if _, err := out.Seek(0, 0); err != nil {
		return 0, 0, err
	}
	n := 0
	for lines := bufio.NewScanner(out); lines.Scan(); n++ {
		ns, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			return 0, 0, err
		}
		d := time.Unix(0, ns).Sub(opened)
		if n == 0 {
			first = d
		}
		first, last = min(first, d), max(last, d)
	}
	if n != manyWaiters {
		return 0, 0, fmt.Errorf("%d of %d jobs ran", n, manyWaiters)
	}
	return first, last, nil
}

// afterCrash measures how long a gate stays closed after its deployment's wrapper was
// killed with -9, as a waiting job sees it.
func afterCrash(m *machine) ([]row, error) {
	at := m.files("crash")
	env := at.env()
	c, err := at.client()
	if err != nil {
		return nil, err
	}
	var took []float64
	for range 11 {
		deployment := m.command(env, "deploy", "--", "sleep", "60")
		end, err := start(deployment)
		if err != nil {
			return nil, err
		}
		err = until("the deployment begins", func() (bool, error) {
			s, err := c.Store().Snapshot(context.Background(), c.Gate())
			return len(s.Gate.Holds) == 1 && !s.Gate.Holds[0].Begun.IsZero(), err
		})
		if err != nil {
			end()
			return nil, err
		}
		job := m.command(env, "run", "--", "date", "+%s%N")
		var out bytes.Buffer
		job.Stdout = &out
		if err := job.Start(); err != nil {
			end()
			return nil, err
		}
		if err := there(c, 1, 0); err != nil {
			end()
			return nil, err
		}
		killed := time.Now()
		_ = deployment.Process.Kill()
		err = job.Wait()
		end()
		if err != nil {
			return nil, err
		}
		ns, err := strconv.ParseInt(strings.TrimSpace(out.String()), 10, 64)
		if err != nil {
			return nil, err
		}
		took = append(took, ms(time.Unix(0, ns).Sub(killed)))
	}
	return []row{{
		fmt.Sprintf("from `kill -9` of a deployment until a waiting job runs, median of %d", len(took)),
		fmt.Sprintf("%.0f ms", median(took)), "≤ 250 ms",
	}}, nil
}
