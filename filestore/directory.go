package filestore

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

// modes are those of what the store makes in its directory.
type modes struct {
	dir, file uint32
	shared    bool // by a group: set them in spite of the umask
}

// modesIn follow the store's directory: with the set-group-ID bit it belongs to a
// group, whose members must be able to use each other's files whatever their umask.
func modesIn(dir info) modes {
	if dir.mode&unix.S_ISGID != 0 && dir.mode&0o020 != 0 {
		return modes{0o2770, 0o660, true}
	}
	return modes{0o700, 0o600, false}
}

// admit checks the store's directory, making it if asked to.
func (s *Store) admit(create bool) error {
	at, err := s.sys.Stat(s.dir)
	if missing(err) && create {
		if err := s.makeAll(s.dir); err != nil {
			return fault("make", s.dir, err)
		}
		at, err = s.sys.Stat(s.dir)
	}
	if missing(err) {
		return fmt.Errorf("%w: the store's directory %s has been removed, or is not mounted", lull.ErrUnavailable, s.dir)
	}
	if err != nil {
		return fault("look at", s.dir, err)
	}
	if err := s.check(at); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.modes = modesIn(at)
	return nil
}

// mode is that of what the store makes now.
func (s *Store) mode() modes {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.modes
}

// makeAll makes a directory that only its owner can enter, and those above it that
// are missing.
func (s *Store) makeAll(dir string) error {
	err := s.sys.Mkdir(dir, 0o700)
	if missing(err) && filepath.Dir(dir) != dir {
		if err := s.makeAll(filepath.Dir(dir)); err != nil {
			return err
		}
		err = s.sys.Mkdir(dir, 0o700)
	}
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

// check refuses a directory in which a gate could be wrong: one that strangers can
// change, or where locks may not hold.
func (s *Store) check(at info) error {
	if !at.isDir() {
		return &lull.SetupError{
			What: fmt.Sprintf("%s is not a directory", s.dir),
			Hint: "a file store is a directory: --store file:///var/lib/lull",
		}
	}
	shared := modesIn(at).shared
	switch {
	case at.mode&0o002 != 0:
		return &lull.SetupError{
			What: fmt.Sprintf("%s can be written by everybody", s.dir),
			Hint: "keep it to yourself with chmod 700, or to a group with chgrp GROUP and chmod 2770",
		}
	case at.uid != s.host.uid && at.uid != 0 && !shared:
		return &lull.SetupError{
			What: fmt.Sprintf("%s belongs to another user (uid %d)", s.dir, at.uid),
			Hint: "use a directory of your own, or share this one in a group: chgrp GROUP DIR && chmod 2770 DIR",
		}
	}
	if err := s.sys.Writable(s.dir); err != nil {
		return fault("use", s.dir, err)
	}
	on, err := s.sys.FileSystem(s.dir)
	if err != nil {
		return fault("find the file system of", s.dir, err)
	}
	if on.remote && !s.opts.NetworkTrusted {
		return &lull.SetupError{
			What: fmt.Sprintf("%s is on a network or user-space file system (%s), where a lock may be this host's alone", s.dir, on.name),
			Hint: "use PostgreSQL (--store postgres://…) or lulld (--store https://…) for several hosts; " +
				"if locks and renames there are sound on all of them, say so with ?network=trusted",
		}
	}
	return nil
}

// mkdir makes a directory below the store's own. One that is there already is fine.
func (s *Store) mkdir(path string) error {
	m := s.mode()
	err := s.sys.Mkdir(path, m.dir&0o777)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	if err != nil || !m.shared {
		return err
	}
	fd, err := s.sys.Open(path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer s.sys.Close(fd)
	return s.sys.Chmod(fd, m.dir)
}

// makeFile opens a file for reading and writing, with flags besides, and makes it if
// it is missing.
func (s *Store) makeFile(path string, flags int) (fd int, err error) {
	m := s.mode()
	fd, err = s.sys.Open(path, unix.O_RDWR|unix.O_CREAT|flags, m.file)
	if err != nil || !m.shared {
		return fd, err
	}
	at, err := s.sys.Fstat(fd)
	if err == nil && at.uid == s.host.uid && at.mode&0o777 != m.file {
		err = s.sys.Chmod(fd, m.file)
	}
	if err != nil {
		s.sys.Close(fd)
		return -1, err
	}
	return fd, nil
}

// syncDir makes the names in a directory last.
func (s *Store) syncDir(path string) error {
	fd, err := s.sys.Open(path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer s.sys.Close(fd)
	return s.sys.Sync(fd)
}
