package pgstore

import (
	"errors"
	"strings"
	"testing"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/pgtest"
)

// wantUnavailable wants an error that trying again may heal, and that says why.
func wantUnavailable(t testing.TB, err error, says string) {
	t.Helper()
	if !errors.Is(err, lull.ErrUnavailable) || !strings.Contains(err.Error(), says) {
		t.Errorf("%v, want it to be unavailable, and to say %q", err, says)
	}
}

// When the disk is full nobody gets in, and nothing opens by mistake; when it is not any
// more, all goes on where it was.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	disk := pgtest.NewDisk(t, pgtest.SmallDisk)
	s := pgtest.NewServer(t, pgtest.Config{Disk: disk})
	w := newWorld(t, s)
	a, b, c := w.process("runner", s.URL("", ""), lonelyProcess), w.process("deployer", s.URL("", ""), lonelyProcess), w.process("waiter", s.URL("", ""), lonelyProcess)
	before := w.runs(a, "before")
	d := w.closes(b)
	before.ends()
	d.begins()
	k := w.waits(c, "import")
	phase := ask[int](w, "select phase::int from SCHEMA.gate")
	w.exec("checkpoint")
	w.no(disk.Fill())
	// What the tables have in store is used up first.
	p := lull.Pass{Gate: lull.DefaultGate, Lease: w.timing.Lease, Name: strings.Repeat("x", 4000), JobID: strings.Repeat("y", 2000)}
	var entered []string
	var err error
	w.until("nobody gets in", func() bool {
		p.ID = lull.NewID()
		if _, _, err = a.store.Enter(t.Context(), p); err == nil {
			entered = append(entered, p.ID)
		}
		return err != nil
	})
	wantUnavailable(t, err, "No space left on device")
	k.stillWaits()
	if err := w.server.Exec(t.Context(), "", w.in("select 1")); err == nil {
		if got := ask[int](w, "select phase::int from SCHEMA.gate"); got != phase {
			t.Errorf("phase %d became %d", phase, got)
		}
	}
	w.no(disk.Free())
	if !s.Running() {
		t.Log("the server has ended")
		w.no(s.Start(t.Context()))
	}
	w.until("everybody has renewed", func() bool {
		_, err := a.store.Snapshot(t.Context(), lull.DefaultGate)
		return err == nil
	})
	for _, id := range entered {
		_, err := a.store.Leave(t.Context(), lull.PassRef{Gate: p.Gate, ID: id}, lull.Outcome{TimedOut: true})
		w.no(err)
	}
	k.stillWaits()
	if o := d.opens(); o.Gone {
		t.Error("the hold was gone")
	}
	k.inside().ends()
	w.nobodyMet()
	if n := w.counts(); n[lull.EventClosed] != 1 || n[lull.EventOpened] != 1 || n[lull.EventBegun] != 1 || n[lull.EventEnded] != 1 || n[lull.EventLeft] != 2 {
		t.Errorf("events: %v", n)
	}
	w.leavesNothing()
}

// Without a place for its log the server ends. It is away then, like any other.
func TestFullDiskOfTheLog(t *testing.T) {
	t.Parallel()
	disk := pgtest.NewDisk(t, 48<<20)
	s := pgtest.NewServer(t, pgtest.Config{WALDisk: disk, Settings: map[string]string{"wal_recycle": "off", "wal_init_zero": "on", "max_wal_size": "32MB", "min_wal_size": "32MB"}})
	w := newWorld(t, s)
	a, b, c := w.process("runner", s.URL("", ""), lonelyProcess), w.process("deployer", s.URL("", ""), lonelyProcess), w.process("waiter", s.URL("", ""), lonelyProcess)
	before := w.runs(a, "before")
	d := w.closes(b)
	before.ends()
	d.begins()
	k := w.waits(c, "import")
	w.no(disk.Fill())
	// The next file of the log has no place.
	w.until("the log is full", func() bool {
		return s.Exec(t.Context(), "", "select pg_logical_emit_message(true, 'x', repeat('x', 1000000))") != nil
	})
	_, _, err := a.store.Enter(t.Context(), lull.Pass{ID: lull.NewID(), Gate: lull.DefaultGate, Lease: w.timing.Lease})
	wantUnavailable(t, err, "")
	k.stillWaits()
	w.until("the server has ended, or goes on", func() bool { return !s.Running() || s.Exec(t.Context(), "", "select 1") == nil })
	w.no(disk.Free())
	if !s.Running() {
		w.no(s.Start(t.Context()))
	}
	w.isHeardOf(2)
	k.stillWaits()
	if o := d.opens(); o.Gone {
		t.Error("the hold was gone")
	}
	k.inside().ends()
	w.nobodyMet()
	w.leavesNothing()
}
