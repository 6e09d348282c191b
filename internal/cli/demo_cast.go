package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/filestore"
	"github.com/lull-dev/lull/internal/words"
)

// demo is a play with real processes. One goroutine owns it. Each process has
// another, which waits for its end and says so on exits, and the journal has one,
// which is never held up by anything else: it takes the times that are shown.
type demo struct {
	ctx    context.Context // ended by a signal
	a      *app
	pace   float64 // 1 is for people, less is quicker
	dir    string
	binary string
	env    []string
	store  *filestore.Store // only read: the processes do the rest
	began  time.Time
	show   demoShow
	over   time.Duration // when the last actor had left; zero before
	err    error         // the first thing that went wrong; then nothing more happens

	cast  []*actor
	exits chan *actor

	// The journal is what the commands write about themselves, independently of what
	// lull believes: "begin 4711 report", "end 4711 report". The order of its lines
	// is the order in which things happened, since each is one appending write.
	journal  *os.File
	said     chan said     // its lines, with their times; closed when there are no more
	saidMore chan struct{} // closed when nobody is left to write to it
	entries  []entry

	gate     []gateMove
	gateRead time.Duration
}

// actor is a job or a deployment: a lull process, and the command in it. Its times
// are counted from the beginning of the demo; zero is not yet.
type actor struct {
	name       string
	deployment bool
	cmd        *exec.Cmd
	command    int // the command's process, and its group, once it has begun

	arrived, begun, ended, killed, exited time.Duration
}

// gateMove is an opening or a closing of the gate.
type gateMove struct {
	at     time.Duration
	closed bool
	reason string
}

// demoEnv is the environment of the demo's processes: ours, without anything that
// is about other gates.
func (a *app) demoEnv(dir, gates, config string) []string {
	var env []string
	for _, pair := range a.Environ {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "LULL_") && name != "PWD" {
			env = append(env, pair)
		}
	}
	return append(env, "PWD="+dir, storeVariable+"=file://"+gates, gateVariable+"="+demoGate, "LULL_CONFIG="+config)
}

func (d *demo) now() time.Duration { return time.Since(d.began) }

// scaled is a duration at the demo's pace.
func (d *demo) scaled(t time.Duration) time.Duration { return time.Duration(float64(t) * d.pace) }

// job starts a job that takes that long.
func (d *demo) job(name string, takes time.Duration) *actor {
	return d.start(&actor{name: name}, d.work(name, takes), "run", "--name", name)
}

// deploy starts a deployment that takes that long.
func (d *demo) deploy(reason string, takes time.Duration) *actor {
	return d.start(&actor{name: reason, deployment: true}, d.work(reason, takes), "deploy", "--reason", reason)
}

// work is a script that takes that long, and longer on a machine so slow that the
// demo has not come to mayEnd by then.
func (d *demo) work(name string, takes time.Duration) string {
	return fmt.Sprintf("sleep %.2f\nuntil [ -e %s ]; do sleep 0.05; done", d.scaled(takes).Seconds(), fileName(name, "may-end"))
}

// mayEnd lets actors end, as soon as their work is done.
func (d *demo) mayEnd(all ...*actor) {
	for _, who := range all {
		if d.err == nil {
			d.err = os.WriteFile(filepath.Join(d.dir, fileName(who.name, "may-end")), nil, 0o600)
		}
	}
}

// fileName is a file that belongs to an actor, as a word for a shell.
func fileName(actor, kind string) string { return strings.ReplaceAll(actor, " ", "-") + "." + kind }

// hang starts a deployment that does not end by itself. It is one process, so that
// nothing of it is left when it gets the signal that follows its wrapper's death.
func (d *demo) hang(reason string) *actor {
	return d.start(&actor{name: reason, deployment: true}, "exec sleep 60", "deploy", "--reason", reason)
}

