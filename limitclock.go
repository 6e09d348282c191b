package lull

import (
	"context"
	"time"
)

// nearLimit is the part of a hold's limit after which its owner is reminded.
const nearLimit = 0.8

// limitSlack is how much two answers about one limit may differ, besides the time
// that they took, before it was extended between them.
const limitSlack = time.Second

// limitClock follows a hold's limit on this process's own clock, from what the
// store last said was left of it. It belongs to guard.
type limitClock struct {
	h     *LiveHold
	timer *time.Timer

	ends, latest time.Time     // the command's time: between these two; zero: none
	whole        time.Duration // … from its beginning
	asked        time.Time     // when the store was last asked about it

	near    bool // NearLimit was said
	doubted bool // the limit has come, and the store is asked whether it was extended
	at      bool // AtLimit was said
}

func newLimitClock(h *LiveHold) *limitClock {
	l := &limitClock{h: h, timer: time.NewTimer(time.Hour)}
	if h.hold.Limit > 0 {
		l.whole = h.hold.Limit - h.stopping()
		l.ends = time.Now().Add(l.whole)
		l.latest = l.ends
	}
	l.arm()
	return l
}

func (l *limitClock) C() <-chan time.Time { return l.timer.C }

func (l *limitClock) stop() { l.timer.Stop() }

// end is when the store ends the hold; zero: never.
func (l *limitClock) end() time.Time {
	if l.ends.IsZero() {
		return time.Time{}
	}
	return l.ends.Add(l.h.stopping())
}

// left is what is left of the limit that the store was asked for.
func (l *limitClock) left() time.Duration {
	if l.ends.IsZero() {
		return NoLimit
	}
	return max(time.Until(l.end()), time.Nanosecond)
}

// past reports whether a hold that is gone went by its limit.
func (l *limitClock) past() bool {
	return !l.ends.IsZero() && time.Until(l.end()) < l.h.c.timing.Margin()
}

// set takes over what the store says is left.
func (l *limitClock) set(s leaseState) {
	if s.answered.IsZero() || !s.asked.After(l.asked) {
		return // nothing new
	}
	l.asked = s.asked
	if s.left < 0 {
		l.ends = time.Time{}
		l.arm()
		return
	}
	left := s.left - l.h.stopping()
	ends, latest := s.asked.Add(left), s.answered.Add(left)
	if l.ends.IsZero() || ends.Sub(l.latest) > limitSlack || l.ends.Sub(latest) > limitSlack {
		l.whole = time.Until(ends) // it was extended
		l.near, l.doubted, l.at = false, false, false
	}
	l.ends, l.latest = ends, latest
	l.arm()
}

// arm sets the timer to what comes next.
func (l *limitClock) arm() {
	switch {
	case l.ends.IsZero():
		l.timer.Stop()
	case l.at:
		// Whoever looks makes the limit a fact; with no waiter about, that is us.
		l.timer.Reset(max(time.Until(l.end()), time.Second))
	case l.near:
		l.timer.Reset(time.Until(l.ends))
	default:
		l.timer.Reset(time.Until(l.ends.Add(-time.Duration(float64(l.whole) * (1 - nearLimit)))))
	}
}

// rang says what the clock has come to.
func (l *limitClock) rang() {
	left := time.Until(l.ends)
	switch {
	case l.at:
		l.h.c.keeper.nudge(l.h.lease)
		l.arm()
	case left > 0:
		if !l.near {
			l.near = true
			l.h.c.notify(Notice{Kind: NearLimit, ID: l.h.hold.ID, Left: left})
		}
		l.arm()
	case l.doubted || !l.asked.Before(l.ends):
		l.reached()
		l.arm()
	default:
		// It may have been extended since the store was last asked.
		l.doubted, l.near = true, true
		l.h.c.keeper.nudge(l.h.lease)
		l.timer.Reset(l.h.c.timing.Margin())
	}
}

// outlast waits for the limit of a command that has no hold any more.
func (l *limitClock) outlast(ctx context.Context) {
	if !l.ends.IsZero() && sleep(ctx, time.Until(l.ends)) == nil {
		l.reached()
	}
}

// reached says, once, that the limit has come, and ends a command that is to stop
// then.
func (l *limitClock) reached() {
	if l.at {
		return
	}
	l.at, l.near = true, true
	l.h.c.notify(Notice{Kind: AtLimit, ID: l.h.hold.ID})
	if l.h.closing.OnLimit == LimitTerminates {
		l.h.end(ErrOverdue)
	}
}
