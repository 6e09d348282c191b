// Package child runs one command for a wrapper that must not be noticed: the
// command gets the wrapper's own standard streams, terminal, limits and signals,
// and the wrapper ends with the command's exit status.
//
//	signals := child.Catch()            // early: a signal may end the wait for the gate
//	defer signals.Stop()
//	select {
//	case sig := <-signals.C():          // while there is no child, signals are the caller's
//	case <-gateOpen:
//	}
//	process, err := child.Start(child.Command{Args: args, Env: env, Signals: signals})
//	status := process.Wait()            // from Start to here, signals are the child's
//	os.Exit(status.Code)
//
// # On a terminal and off it
//
// The wrapper is on a terminal when it has a controlling terminal and either one
// of its standard streams is that terminal or it runs in that terminal's
// foreground (a command whose streams are all redirected may still ask for a
// password there, and Ctrl-Z is still meant for it). A background job with
// everything redirected, cron, systemd, ssh without -t and CI are off a terminal.
//
//	                  on a terminal                  off a terminal
//	child's group     the wrapper's own              its own; the child leads it
//	Ctrl-C, Ctrl-\    reach the child from the       reach the wrapper, if anyone,
//	window size       kernel, once; never relayed    and are relayed
//	Ctrl-Z            stops wrapper and child: it    relayed; the wrapper then stops
//	                  is not caught at all           too if a shell could be watching
//	other signals     relayed to the child           relayed to the child's group
//	Terminate         ends the child                 ends the whole group
//
// While the wrapper is in the terminal's foreground, an INT, QUIT or WINCH is
// taken for the keyboard's: os/signal does not say who sent a signal. Someone who
// wants to stop a foreground job from elsewhere sends TERM or HUP.
//
// # What follows a wrapper that is killed
//
// On Linux the child gets SIGTERM when its wrapper dies, whatever killed it. The
// kernel drops that arrangement when the child runs a set-user-ID program. Other
// systems have no such thing. The child's own children get nothing: Group tells
// whom to look for.
//
// # Signals ignored since before we started
//
// A shell's trap with an empty action, nohup, and & in a script mean that a signal
// is to be ignored by the command as well. The Go runtime respects and tells us of
// an ignored HUP or INT only (runtime.sigInstallGoHandler), and we can ask Linux
// about TSTP and CONT. Every other disposition it overwrites before main, so that
// the command finds the default. That includes PIPE: a command under systemd, which
// ignores it (IgnoreSIGPIPE=yes), differs there from one started without us. QUIT
// is ignored when INT is, because a shell ignores them as a pair for a background
// command (POSIX, Shell Command Language, 2.11).
package child
