package filestore

import (
	"errors"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// kernel is every system call on files that the store makes, so that tests can
// break each of them and die between any two. The plain calls are used, not package
// os: its files are made for the poller, which costs two more calls for each.
type kernel interface {
	Open(path string, flags int, mode uint32) (fd int, err error)
	Close(fd int) error
	Read(fd int, b []byte, at int64) (int, error)
	Write(fd int, b []byte, at int64) error
	Append(fd int, b []byte) error
	Flock(fd, how int) error
	Stat(path string) (info, error)
	Fstat(fd int) (info, error)
	Chmod(fd int, mode uint32) error
	Truncate(fd int, size int64) error
	Allocate(fd int, size int64) error
	Sync(fd int) error
	Rename(from, to string) error
	RenameNew(from, to string) error // EEXIST rather than replace
	Unlink(path string) error
	Mkdir(path string, mode uint32) error
	Rmdir(path string) error
	List(path string, most int) ([]string, error) // names, unsorted; most 0: all
	FileSystem(path string) (fileSystem, error)
	Writable(path string) error
}

// info is what the store wants to know of a file.
type info struct {
	fileID
	size     int64
	mode     uint32
	uid, gid uint32
	modified time.Time
}

// fileID names a file for as long as somebody has it open or linked.
type fileID struct{ dev, ino uint64 }

func (i info) isDir() bool { return i.mode&unix.S_IFMT == unix.S_IFDIR }

// fileSystem is what statfs(2) says.
type fileSystem struct {
	name   string
	remote bool // or served by a user's process, which may be
}

// system is the real kernel.
type system struct{}

// again repeats what a signal interrupted: the Go runtime sends itself some.
func again(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// Open always closes the descriptor on exec: a job must not inherit the lock on its
// pass, or a daemon it leaves behind would keep it.
func (system) Open(path string, flags int, mode uint32) (fd int, err error) {
	err = again(func() error {
		fd, err = unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NOFOLLOW, mode)
		return err
	})
	return fd, err
}

// Close is not repeated: after EINTR the descriptor is closed all the same.
func (system) Close(fd int) error { return unix.Close(fd) }

func (system) Read(fd int, b []byte, at int64) (n int, err error) {
	err = again(func() error { n, err = unix.Pread(fd, b, at); return err })
	return n, err
}

func (system) Write(fd int, b []byte, at int64) error {
	var n int
	err := again(func() (err error) { n, err = unix.Pwrite(fd, b, at); return err })
	return whole(n, len(b), err)
}

func (system) Append(fd int, b []byte) error {
	var n int
	err := again(func() (err error) { n, err = unix.Write(fd, b); return err })
	return whole(n, len(b), err)
}

// whole takes a short write for what it is: the disk got full.
func whole(n, want int, err error) error {
	if err == nil && n < want {
		return unix.ENOSPC
	}
	return err
}

func (system) Flock(fd, how int) error { return again(func() error { return unix.Flock(fd, how) }) }

func (system) Stat(path string) (info, error) {
	var st unix.Stat_t
	err := again(func() error { return unix.Stat(path, &st) })
	return infoOf(&st), err
}

func (system) Fstat(fd int) (info, error) {
	var st unix.Stat_t
	err := again(func() error { return unix.Fstat(fd, &st) })
	return infoOf(&st), err
}

func infoOf(st *unix.Stat_t) info {
	return info{
		fileID: fileID{uint64(st.Dev), st.Ino}, size: st.Size, mode: uint32(st.Mode), uid: st.Uid, gid: st.Gid,
		modified: time.Unix(st.Mtim.Unix()),
	}
}

func (system) Chmod(fd int, mode uint32) error {
	return again(func() error { return unix.Fchmod(fd, mode) })
}
func (system) Truncate(fd int, size int64) error {
	return again(func() error { return unix.Ftruncate(fd, size) })
}
func (system) Sync(fd int) error { return again(func() error { return unix.Fsync(fd) }) }
func (system) Rename(from, to string) error {
	return again(func() error { return unix.Rename(from, to) })
}

// RenameNew falls back to link(2) and unlink(2) on file systems that cannot rename
// without replacing.
func (system) RenameNew(from, to string) error {
	err := again(func() error { return renameNew(from, to) })
	if err != unix.EINVAL && err != unix.ENOSYS && err != unix.ENOTSUP {
		return err
	}
	if err := unix.Link(from, to); err != nil {
		return err
	}
	return unix.Unlink(from)
}

func (system) Unlink(path string) error { return again(func() error { return unix.Unlink(path) }) }
func (system) Mkdir(path string, mode uint32) error {
	return again(func() error { return unix.Mkdir(path, mode) })
}
func (system) Rmdir(path string) error { return again(func() error { return unix.Rmdir(path) }) }

// Writable answers by the effective user, as the calls that follow do.
func (system) Writable(path string) error {
	return again(func() error {
		return unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK|unix.X_OK|unix.R_OK, unix.AT_EACCESS)
	})
}

func (system) List(path string, most int) ([]string, error) {
	fd, err := system{}.Open(path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var names []string
	buf := make([]byte, 8192)
	for most == 0 || len(names) < most {
		var n int
		err := again(func() (err error) { n, err = unix.ReadDirent(fd, buf); return err })
		if err != nil {
			return nil, err
		}
		if n <= 0 {
			break
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
	if most > 0 && len(names) > most {
		names = names[:most]
	}
	return names, nil
}

// missing reports whether there is nothing of that name.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
