//go:build linux

// Command witness is what every wrapper in the storm runs: it takes its lock from
// the referee, lives for a while, and ends as it was told. It is a program of its
// own, and not the test's, because it must start fast: the sooner it has its lock,
// the shorter an overlap that it would miss.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/lull-dev/lull/internal/storm"
)

// broken is the exit status of a witness that could not testify.
const broken = 97

// orders are what a witness was told to do.
type orders struct {
	witness   storm.Witness
	life      time.Duration
	exit      int
	stubborn  bool
	headless  bool
	kill      time.Duration // the wrapper, so long after the start; negative: never
	inner     []string
	innerExit int
}

// The first thread is main's alone, so that it can end before the others.
func init() { runtime.LockOSThread() }

func main() {
	o := read()
	if !o.headless {
		os.Exit(o.carryOut())
	}
	go func() { os.Exit(o.carryOut()) }()
	// The process table shows a zombie from here on (state Z, proc_pid_stat(5)), while
	// its other threads run: what pthread_exit in main does to a C program.
	syscall.RawSyscall(syscall.SYS_EXIT, 0, 0, 0)
}

func read() *orders {
	o := &orders{witness: storm.Witness{Phase: os.Getenv("LULL_PHASE")}}
	flag.StringVar(&o.witness.Dir, "dir", "", "where the locks and the log are")
	flag.StringVar(&o.witness.ID, "id", "", "who it is")
	flag.StringVar((*string)(&o.witness.Role), "role", "", "job, part or deployment")
	flag.StringVar(&o.witness.PartOf, "part-of", "", "the deployment that a part runs in")
	flag.DurationVar(&o.life, "life", 0, "how long to live")
	flag.IntVar(&o.exit, "exit", 0, "the exit status; above 128, die of that signal")
	flag.BoolVar(&o.stubborn, "ignore-term", false, "ignore TERM")
	flag.BoolVar(&o.headless, "headless", false, "end the first thread at once, and only that")
	flag.DurationVar(&o.kill, "kill-wrapper", -1, "kill the wrapper after so long")
	flag.IntVar(&o.innerExit, "inner-exit", 0, "the exit status that the inner command must have")
	flag.Parse()
	o.inner = flag.Args()
	return o
}

// carryOut returns the exit status.
func (o *orders) carryOut() int {
	if o.stubborn {
		signal.Ignore(syscall.SIGTERM)
	}
	w := &o.witness
	if err := w.Enter(); err != nil {
		return giveUp(err)
	}
	if o.kill >= 0 {
		killAfter(o.kill)
	}
	time.Sleep(o.life / 2)
	if len(o.inner) > 0 {
		if code := status(o.inner); code != o.innerExit {
			w.Note("wrong", fmt.Sprintf("the inner command ended with %d, not %d", code, o.innerExit))
		}
	}
	time.Sleep(o.life / 2)
	// The locks stay until the process is dead.
	if err := w.Note("ended"); err != nil {
		return giveUp(err)
	}
	if o.exit > 128 {
		syscall.Kill(os.Getpid(), syscall.Signal(o.exit-128))
		time.Sleep(time.Minute) // the signal comes first
	}
	return o.exit
}

// killAfter kills the wrapper after a while. It is our parent, or a shell's that has
// left us its number.
func killAfter(d time.Duration) {
	parent := os.Getppid()
	wrapper, err := strconv.Atoi(os.Getenv("LULL_STORM_WRAPPER"))
	if err != nil {
		wrapper = parent
	}
	time.AfterFunc(d, func() {
		if os.Getppid() == parent { // else the wrapper is dead, and its number may be another's
			syscall.Kill(wrapper, syscall.SIGKILL)
		}
	})
}

// status runs a command and returns its exit status as a shell would.
func status(args []string) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() < 0:
		return 128 + int(exit.Sys().(syscall.WaitStatus).Signal())
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	fmt.Fprintln(os.Stderr, "witness:", err)
	return broken
}

func giveUp(err error) int {
	fmt.Fprintln(os.Stderr, "witness:", err)
	return broken
}
