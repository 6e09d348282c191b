package page

import (
	"context"
	"errors"
	"sync"
	"time"
)

// shared keeps the answers to questions that many ask at once. Of those who ask for the
// same while it is being worked out, one works and all get the answer.
type shared[T any] struct {
	now  func() time.Time
	mu   sync.Mutex
	kept map[string]*answer[T]
}

type answer[T any] struct {
	asked time.Time
	ready chan struct{} // closed once value and err are there
	value T
	err   error
}

// forgetAfter is how long an answer is kept that nobody asks for.
const forgetAfter = 2 * time.Minute

func newShared[T any](now func() time.Time) *shared[T] {
	return &shared[T]{now: now, kept: map[string]*answer[T]{}}
}

// get returns the answer kept under the key if it is fresh, and else works it out. Who
// works goes on although its own ctx ends: others may wait for it. The time is when the
// question was asked.
func (s *shared[T]) get(ctx context.Context, key string, fresh func(*answer[T]) bool, work func(context.Context) (T, error)) (T, time.Time, error) {
	a, mine := s.claim(key, fresh)
	if mine {
		working, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		a.work(working, work)
	}
	select {
	case <-a.ready:
		return a.value, a.asked, a.err
	case <-ctx.Done():
		var none T
		return none, a.asked, ctx.Err()
	}
}

// work fills in the answer. Nobody waits for ever, even if it panics.
func (a *answer[T]) work(ctx context.Context, work func(context.Context) (T, error)) {
	defer close(a.ready)
	a.err = errNoAnswer
	a.value, a.err = work(ctx)
}

var errNoAnswer = errors.New("the answer was not worked out")

// claim returns the answer under the key, and whether it is the caller's to work out.
func (s *shared[T]) claim(key string, fresh func(*answer[T]) bool) (_ *answer[T], mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if a := s.kept[key]; a != nil {
		select {
		case <-a.ready:
			if fresh(a) {
				return a, false
			}
		default:
			return a, false
		}
	}
	for k, a := range s.kept {
		if now.Sub(a.asked) > forgetAfter {
			delete(s.kept, k)
		}
	}
	a := &answer[T]{asked: now, ready: make(chan struct{})}
	s.kept[key] = a
	return a, true
}

// forget makes the next one who asks ask anew. Who asks already is answered as before.
func (s *shared[T]) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, key)
}

// younger is a test of freshness by age alone. An error is never fresh for longer than a
// look is.
func younger[T any](now func() time.Time, age time.Duration) func(*answer[T]) bool {
	return func(a *answer[T]) bool {
		if a.err != nil {
			return now().Sub(a.asked) < min(age, lookEvery)
		}
		return now().Sub(a.asked) < age
	}
}
