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

// force gives a pass, its own process's or another's, a new ticket. The flock is on the
// file, wherever it is.
func (x *section) force(id string) (lull.Pass, error) {
	k, err := x.inHand(id)
	if err != nil {
		return lull.Pass{}, err
	}
	defer x.layDown(k)
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
	if err := x.move(k, was, forced); err != nil {
		return lull.Pass{}, err
	}
	x.stamp(events...)
	return forced, nil
}

// move puts a pass inside by a new ticket: it rewrites the record, and moves it to the
// directory of that ticket. The move is what counts.
func (x *section) move(k *kept, was lull.Phase, p lull.Pass) error {
	if err := x.s.mkdir(x.ticketDir(p.Ticket)); err != nil {
		return fault("make", x.ticketDir(p.Ticket), err)
	}
	if err := x.rewrite(k, func(k *kept) { k.pass.Pass, k.pass.Stage = p, starting }); err != nil {
		return err
	}
	from, to := x.passFile(was, p.ID), x.passFile(p.Ticket, p.ID)
	if err := x.s.sys.Rename(from, to); err != nil {
		return fault("move", from, err)
	}
	if k.path != "" {
		x.forget(from)
		k.path = to
		x.witness(k, &k.pass)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ticket = p.Ticket
	return nil
}
