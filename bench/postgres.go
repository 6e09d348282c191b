package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/pgtest"
	"github.com/lull-dev/lull/pgstore"
)

// cluster is a PostgreSQL server on disk, and a schema of ours for each question.
type cluster struct {
	*machine
	server  *pgtest.Server
	schemas int
}

// onPostgres measures the store on PostgreSQL, on a server of its own.
func onPostgres(m *machine) ([]row, error) {
	ctx := context.Background()
	server, err := pgtest.StartServer(ctx, pgtest.Config{OnDisk: true, Settings: map[string]string{"shared_buffers": "128MB", "max_wal_size": "1GB"}})
	if err != nil {
		return nil, err
	}
	c := &cluster{machine: m, server: server}
	defer server.Close()
	var rows []row
	for _, measure := range []func(context.Context) ([]row, error){
		c.startUp, c.throughput, c.waiters, c.size, c.renewals, c.growth,
	} {
		more, err := measure(ctx)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// place is a schema of its own.
func (c *cluster) place(ctx context.Context, keep string) (place, error) {
	c.schemas++
	url := fmt.Sprintf("%s&lull_schema=bench%d%s", c.server.URL("", ""), c.schemas, keep)
	s, err := pgstore.Open(url)
	if err != nil {
		return place{}, err
	}
	_, err = s.Migrate(ctx, pgstore.Latest)
	return place{url, func() (lull.Store, error) { return pgstore.Open(url) }}, errors.Join(err, s.Shutdown(ctx))
}

// startUp times lull run -- true against a shell that takes a session's advisory lock
// with psql for the time of true.
func (c *cluster) startUp(ctx context.Context) ([]row, error) {
	at, err := c.place(ctx, "")
	if err != nil {
		return nil, err
	}
	env := at.env()
	ours := func() *exec.Cmd { return c.command(env, "run", "--", "true") }
	psql := func() *exec.Cmd {
		return exec.Command(c.server.Program("psql"), "-qAtX", "-d", c.server.URL("", ""), "-c", "select pg_advisory_lock_shared(1)", "-c", `\! true`)
	}
	ratio, err := c.inTurn(ours, psql)
	return []row{{"`lull run -- true` on PostgreSQL against `psql` with a session's advisory lock, wall time, ratio of medians", ratio, "< 1 ×"}}, err
}

// waiters measures when many waiting jobs start after an opening, and how many
// connections they have while they wait.
func (c *cluster) waiters(ctx context.Context) ([]row, error) {
	at, err := c.place(ctx, "")
	if err != nil {
		return nil, err
	}
	held, stop := c.connections(ctx)
	first, last, err := c.opening(at)
	if err := errors.Join(err, stop()); err != nil {
		return nil, err
	}
	what := fmt.Sprintf("on PostgreSQL, of %d waiting jobs that ask once a second: ", manyWaiters)
	return []row{
		{what + "the first starts after the opening", fmt.Sprintf("%.0f ms", ms(first)), ""},
		{what + "the last starts", fmt.Sprintf("%.0f ms", ms(last)), ""},
		{what + "connections, median over the time from arrival to start", fmt.Sprintf("%.0f (the most at once: %.0f)", median(held()), most(held())), "0"},
	}, nil
}

// connections counts those that are not ours, ten times a second, until it is stopped.
func (c *cluster) connections(ctx context.Context) (counted func() []float64, stop func() error) {
	var counts []float64
	var done atomic.Bool
	ended := make(chan error, 1)
	go func() {
		for !done.Load() {
			n, err := pgtest.Value[int](ctx, c.server, "", "select count(*)::int from pg_stat_activity where application_name = 'lull'")
			if err != nil {
				ended <- err
				return
			}
			counts = append(counts, float64(n))
			time.Sleep(100 * time.Millisecond)
		}
		ended <- nil
	}()
	return func() []float64 { return counts }, func() error {
		done.Store(true)
		return <-ended
	}
}

func most(all []float64) (most float64) {
	for _, n := range all {
		most = max(most, n)
	}
	return most
}

// size measures whether closing costs more with many passes.
func (c *cluster) size(ctx context.Context) ([]row, error) {
	few, err := c.place(ctx, "&lull_connections=1")
	if err != nil {
		return nil, err
	}
	many, err := c.place(ctx, "&lull_connections=1")
	if err != nil {
		return nil, err
	}
	return closings("on PostgreSQL, Close + Open with 10,000 passes on record against 10, ratio of medians", few, many)
}
