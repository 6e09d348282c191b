package page

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lull-dev/lull"
)

// How old what is shown may be. However many people watch, the store is asked no more
// often than that.
const (
	lookEvery  = time.Second      // a gate
	usualEvery = time.Minute      // how long its jobs usually run
	quietEvery = 30 * time.Second // the history of a gate at which nothing seems to have happened
)

// mostEvents is how much of a gate's history one look reads: the newest so many.
const mostEvents = 3000

// desk looks at gates for everybody who watches.
type desk struct {
	store     lull.Store
	now       func() time.Time
	gates     *shared[[]lull.Gate]
	snapshots *shared[lull.Snapshot]
	usual     *shared[map[string]time.Duration]
	histories *shared[past]
}

// past is a stretch of a gate's history, and what the gate was like when it was read.
type past struct {
	events []lull.Event
	cut    bool // there was more
	print  string
}

// look is one gate at one moment, with what happened before.
type look struct {
	lull.Snapshot
	asked time.Time // on this process's clock
	usual map[string]time.Duration
	past  past
}

func newDesk(s lull.Store, now func() time.Time) *desk {
	return &desk{
		store: s, now: now,
		gates:     newShared[[]lull.Gate](now),
		snapshots: newShared[lull.Snapshot](now),
		usual:     newShared[map[string]time.Duration](now),
		histories: newShared[past](now),
	}
}

// list is every gate.
func (d *desk) list(ctx context.Context) ([]lull.Gate, error) {
	gates, _, err := d.gates.get(ctx, "", younger[[]lull.Gate](d.now, lookEvery), d.store.Gates)
	return gates, err
}

// snapshot is one gate, as it was a second ago or later.
func (d *desk) snapshot(ctx context.Context, gate string) (lull.Snapshot, time.Time, error) {
	return d.snapshots.get(ctx, gate, younger[lull.Snapshot](d.now, lookEvery), func(ctx context.Context) (lull.Snapshot, error) {
		return d.store.Snapshot(ctx, gate)
	})
}

// changed says that somebody here has just changed a gate, and wants to see it.
func (d *desk) changed(gate string) {
	d.snapshots.forget(gate)
	d.gates.forget("")
}

// look is one gate with its history in a stretch of time.
func (d *desk) look(ctx context.Context, gate string, span time.Duration) (look, error) {
	snap, asked, err := d.snapshot(ctx, gate)
	if err != nil {
		return look{}, fmt.Errorf("look at gate %q: %w", gate, err)
	}
	snap.Gate.Name = gate // of one that nobody has used, a store may not say it
	l := look{Snapshot: snap, asked: asked}
	if l.usual, err = d.usually(ctx, gate); err != nil {
		return look{}, fmt.Errorf("look up how long the jobs of gate %q run: %w", gate, err)
	}
	if l.past, err = d.lately(ctx, snap, span); err != nil {
		return look{}, fmt.Errorf("look up what happened at gate %q: %w", gate, err)
	}
	return l, nil
}

func (d *desk) usually(ctx context.Context, gate string) (map[string]time.Duration, error) {
	usual, _, err := d.usual.get(ctx, gate, younger[map[string]time.Duration](d.now, usualEvery), func(ctx context.Context) (map[string]time.Duration, error) {
		c, err := d.client(gate)
		if err != nil {
			return nil, err
		}
		return c.Usual(ctx, gate)
	})
	return usual, err
}

// lately is what happened at a gate. It is read again when the gate is not as it was, but
// the longer the stretch, the less often: less of it is new.
func (d *desk) lately(ctx context.Context, snap lull.Snapshot, span time.Duration) (past, error) {
	now := fingerprint(snap)
	most := min(max(span/7200, lookEvery), time.Minute)
	fresh := func(a *answer[past]) bool {
		if a.value.print == now && a.err == nil {
			return younger[past](d.now, max(most, quietEvery))(a)
		}
		return younger[past](d.now, most)(a)
	}
	p, _, err := d.histories.get(ctx, snap.Gate.Name+" "+span.String(), fresh, func(ctx context.Context) (past, error) {
		events, err := d.events(ctx, lull.Filter{Gate: snap.Gate.Name, Since: span, Limit: mostEvents})
		return past{events: events, cut: len(events) == mostEvents, print: now}, err
	})
	return p, err
}

// events are the chosen ones, the oldest first, with casualties marked.
func (d *desk) events(ctx context.Context, f lull.Filter) ([]lull.Event, error) {
	c, err := d.client(f.Gate)
	if err != nil {
		return nil, err
	}
	return c.History(ctx, f)
}

// client is for what a client works out of a store's history.
func (d *desk) client(gate string) (*lull.Client, error) {
	return lull.NewClient(d.store, lull.Options{Gate: gate})
}

// fingerprint is what differs when something has happened at a gate.
func fingerprint(s lull.Snapshot) string {
	var ids []byte
	for _, h := range slices.Concat(s.Gate.Holds, s.Gate.Queue, s.Gate.Loose) {
		ids = fmt.Appendf(ids, "%s %d;", h.ID, h.Begun.Wall.UnixNano())
	}
	for _, p := range slices.Concat(s.Inside, s.Waiting) {
		ids = append(append(ids, p.ID...), ';')
	}
	return fmt.Sprintf("%d %s", s.Gate.Phase, ids)
}
