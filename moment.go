package lull

import "time"

// Moment is a point in time on a store's clock, and the only kind of time that
// limits are compared in. Wall is for people. Where a store can tell, Boot names
// the boot of the machine and Up is the time since then, suspended time included:
// between moments of one boot only Up is compared, so that a clock set forward or
// back moves nothing. The zero value is no moment.
type Moment struct {
	Wall time.Time     `json:"wall,omitzero"`
	Boot string        `json:"boot,omitempty"`
	Up   time.Duration `json:"up,omitempty"` // nanoseconds
}

// IsZero reports whether m is no moment.
func (m Moment) IsZero() bool { return m.Wall.IsZero() }

// Add returns the moment d later.
func (m Moment) Add(d time.Duration) Moment {
	m.Wall = m.Wall.Add(d)
	if m.Boot != "" {
		m.Up += d
	}
	return m
}

// Sub returns how much later m is than o.
func (m Moment) Sub(o Moment) time.Duration {
	if m.Boot != "" && m.Boot == o.Boot {
		return m.Up - o.Up
	}
	return m.Wall.Sub(o.Wall)
}

// Passed reports whether the moment has come by now. No moment never comes.
func (m Moment) Passed(now Moment) bool {
	return !m.IsZero() && now.Sub(m) >= 0
}
