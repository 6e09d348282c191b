package filestore

import (
	"errors"
	"maps"
	"time"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

// life is what is known of the maker of a record.
type life int

const (
	alive  life = iota // its flock is held, or its command's process group lives
	over               // certainly dead
	unsure             // nobody holds the flock, and nothing tells whether a command runs
	absent             // there is no record
)

// record is a pass's or a hold's.
type record interface {
	vital() *vitals
	lease() time.Duration
	heard() lull.Moment
}

// sight is when somebody first saw a record as it is, without knowing whether its
// maker lives. A renewal is another sight: it writes when the owner was heard. Where
// the record says nothing, any change of its file is one.
type sight struct {
	id       fileID
	heard    lull.Moment
	modified time.Time
	first    time.Duration // on the observer's own running clock
	lease    time.Duration
}

// as reports whether two sights are of the same record, and nothing was heard between
// them.
func (s sight) as(o sight) bool {
	return s.id == o.id && s.heard.IsZero() == o.heard.IsZero() && s.heard.Sub(o.heard) == 0 && s.modified.Equal(o.modified)
}

// examine finds out whether the maker of the record in a file lives, and reads the
// record into rec, which a record that cannot be read leaves empty. A prober takes the
// flock shared, through a descriptor that can only read: it cannot be mistaken for an
// owner, and two of them do not meet.
//
// Record and flock of another host say nothing about its processes, nor does a PID in
// another namespace: then the lease decides, and so it does when a wrapper died while
// it started its command. It is counted from the first sight, on our own clock. It
// always does of a record whose owner is elsewhere; see bylease.go.
func (r *room) examine(path string, rec record) (life, error) {
	sys := r.s.sys
	fd, err := sys.Open(path, unix.O_RDONLY, 0)
	if missing(err) {
		return absent, nil
	}
	if err != nil {
		return unsure, fault("open", path, err)
	}
	defer sys.Close(fd)
	byLease, err := r.livesByLease(fd)
	if err != nil {
		return unsure, fault("read", path, err)
	}
	held := false
	if !byLease {
		err = sys.Flock(fd, unix.LOCK_SH|unix.LOCK_NB)
		held = err == unix.EWOULDBLOCK
		if err != nil && !held {
			return unsure, fault("lock", path, err)
		}
	}
	readable, err := r.readRecord(fd, rec)
	if err != nil {
		return unsure, fault("read", path, err)
	}
	if held && !(readable && rec.vital().Owner.ByLease) {
		r.forget(path)
		return alive, nil
	}
	found := unsure
	if readable {
		found = r.s.host.judge(*rec.vital())
	}
	if found != unsure {
		r.forget(path)
		return found, nil
	}
	return r.lapse(fd, path, rec)
}

// locked reports whether somebody holds a file's flock.
func (r *room) locked(path string) bool {
	fd, err := r.s.sys.Open(path, unix.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer r.s.sys.Close(fd)
	return r.s.sys.Flock(fd, unix.LOCK_SH|unix.LOCK_NB) == unix.EWOULDBLOCK
}

// readRecord reads a record that its owner may be rewriting. Tries enough for that
// leave only those that are broken.
func (r *room) readRecord(fd int, rec record) (readable bool, err error) {
	for range 3 {
		data, err := r.drain(fd, 0)
		if err != nil {
			return false, err
		}
		if err = unseal(data, rec); err == nil {
			return true, nil
		}
	}
	return false, nil
}

// judge says what a record tells of its maker when nobody holds its flock.
func (h *host) judge(v vitals) life {
	switch {
	case v.Owner.ByLease:
		return unsure // whoever is elsewhere is not seen here
	case v.Owner.Boot != h.boot && v.Owner.Machine == h.machine:
		return over // of an earlier boot
	case v.Owner.Boot != h.boot:
		return unsure // of another host
	case v.Stage == waiting:
		return over
	case v.Owner.PIDSpace != h.pidSpace || v.Stage != running || v.Process == nil:
		return unsure
	}
	return h.group(*v.Process)
}

// lapse ends belief in a record of which nothing is known but that it does not
// change.
func (r *room) lapse(fd int, path string, rec record) (life, error) {
	at, err := r.s.sys.Fstat(fd)
	if err != nil {
		return unsure, fault("look at", path, err)
	}
	now := sight{id: at.fileID, heard: rec.heard(), lease: rec.lease()}
	if now.heard.IsZero() {
		now.modified = at.modified
	}
	if r.unheard(path, now) {
		return over, nil
	}
	return alive, nil
}

// witness is unheard of a record in hand.
func (r *room) witness(k *kept, rec record) bool {
	return r.unheard(k.path, sight{id: k.id, heard: rec.heard(), lease: rec.lease()})
}

// unheard notes a record as it is now, and reports whether it has been so for a lease.
func (r *room) unheard(path string, now sight) bool {
	now.first = r.s.host.running()
	if now.lease <= 0 {
		now.lease = lull.DefaultLease
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if seen, known := r.sights[path]; known && seen.as(now) {
		return now.first-seen.first >= now.lease
	}
	r.sights[path] = now
	if len(r.sights) > r.sightsMost {
		r.dropSights(now.first)
	}
	return false
}

// sightsLeast is how many sights are kept before any is dropped.
const sightsLeast = 1024

// dropSights drops those of records that are long over, and that somebody else has
// removed perhaps. One that is there all the same gets another lease.
func (r *room) dropSights(now time.Duration) {
	maps.DeleteFunc(r.sights, func(_ string, s sight) bool { return now-s.first > 4*s.lease })
	r.sightsMost = max(sightsLeast, 2*len(r.sights))
}

// forget drops a sight that came to nothing.
func (r *room) forget(path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sights) > 0 {
		delete(r.sights, path)
	}
}

// fates judges the holds of a gate, and says when the makers of deployments' holds
// were last heard of.
func (r *room) fates(g lull.Gate, now lull.Moment) (fates map[string]lull.Fate, heard map[string]lull.Moment, err error) {
	for _, holds := range [][]lull.Hold{g.Holds, g.Queue, g.Loose} {
		for _, h := range holds {
			if fates == nil {
				fates, heard = map[string]lull.Fate{}, map[string]lull.Moment{}
			}
			// A dead owner comes before a limit: of a command nobody is left to tell the end
			// of, a crash is all that will ever be known.
			if h.Kind == lull.Deployment {
				crashed, at, fateErr := r.crashed(h)
				err = errors.Join(err, fateErr)
				if heard[h.ID] = at; crashed {
					fates[h.ID] = lull.Crashed
					continue
				}
			}
			if h.Ends.Passed(now) {
				fates[h.ID] = lull.Expired
			}
		}
	}
	return fates, heard, err
}

// crashed reports whether the maker of a deployment's hold is gone, and when it was
// last heard of: when it last renewed, or, if that is later, when we last saw it
// alive.
func (r *room) crashed(h lull.Hold) (bool, lull.Moment, error) {
	var rec holdRecord
	found, err := r.examine(r.holdFile(h.ID), &rec)
	if err != nil {
		return false, h.Heard, err
	}
	if found == absent {
		return r.lapsed(h), h.Heard, nil
	}
	heard := h.Heard
	if !rec.Heard.IsZero() {
		heard = rec.Heard
	}
	now := r.s.host.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if found == alive {
		if !rec.Owner.ByLease { // else to be seen is no sign of life
			r.alive[h.ID] = r.s.host.running()
		}
		return false, heard, nil
	}
	if at, seen := r.alive[h.ID]; seen {
		if last := now.Add(at - r.s.host.running()); last.Sub(heard) > 0 {
			heard = last
		}
	}
	delete(r.alive, h.ID)
	return true, heard, nil
}

// lapsed judges a hold whose file somebody has removed: it may have a live owner, who
// will find out at the next renewal. So it has a lease from now, unless it is of an
// earlier boot of this host.
func (r *room) lapsed(h lull.Hold) bool {
	host := r.s.host
	if h.Heard.Boot != host.boot && !r.s.opts.NetworkTrusted {
		return true
	}
	return r.unheard(r.holdFile(h.ID), sight{lease: h.Lease})
}
