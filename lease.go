package lull

import "time"

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
