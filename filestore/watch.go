package filestore

import (
	"context"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

// Watch tells of a pass's or hold's command, whose process group keeps it alive after
// its owner. A pass that was inside at once needs no first call: it is recorded as
// about to start a command. Where the store was opened ByLease the command is
// elsewhere, and nothing is done.
func (s *Store) Watch(ctx context.Context, ref lull.LeaseRef, p lull.Process) error {
	if s.opts.ByLease {
		return ctx.Err()
	}
	r, err := s.asked(ctx, ref.Gate)
	if err != nil {
		return err
	}
	if ref.Pass != "" {
		k, err := r.ownPass(ref.Pass)
		if err == nil && k == nil {
			err = lull.ErrGone
		}
		if err != nil {
			return err
		}
		return r.watch(k, &k.pass.vitals, p)
	}
	err = r.enter(ctx, unix.LOCK_SH, looks, s.patience, func(x *section) error {
		k := x.keptOf(ref.Hold) // others rewrite a hold's file under the exclusive lock
		if k == nil {
			return lull.ErrGone
		}
		return x.watch(k, &k.hold.vitals, p)
	})
	return goneAt(err)
}

func (r *room) watch(k *kept, v *vitals, p lull.Process) error {
	if p == (lull.Process{}) {
		k.mu.Lock()
		noted := v.Stage == starting && v.Process == nil
		k.mu.Unlock()
		if noted {
			return nil
		}
		return r.rewrite(k, func(*kept) { v.Stage, v.Process = starting, nil })
	}
	found := r.s.host.identify(p)
	return r.rewrite(k, func(*kept) { v.Stage, v.Process = running, &found })
}

// identify notes what tells a command's group from a later one of the same number. A
// command that has ended already was born after us, as was its offspring.
func (h *host) identify(p lull.Process) process {
	born, err := h.birth(p.PID)
	if err != nil {
		born, _ = h.birth(h.pid)
	}
	leader, _ := h.birth(p.Group)
	return process{PID: p.PID, Group: p.Group, Born: born.at, Leader: leader.at}
}
