package filestore

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/lull-dev/lull"
)

// TestReallyFullFileSystem needs a file system of its own, and so root.
func TestReallyFullFileSystem(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=512k,mode=0700"); err != nil {
		if os.Getuid() == 0 && !errors.Is(err, syscall.EPERM) {
			t.Fatal(err)
		}
		t.Skipf("only root may mount: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	s := openAt(t, dir, thisHost())
	p, _ := enter(t, s, newPass())
	deployment, person := newHold(lull.Deployment), newHold(lull.Person)
	closeGate(t, s, deployment)
	closeGate(t, s, person)
	fill(t, filepath.Join(dir, "ballast"))

	_, _, err := s.Enter(t.Context(), newPass())
	isUnavailable(t, err)
	_, _, err = s.Close(t.Context(), newHold(lull.Person))
	isUnavailable(t, err)
	if _, err := s.Leave(t.Context(), lull.PassRef{Gate: p.Gate, ID: p.ID}, lull.Outcome{}); err != nil {
		t.Error(err)
	}
	fill(t, filepath.Join(dir, "more ballast"))
	openGate(t, s, deployment)
	fill(t, filepath.Join(dir, "still more"))
	openGate(t, s, person)
	snap, err := s.Snapshot(t.Context(), lull.DefaultGate)
	if err != nil || snap.Gate.Phase != 2 {
		t.Fatalf("phase %d, %v", snap.Gate.Phase, err)
	}
}

func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		if errors.Is(err, syscall.ENOSPC) {
			return
		}
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
