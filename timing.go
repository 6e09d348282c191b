package lull

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"
)

// The timings that are used unless told otherwise.
const (
	// DefaultLease is how long a store that cannot see processes believes in a dead
	// owner: the longest that a lost host holds up a deployment.
	DefaultLease = time.Minute

	// DefaultKillGrace is how long a command that must stop has between TERM and
	// KILL.
	DefaultKillGrace = 5 * time.Second

	// maxMargin covers what no clock shows: the time between reading a clock and
	// acting on it, and the drift of two clocks over one lease.
	maxMargin = 2 * time.Second

	// finalRetry is how long the last word, Leave or Open, is tried. After that the
	// lease does the rest.
	finalRetry = 5 * time.Second
)

// Timing is how a client keeps its leases. The zero value means the defaults.
type Timing struct {
	Lease     time.Duration
	KillGrace time.Duration
}

func (t Timing) withDefaults() Timing {
	if t.Lease == 0 {
		t.Lease = DefaultLease
	}
	if t.KillGrace == 0 {
		t.KillGrace = DefaultKillGrace
	}
	return t
}

// Margin is how much earlier than the store the owner stops believing in a lease.
func (t Timing) Margin() time.Duration { return min(maxMargin, t.withDefaults().Lease/10) }

// RenewEvery leaves room for two renewals to fail within one lease.
func (t Timing) RenewEvery() time.Duration { return t.withDefaults().Lease / 3 }

// Check refuses timings under which a command could not be stopped before the
// store gives its place away, even if one renewal fails.
func (t Timing) Check() error {
	t = t.withDefaults()
	if t.Lease < 0 || t.KillGrace < 0 {
		return fmt.Errorf("lease %s and kill grace %s must be positive", t.Lease, t.KillGrace)
	}
	if least := 3 * (t.KillGrace + t.Margin()); t.Lease < least {
		return fmt.Errorf("lease %s is too short for a kill grace of %s: it must be at least 3 × (grace + margin %s) = %s",
			t.Lease, t.KillGrace, t.Margin(), least)
	}
	return nil
}

// NewID makes an ID for a pass or a hold: a UUID of version 7 (RFC 9562, section
// 5.7), so that IDs sort by the time they were made. It panics when the system has
// no randomness, as crypto/rand does.
func NewID() string {
	var b [16]byte
	rand.Read(b[6:])
	ms := time.Now().UnixMilli()
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:36], b[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

// CheckID refuses IDs that cannot be a pass's or a hold's: those are 1 to 100 of letters,
// digits, '-', '_' and '.', not beginning with '.', so that they are file names and parts of
// URLs. Those of [NewID] are.
func CheckID(id string) error {
	ok := len(id) > 0 && len(id) <= 100 && id[0] != '.'
	for i := range len(id) {
		c := id[i]
		ok = ok && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.')
	}
	if ok {
		return nil
	}
	return fmt.Errorf("ID %q is not allowed: use 1 to 100 of letters, digits, '-', '_' and '.', not beginning with '.'", id)
}