// start makes a script of an actor's work, and runs it through lull.
func (d *demo) start(who *actor, work string, args ...string) *actor {
	if d.err != nil {
		return who
	}
	file := fileName(who.name, "sh")
	script := fmt.Sprintf("echo \"begin $$ %[1]s\" >>journal\n%[2]s\necho \"end $$ %[1]s\" >>journal\n", who.name, work)
	if err := os.WriteFile(filepath.Join(d.dir, file), []byte(script), 0o600); err != nil {
		return d.failed(who, err)
	}
	// Its own file, not a pipe: nobody has to read it, and a command that outlives its
	// wrapper keeps nobody waiting for the end of it.
	says, err := os.Create(d.saysPath(who))
	if err != nil {
		return d.failed(who, err)
	}
	defer says.Close()
	who.cmd = d.lull(append(args, "--", "sh", file)...)
	who.cmd.Stdout, who.cmd.Stderr = says, says
	// A session of its own has no terminal: Ctrl-C reaches the demo alone, which then
	// ends everybody, and each command leads a process group that can be told from ours.
	who.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	who.arrived = d.now()
	if err := who.cmd.Start(); err != nil {
		return d.failed(who, err)
	}
	d.cast = append(d.cast, who)
	go func() {
		_ = who.cmd.Wait() // how it ended is in cmd.ProcessState
		d.exits <- who
	}()
	d.show.typed(words.ShellLine(who.cmd.Args))
	return who
}

func (d *demo) failed(who *actor, err error) *actor {
	d.err = err
	return who
}

func (d *demo) saysPath(who *actor) string {
	return filepath.Join(d.dir, fileName(who.name, "log"))
}

// lull is this binary with other arguments, in the demo's directory.
func (d *demo) lull(args ...string) *exec.Cmd {
	cmd := exec.Command(d.binary, args...)
	cmd.Args[0] = "lull"
	cmd.Dir, cmd.Env = d.dir, d.env
	return cmd
}

// ask shows what somebody sees who types that lull command now.
func (d *demo) ask(args ...string) {
	if d.err != nil {
		return
	}
	d.show.typed("lull " + words.ShellLine(args))
	out, err := d.lull(args...).CombinedOutput()
	if err != nil {
		d.err = fmt.Errorf("lull %s: %w: %s", args[0], err, bytes.TrimSpace(out))
		return
	}
	d.show.asked(string(out))
}

// hear shows the first line in which that actor's lull says that word.
func (d *demo) hear(who *actor, word string) {
	line := d.listen(who, word)
	if d.err == nil {
		d.readGate() // which it may speak of
		d.show.heard(line)
	}
}

// listen waits until that actor's lull says that word, and returns the line.
func (d *demo) listen(who *actor, word string) (found string) {
	d.until(who.name+" says "+strconv.Quote(word), func() bool {
		says, _ := os.ReadFile(d.saysPath(who)) // if it cannot be read, the wait has its end
		for line := range strings.Lines(string(says)) {
			if strings.Contains(line, word) && strings.HasSuffix(line, "\n") {
				found = strings.TrimSpace(line)
				return true
			}
		}
		return false
	})
	return found
}

// kill ends a deployment as the kernel does when memory runs out. Its command gets
// a signal from the kernel then, on Linux; elsewhere it is killed as well.
func (d *demo) kill(who *actor) {
	if d.err != nil {
		return
	}
	// In the journal first: from here on, jobs may begin.
	line := fmt.Sprintf("end %d %s\n", who.command, who.name)
	f, err := os.OpenFile(d.journalPath(), os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = f.WriteString(line)
		f.Close()
	}
	if err != nil {
		d.err = err
		return
	}
	d.show.typed(fmt.Sprintf("kill -9 %d", who.cmd.Process.Pid))
	who.killed = d.now()
	d.err = who.cmd.Process.Kill()
	if !followsItsWrapper {
		_ = syscall.Kill(-who.command, syscall.SIGKILL) // it may have ended
	}
	d.show.happens(who.killed, who.name, "is killed")
}

// gateEvery is how often it looks at the gate's history, which takes longer.
const gateEvery = 20 * time.Millisecond

