package pgtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// SmallDisk is a size in bytes that holds a cluster (40 MB), its first WAL (two files
// of 16 MB) and a few rows.
const SmallDisk = 128 << 20

// Disk is a small file system in memory, for a server that runs out of space. Only
// root can make one.
type Disk struct {
	dir   string // ours
	mount string
}

// ErrNoMount says that we may not mount file systems.
var ErrNoMount = errors.New("only root may mount")

// MountDisk makes an empty file system of so many bytes. The error is ErrNoMount if
// we may not. Close it, after the servers on it.
func MountDisk(size int) (*Disk, error) {
	space, err := inMemory()
	if err != nil {
		return nil, err
	}
	dir, err := space.place()
	if err != nil {
		return nil, err
	}
	d := &Disk{dir: dir, mount: filepath.Join(dir, "mount")} // the janitor knows this name
	if err := os.Mkdir(d.mount, 0o755); err != nil {
		return nil, err
	}
	options := fmt.Sprintf("size=%d,mode=0755,uid=%d,gid=%d", size, space.uid, space.gid)
	if err := mountTmpfs(d.mount, options); err != nil {
		os.RemoveAll(dir)
		if errors.Is(err, syscall.EPERM) || errors.Is(err, errors.ErrUnsupported) {
			return nil, fmt.Errorf("%w: %w", ErrNoMount, err)
		}
		return nil, fmt.Errorf("mount a small disk: %w", err)
	}
	return d, nil
}

// NewDisk is MountDisk for a test, which it skips where we may not mount. Make it
// before the servers on it, so that it is closed after them.
func NewDisk(t testing.TB, size int) *Disk {
	t.Helper()
	d, err := MountDisk(size)
	if errors.Is(err, ErrNoMount) && os.Geteuid() != 0 {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close the small disk: %v", err)
		}
	})
	return d
}

// Fill leaves no byte free. What a server has reserved before, such as the rest of
// its WAL file and of a table's last page, it can still write to.
func (d *Disk) Fill() error {
	f, err := os.OpenFile(d.ballast(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	if err == nil {
		defer f.Close()
		for block := make([]byte, 64<<10); err == nil; {
			_, err = f.Write(block) // the last one in part
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("fill the small disk: %w", err)
	}
	return nil
}

// Free gives back what Fill has taken.
func (d *Disk) Free() error { return os.Remove(d.ballast()) }

// Close unmounts the disk, and what was on it is gone.
func (d *Disk) Close() error {
	return errors.Join(unmount(d.mount), os.RemoveAll(d.dir))
}

func (d *Disk) ballast() string { return filepath.Join(d.mount, "ballast") }
