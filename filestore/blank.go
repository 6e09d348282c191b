package filestore

import (
	"strings"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

const (
	// blanksKept is how many files a process keeps for its next passes. To make a file
	// is what costs most of a pass, and on ext4 it costs more with every file that was
	// removed in the last minute, whose inode it will not use again yet: half a
	// millisecond after some thousands.
	blanksKept = 8

	// blanksAfter is how many passes leave before their process is taken for one that
	// makes many. A wrapper makes one, and leaves no file behind.
	blanksAfter = 16
)

// blank is a file in passes/, locked, under a name that is no pass's. It becomes a
// pass by its name. A dead process's is removed by whoever tidies up.
type blank struct {
	path string
	fd   int
	id   fileID
	size int
}

// blank returns a file to write a pass into.
func (x *section) blank() (blank, error) {
	x.mu.Lock()
	if n := len(x.blanks); n > 0 {
		f := x.blanks[n-1]
		x.blanks = x.blanks[:n-1]
		x.mu.Unlock()
		if at, err := x.s.sys.Stat(f.path); err == nil && at.fileID == f.id {
			return f, nil
		}
		x.s.sys.Close(f.fd)
	} else {
		x.mu.Unlock()
	}
	f := blank{path: x.passes + "/." + lull.NewID()}
	fd, err := x.s.makeFile(f.path, unix.O_EXCL)
	if missing(err) {
		if err = x.s.mkdir(x.passes); err == nil {
			fd, err = x.s.makeFile(f.path, unix.O_EXCL)
		}
	}
	if err != nil {
		return f, err
	}
	f.fd = fd
	if err = x.s.sys.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err == nil {
		var at info
		at, err = x.s.sys.Fstat(fd)
		f.id = at.fileID
	}
	if err != nil {
		x.discard(f)
	}
	return f, err
}

// discard removes a file that did not become a pass.
func (x *section) discard(f blank) {
	x.s.sys.Unlink(f.path)
	x.s.sys.Close(f.fd)
}

// retire ends the pass of a file: it goes, or becomes a blank again.
func (x *section) retire(k *kept, path, id string) error {
	x.forget(path)
	x.mu.Lock()
	x.retired++
	again := k != nil && x.retired > blanksAfter && len(x.blanks)+x.retiring < blanksKept
	if again {
		x.retiring++
		defer func() { x.mu.Lock(); x.retiring--; x.mu.Unlock() }()
	}
	x.mu.Unlock()
	if !again {
		if err := x.s.sys.Unlink(path); err != nil && !missing(err) {
			return err
		}
		x.release(id)
		return nil
	}
	f := blank{path: x.passes + "/." + id, fd: k.fd, id: k.id, size: k.size}
	if err := x.s.sys.Rename(path, f.path); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.kept, id)
	x.blanks = append(x.blanks, f)
	if k.path != "" {
		k.fd = -1
	}
	return nil
}

// dropBlanks removes those that this process keeps.
func (r *room) dropBlanks() {
	r.mu.Lock()
	blanks := r.blanks
	r.blanks, r.retired = nil, 0
	r.mu.Unlock()
	for _, f := range blanks {
		r.s.sys.Unlink(f.path)
		r.s.sys.Close(f.fd)
	}
}

// sweepBlanks removes those of the dead. Who makes one holds the shared lock until it
// is locked.
func (x *section) sweepBlanks() {
	names, _ := x.s.sys.List(x.passes, 0)
	for _, name := range names {
		if path := x.passes + "/" + name; strings.HasPrefix(name, ".") && !x.locked(path) {
			x.s.sys.Unlink(path)
		}
	}
}
