package child

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// waiting are the signals that must end a wait for the gate in good order, so
// they are caught before Catch returns. Each signal costs some 35 µs to catch (the
// runtime asks a thread of its own), so the others are caught meanwhile.
var waiting = []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM}

// Not caught at all: KILL and STOP, which cannot be; URG, by which the Go runtime
// preempts goroutines; CHLD and PROF, which are about ourselves; TTIN and TTOU,
// by which a terminal stops us; ILL, TRAP, BUS, FPE, SEGV and SYS, our own
// mistakes; and real-time signals, 30 more at the price above.

// Signals catches what the caller is sent. Without a child it is the caller's to
// read C; from Start with these Signals until Done the child gets them.
type Signals struct {
	caught chan os.Signal
	// broken gets SIGPIPE, which nobody reads: a message about the gate, written
	// to a standard error that is closed by now, must not end a wrapper whose
	// child is well.
	broken   chan os.Signal
	complete chan struct{} // closed when everything is caught
}

// Catch begins to catch signals, save those that were ignored before (see the
// package comment). Call it once, early; end it with Stop.
func Catch() *Signals {
	s := &Signals{
		// The runtime keeps at most one of each signal pending but never waits for
		// room here; a caller slow to read C must not lose the 15 there are.
		caught:   make(chan os.Signal, 64),
		broken:   make(chan os.Signal, 1),
		complete: make(chan struct{}),
	}
	if signal.Ignored(syscall.SIGINT) {
		signal.Ignore(syscall.SIGQUIT)
	}
	s.catch(waiting)
	go func() {
		defer close(s.complete)
		s.catch(others)
		signal.Notify(s.broken, syscall.SIGPIPE)
	}()
	return s
}

// C delivers the signals caught while there is no child. Not every one means the
// end: see Ends.
func (s *Signals) C() <-chan os.Signal { return s.caught }

// Stop gives the signals back to the Go runtime.
func (s *Signals) Stop() {
	<-s.complete
	signal.Stop(s.caught)
	signal.Stop(s.broken)
}

// Ends says whether sig would have ended a program that does nothing about
// signals. The others (WINCH, CONT) are no reason to give up a wait.
func Ends(sig os.Signal) bool {
	return !slices.Contains([]os.Signal{syscall.SIGWINCH, syscall.SIGCONT, syscall.SIGTSTP}, sig)
}

func (s *Signals) catch(wanted []os.Signal) {
	for _, sig := range wanted {
		// One by one: Notify without a signal would mean all of them.
		if !signal.Ignored(sig) && !ignoredByKernel(sig.(syscall.Signal)) {
			signal.Notify(s.caught, sig)
		}
	}
}

// prepare makes ready to relay. TSTP is only caught now, and only if the child
// leads a group of its own: until then, and on a terminal, it must stop us as the
// shell expects.
func (s *Signals) prepare(childLeads bool) {
	<-s.complete
	if childLeads {
		s.catch([]os.Signal{syscall.SIGTSTP})
	}
}
