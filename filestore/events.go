package filestore

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/lull-dev/lull"
	"golang.org/x/sys/unix"
)

// Events yields the chosen events, the oldest first, as they were when the iteration
// began. Lines that cannot be read are skipped.
func (s *Store) Events(ctx context.Context, f lull.Filter) iter.Seq2[lull.Event, error] {
	return func(yield func(lull.Event, error) bool) {
		events, err := s.chosen(ctx, f)
		for _, e := range events {
			if err := ctx.Err(); err != nil {
				yield(lull.Event{}, err)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			yield(lull.Event{}, err)
		}
	}
}

func (s *Store) chosen(ctx context.Context, f lull.Filter) ([]lull.Event, error) {
	gates := []string{f.Gate}
	if f.Gate == "" {
		var err error
		if gates, err = s.gateNames(ctx); err != nil {
			return nil, err
		}
	}
	var events []lull.Event
	for _, gate := range gates {
		r, err := s.room(gate)
		if err != nil {
			return nil, err
		}
		some, err := r.events(ctx, f)
		if err != nil && err != errNoGate {
			return nil, err
		}
		events = append(events, some...)
	}
	// Gates are read one after the other, and what a crash kept from being told stands
	// where it was told at last.
	slices.SortStableFunc(events, func(a, b lull.Event) int { return cmp.Compare(a.At.Sub(b.At), 0) })
	if f.Limit > 0 && len(events) > f.Limit {
		events = events[len(events)-f.Limit:]
	}
	return events, nil
}

// oldInARow is how many events that are too old must follow each other before what
// stands before them is taken to be older still: some may have been told late.
const oldInARow = 8 * mostUntold

// events reads backwards, so that what is recent is found without reading the rest.
func (r *room) events(ctx context.Context, f lull.Filter) ([]lull.Event, error) {
	files, now, err := r.openHistories(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, fd := range files {
			r.s.sys.Close(fd)
		}
	}()
	var events []lull.Event
	old, enough := 0, false
	for i := 0; i < len(files) && !enough; i++ {
		data, err := r.drain(files[i], 0)
		if err != nil {
			return nil, fault("read", r.historyFile, err)
		}
		for len(data) > 0 && !enough {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			data = bytes.TrimSuffix(data, []byte("\n"))
			i := bytes.LastIndexByte(data, '\n') + 1
			e, ok := parseLine(data[i:])
			data = data[:i]
			switch {
			case !ok:
				continue
			case f.Since > 0 && now.Sub(e.At) > f.Since:
				old++
				enough = old > oldInARow
				continue
			case f.Wants(e, now):
				events = append(events, e)
				enough = len(events) == f.Limit
			}
			old = 0
		}
	}
	slices.Reverse(events)
	return events, nil
}

// openHistories opens all that there are, the newest first. The shared lock keeps
// them from being rotated meanwhile.
func (r *room) openHistories(ctx context.Context) (files []int, now lull.Moment, err error) {
	err = r.enter(ctx, unix.LOCK_SH, looks, r.s.patience, func(x *section) error {
		now = x.now
		for _, path := range []string{r.historyFile, r.older(1), r.older(2)} {
			fd, err := r.s.sys.Open(path, unix.O_RDONLY, 0)
			if missing(err) {
				continue
			}
			if err != nil {
				return fault("open", path, err)
			}
			files = append(files, fd)
		}
		return nil
	})
	return files, now, err
}

// Record keeps one event that no other verb does.
func (s *Store) Record(ctx context.Context, e lull.Event) error {
	r, err := s.room(e.Gate)
	if err != nil {
		return err
	}
	return r.arrive(ctx, makes, func(x *section) error {
		if _, err := x.openHistory(); err != nil {
			return fault("open", x.historyFile, err)
		}
		e.At, e.Casualty = x.now, false
		return fault("append to", x.historyFile, x.s.sys.Append(x.h.history, line(e)))
	})
}
