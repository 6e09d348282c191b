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

// lease is one pass or hold that is kept alive. It is renewed until its owner drops
// it, even when it is lost: of a deployment that lost its hold, but whose command
// goes on, the renewals are the only sign of life.
type lease struct {
	ref     LeaseRef
	early   time.Duration // trust ends for the owner so much earlier: its kill grace
	changed chan struct{} // capacity 1: state has changed

	// Guarded by the keeper's mutex.
	sent    time.Time // when the last request that proved it live was sent
	renewAt time.Time
	nudged  bool          // renew once more: what it was nudged for may be later than the answer
	pause   time.Duration // after a failed renewal
	frozen  time.Time     // when the process found itself woken after the end of trust
	state   leaseState
}

type leaseState struct {
	lost      bool // the store does not know it any more
	untrusted bool // it may be lost
	stop      bool
	err       error // of the last renewal

	// What the store said of a hold's limit, and when it was asked and answered.
	left            time.Duration
	asked, answered time.Time
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

// believes reports whether the owner may act on the lease.
func (k *keeper) believes(l *lease, now time.Time) bool {
	if l.state.lost || k.trust(l, now)-l.early <= 0 {
		return false
	}
	if l.state.untrusted {
		l.state.untrusted = false
		signal(l.changed)
	}
	return true
}

// trust is how long from now the lease is certainly live. The monotonic clock
// decides; the wall clock is asked too, because a monotonic clock stands still
// while the machine is suspended. A wall clock that was set forward costs one
// renewal.
func (k *keeper) trust(l *lease, now time.Time) time.Duration {
	length := k.timing.Lease - k.timing.Margin()
	elapsed := max(now.Sub(l.sent), now.Round(0).Sub(l.sent.Round(0)))
	return length - elapsed
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

// judge ends trust when it is time, and else says when it will be. A process that
// was stopped or suspended past the end asks before it believes the worst: whoever
// could take its place has had all that time already.
func (k *keeper) judge(l *lease, now time.Time) time.Duration {
	trust := k.trust(l, now) - l.early
	if trust > 0 {
		l.frozen = time.Time{}
		return trust
	}
	if trust < -k.timing.Margin() && l.frozen.IsZero() {
		l.frozen, l.renewAt, l.nudged = now, now, true
	}
	if !l.frozen.IsZero() {
		if wait := l.frozen.Add(k.timing.Margin()).Sub(now); wait > 0 {
			return wait
		}
	}
	l.state.untrusted = true
	signal(l.changed)
	return k.timing.Lease
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

// heard takes over what the store says of a lease.
func (k *keeper) heard(l *lease, s LeaseState, sent time.Time) {
	was := l.state
	l.pause, l.renewAt = 0, sent.Add(k.timing.RenewEvery())
	l.state.err, l.state.lost, l.state.stop = nil, !s.Live, s.Stop
	if s.Live {
		if sent.After(l.sent) {
			l.sent = sent
		}
		if k.trust(l, time.Now())-l.early > 0 {
			l.frozen, l.state.untrusted = time.Time{}, false
		}
		l.state.left, l.state.asked, l.state.answered = s.Left, sent, time.Now()
	}
	if l.state.lost != was.lost || l.state.stop != was.stop || l.state.untrusted != was.untrusted || s.Live && l.ref.Hold != "" {
		signal(l.changed)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
