package pgstore

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lull-dev/lull"
)

// BenchmarkEnterAndLeave is a job's share of the store, against the least that the same
// client could do: one row inserted, and deleted, each in a transaction of its own.
func BenchmarkEnterAndLeave(b *testing.B) {
	for _, connections := range []int{1, 8} {
		b.Run(fmt.Sprintf("%d connections", connections), func(b *testing.B) {
			s := openSchema(b, newSchema(b), fmt.Sprintf("&lull_connections=%d", connections))
			share(b, connections, func(ctx context.Context) error {
				p := lull.Pass{
					ID: lull.NewID(), Gate: lull.DefaultGate, Name: "nightly-report", Command: []string{"./nightly-report.sh", "--all"},
					Holder: lull.Holder{User: "ann", Host: "node1", PID: 4711}, Lease: lull.DefaultLease,
				}
				if _, _, err := s.Enter(ctx, p); err != nil {
					return err
				}
				_, err := s.Leave(ctx, lull.PassRef{Gate: p.Gate, ID: p.ID}, lull.Outcome{})
				return err
			})
		})
		b.Run(fmt.Sprintf("%d connections bare", connections), func(b *testing.B) {
			schema := newSchema(b)
			exec(b, "create table "+schema+".bare (id text primary key, job jsonb)")
			s := openSchema(b, schema, fmt.Sprintf("&lull_connections=%d", connections))
			share(b, connections, func(ctx context.Context) error {
				id := []byte(lull.NewID())
				for _, statement := range []string{"insert into " + schema + ".bare values ($1, '{\"name\": \"nightly-report\"}')", "delete from " + schema + ".bare where id = $1"} {
					_, err := s.links.use(ctx, func(c *pgconn.PgConn) error {
						return c.ExecParams(ctx, statement, [][]byte{id}, nil, nil, nil).Read().Err
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}

// share has the rounds done by so many at once.
func share(b *testing.B, workers int, round func(context.Context) error) {
	rounds := make(chan struct{})
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range rounds {
				if err := round(b.Context()); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for b.Loop() {
		rounds <- struct{}{}
	}
	close(rounds)
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pairs/s")
}

// BenchmarkManyWaiting is what a gate with ten thousand waiting jobs costs whoever asks
// for all of them: while it is closed, just after it has opened, and to renew them.
func BenchmarkManyWaiting(b *testing.B) {
	const many = 10_000
	schema := newSchema(b)
	s := openSchema(b, schema, "&lull_connections=1")
	d := lull.Hold{ID: lull.NewID(), Gate: lull.DefaultGate, Kind: lull.Person}
	if _, _, err := s.Close(b.Context(), d); err != nil {
		b.Fatal(err)
	}
	var ids []string
	var refs []lull.LeaseRef
	for range many {
		p := lull.Pass{
			ID: lull.NewID(), Gate: lull.DefaultGate, Name: "nightly-report", Command: []string{"./nightly-report.sh", "--all"},
			Holder: lull.Holder{User: "ann", Host: "node1", PID: 4711}, Lease: 24 * lull.DefaultPersonLimit,
		}
		if _, _, err := s.Enter(b.Context(), p); err != nil {
			b.Fatal(err)
		}
		ids = append(ids, p.ID)
		refs = append(refs, lull.LeaseRef{Gate: p.Gate, Pass: p.ID})
	}
	ask := func(b *testing.B, inside bool) {
		got, g, err := s.PollAll(b.Context(), lull.DefaultGate, ids)
		if err != nil || len(got) != many || got[ids[0]].Inside(g.Phase) != inside {
			b.Fatalf("%d answers, %v", len(got), err)
		}
	}
	b.Run("asked while closed", func(b *testing.B) {
		for b.Loop() {
			ask(b, false)
		}
	})
	b.Run("renewed", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Renew(b.Context(), refs); err != nil {
				b.Fatal(err)
			}
		}
	})
	if _, err := s.Open(b.Context(), lull.HoldRef{Gate: d.Gate, ID: d.ID}, lull.Outcome{}); err != nil {
		b.Fatal(err)
	}
	b.Run("asked after the opening", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			exec(b, "update "+schema+".pass set started_at = null")
			b.StartTimer()
			ask(b, true)
		}
	})
}
