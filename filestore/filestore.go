package filestore

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/lull-dev/lull"
)

// The pace of waiters. The first is about what nobody notices, the second what an
// hour of waiting may cost: a few system calls a second.
const (
	pollFirst = 50 * time.Millisecond
	pollMost  = time.Second
)

// Options say what a directory may be. The zero value is right for a local one.
type Options struct {
	// NetworkTrusted allows a directory on a network or FUSE file system. Whoever sets
	// it vouches that flock(2) there excludes all hosts that use it, and that a renamed
	// file is seen by all of them at once.
	NetworkTrusted bool

	// ByLease is for a process that keeps passes and deployments' holds for owners
	// elsewhere, who talk to it: lulld. What is recorded through a store so opened lives
	// by its lease alone, whatever becomes of this process and of the host, and everybody
	// who uses the directory judges it so. A process that comes after this one may do
	// all that this one could with such a record, if it opens the store ByLease too.
	ByLease bool
}

// Store keeps gates in a directory. It is safe for concurrent use, in one process
// and in many. Make one with [Open].
//
// A process that keeps passes or deployments' holds must keep living: the system
// ends them with it, unless the store was opened [Options].ByLease.
type Store struct {
	dir      string
	opts     Options
	sys      kernel
	host     *host
	patience time.Duration // with the lock, before it is unavailable
	chance   func() bool   // whether this Leave looks for what the dead have left

	mu     sync.Mutex
	rooms  map[string]*room
	modes  modes
	closed chan struct{} // closed by Shutdown
	subs   sync.WaitGroup
}

var (
	_ lull.Store     = (*Store)(nil)
	_ lull.Notifier  = (*Store)(nil)
	_ lull.Watcher   = (*Store)(nil)
	_ lull.Inspector = (*Store)(nil)
	_ lull.Pollster  = (*Store)(nil)
)

// Open returns the store in a directory, which it makes if it is missing. A
// directory that cannot be used as it is, or should not, is a *[lull.SetupError]
// with a hint; what trying again may heal wraps [lull.ErrUnavailable].
func Open(dir string, o Options) (*Store, error) {
	return open(dir, o, system{}, thisHost())
}

func open(dir string, o Options, sys kernel, h *host) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, &lull.SetupError{What: "the store's directory cannot be named", Hint: "give its absolute path", Err: err}
	}
	s := &Store{
		dir: dir, opts: o, sys: sys, host: h, patience: lockPatience, chance: oneIn(tidyOneIn),
		rooms: map[string]*room{}, closed: make(chan struct{}),
	}
	if o.NetworkTrusted {
		h.machine += "@" + h.name // where images are cloned, machine IDs are too
	}
	if err := s.admit(true); err != nil {
		return nil, err
	}
	return s, nil
}

// About describes the store.
func (s *Store) About() lull.About {
	u := url.URL{Scheme: "file", Path: s.dir}
	if s.opts.NetworkTrusted {
		u.RawQuery = "network=trusted"
	}
	return lull.About{URL: u.String(), PollFirst: pollFirst, PollMost: pollMost, Shared: s.opts.NetworkTrusted}
}

// Shutdown ends what runs in the background, and waits for it. The locks on passes
// and holds stay with the process, for they are what keeps them alive.
func (s *Store) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	rooms := slices.Collect(maps.Values(s.rooms))
	s.mu.Unlock()
	s.subs.Wait()
	for _, r := range rooms {
		r.dropBlanks()
		r.lock.drop()
	}
	return nil
}

// owner is who is behind what this process records.
func (s *Store) owner() owner {
	o := s.host.self()
	o.ByLease = s.opts.ByLease
	return o
}

// room is the gate of that name, which may not exist yet.
func (s *Store) room(gate string) (*room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.rooms[gate]; ok {
		return r, nil
	}
	if err := lull.CheckGateName(gate); err != nil {
		return nil, err
	}
	r := newRoom(s, gate)
	s.rooms[gate] = r
	return r, nil
}

// errNoGate is the answer at a gate that nobody has used, to who will not make it.
var errNoGate = errors.New("no such gate")

// goneAt makes a gate that nobody has used one where nothing is.
func goneAt(err error) error {
	if errors.Is(err, errNoGate) {
		return lull.ErrGone
	}
	return err
}
