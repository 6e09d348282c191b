package filestore

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

// section is what a verb works with while it has the lock.
type section struct {
	*room
	h         *handle
	exclusive bool
	now       lull.Moment
	gate      lull.Gate
	stored    gateRecord
	unstored  bool         // gate.json must be written although the gate is as it was
	untold    []lull.Event // of earlier changes, which the history did not take
}

// presence is whether a verb makes a gate that is not there.
type presence bool

const (
	makes presence = true
	looks presence = false
)

// errExclusive means that a shared section is not enough.
var errExclusive = errors.New("the exclusive lock is needed")

// arrive runs do under the shared lock, in which the phase does not change. If the
// gate cannot be read, or something there looks over, it is the exclusive one, and
// that is put right before.
func (r *room) arrive(ctx context.Context, p presence, do func(*section) error) error {
	err := r.enter(ctx, unix.LOCK_SH, p, r.s.patience, func(x *section) error {
		g, err := r.read()
		if unreadable(err) {
			return errExclusive
		}
		if err != nil {
			return err
		}
		x.stored, x.gate = g, g.Gate
		if over, err := r.looksOver(x.gate, x.now); err != nil || over {
			return errors.Join(err, errExclusive)
		}
		return do(x)
	})
	if errors.Is(err, errExclusive) {
		return r.alone(ctx, p, do)
	}
	return err
}

// alone runs do under the exclusive lock, after what is over has been ended.
func (r *room) alone(ctx context.Context, p presence, do func(*section) error) error {
	return r.aloneFor(ctx, p, r.s.patience, do)
}

func (r *room) aloneFor(ctx context.Context, p presence, patience time.Duration, do func(*section) error) error {
	return r.enter(ctx, unix.LOCK_EX, p, patience, func(x *section) error {
		if err := x.load(); err != nil {
			return err
		}
		if err := x.sweep(); err != nil {
			return err
		}
		return do(x)
	})
}

func (r *room) enter(ctx context.Context, how int, p presence, patience time.Duration, do func(*section) error) error {
	h, err := r.lock.take(ctx, how, patience)
	if err == errNoGate && p == makes {
		if err := r.make(); err != nil {
			return err
		}
		h, err = r.lock.take(ctx, how, patience)
	}
	if err == errNoGate && p == looks {
		// Perhaps it is the store that is not there.
		if err := r.s.admit(false); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	defer r.lock.give(h)
	return do(&section{room: r, h: h, exclusive: how == unix.LOCK_EX, now: r.s.host.now()})
}

// load reads the gate, or makes it anew from what is left, and completes the history.
func (x *section) load() error {
	g, err := x.read()
	if unreadable(err) {
		return x.rebuild(err)
	}
	if err != nil {
		return err
	}
	x.stored, x.gate = g, g.Gate
	x.untold = x.catchUp(g.Last)
	x.recognise()
	return nil
}

// sweep ends what is over, until nothing is any more: a hold kept after a crash may
// have reached its own limit already.
func (x *section) sweep() error {
	g := x.gate
	var events []lull.Event
	for {
		fates, heard, err := x.fates(g, x.now)
		if err != nil {
			return err
		}
		g = own(g)
		for i, h := range g.Holds {
			if at, ok := heard[h.ID]; ok && fates[h.ID] == lull.Crashed {
				g.Holds[i].Heard = at
			}
		}
		swept, more := g.Sweep(func(h lull.Hold) lull.Fate { return fates[h.ID] }, x.now)
		if len(more) == 0 {
			break
		}
		g, events = swept, append(events, more...)
	}
	if len(events) == 0 {
		return nil
	}
	return x.commit(g, events, true)
}

// looksOver reports whether a hold of the gate must be ended. What only looks so is
// decided under the exclusive lock.
func (r *room) looksOver(g lull.Gate, now lull.Moment) (bool, error) {
	fates, _, err := r.fates(g, now)
	for _, fate := range fates {
		if fate.Over() {
			return true, err
		}
	}
	return false, err
}

// unchanged reports whether a verb left the gate as it is stored.
func (x *section) unchanged(g lull.Gate, events []lull.Event) bool {
	return len(events) == 0 && len(x.untold) == 0 && !x.unstored && reflect.DeepEqual(g, x.stored.Gate)
}
