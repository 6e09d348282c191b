package filestore

import (
	"context"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

// Force puts a waiting pass inside.
func (s *Store) Force(ctx context.Context, ref lull.PassRef) (lull.Pass, lull.Gate, error) {
	r, err := s.asked(ctx, ref.Gate)
	if err != nil {
		return lull.Pass{}, lull.Gate{}, err
	}
	var got lull.Pass
	var gate lull.Gate
	err = r.alone(ctx, looks, func(x *section) (err error) {
		gate = own(x.gate)
		got, err = x.force(ref.ID)
		return err
	})
	return got, gate, goneAt(err)
}

// force rewrites a record, and moves it to the directory of its new ticket; the move
// is what counts. The flock is on the file, wherever it is.
func (x *section) force(id string) (lull.Pass, error) {
	k, err := x.ownPass(id)
	if err != nil {
		return lull.Pass{}, err
	}
	rec, found, err := x.find(id)
	if err == nil && found != alive {
		err = lull.ErrGone
	}
	if err != nil {
		return lull.Pass{}, err
	}
	was := rec.Ticket
	forced, events := x.gate.Force(rec.Pass, x.now)
	forced.Heard = x.now
	if len(events) == 0 {
		if k != nil {
			return x.answer(k, x.gate, x.now, func(p *lull.Pass) { p.Heard = x.now })
		}
		return rec.Pass, nil
	}
	change := func(k *kept) { k.pass.Pass, k.pass.Stage = forced, starting }
	if k == nil {
		fd, err := x.s.sys.Open(x.passFile(was, id), unix.O_RDWR, 0)
		if err != nil {
			return lull.Pass{}, fault("open", x.passFile(was, id), err)
		}
		defer x.s.sys.Close(fd)
		at, err := x.s.sys.Fstat(fd)
		if err != nil {
			return lull.Pass{}, fault("look at", x.passFile(was, id), err)
		}
		k = &kept{fd: fd, size: int(at.size), pass: rec}
	}
	if err := x.s.mkdir(x.ticketDir(forced.Ticket)); err != nil {
		return lull.Pass{}, fault("make", x.ticketDir(forced.Ticket), err)
	}
	if err := x.rewrite(k, change); err != nil {
		return lull.Pass{}, err
	}
	if err := x.s.sys.Rename(x.passFile(was, id), x.passFile(forced.Ticket, id)); err != nil {
		return lull.Pass{}, fault("move", x.passFile(was, id), err)
	}
	k.mu.Lock()
	k.ticket = forced.Ticket
	k.mu.Unlock()
	x.stamp(events...)
	return forced, nil
}
