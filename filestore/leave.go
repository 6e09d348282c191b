package filestore

import (
	"context"
	"errors"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

// Leave ends that pass and no other.
func (s *Store) Leave(ctx context.Context, ref lull.PassRef, out lull.Outcome) (lull.Gate, error) {
	r, err := s.asked(ctx, ref.Gate)
	if err != nil {
		return lull.Gate{}, err
	}
	gate := lull.Gate{Name: ref.Gate}
	leave := func(x *section) error {
		gate = own(x.gate)
		return x.leave(ref.ID, out)
	}
	// What is over is not ended here: that may need a disk that is not full, and to
	// leave must not.
	err = r.enter(ctx, unix.LOCK_SH, looks, s.patience, func(x *section) error {
		g, err := r.read()
		if unreadable(err) {
			return errExclusive
		}
		x.stored, x.gate = g, g.Gate
		if err != nil {
			return err
		}
		return leave(x)
	})
	if errors.Is(err, errExclusive) {
		err = r.alone(ctx, looks, leave)
	}
	if errors.Is(err, errNoGate) {
		return gate, nil
	}
	if err == nil && s.chance() {
		_ = r.tidy(ctx) // somebody else will
	}
	return gate, err
}

// leave says so first and removes the record then: whoever is killed in between is
// found dead, and not abandoned, by what he said. Somebody else's record is removed
// under the exclusive lock only.
func (x *section) leave(id string, out lull.Outcome) error {
	k, err := x.inHand(id)
	if errors.Is(err, lull.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	defer x.layDown(k)
	var p lull.Pass
	if k != nil {
		p = k.known()
	} else {
		rec, found, err := x.find(id)
		if err != nil || found == absent {
			return err
		}
		if !x.exclusive {
			return errExclusive
		}
		p = rec.Pass
	}
	if !x.leftBefore(k) {
		x.stamp(x.gate.Leave(p, out))
	}
	path := x.passFile(p.Ticket, id)
	return fault("remove", path, x.retire(k, path, id))
}