// patience is how long anything may take before the demo has failed. It is for slow
// and busy machines.
const patience = 20 * time.Second

// until waits until something is so.
func (d *demo) until(what string, so func() bool) {
	end := time.Now().Add(patience)
	for d.err == nil && !so() {
		if time.Now().After(end) {
			d.err = fmt.Errorf("%s: not within %s", what, patience)
			return
		}
		d.next()
	}
}

// pause lets that much time pass, at the demo's pace.
func (d *demo) pause(t time.Duration) {
	for end := time.Now().Add(d.scaled(t)); d.err == nil && time.Now().Before(end); {
		d.next()
	}
}

// next lets a moment pass, and sees what has happened in it.
func (d *demo) next() {
	tick := time.NewTimer(gateEvery)
	defer tick.Stop()
	select {
	case <-d.ctx.Done():
		d.err = context.Cause(d.ctx)
		return
	case who := <-d.exits:
		d.exit(who)
	case s := <-d.said:
		d.note(s)
	case <-tick.C:
	}
	if now := d.now(); now-d.gateRead > gateEvery {
		d.gateRead = now
		d.readGate()
	}
	d.show.draw()
}

// exit notes the end of a lull process, which must be the expected one.
func (d *demo) exit(who *actor) {
	who.exited = d.now()
	state := who.cmd.ProcessState
	if who.killed == 0 && !state.Success() && d.err == nil {
		says, _ := os.ReadFile(d.saysPath(who)) // without it, the status has to do
		d.err = fmt.Errorf("%s ended with %s: %s", who.name, state, bytes.TrimSpace(says))
	}
}

// afterWait says how long an actor waited, if one could see it.
func (who *actor) afterWait() string {
	waited := who.begun - who.arrived
	switch {
	case waited <= atOnce:
		return ""
	case who.deployment:
		return fmt.Sprintf(", after %.1fs of draining", waited.Seconds())
	}
	return fmt.Sprintf(", after a wait of %.1fs", waited.Seconds())
}

// readGate learns from the history when the gate moved. To ask for its state could
// itself end a crashed deployment, which the demo wants to see happen.
func (d *demo) readGate() {
	var moves []gateMove
	kinds := []lull.EventKind{lull.EventClosed, lull.EventOpened}
	for e, err := range d.store.Events(d.ctx, lull.Filter{Gate: demoGate, Kinds: kinds}) {
		if err != nil {
			return // the next look may succeed; what matters is in the journal
		}
		moves = append(moves, gateMove{e.At.Wall.Sub(d.began), e.Kind == lull.EventClosed, e.Reason})
	}
	for _, m := range moves[min(len(d.gate), len(moves)):] {
		if m.closed {
			d.show.happens(m.at, "gate", "closes: "+m.reason)
		} else {
			d.show.happens(m.at, "gate", "opens")
		}
	}
	if len(moves) > len(d.gate) {
		d.gate = moves
	}
}

// cleanUp ends every process of the demo and removes its directory. The error is
// about what could not be.
func (d *demo) cleanUp() error {
	living := 0
	for _, who := range d.cast {
		if who.exited == 0 {
			living++
			_ = who.cmd.Process.Signal(syscall.SIGTERM) // it hands this on to its command
		}
	}
	grace := time.After(3 * time.Second)
	for living > 0 {
		select {
		case who := <-d.exits:
			who.exited = d.now()
			living--
		case <-grace:
			for _, who := range d.cast {
				if who.exited == 0 {
					_ = who.cmd.Process.Kill()
				}
			}
		}
	}
	close(d.saidMore)
	for s := range d.said {
		d.note(s) // who has begun since the last look?
	}
	for _, who := range d.cast {
		if who.command != 0 && who.ended == 0 {
			_ = syscall.Kill(-who.command, syscall.SIGKILL) // most have ended
		}
	}
	d.journal.Close()
	if err := d.store.Shutdown(context.Background()); err != nil {
		return err
	}
	return os.RemoveAll(d.dir)
}
