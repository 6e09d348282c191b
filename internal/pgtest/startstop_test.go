package pgtest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lull-dev/lull/internal/pgtest"
)

func TestRestartKeepsDataAndAddress(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	check(t, s.Exec(t.Context(), "", "create table n (n int)"))
	for i, mode := range []pgtest.StopMode{pgtest.Smart, pgtest.Fast, pgtest.Immediate} {
		check(t, s.Exec(t.Context(), "", "insert into n values ($1)", i))
		pid := s.PID()
		check(t, s.Restart(t.Context(), mode))
		if s.PID() == pid || !s.Running() {
			t.Errorf("process %d after %d, running %v", s.PID(), pid, s.Running())
		}
		ask(t, s.TCPURL("", ""), "select count(*) from n", i+1)
	}
}

func TestFastStopThrowsOutAndSmartWaits(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	client := connect(t, s.URL("", ""))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.Stop(ctx, pgtest.Smart); !errors.Is(err, context.DeadlineExceeded) || !s.Running() {
		t.Errorf("smart stop with a client: %v, running %v", err, s.Running())
	}
	check(t, client.Ping(t.Context()))
	check(t, s.Stop(t.Context(), pgtest.Fast))
	check(t, s.Stop(t.Context(), pgtest.Fast)) // nothing to do
	if client.Ping(t.Context()) == nil || s.Running() {
		t.Error("the fast stop left something")
	}
}

func TestFrozenServerKeepsConnectionsAndIsSilent(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	client := connect(t, s.URL("", ""))
	check(t, s.Freeze(t.Context()))
	answered := make(chan error, 1)
	go func() { answered <- client.Ping(context.Background()) }()
	select {
	case err := <-answered:
		t.Errorf("frozen, and yet: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	check(t, s.Thaw())
	check(t, <-answered)
	check(t, s.Freeze(t.Context())) // Close ends a frozen server too
}
