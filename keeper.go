package lull

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// keeper renews all leases of one client, in one call. Its goroutine lives while
// there is a lease.
//
// An owner trusts in a lease until the moment before the last request that proved
// it live was sent, plus its length, less a margin. A slow answer therefore does
// not extend trust. Owners learn what happens to their lease through its changed
// channel, and decide for themselves.
type keeper struct {
	store  Store
	timing Timing

	mu     sync.Mutex
	leases map[*lease]struct{}
	runs   bool          // the goroutine does
	wake   chan struct{} // capacity 1: something changed for the goroutine
}

func newKeeper(s Store, t Timing) *keeper {
	return &keeper{store: s, timing: t, leases: map[*lease]struct{}{}, wake: make(chan struct{}, 1)}
}

// keep starts to renew. sent is when the request was sent that proved it live.
func (k *keeper) keep(ref LeaseRef, sent time.Time, early time.Duration) *lease {
	l := &lease{ref: ref, early: early, changed: make(chan struct{}, 1), sent: sent}
	l.renewAt = sent.Add(k.timing.RenewEvery())
	k.mu.Lock()
	defer k.mu.Unlock()
	k.leases[l] = struct{}{}
	if !k.runs {
		k.runs = true
		go k.run()
	}
	signal(k.wake)
	return l
}

// drop ends the renewal of a lease. A renewal under way may still reach the store.
func (k *keeper) drop(l *lease) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.leases, l)
	signal(k.wake)
}

// proved notes another request that proved the lease live, and reports whether it
// certainly is now.
func (k *keeper) proved(l *lease, sent time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if sent.After(l.sent) {
		l.sent = sent
		l.renewAt = sent.Add(k.timing.RenewEvery())
	}
	return k.believes(l, time.Now())
}

// nudge renews now, because something may have happened to it.
func (k *keeper) nudge(l *lease) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l.nudged, l.renewAt = true, time.Now()
	signal(k.wake)
}

// look returns the state of a lease.
func (k *keeper) look(l *lease) leaseState {
	k.mu.Lock()
	defer k.mu.Unlock()
	return l.state
}

// trusted reports whether the lease is certainly live now.
func (k *keeper) trusted(l *lease) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.believes(l, time.Now())
}

// trustedUntil is when trust ends, if nothing is heard any more.
func (k *keeper) trustedUntil(l *lease) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	return now.Add(k.trust(l, now))
}

type renewal struct {
	leases []*lease
	sent   time.Time
	states []LeaseState
	err    error
}

func (k *keeper) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan renewal, 1)
	busy := false
	defer func() {
		cancel()
		if busy {
			<-done
		}
	}()
	for {
		due, next, any := k.plan(time.Now())
		if !any {
			return
		}
		if len(due) > 0 && !busy {
			busy = true
			sent := k.send(due)
			go func() { done <- k.renew(ctx, sent) }()
		}
		t := time.NewTimer(next)
		select {
		case <-k.wake:
		case <-t.C:
		case r := <-done:
			busy = false
			k.note(r)
		}
		t.Stop()
	}
}

// plan says which leases are due for renewal, and how long nothing else is; and
// tells owners whose trust has ended. With no leases left it is false, and the
// goroutine must end: the next keep starts another.
func (k *keeper) plan(now time.Time) (due []*lease, next time.Duration, any bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	next = k.timing.Lease
	for l := range k.leases {
		if !l.state.lost && !l.state.untrusted {
			next = min(next, k.judge(l, now))
		}
		if wait := l.renewAt.Sub(now); wait > 0 {
			next = min(next, wait)
		} else {
			due = append(due, l)
		}
	}
	k.runs = len(k.leases) > 0
	return due, max(next, time.Millisecond), k.runs
}

// send makes a renewal of the leases that are due.
func (k *keeper) send(due []*lease) renewal {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range due {
		l.nudged = false
	}
	return renewal{leases: due, sent: time.Now()}
}

func (k *keeper) renew(ctx context.Context, r renewal) renewal {
	ctx, cancel := context.WithTimeout(ctx, k.timing.RenewEvery())
	defer cancel()
	refs := make([]LeaseRef, len(r.leases))
	for i, l := range r.leases {
		refs[i] = l.ref
	}
	r.states, r.err = k.store.Renew(ctx, refs)
	if r.err == nil && len(r.states) != len(refs) {
		r.err = fmt.Errorf("renew %d leases: the store answered about %d", len(refs), len(r.states))
	}
	return r
}

func (k *keeper) note(r renewal) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, l := range r.leases {
		if r.err != nil {
			l.state.err = r.err
			l.pause = min(max(2*l.pause, retryFirst), retryMost, k.timing.RenewEvery())
			l.renewAt = time.Now().Add(jitter(l.pause))
		} else {
			k.heard(l, r.states[i], r.sent)
		}
		if l.nudged {
			l.renewAt = time.Now()
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
