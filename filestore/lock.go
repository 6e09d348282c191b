package filestore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

const (
	// lockPatience is how long the atomic section is waited for. It lasts microseconds,
	// a few milliseconds where it writes to a disk: ten seconds mean that its owner is
	// stopped, or the disk is.
	lockPatience = 10 * time.Second

	// sections is how many goroutines of a process may be in or before the section at
	// one gate. Each has two descriptors; more would only wait for the directory.
	sections = 4

	// The pauses between tries for a lock that is taken: a quarter of the wait so far,
	// within these. A blocking flock(2) could not be given up, neither when ctx ends nor
	// when patience does.
	lockPauseLeast = 20 * time.Microsecond
	lockPauseMost  = 2 * time.Millisecond
)

// lock is the atomic section of one gate, across processes and goroutines: shared
// for arrivals, exclusive for phase changes.
//
// flock(2) is not fair: with one lock, four busy arrivers who share it kept a closer
// out for up to 2.7 s, and for 0.5 s when everybody had it exclusively. So there is a
// turnstile before it (60 ms, on two busy cores). Who wants the lock takes the
// turnstile first and gives it back as soon as he has the lock: an arriver shares it
// for two system calls, a closer has it for himself while he waits for those inside to
// leave.
type lock struct {
	s    *Store
	gate string
	turn string
	path string
	free chan struct{} // capacity and population are sections

	mu   sync.Mutex
	idle []*handle // open, and in no section
}

// handle is the pair of descriptors that one section needs: flock belongs to the
// open file, not to the process.
type handle struct {
	turn, lock int
	id         fileID
	history    int // open for appending, or -1
	historyID  fileID
}

func newLock(s *Store, gate, dir string) *lock {
	l := &lock{s: s, gate: gate, turn: dir + "/turn", path: dir + "/lock", free: make(chan struct{}, sections)}
	for range sections {
		l.free <- struct{}{}
	}
	return l
}

// take enters the section. It is left by give. A gate that does not exist is
// errNoGate.
func (l *lock) take(ctx context.Context, how int, patience time.Duration) (*handle, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(patience)
	select {
	case <-l.free:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	h := l.pop()
	for {
		var err error
		if h == nil {
			h, err = l.open()
		}
		if err == nil {
			err = l.pass(ctx, h, how, deadline)
		}
		if err == nil {
			var now info
			now, err = l.s.sys.Stat(l.path)
			if err == nil && now.fileID == h.id {
				return h, nil
			}
			if err == nil || missing(err) {
				// The directory was removed or replaced: what we hold locks nothing.
				l.close(h)
				h = nil
				continue
			}
			err = fault("look at", l.path, err)
		}
		l.close(h)
		l.free <- struct{}{}
		return nil, err
	}
}

func (l *lock) pass(ctx context.Context, h *handle, how int, deadline time.Time) error {
	if err := l.wait(ctx, h.turn, how, deadline); err != nil {
		return err
	}
	err := l.wait(ctx, h.lock, how, deadline)
	return errors.Join(err, fault("unlock", l.turn, l.s.sys.Flock(h.turn, unix.LOCK_UN)))
}

func (l *lock) wait(ctx context.Context, fd, how int, deadline time.Time) error {
	var began time.Time
	for {
		err := l.s.sys.Flock(fd, how|unix.LOCK_NB)
		if err != unix.EWOULDBLOCK {
			return fault("lock", l.path, err)
		}
		now := time.Now()
		if began.IsZero() {
			began = now
		}
		if !now.Before(deadline) {
			return l.taken()
		}
		t := time.NewTimer(min(max(now.Sub(began)/4, lockPauseLeast), lockPauseMost))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

// taken is the error when patience has ended.
func (l *lock) taken() error {
	by := "another process"
	for _, path := range []string{l.path, l.turn} {
		if at, err := l.s.sys.Stat(path); err == nil {
			if who := lockedBy(at.fileID); who != "" {
				by = who
				break
			}
		}
	}
	return fmt.Errorf("%w: the lock of gate %q is kept by %s", lull.ErrUnavailable, l.gate, by)
}

// give leaves the section.
func (l *lock) give(h *handle) {
	if l.s.sys.Flock(h.lock, unix.LOCK_UN) == nil {
		l.mu.Lock()
		l.idle = append(l.idle, h)
		l.mu.Unlock()
	} else {
		l.close(h) // that unlocks as well
	}
	l.free <- struct{}{}
}

// pop returns the handle that was used last, or nil.
func (l *lock) pop() *handle {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.idle)
	if n == 0 {
		return nil
	}
	h := l.idle[n-1]
	l.idle = l.idle[:n-1]
	return h
}

func (l *lock) open() (*handle, error) {
	turn, err := l.openFile(l.turn)
	if err != nil {
		return nil, err
	}
	fd, err := l.openFile(l.path)
	if err != nil {
		l.s.sys.Close(turn)
		return nil, err
	}
	at, err := l.s.sys.Fstat(fd)
	if err != nil {
		l.s.sys.Close(turn)
		l.s.sys.Close(fd)
		return nil, fault("look at", l.path, err)
	}
	return &handle{turn: turn, lock: fd, id: at.fileID, history: -1}, nil
}

// openFile makes the file if it is missing, but not the directory it is in.
func (l *lock) openFile(path string) (int, error) {
	fd, err := l.s.makeFile(path, 0)
	if missing(err) {
		return -1, errNoGate
	}
	return fd, fault("open", path, err)
}

func (l *lock) close(h *handle) {
	if h == nil {
		return
	}
	l.s.sys.Close(h.lock)
	l.s.sys.Close(h.turn)
	if h.history >= 0 {
		l.s.sys.Close(h.history)
	}
}

// drop closes what is open and not in use.
func (l *lock) drop() {
	for h := l.pop(); h != nil; h = l.pop() {
		l.close(h)
	}
}
