package main

import (
	"context"
	"fmt"
	"time"

	"github.com/lull-dev/lull"
)

// inProcess measures how often one process can pass a gate.
func inProcess(m *machine) ([]row, error) {
	s, err := m.files("process").open()
	if err != nil {
		return nil, err
	}
	defer s.Shutdown(context.Background())
	var rates []float64
	for range 5 {
		n, began := 0, time.Now()
		for ; time.Since(began) < time.Second; n++ {
			if err := pass(s); err != nil {
				return nil, err
			}
		}
		rates = append(rates, float64(n)/time.Since(began).Seconds())
	}
	return []row{{"Enter + Leave in one process, one after the other", fmt.Sprintf("%.0f a second", median(rates)), "≥ 10,000 a second"}}, nil
}

func pass(s lull.Store) error {
	ctx := context.Background()
	p, _, err := s.Enter(ctx, lull.Pass{ID: lull.NewID(), Gate: lull.DefaultGate, Name: "bench", Lease: time.Minute})
	if err != nil {
		return err
	}
	_, err = s.Leave(ctx, lull.PassRef{Gate: p.Gate, ID: p.ID}, lull.Outcome{})
	return err
}

// withPasses measures whether closing and opening cost more with many passes on
// record.
func withPasses(m *machine) ([]row, error) {
	return closings("Close + Open with 10,000 passes on record against 10, ratio of medians", m.files("few"), m.files("many"))
}

// closings measures it at two places, where there are few and many.
func closings(what string, fewAt, manyAt place) ([]row, error) {
	few, err := closing(fewAt, 10)
	if err != nil {
		return nil, err
	}
	many, err := closing(manyAt, 10_000)
	if err != nil {
		return nil, err
	}
	return []row{{
		what,
		fmt.Sprintf("%.2f × (%.2f ms against %.2f ms)", many/few, many, few), "≤ 2 ×",
	}}, nil
}

// closing returns how long Close and Open take together in ms, with so many passes
// inside.
func closing(at place, passes int) (float64, error) {
	ctx := context.Background()
	s, err := at.open()
	if err != nil {
		return 0, err
	}
	defer s.Shutdown(ctx)
	for range passes {
		if _, _, err := s.Enter(ctx, lull.Pass{ID: lull.NewID(), Gate: lull.DefaultGate, Lease: time.Minute}); err != nil {
			return 0, err
		}
	}
	var took []float64
	for range 101 {
		began := time.Now()
		h, _, err := s.Close(ctx, lull.Hold{ID: lull.NewID(), Gate: lull.DefaultGate, Kind: lull.Person, Reason: "bench"})
		if err != nil {
			return 0, err
		}
		if _, err := s.Open(ctx, lull.HoldRef{Gate: h.Gate, ID: h.ID}, lull.Outcome{}); err != nil {
			return 0, err
		}
		took = append(took, ms(time.Since(began)))
	}
	return median(took), nil
}
