package filestore

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lull-dev/lull"
)

// rebuild makes a gate whose gate.json is missing or unreadable from what else is
// there. It errs on the closed side: every hold whose file is live, or cannot be read,
// closes the gate, and the phase is at least that of every ticket, hold and event, so
// that it has not gone back for anybody.
//
// The gate is written, and the broken file kept beside it, once, for whoever wants to
// know what happened.
func (x *section) rebuild(why error) error {
	g := lull.Gate{Name: x.name}
	ended, phase := x.pastHolds()
	tickets, err := x.listTickets()
	if err != nil {
		return err
	}
	for _, t := range tickets {
		if !t.Open() {
			phase = max(phase, t) // of one that is forced inside, or part of a hold
		}
		phase = max(phase, t-1) // a waiter's is the next phase
	}
	holds, err := x.survivors(ended)
	if err != nil {
		return err
	}
	for _, h := range holds {
		phase = max(phase, h.Phase)
		_, taken := g.Deployment()
		switch {
		case h.Kind == lull.Deployment && taken:
			h.State = lull.Queued
			g.Queue = append(g.Queue, h)
		default:
			h.State = lull.Held
			g.Holds = append(g.Holds, h)
		}
	}
	if phase.Open() != (len(g.Holds) == 0) {
		phase++
	}
	g.Phase = phase
	for i := range g.Holds {
		g.Holds[i].Phase = min(max(g.Holds[i].Phase, 1), phase)
	}
	if !missing(why) {
		_ = x.s.sys.Rename(x.gateFile, x.dir+"/gate.broken.json")
	}
	x.gate, x.unstored = g, true
	x.stored = gateRecord{Format: format, Gate: g}
	if !missing(why) {
		x.stored.Leases.Longest = lull.DefaultLease // who knows what it said
	}
	return x.commit(g, nil, true)
}

// pastHolds says by the history which holds have ended, and which phase it was.
func (x *section) pastHolds() (ended map[string]lull.EventKind, phase lull.Phase) {
	ended = map[string]lull.EventKind{}
	for _, path := range []string{x.older(1), x.historyFile} {
		for l := range strings.Lines(string(x.fileFrom(path, 0))) {
			e, ok := parseLine([]byte(strings.TrimSuffix(l, "\n")))
			if !ok {
				continue
			}
			phase = max(phase, e.Phase)
			switch e.Kind {
			case lull.EventReleased, lull.EventExpired, lull.EventOverdue, lull.EventCrashed, lull.EventAbandoned:
				ended[e.ID] = e.Kind
			}
		}
	}
	return ended, phase
}

// survivors are the holds that may be in force, by their files, the oldest first. An
// unreadable one counts, as whose it may be: a deployment's is locked.
func (x *section) survivors(ended map[string]lull.EventKind) ([]lull.Hold, error) {
	names, err := x.s.sys.List(x.holds, 0)
	if err != nil && !missing(err) {
		return nil, fault("list", x.holds, err)
	}
	var holds []lull.Hold
	for _, name := range names {
		id, ok := strings.CutSuffix(name, ".json")
		if !ok || name[0] == '.' {
			continue
		}
		var rec holdRecord
		found, err := x.examine(x.holdFile(id), &rec)
		if err != nil {
			return nil, err
		}
		h := rec.Hold
		if h.ID != id || h.Gate != x.name {
			h = x.unknownHold(id)
		}
		switch end, known := ended[id]; {
		case known && (end != lull.EventCrashed || h.Kind != lull.Person): // else it is kept after a crash
		case h.Kind == lull.Deployment && found == over, h.Ends.Passed(x.now), found == absent:
		default:
			holds = append(holds, h)
		}
	}
	slices.SortStableFunc(holds, func(a, b lull.Hold) int { return cmp.Compare(a.Since.UnixNano(), b.Since.UnixNano()) })
	return holds, nil
}

// unknownHold stands for one whose record cannot be read. Somebody's flock makes it a
// deployment's, which ends with him; else it may be a person's.
func (x *section) unknownHold(id string) lull.Hold {
	h := lull.Hold{
		ID: id, Gate: x.name, Kind: lull.Person, Holder: nobody, Reason: "the record of this hold cannot be read",
		Since: x.now.Wall, Ends: x.now.Add(lull.DefaultPersonLimit), Heard: x.now,
	}
	if x.locked(x.holdFile(id)) {
		h.Kind, h.Lease, h.Ends = lull.Deployment, lull.DefaultLease, x.now.Add(lull.DefaultDeploymentLimit)
	}
	return h
}

// nobody holds what cannot be read.
var nobody = lull.Holder{User: "unknown", Host: "unknown"}

// recognise gives an owner back the hold that another process could not read.
func (x *section) recognise() {
	x.gate = own(x.gate)
	for i, h := range x.gate.Holds {
		if k := x.keptOf(h.ID); k != nil && h.Holder == nobody {
			k.mu.Lock()
			mine := k.hold.Hold
			k.mu.Unlock()
			mine.Phase, mine.State = h.Phase, h.State
			x.gate.Holds[i] = mine
			x.unstored = true
		}
	}
}
