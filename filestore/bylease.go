package filestore

import (
	"bytes"
	"fmt"
	"time"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

// What follows is for a store that was opened ByLease: the owners of its records are
// elsewhere, and this process only writes down what they say. So a record is nobody's
// that lives: it is made without a lock that stays, says so (owner.ByLease), and is
// taken in hand for each change by whichever process the owner talks to just then.
//
// A record is in hand while its file is locked exclusively. Whoever takes it has the
// gate's lock, shared at least: so nobody ends the record as over meanwhile, and the
// file's lock puts those in order who change one record at the same time. Nobody else
// locks such a file, so that no process which is stopped keeps the others waiting.

// borrow takes a record in hand, by the path in k, and reads it into rec, which is k's.
// It reports false where there is none, or one that lives otherwise. A record that it
// has taken is laid down by layDown.
func (r *room) borrow(k *kept, rec record) (bool, error) {
	sys := r.s.sys
	fd, err := sys.Open(k.path, unix.O_RDWR, 0)
	if missing(err) {
		return false, nil
	}
	if err != nil {
		return false, fault("open", k.path, err)
	}
	k.fd = fd
	taken, err := r.take(k, rec)
	if !taken {
		sys.Close(fd)
	}
	return taken, err
}

// take waits until the record is in nobody's hand. The others have it for a few system
// calls; but a file that its pass has left may be another's already, who keeps it.
func (r *room) take(k *kept, rec record) (bool, error) {
	sys, deadline := r.s.sys, time.Now().Add(r.s.patience)
	at, err := sys.Fstat(k.fd)
	if err != nil {
		return false, fault("look at", k.path, err)
	}
	k.id, k.size = at.fileID, int(at.size)
	for pause := lockPauseLeast; ; pause = min(2*pause, lockPauseMost) {
		err := sys.Flock(k.fd, unix.LOCK_EX|unix.LOCK_NB)
		busy := err == unix.EWOULDBLOCK
		if err != nil && !busy {
			return false, fault("lock", k.path, err)
		}
		now, err := sys.Stat(k.path)
		if missing(err) || err == nil && now.fileID != k.id {
			return false, nil
		}
		if err != nil {
			return false, fault("look at", k.path, err)
		}
		readable, err := r.readRecord(k.fd, rec)
		switch {
		case err != nil:
			return false, fault("read", k.path, err)
		case !busy:
			return readable && rec.vital().Owner.ByLease, nil
		case readable && !rec.vital().Owner.ByLease:
			return false, nil
		case !time.Now().Before(deadline):
			return false, fmt.Errorf("%w: %s is kept locked by another process", lull.ErrUnavailable, k.path)
		}
		time.Sleep(pause)
	}
}

// layDown ends what borrow began. It does nothing with what this process keeps, or
// with nil.
func (r *room) layDown(k *kept) {
	if k != nil && k.path != "" && k.fd >= 0 {
		r.s.sys.Close(k.fd)
	}
}

// inHand is the pass of that ID for one change of its owner's: this process's own, or
// one that it may take in hand, which the caller lays down. It is nil if the pass is
// neither; one that was this process's and was removed is [lull.ErrGone].
func (x *section) inHand(id string) (*kept, error) {
	k, err := x.ownPass(id)
	if k != nil || err != nil || !x.s.opts.ByLease || lull.CheckID(id) != nil {
		return k, err
	}
	tickets, err := x.listTickets()
	if err != nil {
		return nil, err
	}
	for _, t := range tickets {
		k := &kept{path: x.passFile(t, id), ticket: t}
		taken, err := x.borrow(k, &k.pass)
		if err != nil {
			return nil, err
		}
		if taken {
			k.pass.ID, k.pass.Gate, k.pass.Ticket = id, x.name, t
			return k, nil
		}
	}
	return nil, nil
}

// looksLapsed reports whether the lease of a pass in hand has ended, as this process has
// seen it.
func (r *room) looksLapsed(k *kept) bool {
	return k.path != "" && r.witness(k, &k.pass)
}

// heardOf writes a sign of life of a deployment's hold, if that is this process's to
// write, and reports whether it was.
func (x *section) heardOf(h lull.Hold) (bool, error) {
	if k := x.keptOf(h.ID); k != nil {
		return true, x.heard(k)
	}
	if !x.s.opts.ByLease {
		return false, nil
	}
	k := &kept{path: x.holdFile(h.ID)}
	taken, err := x.borrow(k, &k.hold)
	if err != nil {
		return false, err
	}
	if !taken {
		return x.mendHold(h)
	}
	defer x.layDown(k)
	x.mu.Lock()
	x.mine[h.ID] = true // also when an earlier process made it
	x.mu.Unlock()
	return true, x.heard(k)
}

// broken reports whether a pass cannot be read that its owner elsewhere asks for, as may
// be after a crash of the machine. It counts as inside for a while, and cannot be
// prolonged: so its owner must have another record.
func (x *section) broken(rec passRecord) bool { return x.s.opts.ByLease && rec.Format == 0 }

// mendHold makes the file of a deployment's hold anew that is in gate.json, and has none
// that can be read. It reports whether it did.
func (x *section) mendHold(h lull.Hold) (bool, error) {
	if h.Kind != lull.Deployment {
		return false, nil
	}
	var rec holdRecord
	if _, err := x.examine(x.holdFile(h.ID), &rec); err != nil || rec.Format != 0 || x.locked(x.holdFile(h.ID)) {
		return false, err
	}
	if !x.exclusive {
		return false, errExclusive
	}
	h.Heard = x.now
	return true, x.recordHold(h)
}

// leftBefore reports whether the history says already that a pass has left. An owner
// elsewhere says it again where it had no answer, because the process that it told was
// killed in the middle of it.
func (x *section) leftBefore(k *kept) bool {
	switch {
	case k == nil || k.path == "":
		return false
	case k.pass.Stage == leaving:
		return x.goodbyes([]string{k.pass.ID})[k.pass.ID]
	}
	_ = x.rewrite(k, func(k *kept) { k.pass.Stage = leaving }) // to leave needs no disk that works
	return false
}

// byLeaseMark is what a record says that lives by its lease. It cannot occur in a
// string: its quotes would be escaped.
var byLeaseMark = []byte(`"by_lease":true`)

// livesByLease reports whether a record is seen to live by its lease. That of an owner
// who is just rewriting it may not be, and is asked after the lock.
func (r *room) livesByLease(fd int) (bool, error) {
	data, err := r.drain(fd, 0)
	return bytes.Contains(data, byLeaseMark), err
}
