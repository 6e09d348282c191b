package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/pgtest"
	"github.com/lull-dev/lull/remotestore"
	"golang.org/x/sys/unix"
)

// callers is how many call lulld at once where its throughput is measured.
const callers = 16

// crowdMost is how many jobs wait at it where that is measured, if this process and lulld
// may have four files open for each.
const (
	crowdMost = 10_000
	filesEach = 4
)

// crowdSize raises the number of files to what that takes, where this is allowed.
func crowdSize() (int, error) {
	wanted := unix.Rlimit{Cur: crowdMost*filesEach + 1000, Max: crowdMost*filesEach + 1000}
	if unix.Setrlimit(unix.RLIMIT_NOFILE, &wanted) == nil {
		return crowdMost, nil
	}
	var files unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files)
	return min(crowdMost, max(0, int(files.Max)-1000)/filesEach), err
}

// agent is a lulld in front of PostgreSQL, on a unix socket.
type agent struct {
	*cluster
	crowd  int // how many wait
	server *exec.Cmd
	url    string
}

// behindServer measures lulld in front of PostgreSQL.
func behindServer(m *machine) (_ []row, err error) {
	ctx := context.Background()
	server, err := pgtest.StartServer(ctx, pgtest.Config{OnDisk: true, Settings: map[string]string{"shared_buffers": "128MB", "max_wal_size": "1GB"}})
	if err != nil {
		return nil, err
	}
	defer server.Close()
	crowd, err := crowdSize() // before lulld starts, which inherits it
	if err != nil {
		return nil, err
	}
	c := &cluster{machine: m, server: server}
	at, err := c.place(ctx, "")
	if err != nil {
		return nil, err
	}
	a, err := c.agent(at.url)
	if err != nil {
		return nil, err
	}
	a.crowd = crowd
	defer func() { err = errors.Join(err, a.ends()) }()
	idle, err := private(a.server.Process.Pid)
	if err != nil {
		return nil, err
	}
	rows := []row{{"lulld in front of PostgreSQL, memory when idle", fmt.Sprintf("%.0f MB", idle), "≤ 40 MB"}}
	for _, measure := range []func(context.Context) ([]row, error){a.throughput, a.latency, a.waiters} {
		more, err := measure(ctx)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

func (c *cluster) agent(store string) (*agent, error) {
	program, socket := filepath.Join(c.dir, "lulld"), filepath.Join(c.dir, "lulld.sock")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "github.com/lull-dev/lull/cmd/lulld")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build lulld: %w\n%s", err, out)
	}
	a := &agent{cluster: c, url: "unix://" + socket, server: exec.Command(program, "--store", store, "--listen", "unix://"+socket)}
	a.server.Stderr = os.Stderr
	if err := a.server.Start(); err != nil {
		return nil, err
	}
	s, err := a.open()
	if err != nil {
		return nil, err
	}
	defer s.Shutdown(context.Background())
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if _, err = s.Gates(context.Background()); err == nil || time.Since(began) > 10*time.Second {
			return a, err
		}
	}
}

func (a *agent) open() (*remotestore.Store, error) {
	return remotestore.Open(a.url, remotestore.Options{})
}

func (a *agent) ends() error {
	_ = a.server.Process.Signal(os.Interrupt)
	return a.server.Wait()
}

// throughput counts how many jobs come and go in five seconds.
func (a *agent) throughput(ctx context.Context) ([]row, error) {
	s, err := a.open()
	if err != nil {
		return nil, err
	}
	defer s.Shutdown(ctx)
	var passed atomic.Int64
	failed := make(chan error, callers)
	began := time.Now()
	var calling sync.WaitGroup
	for range callers {
		calling.Go(func() {
			for time.Since(began) < 5*time.Second {
				if err := pass(s); err != nil {
					failed <- err
					return
				}
				passed.Add(1)
			}
		})
	}
	calling.Wait()
	if len(failed) > 0 {
		return nil, <-failed
	}
	rate := float64(passed.Load()) / time.Since(began).Seconds()
	return []row{{fmt.Sprintf("Enter + Leave through lulld on a unix socket, %d callers, all on one machine", callers), fmt.Sprintf("%.0f a second", rate), "≥ 3,000 a second"}}, nil
}

