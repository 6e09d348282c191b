package filestore

import (
	"context"
	"errors"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

// Enter records a pass and says whether it is inside.
func (s *Store) Enter(ctx context.Context, p lull.Pass) (lull.Pass, lull.Gate, error) {
	if err := lull.CheckID(p.ID); err != nil {
		return lull.Pass{}, lull.Gate{}, err
	}
	r, err := s.room(p.Gate)
	if err != nil {
		return lull.Pass{}, lull.Gate{}, err
	}
	var got lull.Pass
	var gate lull.Gate
	err = r.arrive(ctx, makes, func(x *section) (err error) {
		gate = own(x.gate)
		got, err = x.admit(p)
		return err
	})
	return got, gate, err
}

// admit records an arrival, or finds that it has arrived before.
func (x *section) admit(p lull.Pass) (lull.Pass, error) {
	if again, err := x.again(p); err != nil || again != nil {
		return deref(again), err
	}
	parent, err := x.going(p.Parent)
	if err != nil {
		return lull.Pass{}, err
	}
	if err := x.reckonWith(p.Lease); err != nil {
		return lull.Pass{}, err
	}
	admitted, events := x.gate.Admit(p, parent, x.now)
	err = x.recordPass(admitted)
	if errors.Is(err, unix.EEXIST) {
		// Another goroutine or process with the same ID was faster, by as little as that.
		rec, _, err := x.find(p.ID)
		return rec.Pass, err
	}
	if err != nil {
		return lull.Pass{}, err
	}
	x.stamp(events...)
	return admitted, nil
}

// again answers an Enter that is repeated, with nil if it is not.
func (x *section) again(asked lull.Pass) (*lull.Pass, error) {
	id := asked.ID
	k, err := x.inHand(id)
	if k != nil {
		defer x.layDown(k)
		p, err := x.readmit(k, asked)
		return &p, err
	}
	if err != nil && !errors.Is(err, lull.ErrGone) {
		return nil, err
	}
	rec, found, err := x.find(id)
	switch {
	case err != nil || found == absent:
		return nil, err
	case found == alive && !x.broken(rec):
		return &rec.Pass, nil
	case !x.exclusive:
		return nil, errExclusive
	}
	if found == alive {
		return nil, fault("remove", x.passFile(rec.Ticket, id), x.s.sys.Unlink(x.passFile(rec.Ticket, id)))
	}
	return nil, x.reap([]listed{{rec.Ticket, id}})
}

// readmit answers somebody who enters again and lives. Who waits, and came with a hint,
// may have been called inside by it since: see [lull.Gate.Readmit].
func (x *section) readmit(k *kept, asked lull.Pass) (lull.Pass, error) {
	p := k.known()
	if !p.Inside(x.gate.Phase) && asked.Parent+asked.PartOf != "" {
		parent, err := x.going(asked.Parent)
		if err != nil {
			return lull.Pass{}, err
		}
		if in := x.gate.Readmit(p, asked, parent); in.Ticket != p.Ticket {
			if !x.exclusive {
				return lull.Pass{}, errExclusive
			}
			in.Started, in.Heard = x.now, x.now
			return in, x.move(k, p.Ticket, in)
		}
	}
	return x.answer(k, x.gate, x.now, func(p *lull.Pass) { p.Heard = x.now })
}

// Poll says whether a pass is inside by now.
//
// It takes no lock unless there is something to put right. One's own pass is live
// while its file is there, since nobody removes a file whose flock is held; and the
// gate's phase only grows, so whoever was inside in any gate.json stays inside.
func (s *Store) Poll(ctx context.Context, ref lull.PassRef) (lull.Pass, lull.Gate, error) {
	r, err := s.asked(ctx, ref.Gate)
	if err != nil {
		return lull.Pass{}, lull.Gate{}, err
	}
	k, err := r.ownPass(ref.ID)
	if err != nil {
		return lull.Pass{}, lull.Gate{}, err
	}
	var theirs passRecord
	if k == nil {
		if theirs, err = r.others(ctx, ref.ID); err != nil {
			return lull.Pass{}, lull.Gate{}, goneAt(err)
		}
	}
	gate, err := r.current(ctx)
	if err != nil {
		return lull.Pass{}, lull.Gate{}, goneAt(err)
	}
	switch {
	case k != nil:
		p, err := r.answer(k, gate, s.host.now(), nil)
		return p, gate, err
	case s.opts.ByLease && theirs.Owner.ByLease && theirs.Stage == waiting && theirs.Inside(gate.Phase):
		return r.tellInside(ctx, ref.ID)
	}
	return theirs.Pass, gate, nil
}

// tellInside answers for the first time that a pass is inside which lives by its lease:
// that is noted under the lock, so that nobody ends it meanwhile.
func (r *room) tellInside(ctx context.Context, id string) (p lull.Pass, g lull.Gate, err error) {
	err = r.arrive(ctx, looks, func(x *section) error {
		k, err := x.inHand(id)
		if err == nil && k == nil {
			err = lull.ErrGone
		}
		if err != nil {
			return err
		}
		defer x.layDown(k)
		g = own(x.gate)
		p, err = x.answer(k, x.gate, x.now, nil)
		return err
	})
	return p, g, goneAt(err)
}

// others is the pass of another process, or the one that resumes it. One that is found
// dead is gone, and that is made a fact.
func (r *room) others(ctx context.Context, id string) (passRecord, error) {
	rec, found, err := r.find(id)
	if err != nil || found == alive {
		return rec, err
	}
	if anew, err := r.anew(id); err != nil || anew != nil {
		return passRecord{Pass: deref(anew)}, err
	}
	if found == over {
		err = r.alone(ctx, looks, func(x *section) error { return x.reap([]listed{{rec.Ticket, id}}) })
	}
	if err == nil {
		err = lull.ErrGone
	}
	return rec, err
}

// current is the gate as it is, after what is over has been ended.
func (r *room) current(ctx context.Context) (lull.Gate, error) {
	g, err := r.read()
	if err == nil {
		var over bool
		over, err = r.looksOver(g.Gate, r.s.host.now())
		if err == nil && !over {
			return own(g.Gate), nil
		}
	}
	if err != nil && !unreadable(err) {
		return lull.Gate{}, err
	}
	var gate lull.Gate
	err = r.alone(ctx, looks, func(x *section) error {
		gate = own(x.gate)
		return nil
	})
	return gate, err
}

// answer is this process's pass for its owner. It notes when the owner is first told
// that it is inside: from now on there may be a command.
func (r *room) answer(k *kept, g lull.Gate, now lull.Moment, change func(*lull.Pass)) (lull.Pass, error) {
	k.mu.Lock()
	p := k.pass.Pass
	p.Ticket = k.ticket
	told := !p.Inside(g.Phase) || k.pass.Stage != waiting
	k.mu.Unlock()
	if told && change == nil {
		return p, nil
	}
	err := r.rewrite(k, func(k *kept) {
		k.pass.Ticket = k.ticket
		if !told {
			k.pass.Started, k.pass.Stage = now, starting
		}
		if change != nil {
			change(&k.pass.Pass)
		}
		p = k.pass.Pass
	})
	return p, err
}

// asked is the gate of a question, if ctx still wants the answer.
func (s *Store) asked(ctx context.Context, gate string) (*room, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.room(gate)
}

func deref(p *lull.Pass) lull.Pass {
	if p == nil {
		return lull.Pass{}
	}
	return *p
}
