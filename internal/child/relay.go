package child

import (
	"os"
	"slices"
	"syscall"
)

// relay hands every signal caught to p until it has ended.
func (s *Signals) relay(p *Process) {
	for {
		select {
		case <-p.ended:
			return
		case sig := <-s.caught:
			p.relay(sig.(syscall.Signal))
		}
	}
}

func (p *Process) relay(sig syscall.Signal) {
	if slices.Contains(fromKeyboard, os.Signal(sig)) && p.terminal.inForeground() {
		return // the kernel sent it to the whole group, the child included
	}
	p.mu.Lock()
	p.told = p.told || Ends(sig)
	// An error means that the child is gone, or has changed its user: a shell's
	// kill would have failed as well, but our sender has been told of success.
	p.send(sig)
	p.mu.Unlock()
	if sig == syscall.SIGTSTP && hasControllingTerminal() {
		// Ctrl-Z, or kill by a shell that now waits for its job to stop. Without a
		// terminal nobody waits: there we go on and keep our promises to the gate.
		syscall.Kill(syscall.Getpid(), syscall.SIGSTOP)
	}
}
