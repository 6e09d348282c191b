//go:build linux

package storm

import (
	"math/rand/v2"
	"syscall"
	"time"
)

// faultKind is what may happen to a wrapper.
type faultKind int

const (
	unharmed        faultKind = iota
	killed                    // by KILL, at any moment
	killedAtStart             // by its command's first step, before it can have noted who that is
	killedByCommand           // by its command, in the middle of its life
	stopped                   // by STOP, and continued
	interrupted               // by INT or TERM
)

// fault is what happens to one wrapper, so long after its start.
type fault struct {
	kind   faultKind
	after  time.Duration
	stop   time.Duration
	signal syscall.Signal
}

// Of a hundred wrappers so many have that fault. One that is killed at the start of
// its command keeps deployments waiting for a lease: more would be a calm, not a
// storm.
const (
	killedOf          = 6
	killedAtStartOf   = 1
	killedByCommandOf = 3
	stoppedOf         = 4
	interruptedOf     = 5
)

// randomFault draws a fault, mostly none, for a wrapper whose command lives for so
// long. The moments crowd where the windows are narrow: in the first
// milliseconds it arrives and starts its command, and a life later it leaves.
func (g *planner) randomFault(life time.Duration) fault {
	rng := g.rng
	f := fault{signal: syscall.SIGKILL}
	n := rng.IntN(100 * g.on.rarity)
	drawn := func(of int) bool {
		n -= of
		return n < 0
	}
	switch {
	case drawn(killedOf):
		f.kind = killed
	case drawn(killedAtStartOf):
		return fault{kind: killedAtStart}
	case drawn(killedByCommandOf):
		return fault{kind: killedByCommand, after: upTo(rng, life)}
	case drawn(stoppedOf):
		f.kind, f.stop = stopped, between(rng, 50, 400)
		if rng.IntN(16) == 0 {
			f.stop = g.on.longestStop()
		}
	case drawn(interruptedOf):
		f.kind, f.signal = interrupted, syscall.SIGTERM
		if rng.IntN(2) == 0 {
			f.signal = syscall.SIGINT
		}
	default:
		return fault{}
	}
	switch rng.IntN(3) {
	case 0:
		f.after = upTo(rng, 20*time.Millisecond)
	case 1:
		f.after = upTo(rng, 2*life+300*time.Millisecond)
	case 2:
		f.after = life + upTo(rng, 40*time.Millisecond)
	}
	return f
}

// isKill reports whether the wrapper ends by KILL.
func (f fault) isKill() bool {
	return f.kind == killed || f.kind == killedAtStart || f.kind == killedByCommand
}

func between(rng *rand.Rand, from, to int) time.Duration {
	return time.Duration(from+rng.IntN(to-from+1)) * time.Millisecond
}

func upTo(rng *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(rng.Int64N(int64(most)))
}

// inflict does what the fault says, and reports whether the wrapper was still there.
func (f fault) inflict(p *process) bool {
	switch f.kind {
	case unharmed:
		return false
	case killedAtStart, killedByCommand:
		return true
	}
	select {
	case <-p.ended:
		return false
	case <-time.After(f.after):
	}
	if f.kind != stopped {
		return p.signal(f.signal)
	}
	defer p.signal(syscall.SIGCONT)
	if !p.signal(syscall.SIGSTOP) {
		return false
	}
	time.Sleep(f.stop)
	return true
}
