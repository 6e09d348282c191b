package filestore

import (
	"context"
	"errors"
	"slices"

	"github.com/lull-dev/lull"
)

// pollMany is how many passes are asked about under one lock.
const pollMany = 256

// PollAll answers the question of Poll for many passes. What this process keeps, or may
// take in hand, is answered under one lock for some hundreds; the rest, other
// processes' passes and lost ones, is asked for one by one.
//
// The gate of the answer is the first that was seen: who is asked about later is told
// by a phase that is at least as high.
func (s *Store) PollAll(ctx context.Context, gate string, ids []string) (map[string]lull.Pass, lull.Gate, error) {
	r, err := s.asked(ctx, gate)
	if err != nil {
		return nil, lull.Gate{}, err
	}
	g, err := r.current(ctx)
	if errors.Is(err, errNoGate) {
		return map[string]lull.Pass{}, lull.Gate{Name: gate}, nil
	}
	if err != nil {
		return nil, lull.Gate{}, err
	}
	passes := make(map[string]lull.Pass, len(ids))
	for some := range slices.Chunk(ids, pollMany) {
		var rest []string
		err := r.arrive(ctx, looks, func(x *section) (err error) {
			rest, err = x.pollInHand(some, passes)
			return err
		})
		if err == nil {
			err = s.pollEach(ctx, gate, rest, passes)
		}
		if errors.Is(err, errNoGate) {
			break // it was removed just now
		}
		if err != nil {
			return nil, lull.Gate{}, err
		}
	}
	return passes, g, nil
}

// pollInHand answers for those that are this process's to answer for, and returns the
// rest.
func (x *section) pollInHand(ids []string, passes map[string]lull.Pass) (rest []string, err error) {
	for _, id := range ids {
		k, err := x.inHand(id)
		if err != nil && !errors.Is(err, lull.ErrGone) {
			return nil, err
		}
		if k == nil || x.looksLapsed(k) {
			x.layDown(k)
			rest = append(rest, id)
			continue
		}
		passes[id], err = x.answer(k, x.gate, x.now, nil)
		x.layDown(k)
		if err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// pollEach asks for one pass after the other.
func (s *Store) pollEach(ctx context.Context, gate string, ids []string, passes map[string]lull.Pass) error {
	for _, id := range ids {
		p, _, err := s.Poll(ctx, lull.PassRef{Gate: gate, ID: id})
		switch {
		case err == nil:
			passes[id] = p
		case !errors.Is(err, lull.ErrGone):
			return err
		}
	}
	return nil
}
