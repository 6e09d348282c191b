package server

import (
	"context"
	"sync"

	"github.com/lull-dev/lull"
	"golang.org/x/time/rate"
)

const (
	// pollsEach is how often a gate may be asked about those who wait at it, in a second,
	// however many want to know; pollsSpare is how many questions it may be ahead: who waits
	// alone is not kept waiting for the answer.
	pollsEach, pollsSpare = 5, 50

	// pollsMost is how many passes are asked about at once.
	pollsMost = 20_000

	// pollGatesMost is how many gates are remembered that somebody asked about.
	pollGatesMost = 1_000
)

// polls asks the store in one question whether all those are inside by now who want to
// know at the same time. What it answers is what the store said after it was asked.
type polls struct {
	store lull.Store

	mu    sync.Mutex
	gates map[string]*batch[string, polled]
}

type polled struct {
	pass lull.Pass
	gate lull.Gate
	live bool
}

func (p *polls) poll(ctx context.Context, ref lull.PassRef) (lull.Pass, lull.Gate, error) {
	answers, err := p.at(ref.Gate).get(ctx, ref.ID)
	if err != nil {
		return lull.Pass{}, lull.Gate{}, err
	}
	if a := answers[0]; a.live {
		return a.pass, a.gate, nil
	}
	return lull.Pass{}, lull.Gate{}, lull.ErrGone
}

func (p *polls) at(gate string) *batch[string, polled] {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.gates[gate]
	if b == nil {
		if p.gates == nil || len(p.gates) >= pollGatesMost {
			p.gates = map[string]*batch[string, polled]{} // those that ask now go on by themselves
		}
		b = &batch[string, polled]{
			ask:  func(ctx context.Context, ids []string) ([]polled, error) { return p.ask(ctx, gate, ids) },
			most: pollsMost, pace: rate.NewLimiter(pollsEach, pollsSpare), within: storeWithin,
		}
		p.gates[gate] = b
	}
	return b
}

func (p *polls) ask(ctx context.Context, gate string, ids []string) ([]polled, error) {
	all, ok := p.store.(lull.Pollster)
	if !ok || len(ids) == 1 {
		return p.askEach(ctx, gate, ids)
	}
	passes, g, err := all.PollAll(ctx, gate, ids)
	if err != nil {
		return nil, err
	}
	answers := make([]polled, len(ids))
	for i, id := range ids {
		pass, live := passes[id]
		answers[i] = polled{pass, g, live}
	}
	return answers, nil
}

func (p *polls) askEach(ctx context.Context, gate string, ids []string) ([]polled, error) {
	answers := make([]polled, len(ids))
	for i, id := range ids {
		pass, g, err := p.store.Poll(ctx, lull.PassRef{Gate: gate, ID: id})
		if err != nil && !isGone(err) {
			return nil, err
		}
		answers[i] = polled{pass, g, err == nil}
	}
	return answers, nil
}
