package pgtest_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lull-dev/lull/internal/pgtest"
)

// silence is how long nothing must come, to call it a stall.
const silence = 100 * time.Millisecond

func TestProxy(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	for name, test := range map[string]func(*testing.T, *pgtest.Server, *pgtest.Proxy){
		"a cut resets connections and refuses new ones":       cutResets,
		"a reset lets new connections in":                     resetLetsIn,
		"a stall holds everything back and loses nothing":     stallLosesNothing,
		"half open: the server does not learn of a death":     serverDoesNotLearn,
		"half open: a statement is executed and not answered": executedUnanswered,
		"a delay is that of each way":                         delayEachWay,
		"a stopped server refuses":                            stoppedServer,
	} {
		t.Run(name, func(t *testing.T) {
			p := pgtest.NewProxy(t, s)
			test(t, s, p)
		})
	}
}

func cutResets(t *testing.T, _ *pgtest.Server, p *pgtest.Proxy) {
	client := connect(t, p.TCPURL("", ""))
	p.Cut()
	if err := client.Ping(t.Context()); !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	if _, err := pgx.Connect(t.Context(), p.TCPURL("", "")); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error(err)
	}
	if n := p.Connections(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
	check(t, p.Restore())
	ask(t, p.TCPURL("", ""), "select 1", 1)
}

func resetLetsIn(t *testing.T, _ *pgtest.Server, p *pgtest.Proxy) {
	client := connect(t, p.TCPURL("", ""))
	p.Reset()
	if err := client.Ping(t.Context()); !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	ask(t, p.TCPURL("", ""), "select 1", 1)
}

func stallLosesNothing(t *testing.T, _ *pgtest.Server, p *pgtest.Proxy) {
	client := connect(t, p.TCPURL("", ""))
	p.Stall(pgtest.BothWays)
	answered := later(client.Ping)
	connected := later(func(ctx context.Context) error {
		late, err := pgx.Connect(ctx, p.TCPURL("", ""))
		if err == nil {
			late.Close(ctx)
		}
		return err
	})
	isSilent(t, answered)
	isSilent(t, connected)
	check(t, p.Restore())
	check(t, <-answered)
	check(t, <-connected)
}

func serverDoesNotLearn(t *testing.T, s *pgtest.Server, p *pgtest.Proxy) {
	client := connect(t, p.TCPURL("", ""))
	pid := client.PgConn().PID()
	p.Stall(pgtest.ToServer)
	check(t, client.PgConn().Conn().Close())
	lives := func() bool {
		return value[bool](t, s, "select exists (select from pg_stat_activity where pid = $1)", pid)
	}
	for end := time.Now().Add(silence); time.Now().Before(end); {
		if !lives() {
			t.Fatal("the server learned of it")
		}
	}
	check(t, p.Restore())
	until(t, func() bool { return !lives() })
}

func executedUnanswered(t *testing.T, s *pgtest.Server, p *pgtest.Proxy) {
	check(t, s.Exec(t.Context(), "", "create table done (n int)"))
	client := connect(t, p.TCPURL("", ""))
	p.Stall(pgtest.ToClient)
	answered := later(func(ctx context.Context) error {
		_, err := client.Exec(ctx, "insert into done values (1)")
		return err
	})
	until(t, func() bool { return value[int](t, s, "select count(*) from done") == 1 })
	isSilent(t, answered)
	p.Cut()
	if <-answered == nil {
		t.Error("there was an answer")
	}
}

func delayEachWay(t *testing.T, _ *pgtest.Server, p *pgtest.Proxy) {
	client := connect(t, p.TCPURL("", ""))
	const oneWay = 30 * time.Millisecond
	p.Slow(oneWay)
	begin := time.Now()
	check(t, client.Ping(t.Context()))
	if took := time.Since(begin); took < 2*oneWay {
		t.Errorf("a round trip took %v", took)
	}
	p.Slow(time.Hour)
	answered := later(client.Ping)
	isSilent(t, answered)
	check(t, p.Restore())
	check(t, <-answered)
}

func stoppedServer(t *testing.T, _ *pgtest.Server, _ *pgtest.Proxy) {
	s := pgtest.NewServer(t, pgtest.Config{})
	p := pgtest.NewProxy(t, s)
	check(t, s.Stop(t.Context(), pgtest.Immediate))
	if _, err := pgx.Connect(t.Context(), p.TCPURL("", "")); err == nil {
		t.Error("stopped, and yet somebody answers")
	}
	check(t, s.Start(t.Context()))
	ask(t, p.TCPURL("", ""), "select 1", 1)
}

// later does something that may hang, but not for ever.
func later(do func(context.Context) error) <-chan error {
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		done <- do(ctx)
	}()
	return done
}

func isSilent(t *testing.T, done <-chan error) {
	t.Helper()
	select {
	case err := <-done:
		t.Fatalf("it did not hang: %v", err)
	case <-time.After(silence):
	}
}

// until waits for a condition.
func until(t *testing.T, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !condition(); {
		if time.Now().After(end) {
			t.Fatal("it never came about")
		}
	}
}
