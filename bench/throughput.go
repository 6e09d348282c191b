package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/pgtest"
)

// throughput measures Enter + Leave against the least that the same client could do,
// a row inserted and deleted, and against pgbench doing so, in turns of a second.
func (c *cluster) throughput(ctx context.Context) ([]row, error) {
	if err := c.server.Exec(ctx, "", "create table bare (id text primary key, job jsonb)"); err != nil {
		return nil, err
	}
	var rows []row
	for _, workers := range []int{1, 8} {
		var ours, bare, pgbench []float64
		pass, close, err := c.passes(ctx, workers)
		if err != nil {
			return nil, err
		}
		pair, closeBare, err := c.bare(ctx, workers)
		if err != nil {
			return nil, err
		}
		for range 7 {
			for _, turn := range []struct {
				rate *[]float64
				do   func() (float64, error)
			}{
				{&ours, func() (float64, error) { return rate(workers, pass) }},
				{&bare, func() (float64, error) { return rate(workers, pair) }},
				{&pgbench, func() (float64, error) { return c.pgbench(workers) }},
			} {
				r, err := turn.do()
				if err != nil {
					return nil, err
				}
				*turn.rate = append(*turn.rate, r)
			}
		}
		close()
		closeBare()
		rows = append(rows, row{
			fmt.Sprintf("on PostgreSQL, Enter + Leave with its event, %d connections, against the same client's bare insert + delete", workers),
			fmt.Sprintf("%.2f × (%.0f a second against %.0f; `pgbench` does %.0f)", median(ours)/median(bare), median(ours), median(bare), median(pgbench)),
			"≥ 0.75 ×",
		})
	}
	return rows, nil
}

// rate is how often a second so many workers do something, each after the other.
func rate(workers int, do func(worker int) error) (float64, error) {
	var all sync.WaitGroup
	counts, errs := make([]int, workers), make([]error, workers)
	began := time.Now()
	for w := range workers {
		all.Go(func() {
			for errs[w] == nil && time.Since(began) < time.Second {
				errs[w] = do(w)
				counts[w]++
			}
		})
	}
	all.Wait()
	n := 0
	for w := range workers {
		if errs[w] != nil {
			return 0, errs[w]
		}
		n += counts[w]
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

// passes lets jobs enter and leave, over connections that are kept.
func (c *cluster) passes(ctx context.Context, connections int) (do func(int) error, close func(), err error) {
	at, err := c.place(ctx, fmt.Sprintf("&lull_connections=%d", connections))
	if err != nil {
		return nil, nil, err
	}
	s, err := at.open()
	if err != nil {
		return nil, nil, err
	}
	return func(int) error { return pass(s) }, func() { _ = s.Shutdown(ctx) }, nil
}

// bare inserts a row and deletes it, in a transaction each, in the way the store asks:
// over the same driver, with unnamed statements.
func (c *cluster) bare(ctx context.Context, connections int) (do func(int) error, close func(), err error) {
	var links []*pgconn.PgConn
	close = func() {
		for _, l := range links {
			_ = l.Close(ctx)
		}
	}
	for range connections {
		l, err := pgconn.Connect(ctx, c.server.URL("", ""))
		if err != nil {
			close()
			return nil, nil, err
		}
		links = append(links, l)
	}
	return func(w int) error {
		id := []byte(lull.NewID())
		for _, statement := range []string{`insert into bare values ($1, '{"name": "bench"}')`, "delete from bare where id = $1"} {
			if err := links[w].ExecParams(ctx, statement, [][]byte{id}, nil, nil, nil).Read().Err; err != nil {
				return err
			}
		}
		return nil
	}, close, nil
}

var tps = regexp.MustCompile(`tps = ([0-9.]+)`)

// pgbench does the same with PostgreSQL's own program, for a second.
func (c *cluster) pgbench(clients int) (float64, error) {
	script := filepath.Join(c.dir, "bare.sql")
	if err := os.WriteFile(script, []byte(`\set id random(1, 1000000000000)
insert into bare values ('b' || :id, '{"name": "bench"}');
delete from bare where id = 'b' || :id;
`), 0o644); err != nil {
		return 0, err
	}
	out, err := exec.Command(c.server.Program("pgbench"), "-n", "-M", "extended", "-T", "1", "-c", strconv.Itoa(clients), "-f", script, c.server.URL("", "")).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	found := tps.FindSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("pgbench said no rate:\n%s", out)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}

// renewals measures a renewal of many leases in one call.
func (c *cluster) renewals(ctx context.Context) ([]row, error) {
	at, err := c.place(ctx, "&lull_connections=1")
	if err != nil {
		return nil, err
	}
	s, err := at.open()
	if err != nil {
		return nil, err
	}
	defer s.Shutdown(ctx)
	var refs []lull.LeaseRef
	for range 1000 {
		p, _, err := s.Enter(ctx, lull.Pass{ID: lull.NewID(), Gate: lull.DefaultGate, Name: "bench", Lease: time.Hour})
		if err != nil {
			return nil, err
		}
		refs = append(refs, lull.LeaseRef{Gate: p.Gate, Pass: p.ID})
	}
	var took []float64
	for range 51 {
		began := time.Now()
		if _, err := s.Renew(ctx, refs); err != nil {
			return nil, err
		}
		took = append(took, ms(time.Since(began)))
	}
	return []row{{"on PostgreSQL, 1,000 leases renewed in one call", fmt.Sprintf("%.1f ms", median(took)), ""}}, nil
}

// growth lets many jobs come and go, and looks what they leave behind.
func (c *cluster) growth(ctx context.Context) ([]row, error) {
	do, close, err := c.passes(ctx, 8)
	if err != nil {
		return nil, err
	}
	defer close()
	var left atomic.Int64
	left.Store(int64(c.many))
	errs := make(chan error, 8)
	for w := range 8 {
		go func() {
			var failed error
			for failed == nil && left.Add(-1) >= 0 {
				failed = do(w)
			}
			errs <- failed
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			return nil, err
		}
	}
	kb, err := pgtest.Value[int](ctx, c.server, "", fmt.Sprintf("select (pg_total_relation_size('bench%d.pass') / 1024)::int", c.schemas))
	if err != nil {
		return nil, err
	}
	event, err := pgtest.Value[int](ctx, c.server, "", fmt.Sprintf("select (pg_total_relation_size('bench%d.event') / %d)::int", c.schemas, c.many))
	if err != nil {
		return nil, err
	}
	return []row{
		{fmt.Sprintf("on PostgreSQL, the table of passes with its indexes after %d Enter + Leave, with autovacuum as usual", c.many), fmt.Sprintf("%d kB", kb), ""},
		{"… and a job's event, with its share of the indexes", fmt.Sprintf("%d bytes", event), ""},
	}, nil
}
