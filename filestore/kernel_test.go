package filestore

import (
	"os"
	"path"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// meddler stands before the real kernel. before is called with each system call and
// the file it is about, and may fail it or never return.
type meddler struct {
	system
	before func(call, file string) error
	mu     sync.Mutex
	names  map[int]string
	on     *fileSystem // what FileSystem answers, if not the truth
}

func meddle(before func(call, file string) error) *meddler {
	return &meddler{before: before, names: map[int]string{}}
}

func (m *meddler) named(fd int) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.names[fd]
}

func (m *meddler) Open(path string, flags int, mode uint32) (int, error) {
	call := "Open"
	if flags&unix.O_CREAT != 0 {
		call = "Make"
	}
	if err := m.before(call, path); err != nil {
		return -1, err
	}
	fd, err := m.system.Open(path, flags, mode)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.names[fd] = path
	return fd, err
}

func (m *meddler) Close(fd int) error {
	if err := m.before("Close", m.named(fd)); err != nil {
		return err
	}
	return m.system.Close(fd)
}

func (m *meddler) Read(fd int, b []byte, at int64) (int, error) {
	if err := m.before("Read", m.named(fd)); err != nil {
		return 0, err
	}
	return m.system.Read(fd, b, at)
}

func (m *meddler) Write(fd int, b []byte, at int64) error {
	if err := m.before("Write", m.named(fd)); err != nil {
		return err
	}
	return m.system.Write(fd, b, at)
}

func (m *meddler) Append(fd int, b []byte) error {
	if err := m.before("Append", m.named(fd)); err != nil {
		return err
	}
	return m.system.Append(fd, b)
}

func (m *meddler) Flock(fd, how int) error {
	if err := m.before("Flock", m.named(fd)); err != nil {
		return err
	}
	return m.system.Flock(fd, how)
}

func (m *meddler) Stat(path string) (info, error) {
	if err := m.before("Stat", path); err != nil {
		return info{}, err
	}
	return m.system.Stat(path)
}

func (m *meddler) Fstat(fd int) (info, error) {
	if err := m.before("Fstat", m.named(fd)); err != nil {
		return info{}, err
	}
	return m.system.Fstat(fd)
}

func (m *meddler) Chmod(fd int, mode uint32) error {
	if err := m.before("Chmod", m.named(fd)); err != nil {
		return err
	}
	return m.system.Chmod(fd, mode)
}

func (m *meddler) Truncate(fd int, size int64) error {
	if err := m.before("Truncate", m.named(fd)); err != nil {
		return err
	}
	return m.system.Truncate(fd, size)
}

func (m *meddler) Allocate(fd int, size int64) error {
	if err := m.before("Allocate", m.named(fd)); err != nil {
		return err
	}
	return m.system.Allocate(fd, size)
}

func (m *meddler) Sync(fd int) error {
	if err := m.before("Sync", m.named(fd)); err != nil {
		return err
	}
	return m.system.Sync(fd)
}

func (m *meddler) Rename(from, to string) error {
	if err := m.before("Rename", to); err != nil {
		return err
	}
	return m.system.Rename(from, to)
}

func (m *meddler) RenameNew(from, to string) error {
	if err := m.before("RenameNew", to); err != nil {
		return err
	}
	return m.system.RenameNew(from, to)
}

func (m *meddler) Unlink(path string) error {
	if err := m.before("Unlink", path); err != nil {
		return err
	}
	return m.system.Unlink(path)
}

func (m *meddler) Mkdir(path string, mode uint32) error {
	if err := m.before("Mkdir", path); err != nil {
		return err
	}
	return m.system.Mkdir(path, mode)
}

func (m *meddler) Rmdir(path string) error {
	if err := m.before("Rmdir", path); err != nil {
		return err
	}
	return m.system.Rmdir(path)
}

func (m *meddler) List(path string, most int) ([]string, error) {
	if err := m.before("List", path); err != nil {
		return nil, err
	}
	return m.system.List(path, most)
}

func (m *meddler) FileSystem(path string) (fileSystem, error) {
	if m.on != nil {
		return *m.on, nil
	}
	return m.system.FileSystem(path)
}

// dying is a kernel that kills this process just before the n-th call, counted from
// when arm is called.
type dying struct {
	*meddler
	mu   sync.Mutex
	left int // 0: not armed
}

func newDying() *dying {
	d := &dying{}
	d.meddler = meddle(func(string, string) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.left > 0 {
			if d.left--; d.left == 0 {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {} // until it arrives
			}
		}
		return nil
	})
	return d
}

func (d *dying) arm(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = n
}

// fullDisk fails every call that needs room, while it is on.
type fullDisk struct {
	*meddler
	on bool
}

func newFullDisk() *fullDisk {
	d := &fullDisk{}
	grows := map[string]bool{"Make": true, "Mkdir": true, "Allocate": true, "Append": true}
	d.meddler = meddle(func(call, file string) error {
		// What is there can be written over: records are padded, and the spare has its
		// blocks.
		anew := call == "Write" && strings.HasPrefix(path.Base(file), ".")
		if d.on && (grows[call] && !isThere(file, call) || anew) {
			return unix.ENOSPC
		}
		return nil
	})
	return d
}

// isThere reports whether a call that may make a file finds it made.
func isThere(file, call string) bool {
	_, err := os.Stat(file)
	return call == "Make" && err == nil
}

func openWith(t testing.TB, dir string, k kernel) *Store {
	t.Helper()
	s, err := open(dir, Options{}, k, thisHost())
	if err != nil {
		t.Fatal(err)
	}
	return s
}
