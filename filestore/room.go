package filestore

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

// room is one gate's directory, as this process uses it.
type room struct {
	s    *Store
	name string
	lock *lock

	dir, gateFile, spareFile, passes, holds, historyFile string

	mu     sync.Mutex
	kept   map[string]*kept // by ID: what lives with this process
	mine   map[string]bool  // IDs of the holds that were made here, a person's too
	raw    []byte           // gate.json as last read …
	parsed gateRecord       // … and what it says
	blanks []blank
	// retired counts the passes that this process has ended, retiring those whose files
	// are about to become blanks.
	retired, retiring int
	sights            map[string]sight         // of records whose makers are not known to live, by path
	sightsMost        int                      // with more, those that are over are dropped
	alive             map[string]time.Duration // when a deployment's hold was last seen alive, by ID
}

// kept is a record of this process, open and locked for as long as it lives; or one
// that lives by its lease, and is in hand for one change. Its mutex is held across the
// write, since that is what it puts in order.
type kept struct {
	fd   int // -1: given away
	id   fileID
	path string // of one that is in hand; else ""

	mu     sync.Mutex
	ticket lull.Phase // a pass's
	size   int
	pass   passRecord // one of the two
	hold   holdRecord
}

// known is the pass as this process knows it.
func (k *kept) known() lull.Pass {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.pass.Pass
	p.Ticket = k.ticket
	return p
}

func newRoom(s *Store, name string) *room {
	dir := s.dir + "/" + name
	return &room{
		s: s, name: name, lock: newLock(s, name, dir),
		dir: dir, gateFile: dir + "/gate.json", spareFile: dir + "/spare.json",
		passes: dir + "/passes", holds: dir + "/holds", historyFile: dir + "/history.jsonl",
		kept: map[string]*kept{}, mine: map[string]bool{}, sights: map[string]sight{}, sightsMost: sightsLeast, alive: map[string]time.Duration{},
	}
}

// make makes the gate's directories. The gate is not there before gate.json is.
func (r *room) make() error {
	// The store's own directory is never made anew: it may be a file system that is
	// not mounted now, and an empty gate in its place would be open.
	s := r.s
	if err := s.admit(false); err != nil {
		return err
	}
	for _, dir := range []string{r.dir, r.passes, r.holds} {
		if err := s.mkdir(dir); err != nil {
			return fault("make", dir, err)
		}
	}
	// The store may be reached by a symbolic link; what is in it may not.
	return fault("keep", s.dir, s.syncDir(s.dir+"/."))
}

// read returns gate.json. It needs no lock: the file is never changed, only replaced,
// so what is read was true at one moment. Errors are errUnreadable, fs.ErrNotExist,
// or for the caller's caller. The record shares its slices with others.
func (r *room) read() (gateRecord, error) {
	raw, err := r.slurp(r.gateFile)
	if missing(err) {
		return gateRecord{}, err
	}
	if err != nil {
		return gateRecord{}, fault("read", r.gateFile, err)
	}
	r.mu.Lock()
	if len(raw) > 0 && bytes.Equal(raw, r.raw) {
		defer r.mu.Unlock()
		return r.parsed, nil
	}
	r.mu.Unlock()
	var g gateRecord
	if err := unseal(raw, &g); err != nil {
		return g, err
	}
	if g.Format > format {
		return g, &lull.SetupError{
			What: "gate \"" + r.name + "\" was written by a newer lull",
			Hint: "install the same version of lull for all who use " + r.s.dir,
		}
	}
	if g.Name != r.name || g.Gate.Check() != nil {
		return g, errUnreadable
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.raw, r.parsed = raw, g
	return g, nil
}

// slurp reads a file whole.
func (r *room) slurp(path string) ([]byte, error) {
	fd, err := r.s.sys.Open(path, unix.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer r.s.sys.Close(fd)
	return r.drain(fd, 0)
}

// drain reads from an offset to the end.
func (r *room) drain(fd int, from int64) ([]byte, error) {
	buf := make([]byte, 4096)
	n := 0
	for {
		m, err := r.s.sys.Read(fd, buf[n:], from+int64(n))
		if err != nil {
			return nil, err
		}
		if n += m; m == 0 || n < len(buf) {
			return buf[:n], nil
		}
		buf = append(buf, make([]byte, len(buf))...)
	}
}

// own is the gate for a caller, who may do with it what he likes.
func own(g lull.Gate) lull.Gate {
	g.Holds, g.Queue, g.Loose = slices.Clone(g.Holds), slices.Clone(g.Queue), slices.Clone(g.Loose)
	return g
}

// keptOf is this process's record of that ID, or nil.
func (r *room) keptOf(id string) *kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept[id]
}

// release lets go of a record of this process, after it is gone.
func (r *room) release(id string) {
	r.mu.Lock()
	k := r.kept[id]
	delete(r.kept, id)
	delete(r.mine, id)
	delete(r.alive, id)
	r.mu.Unlock()
	if k != nil {
		r.s.sys.Close(k.fd)
	}
}

// unreadable reports whether gate.json is there but says nothing, or is not there.
func unreadable(err error) bool { return errors.Is(err, errUnreadable) || missing(err) }
