package pgtest_test

import (
	"testing"

	"github.com/lull-dev/lull/internal/pgtest"
)

const bulk = "insert into n select repeat('x', 1000) from generate_series(1, 1000)"

func TestFullDiskFailsWritesUntilItIsFreed(t *testing.T) {
	t.Parallel()
	disk := pgtest.NewDisk(t, pgtest.SmallDisk)
	s := pgtest.NewServer(t, pgtest.Config{Disk: disk})
	check(t, s.Exec(t.Context(), "", "create table n (t text)"))
	check(t, s.Exec(t.Context(), "", bulk))
	check(t, disk.Fill())
	hasCode(t, s.Exec(t.Context(), "", bulk), "53100") // disk_full
	ask(t, s.URL("", ""), "select count(*) from n", 1000)
	check(t, disk.Free())
	check(t, s.Exec(t.Context(), "", bulk))
}

func TestFullWALDiskStopsTheServerUntilItIsFreed(t *testing.T) {
	t.Parallel()
	disk := pgtest.NewDisk(t, pgtest.SmallDisk)
	s := pgtest.NewServer(t, pgtest.Config{WALDisk: disk})
	check(t, s.Exec(t.Context(), "", "create table n (t text)"))
	check(t, disk.Fill())
	until(t, func() bool { return s.Exec(t.Context(), "", bulk) != nil })
	check(t, disk.Free())
	check(t, s.Restart(t.Context(), pgtest.Immediate))
	check(t, s.Exec(t.Context(), "", bulk))
}
