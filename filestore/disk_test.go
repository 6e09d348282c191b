package filestore

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

func TestFullDiskMakesEnterUnavailable(t *testing.T) {
	disk := newFullDisk()
	s := openWith(t, t.TempDir(), disk)
	disk.on = true
	_, _, err := s.Enter(t.Context(), newPass())
	isUnavailable(t, err)
	disk.on = false
	enter(t, s, newPass())
	disk.on = true
	_, _, err = s.Enter(t.Context(), newPass())
	isUnavailable(t, err)
	disk.on = false
	if snap, err := s.Snapshot(t.Context(), lull.DefaultGate); err != nil || len(snap.Inside) != 1 {
		t.Fatalf("%d inside, %v", len(snap.Inside), err)
	}
}

func TestFullDiskLeavesNoHalfHold(t *testing.T) {
	for _, kind := range []lull.Kind{lull.Deployment, lull.Person} {
		disk := newFullDisk()
		s := openWith(t, t.TempDir(), disk)
		comeAndGo(t, s)
		disk.on = true
		_, _, err := s.Close(t.Context(), newHold(kind))
		isUnavailable(t, err)
		disk.on = false
		if _, g := enter(t, s, newPass()); g.Phase != 0 || len(g.Holds) != 0 {
			t.Fatalf("phase %d with %d holds after a close that failed", g.Phase, len(g.Holds))
		}
		left, err := os.ReadDir(filepath.Join(s.dir, lull.DefaultGate, "holds"))
		if err != nil || len(left) != 0 {
			t.Fatalf("left in holds: %v, %v", left, err)
		}
	}
}

func TestFullDiskKeepsNobodyInsideOrClosed(t *testing.T) {
	disk := newFullDisk()
	s := openWith(t, t.TempDir(), disk)
	p, _ := enter(t, s, newPass())
	h := newHold(lull.Deployment)
	closeGate(t, s, h)
	disk.on = true
	if _, err := s.Leave(t.Context(), lull.PassRef{Gate: p.Gate, ID: p.ID}, lull.Outcome{}); err != nil {
		t.Fatal(err)
	}
	if d, err := s.Drain(t.Context(), lull.HoldRef{Gate: h.Gate, ID: h.ID}); err != nil || !d.Drained {
		t.Fatalf("drained %t, %v", d.Drained, err)
	}
	openGate(t, s, h)
	disk.on = false
	if _, g := enter(t, s, newPass()); g.Phase != 2 {
		t.Fatalf("phase %d", g.Phase)
	}
}

func TestWhatAFullDiskKeptFromTheHistoryIsToldLater(t *testing.T) {
	failing := false
	k := meddle(func(call, file string) error {
		if failing && call == "Append" {
			return unix.ENOSPC
		}
		return nil
	})
	s := openWith(t, t.TempDir(), k)
	h := newHold(lull.Deployment)
	closeGate(t, s, h)
	failing = true
	openGate(t, s, h)
	h2 := newHold(lull.Deployment)
	closeGate(t, s, h2)
	failing = false
	openGate(t, s, h2)
	toldOnce(t, s)
	n := 0
	for range s.Events(t.Context(), lull.Filter{}) {
		n++
	}
	if n != 6 {
		t.Fatalf("%d events of two closures, want 6", n)
	}
}

func TestReadOnlyFileSystemIsASetupError(t *testing.T) {
	dir := t.TempDir()
	comeAndGo(t, openAt(t, dir, thisHost()))
	s := openWith(t, dir, meddle(func(call, file string) error {
		switch call {
		case "Make", "Mkdir", "Write", "Append", "Rename", "RenameNew", "Unlink":
			return unix.EROFS
		}
		return nil
	}))
	_, _, err := s.Enter(t.Context(), newPass())
	isSetup(t, err)
	_, _, err = s.Close(t.Context(), newHold(lull.Person))
	isSetup(t, err)
}

func TestOthersFilesAreASetupError(t *testing.T) {
	dir := t.TempDir()
	comeAndGo(t, openAt(t, dir, thisHost()))
	s := openWith(t, dir, meddle(func(call, file string) error {
		if call == "Make" || call == "Open" {
			return unix.EACCES
		}
		return nil
	}))
	_, _, err := s.Enter(t.Context(), newPass())
	isSetup(t, err)
}

func TestIOErrorsAreUnavailable(t *testing.T) {
	for _, call := range []string{"Make", "Open", "Read", "Write", "Flock", "RenameNew", "Sync"} {
		dir := t.TempDir()
		failing := false
		s := openWith(t, dir, meddle(func(c, file string) error {
			if failing && c == call && filepath.Dir(file) != dir {
				return unix.EIO
			}
			return nil
		}))
		if call != "Sync" { // there is none but at a gate's first use
			comeAndGo(t, s)
		}
		failing = true
		_, _, err := s.Enter(t.Context(), newPass())
		if err == nil && call == "Make" {
			continue // everything was there
		}
		isUnavailable(t, err)
		failing = false
		comeAndGo(t, s)
	}
}
