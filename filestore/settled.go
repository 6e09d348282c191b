package filestore

import (
	"time"

	"github.com/lull-dev/lull"
)

// leases are those that passes of owners elsewhere live by at a gate. gate.json has
// them, and is synced before the first such pass is recorded.
//
// The passes themselves are not synced. When the host goes down some may be lost whose
// jobs run elsewhere and go on: they record themselves anew when they renew. So a gate
// without anybody inside is not believed to be drained until the host has been up for
// as long as any of those leases lasts.
type leases struct {
	Boot    string        `json:"boot,omitempty"`   // in which Longest was noted
	Longest time.Duration `json:"longest"`          // of the passes made in that boot
	Before  time.Duration `json:"before,omitempty"` // of those made before, if any may be in force
}

// doubtful is the longest lease of passes that may have been lost.
func (l leases) doubtful(boot string) time.Duration {
	if boot != "" && boot == l.Boot {
		return l.Before
	}
	return max(l.Before, l.Longest)
}

// boot is what tells this boot of the host from those before; "" where several hosts
// use the directory, which each have their own.
func (s *Store) boot() string {
	if s.opts.NetworkTrusted {
		return ""
	}
	return s.host.boot
}

// reckonWith notes that there may be passes at the gate which live by leases of that
// length, before the first of them is recorded.
func (x *section) reckonWith(lease time.Duration) error {
	if !x.s.opts.ByLease {
		return nil
	}
	if lease <= 0 {
		lease = lull.DefaultLease
	}
	was, now := x.stored.Leases, leases{Boot: x.s.boot(), Longest: lease}
	if was.Boot == now.Boot && was.Longest >= lease {
		return nil
	}
	if !x.exclusive {
		return errExclusive
	}
	if was.Boot == now.Boot {
		now.Before = was.Before
	} else if !x.s.settled(x.stored) {
		now.Before = was.doubtful(now.Boot)
	}
	x.stored.Leases, x.unstored = now, true
	return x.commit(x.gate, nil, false)
}

// settled reports whether a gate without anybody inside may be believed to be so.
func (s *Store) settled(g gateRecord) bool {
	doubtful := g.Leases.doubtful(s.boot())
	if g.Leases == (leases{}) && s.opts.ByLease {
		doubtful = lull.DefaultLease // nothing is known of the gate
	}
	up := s.host.up()
	return up >= doubtful || up == 0 // which cannot be told
}
