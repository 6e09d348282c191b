package filestore

import (
	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

func (r *room) holdFile(id string) string { return r.holds + "/" + id + ".json" }

// recordHold makes a hold's file, before the commit that lists it. A deployment's is
// locked before anybody can see it, unless it lives by its lease. A person's hold
// outlives a crash of the machine, as that of a deployment elsewhere does, and so must
// its file; any other deployment's does not, so nothing waits for the disk.
func (x *section) recordHold(h lull.Hold) error {
	sys := x.s.sys
	rec := holdRecord{Format: format, Hold: h, vitals: vitals{Owner: x.s.owner(), Stage: waiting}}
	rec.Owner.ByLease = rec.Owner.ByLease && h.Kind == lull.Deployment
	keeps := h.Kind == lull.Deployment && !rec.Owner.ByLease
	data, err := seal(&rec, false)
	if err != nil {
		return err
	}
	data = pad(data, 0)
	path := x.holds + "/." + h.ID
	sys.Unlink(path) // of somebody who was killed here
	fd, err := x.s.makeFile(path, unix.O_EXCL)
	if missing(err) {
		if err = x.s.mkdir(x.holds); err == nil {
			fd, err = x.s.makeFile(path, unix.O_EXCL)
		}
	}
	if err != nil {
		return fault("make", path, err)
	}
	k := &kept{fd: fd, size: len(data), hold: rec}
	if keeps {
		err = sys.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	}
	if err == nil {
		err = sys.Write(fd, data, 0)
	}
	if err == nil && !keeps {
		err = sys.Sync(fd)
	}
	if err == nil {
		err = sys.Rename(path, x.holdFile(h.ID))
	}
	if err == nil && !keeps {
		err = x.s.syncDir(x.holds)
	}
	if err != nil {
		sys.Unlink(path)
		sys.Close(fd)
		return fault("write", path, err)
	}
	x.mu.Lock()
	x.mine[h.ID] = true
	if keeps {
		x.kept[h.ID] = k
	}
	x.mu.Unlock()
	if !keeps {
		sys.Close(fd)
	}
	return nil
}

// dropHold takes back a hold's file whose commit failed.
func (x *section) dropHold(id string) {
	x.s.sys.Unlink(x.holdFile(id))
	x.release(id)
}

// rewriteHold brings a hold's file up to date with gate.json. It is somebody else's
// perhaps, but those write it under the lock too. It keeps what it says of its maker.
func (x *section) rewriteHold(h lull.Hold) {
	if k := x.keptOf(h.ID); k != nil {
		_ = x.rewrite(k, func(k *kept) { k.hold.Hold = latest(h, k.hold.Heard) })
		return
	}
	fd, err := x.s.sys.Open(x.holdFile(h.ID), unix.O_RDWR, 0)
	if err != nil {
		return
	}
	defer x.s.sys.Close(fd)
	var rec holdRecord
	if ok, _ := x.readRecord(fd, &rec); !ok {
		return
	}
	at, err := x.s.sys.Fstat(fd)
	if err != nil {
		return
	}
	rec.Hold = latest(h, rec.Heard)
	if data, err := seal(&rec, false); err == nil {
		_ = x.s.sys.Write(fd, pad(data, int(at.size)), 0)
	}
}

// latest is the hold with the later of two signs of life: gate.json is not written for
// each.
func latest(h lull.Hold, heard lull.Moment) lull.Hold {
	if heard.Sub(h.Heard) > 0 {
		h.Heard = heard
	}
	return h
}
