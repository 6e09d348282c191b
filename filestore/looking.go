package filestore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/lull-dev/lull"
)

// Snapshot is one gate as people want to see it. It ends what is over, as the other
// questions do; who may not write sees what is there.
func (s *Store) Snapshot(ctx context.Context, gate string) (lull.Snapshot, error) {
	snap := lull.Snapshot{Gate: lull.Gate{Name: gate}, Now: s.host.now()}
	r, err := s.asked(ctx, gate)
	if err != nil {
		return snap, err
	}
	gateThen, passes, err := r.whole(ctx)
	if errors.Is(err, errNoGate) {
		return snap, nil
	}
	if err != nil {
		return snap, err
	}
	snap.Gate, snap.Now = gateThen, s.host.now()
	_, heard, err := r.fates(snap.Gate, snap.Now)
	if err != nil {
		return snap, err
	}
	for _, holds := range [][]lull.Hold{snap.Gate.Holds, snap.Gate.Queue, snap.Gate.Loose} {
		for i, h := range holds {
			if at, ok := heard[h.ID]; ok {
				holds[i].Heard = at
			}
		}
	}
	h, _ := snap.Gate.Deployment()
	snap.Drained = !snap.Gate.Phase.Open() && h.Drained(passes, snap.Gate.Phase)
	if snap.Drained {
		stored, err := r.read()
		snap.Drained = err == nil && s.settled(stored)
	}
	for _, p := range passes {
		if p.Inside(snap.Gate.Phase) {
			snap.Inside = append(snap.Inside, p)
		} else {
			snap.Waiting = append(snap.Waiting, p)
		}
	}
	return snap, nil
}

// looksMost is how often a gate that changes meanwhile is looked at anew before the
// shared lock makes it stand still. A snapshot of many passes takes its time, and a
// closer should not have to wait for it.
const looksMost = 3

// whole is the gate and its passes as they were at one moment.
func (r *room) whole(ctx context.Context) (g lull.Gate, passes []lull.Pass, err error) {
	for range looksMost {
		if g, err = r.shown(ctx); err != nil {
			return g, nil, err
		}
		if passes, err = r.everyone(); err != nil {
			return g, nil, err
		}
		if now, err := r.read(); err == nil && now.Phase == g.Phase {
			return g, passes, nil
		}
	}
	err = r.arrive(ctx, looks, func(x *section) (err error) {
		g = own(x.gate)
		passes, err = x.everyone()
		return err
	})
	return g, passes, err
}

// shown is the gate for people: swept, if that is to be had.
func (r *room) shown(ctx context.Context) (lull.Gate, error) {
	g, err := r.current(ctx)
	if err == nil || ctx.Err() != nil || errors.Is(err, errNoGate) {
		return g, err
	}
	stored, readErr := r.read()
	if readErr != nil {
		return g, err
	}
	return own(stored.Gate), nil
}

// everyone is all live passes, the oldest first. The dead are not shown, and left to
// those who clear them away.
func (r *room) everyone() ([]lull.Pass, error) {
	tickets, err := r.listTickets()
	if err != nil {
		return nil, err
	}
	var all []lull.Pass
	seen := map[string]bool{} // one that is just forced inside may be met twice
	for _, t := range tickets {
		passes, err := r.list(t, 0)
		if err != nil {
			return nil, err
		}
		for _, p := range passes {
			rec, found, err := r.examinePass(p.ticket, p.id)
			if err != nil {
				return nil, err
			}
			if found == alive && !seen[p.id] {
				seen[p.id] = true
				all = append(all, rec.Pass)
			}
		}
	}
	slices.SortFunc(all, func(a, b lull.Pass) int {
		return cmp.Or(cmp.Compare(a.Arrived.Sub(b.Arrived), 0), strings.Compare(a.ID, b.ID))
	})
	return all, nil
}

// Gates lists every gate that was ever used, by name.
func (s *Store) Gates(ctx context.Context) ([]lull.Gate, error) {
	names, err := s.gateNames(ctx)
	if err != nil {
		return nil, err
	}
	var gates []lull.Gate
	for _, name := range names {
		r, err := s.room(name)
		if err != nil {
			return nil, err
		}
		g, err := r.shown(ctx)
		if errors.Is(err, errNoGate) {
			continue // it was removed just now
		}
		if err != nil {
			return nil, err
		}
		gates = append(gates, g)
	}
	return gates, nil
}

// gateNames are the directories that are gates, sorted. A gate is there when its lock
// is: without, nobody has entered or closed it.
func (s *Store) gateNames(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	all, err := s.sys.List(s.dir+"/.", 0) // the directory may be a symbolic link
	if missing(err) {
		return nil, s.admit(false)
	}
	if err != nil {
		return nil, fault("list", s.dir, err)
	}
	var names []string
	for _, name := range all {
		if lull.CheckGateName(name) != nil {
			continue
		}
		if _, err := s.sys.Stat(s.dir + "/" + name + "/lock"); err == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}
