package filestore

import (
	"errors"
	"strings"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

func (r *room) passFile(t lull.Phase, id string) string { return r.ticketDir(t) + "/" + id + ".json" }

// recordPass makes a pass's file, so that nobody ever sees it without its lock: it is
// made under another name, locked, written, and only then given its own. It is not
// made to last a crash of the machine: no pass outlives one, and fsync(2) would cost
// a hundred times the rest.
//
// One that lives by its lease has no lock that stays: see bylease.go.
//
// An error of EEXIST means that somebody has recorded the same ID just now.
func (x *section) recordPass(p lull.Pass) error {
	sys := x.s.sys
	rec := passRecord{Format: format, Pass: p, vitals: vitals{Owner: x.s.owner(), Stage: waiting}}
	if p.Inside(x.gate.Phase) {
		// Its owner may start the command as soon as it has the answer.
		rec.Stage = starting
	}
	data, err := seal(&rec, false)
	if err != nil {
		return err
	}
	f, err := x.blank()
	if err != nil {
		return fault("make a file in", x.passes, err)
	}
	data = pad(data, f.size)
	k := &kept{fd: f.fd, id: f.id, ticket: p.Ticket, size: len(data), pass: rec}
	if err = sys.Write(k.fd, data, 0); err == nil {
		err = x.place(f.path, p.Ticket, p.ID)
	}
	if err != nil {
		x.discard(f)
		if errors.Is(err, unix.EEXIST) {
			return err
		}
		return fault("write", f.path, err)
	}
	if rec.Owner.ByLease {
		k.path = x.passFile(p.Ticket, p.ID)
		x.witness(k, &k.pass)
		x.layDown(k)
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.kept[p.ID] = k
	return nil
}

// place gives a pass's file its name.
func (x *section) place(path string, t lull.Phase, id string) error {
	err := x.s.sys.RenameNew(path, x.passFile(t, id))
	if missing(err) {
		if err = x.s.mkdir(x.ticketDir(t)); err == nil {
			err = x.s.sys.RenameNew(path, x.passFile(t, id))
		}
	}
	return err
}

// find looks for a pass's record in all tickets' directories, and says whether its
// maker lives.
func (r *room) find(id string) (rec passRecord, found life, err error) {
	if lull.CheckID(id) != nil {
		return rec, absent, nil
	}
	tickets, err := r.listTickets()
	if err != nil {
		return rec, unsure, err
	}
	for _, t := range tickets {
		// Most are not there: a stat(2) is cheaper than to open.
		if _, err := r.s.sys.Stat(r.passFile(t, id)); missing(err) {
			continue
		}
		rec, found, err = r.examinePass(t, id)
		if err != nil || found != absent {
			return rec, found, err
		}
	}
	return rec, absent, nil
}

// examinePass reads one pass. Where its file lies is what counts as its ticket, and
// its name as its ID, also if the record cannot be read.
func (r *room) examinePass(t lull.Phase, id string) (rec passRecord, found life, err error) {
	found, err = r.examine(r.passFile(t, id), &rec)
	rec.ID, rec.Gate, rec.Ticket = id, r.name, t
	return rec, found, err
}

// live is the live pass of that ID, or nil.
func (r *room) live(id string) (*lull.Pass, error) {
	if id == "" {
		return nil, nil
	}
	rec, found, err := r.find(id)
	if err != nil || found != alive {
		return nil, err
	}
	return &rec.Pass, nil
}

// going is the live pass that goes by that ID, or nil: see [lull.Pass.GoesBy].
func (r *room) going(by string) (*lull.Pass, error) {
	p, err := r.live(by)
	if by == "" || err != nil || p != nil {
		return p, err
	}
	return r.anew(by)
}

// anew is the live pass that resumes the one of that ID, or nil. Its file has a name of
// its own, so that all who are inside are asked; whoever looks for one has not found
// what is named in the usual way, and that is rare.
func (r *room) anew(lost string) (*lull.Pass, error) {
	g, err := r.read()
	if unreadable(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	tickets, err := r.listTickets()
	if err != nil {
		return nil, err
	}
	for _, t := range tickets {
		if !g.Phase.Admits(t) {
			continue
		}
		passes, err := r.list(t, 0)
		if err != nil {
			return nil, err
		}
		for _, p := range passes {
			rec, found, err := r.examinePass(p.ticket, p.id)
			if err != nil {
				return nil, err
			}
			if found == alive && rec.Resumes == lost {
				return &rec.Pass, nil
			}
		}
	}
	return nil, nil
}

// ownPass is this process's pass of that ID as it is on disk, or nil if it is not
// this process's. One that was removed is gone, and let go of.
func (r *room) ownPass(id string) (*kept, error) {
	k := r.keptOf(id)
	if k == nil || k.pass.ID == "" {
		return nil, nil
	}
	k.mu.Lock()
	path := r.passFile(k.ticket, id)
	k.mu.Unlock()
	at, err := r.s.sys.Stat(path)
	if err == nil && at.fileID == k.id {
		return k, nil
	}
	if err != nil && !missing(err) {
		return nil, fault("look at", path, err)
	}
	// Somebody else may have forced it inside: it has another ticket then.
	rec, found, err := r.find(id)
	if err != nil {
		return nil, err
	}
	if found == alive {
		at, err := r.s.sys.Stat(r.passFile(rec.Ticket, id))
		if err == nil && at.fileID == k.id {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.ticket, k.pass.Pass = rec.Ticket, rec.Pass
			return k, nil
		}
	}
	r.release(id)
	return nil, lull.ErrGone
}

// rewrite changes a record in place, which is this process's or in its hand: the flock
// is on this file. A reader who comes in between reads again.
func (r *room) rewrite(k *kept, change func(*kept)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(k)
	var rec record = &k.pass
	if k.pass.ID == "" {
		rec = &k.hold
	}
	data, err := seal(rec, false)
	if err != nil {
		return err
	}
	data = pad(data, k.size)
	if err := r.s.sys.Write(k.fd, data, 0); err != nil {
		return fault("rewrite a record in", r.dir, err)
	}
	k.size = len(data)
	if k.path != "" {
		r.witness(k, rec)
	}
	return nil
}

// listed is a pass as a directory has it.
type listed struct {
	ticket lull.Phase
	id     string
}

// list names the passes with that ticket, most at most of them.
func (r *room) list(t lull.Phase, most int) (passes []listed, err error) {
	names, err := r.s.sys.List(r.ticketDir(t), most)
	if err != nil && !missing(err) {
		return nil, fault("list", r.ticketDir(t), err)
	}
	for _, name := range names {
		if id, ok := strings.CutSuffix(name, ".json"); ok && name[0] != '.' {
			passes = append(passes, listed{t, id})
		}
	}
	return passes, nil
}