// latency times Enter, a hundred a second.
func (a *agent) latency(ctx context.Context) ([]row, error) {
	s, err := a.open()
	if err != nil {
		return nil, err
	}
	defer s.Shutdown(ctx)
	const many = 1000
	took := make([]float64, many)
	errs := make([]error, many)
	var calling sync.WaitGroup
	for i := range many {
		calling.Go(func() {
			began := time.Now()
			p, _, err := s.Enter(ctx, lull.Pass{ID: lull.NewID(), Gate: lull.DefaultGate, Name: "bench", Lease: time.Minute})
			took[i] = ms(time.Since(began))
			if err == nil {
				_, err = s.Leave(ctx, lull.PassRef{Gate: p.Gate, ID: p.ID}, lull.Outcome{})
			}
			errs[i] = err
		})
		time.Sleep(10 * time.Millisecond)
	}
	calling.Wait()
	slices.Sort(took)
	return []row{{"Enter through lulld, a hundred a second: median, p99", fmt.Sprintf("%.1f ms, %.1f ms", took[many/2], took[many*99/100]), "p99 ≤ 10 ms"}}, errors.Join(errs...)
}

// crowd lets many jobs wait, each as a process of its own would, and opens the gate.
func (a *agent) waiters(ctx context.Context) ([]row, error) {
	s, err := a.open()
	if err != nil {
		return nil, err
	}
	defer s.Shutdown(ctx)
	hold, _, err := s.Close(ctx, lull.Hold{ID: lull.NewID(), Gate: lull.DefaultGate, Kind: lull.Person, Reason: "bench"})
	if err != nil {
		return nil, err
	}
	var arrived, inside sync.WaitGroup
	var lastIn atomic.Int64
	failed := make(chan error, a.crowd)
	turns := make(chan struct{}, 64) // so many arrive at once
	for range a.crowd {
		arrived.Add(1)
		turns <- struct{}{}
		inside.Go(func() {
			here := sync.OnceFunc(func() { arrived.Done(); <-turns })
			defer here()
			failed <- a.waits(ctx, here, func() {
				now := time.Now().UnixNano()
				for last := lastIn.Load(); last < now && !lastIn.CompareAndSwap(last, now); last = lastIn.Load() {
				}
			})
		})
	}
	arrived.Wait()
	statements, connections, err := a.quiet(ctx, 20*time.Second)
	if err != nil {
		return nil, err
	}
	opened := time.Now()
	if _, err := s.Open(ctx, lull.HoldRef{Gate: hold.Gate, ID: hold.ID}, lull.Outcome{}); err != nil {
		return nil, err
	}
	inside.Wait()
	for range a.crowd {
		if err := <-failed; err != nil {
			return nil, err
		}
	}
	what := fmt.Sprintf("%d jobs wait through one lulld: ", a.crowd)
	return []row{
		{what + "connections to PostgreSQL, the most", fmt.Sprintf("%.0f", connections), "≤ 10"},
		{what + "statements a second", fmt.Sprintf("%.1f", statements), "a few"},
		{what + "the last knows of an opening after", fmt.Sprintf("%.1f s", time.Unix(0, lastIn.Load()).Sub(opened).Seconds()), "≤ 1 s"},
	}, nil
}

// waits is one job, with connections of its own. It is here once it waits.
func (a *agent) waits(ctx context.Context, here, in func()) error {
	s, err := a.open()
	if err != nil {
		return err
	}
	defer s.Shutdown(ctx)
	c, err := lull.NewClient(s, lull.Options{})
	if err != nil {
		return err
	}
	p, err := c.Enter(ctx, lull.Job{Name: "bench", Waiting: func(lull.Gate) { here() }})
	if err != nil {
		return err
	}
	in()
	_, err = p.Leave(ctx, lull.Outcome{})
	return err
}

// quiet counts PostgreSQL's statements for a while, and then its connections.
func (a *agent) quiet(ctx context.Context, d time.Duration) (statements, connections float64, err error) {
	const calls = "select xact_commit::float8 from pg_stat_database where datname = current_database()"
	before, err := pgtest.Value[float64](ctx, a.cluster.server, "", calls)
	if err != nil {
		return 0, 0, err
	}
	time.Sleep(d)
	after, err := pgtest.Value[float64](ctx, a.cluster.server, "", calls)
	if err != nil {
		return 0, 0, err
	}
	counted, stop := a.connections(ctx)
	time.Sleep(d / 4)
	if err := stop(); err != nil {
		return 0, 0, err
	}
	return (after - before) / d.Seconds(), most(counted()), nil
}
