package pgtest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
)

// Standby is a copy of a Server that follows it by streaming replication, not
// synchronously, and answers queries that only read. Promote makes it a server of its
// own.
type Standby struct {
	*Server
	primary *Server
}

// StartStandby copies a running server and starts the copy, with the same settings
// and certificates. Close it.
func StartStandby(ctx context.Context, primary *Server) (*Standby, error) {
	s, err := emptyServer(primary.space)
	if err != nil {
		return nil, err
	}
	s.tls = primary.tls
	standby := &Standby{Server: s, primary: primary}
	// --checkpoint fast: the other choice waits for minutes.
	err = s.space.run(ctx, s.space.path("pg_basebackup"), "-D", s.data, "--write-recovery-conf",
		"--wal-method", "stream", "--checkpoint", "fast", "--no-sync",
		"-h", primary.socketDir(), "-p", strconv.Itoa(primary.port), "-U", Superuser)
	if err == nil {
		err = s.firstStart(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a standby: %w", err), s.Close())
	}
	return standby, nil
}

// NewStandby is StartStandby for a test, which it fails, and closes at its end.
func NewStandby(t testing.TB, primary *Server) *Standby {
	t.Helper()
	s, err := StartStandby(t.Context(), primary)
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, "the standby", s)
	return s
}

// CatchUp waits until the standby shows all that the primary has committed up to now.
func (s *Standby) CatchUp(ctx context.Context) error {
	written, err := Value[string](ctx, s.primary, "", "select pg_current_wal_insert_lsn()::text")
	if err != nil {
		return fmt.Errorf("catch up: %w", err)
	}
	err = poll(ctx, func() (bool, error) {
		return Value[bool](ctx, s.Server, "", "select coalesce(pg_last_wal_replay_lsn() >= $1::text::pg_lsn, false)", written)
	})
	if err != nil {
		return fmt.Errorf("catch up: %w", err)
	}
	return nil
}

// StopReceiving cuts the standby off. What the primary commits from here on is lost
// when the standby is promoted, which is what asynchronous means.
func (s *Standby) StopReceiving(ctx context.Context) error {
	if err := s.Set(ctx, "primary_conninfo", ""); err != nil {
		return err
	}
	return poll(ctx, func() (bool, error) {
		return Value[bool](ctx, s.Server, "", "select not exists (select from pg_stat_wal_receiver)")
	})
}

// Promote makes the standby a server that can be written to, on a new timeline. The
// primary goes on, if it runs: to stop it before is the caller's business.
func (s *Standby) Promote(ctx context.Context) error {
	// It waits up to so many seconds.
	promoted, err := Value[bool](ctx, s.Server, "", "select pg_promote(true, 60)")
	if err != nil {
		return fmt.Errorf("promote the standby: %w", err)
	}
	if !promoted {
		return errors.New("promote the standby: not done after a minute")
	}
	return nil
}

// Timeline is that of a server which can be written to: 1, and one more after each
// promotion.
func (s *Server) Timeline(ctx context.Context) (int, error) {
	// The first eight digits of a WAL file's name.
	hex, err := Value[string](ctx, s, "", "select left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)")
	if err != nil {
		return 0, fmt.Errorf("ask for the timeline: %w", err)
	}
	timeline, err := strconv.ParseInt(hex, 16, 32)
	return int(timeline), err
}
