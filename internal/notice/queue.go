package notice

import (
	"context"
	"sync"
)

// queueMost is how many notices wait for one hook: a day's of a busy team. What a hook
// cannot take for longer is not worth reading any more.
const queueMost = 1000

// queue is the notices that wait for one hook, the oldest first. When it is full, the
// oldest makes room.
type queue struct {
	filled chan struct{} // capacity 1: there may be some

	mu      sync.Mutex
	waiting []Notice
	dropped int
}

func newQueue() *queue { return &queue{filled: make(chan struct{}, 1)} }

// push adds a notice. It tells how many have been dropped so far, if this one dropped
// another.
func (q *queue) push(n Notice) (dropped int) {
	q.mu.Lock()
	if len(q.waiting) == queueMost {
		q.waiting = q.waiting[1:]
		q.dropped++
		dropped = q.dropped
	}
	q.waiting = append(q.waiting, n)
	q.mu.Unlock()
	select {
	case q.filled <- struct{}{}:
	default:
	}
	return dropped
}

// pop takes the oldest, and waits for one until ctx ends.
func (q *queue) pop(ctx context.Context) (Notice, bool) {
	for ctx.Err() == nil {
		if n, ok := q.take(); ok {
			return n, true
		}
		select {
		case <-ctx.Done():
		case <-q.filled:
		}
	}
	return Notice{}, false
}

func (q *queue) take() (Notice, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return Notice{}, false
	}
	n := q.waiting[0]
	q.waiting = q.waiting[1:]
	return n, true
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}
