package child

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary plays every part: the wrapper, a child that tells which signals
// it gets, and a shell with job control. role says which.
const role = "CHILD_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv("CHILD_TEST_CHILD") == "arguments" && os.Getenv(role) == "" {
		fmt.Printf("%q\n", os.Args)
		return
	}
	part := os.Getenv(role)
	os.Unsetenv(role)
	switch part {
	case "":
		// Under -race each of our processes would sleep a second at its end.
		os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
		os.Exit(m.Run())
	case "wrapper":
		os.Exit(actWrapper(os.Args[1:]))
	case "reporter":
		os.Exit(actReporter())
	case "shell":
		os.Exit(actShell(os.Args[1:]))
	}
	panic("no such role: " + part)
}

// actWrapper runs args as lull would. Descriptor 3 gets an event a line, 4 brings
// orders a line.
func actWrapper(args []string) int {
	events, orders := os.NewFile(3, "events"), bufio.NewScanner(os.NewFile(4, "orders"))
	syscall.CloseOnExec(3)
	syscall.CloseOnExec(4)
	private, err := os.Open("/dev/null") // must not leak
	if err != nil {
		return 1
	}
	defer private.Close()

	signals := Catch()
	defer signals.Stop()
	fmt.Fprintln(events, "caught")
	switch os.Getenv("CHILD_TEST_BEFORE") {
	case "read":
		sig := <-signals.C()
		fmt.Fprintln(events, "got", sig, Ends(sig))
		return 0
	case "wait":
		orders.Scan()
	}

	p, err := Start(Command{Args: args, Env: os.Environ(), Signals: signals})
	if err != nil {
		fmt.Fprintln(events, err)
		return err.(*StartError).ExitCode()
	}
	fmt.Fprintln(events, "started", p.PID(), p.Group())
	go func() {
		for orders.Scan() {
			switch verb, argument, _ := strings.Cut(orders.Text(), " "); verb {
			case "terminate":
				grace, _ := time.ParseDuration(argument)
				p.Terminate(grace)
			case "complain":
				_, err := fmt.Fprintln(os.Stderr, "complaint")
				fmt.Fprintln(events, "complained", err != nil)
			}
		}
	}()
	status := p.Wait()
	fmt.Fprintln(events, "ended", status.Code, int(status.Signal))
	if most, err := time.ParseDuration(os.Getenv("CHILD_TEST_LINGER")); err == nil {
		p.Linger(most)
		fmt.Fprintln(events, "lingered")
	}
	return status.Code
}

// actReporter prints each signal it gets, until TERM.
func actReporter() int {
	caught := make(chan os.Signal, 64)
	signal.Notify(caught)
	fmt.Println("ready", os.Getpid())
	for sig := range caught {
		switch sig {
		case syscall.SIGURG, syscall.SIGCHLD: // between Go and the kernel
			continue
		}
		fmt.Println(sig)
		if sig == syscall.SIGTERM {
			return 0
		}
	}
	return 1
}

// actShell runs args as one job on its controlling terminal, standard input, and
// tells on descriptor 5 what becomes of it. Descriptors 3 and 4 are the job's.
func actShell(args []string) int {
	events := os.NewFile(5, "shell's events")
	syscall.CloseOnExec(5)
	signal.Ignore(syscall.SIGTTOU)
	foreground := os.Getenv("CHILD_TEST_JOB") == "foreground"
	files := []uintptr{0, 1, 2, 3, 4}
	if os.Getenv("CHILD_TEST_REDIRECTED") != "" {
		null, _ := os.OpenFile("/dev/null", os.O_RDWR, 0)
		files = []uintptr{null.Fd(), null.Fd(), null.Fd(), 3, 4}
	}
	os.Setenv(role, "wrapper")
	job, err := syscall.ForkExec(os.Args[0], append([]string{os.Args[0]}, args...), &syscall.ProcAttr{
		Env: os.Environ(), Files: files,
		Sys: &syscall.SysProcAttr{Setpgid: true, Foreground: foreground, Ctty: 0},
	})
	if err != nil {
		fmt.Fprintln(events, err)
		return 1
	}
	fmt.Fprintln(events, "job", job)
	for {
		var ws syscall.WaitStatus
		if _, err := syscall.Wait4(job, &ws, syscall.WUNTRACED|syscall.WCONTINUED, nil); err == syscall.EINTR {
			continue
		} else if err != nil {
			return 1
		}
		switch {
		case ws.Stopped():
			fmt.Fprintln(events, "stopped by", int(ws.StopSignal()))
		case ws.Continued():
			fmt.Fprintln(events, "continued")
		default:
			fmt.Fprintln(events, "ended", ws.ExitStatus())
			return 0
		}
	}
}
