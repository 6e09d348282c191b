package child

import (
	"syscall"
	"time"
)

// groupPoll is how often we look whether a group whose leader has ended is empty.
// The kernel has no event for that; a caller waits this much too long at worst.
const groupPoll = 20 * time.Millisecond

// Terminate asks the child to end (TERM), and kills what is left after the grace
// (KILL). A stopped child is continued, since it could not act on TERM otherwise.
// A child that leads its group is treated as one with that group: members that
// outlive it have the rest of the grace, then they are killed too.
//
// It blocks until that is done, at most about the grace. A call after that
// does nothing: whatever the child left behind on purpose stays. A call while
// another is under way sends nothing twice, but the shorter grace counts.
func (p *Process) Terminate(grace time.Duration) {
	p.mu.Lock()
	if p.reaped {
		p.mu.Unlock()
		return
	}
	p.terminations.Add(1)
	defer p.terminations.Done()
	if !p.terminating {
		p.terminating = true
		// Nobody is left to tell of an error: it is a child that is gone, or one
		// that changed its user and that KILL will not reach either.
		p.send(syscall.SIGTERM)
		p.send(syscall.SIGCONT)
	}
	p.mu.Unlock()

	if !p.goneWithin(grace) {
		p.kill()
	}
	<-p.ended
}

// Linger blocks while those whom the child leaves behind in the group it led are
// still ending, at most so long: after a signal that was relayed to them all, or that
// ended the child. A shell dies of TERM at once, and what it runs may take its time. A
// child that ended of its own accord leaves behind what it means to, such as a daemon:
// then, and on a terminal, Linger returns at once. Call it after Done.
func (p *Process) Linger(most time.Duration) {
	p.mu.Lock()
	signalled := p.told || p.status.Signal != 0
	p.mu.Unlock()
	if signalled {
		p.goneWithin(most)
	}
}

// goneWithin waits until the child, and everyone in the group that it leads, has
// ended; it reports whether that was so in time.
func (p *Process) goneWithin(grace time.Duration) bool {
	enough := time.NewTimer(grace)
	defer enough.Stop()
	select {
	case <-p.ended:
	case <-enough.C:
		return false
	}
	look := time.NewTicker(groupPoll)
	defer look.Stop()
	for p.groupRemains() {
		select {
		case <-look.C:
		case <-enough.C:
			return false
		}
	}
	return true
}

// groupRemains says whether the child left living members behind in the group it
// led, and they are not yet killed. The number of a group is not given to a new
// process while the group has a member, and we look again before the kernel can
// have gone once through all numbers.
func (p *Process) groupRemains() bool {
	p.mu.Lock()
	killed := p.killed
	p.mu.Unlock()
	return p.leads && !killed && groupLives(p.group)
}

func (p *Process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.killed:
	case p.leads:
		syscall.Kill(-p.group, syscall.SIGKILL)
	default:
		p.send(syscall.SIGKILL)
	}
	p.killed = true
}
