package server

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// batch puts questions together that arrive while an earlier one is under way, and, where
// many come one after the other, while it would be too soon for the next.
type batch[Q, A any] struct {
	// ask answers many questions: as many answers, in the same order. It is not called
	// twice at once.
	ask    func(ctx context.Context, questions []Q) ([]A, error)
	most   int           // questions at once
	pace   *rate.Limiter // of questions to the store
	within time.Duration // what a question may take

	mu     sync.Mutex
	queue  []*asked[Q, A]
	asking bool
}

// asked is what one caller wants to know.
type asked[Q, A any] struct {
	questions []Q
	answers   []A
	err       error
	done      chan struct{}
}

// get is the answers to questions of one caller. The error is ask's, or ctx's.
func (b *batch[Q, A]) get(ctx context.Context, questions ...Q) ([]A, error) {
	a := &asked[Q, A]{questions: questions, done: make(chan struct{})}
	b.mu.Lock()
	b.queue = append(b.queue, a)
	if !b.asking {
		b.asking = true
		go b.run()
	}
	b.mu.Unlock()
	select {
	case <-a.done:
		return a.answers, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// run asks until nobody wants to know anything. It is not any caller's: who has gone may
// have asked together with others.
func (b *batch[Q, A]) run() {
	for {
		callers := b.next()
		if len(callers) == 0 {
			return
		}
		b.answer(callers)
		_ = b.pace.Wait(context.Background())
	}
}

// next takes those who are answered together. With none left nobody runs any more.
func (b *batch[Q, A]) next() []*asked[Q, A] {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, questions := 0, 0
	for n < len(b.queue) && (n == 0 || questions+len(b.queue[n].questions) <= b.most) {
		questions += len(b.queue[n].questions)
		n++
	}
	callers := b.queue[:n:n]
	b.queue = b.queue[n:]
	b.asking = n > 0
	return callers
}

func (b *batch[Q, A]) answer(callers []*asked[Q, A]) {
	var all []Q
	for _, a := range callers {
		all = append(all, a.questions...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), b.within)
	defer cancel()
	answers, err := b.ask(ctx, all)
	for _, a := range callers {
		if a.err = err; err == nil {
			a.answers, answers = answers[:len(a.questions)], answers[len(a.questions):]
		}
		close(a.done)
	}
}
