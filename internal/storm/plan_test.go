//go:build linux

package storm

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"syscall"
	"time"
)

// plan is one wrapper, its command, and what shall happen to it.
type plan struct {
	id       string
	role     Role
	life     time.Duration // of the command
	exit     int           // the command's status; above 128 it dies of that signal
	shell    bool          // the command is a shell, and the witness the shell's child
	stubborn bool          // the command ignores TERM
	headless bool          // the command's first thread ends before the others
	inner    *plan         // a job that the command starts within itself
	partOf   string        // for an inner job, the deployment
	flags    []string      // the wrapper's
	closer   bool          // a deployment without a command: lull close --while-stdin
	hurry    bool          // a deployment that does not wait for another
	fault    fault
}

// weight is how many processes a plan is at most.
func (p plan) weight() int {
	n := 2
	if p.shell {
		n++
	}
	if p.inner != nil {
		n += p.inner.weight()
	}
	return n
}

// planner draws plans. The same seed draws the same plans.
type planner struct {
	rng     *rand.Rand
	on      ground
	nests   bool
	jobs    int
	deploys int
}

// next is what comes at one moment, and how long it is quiet afterwards. A third of
// the bursts have a deployment in their midst: then jobs arrive just as the gate is
// closed.
func (g *planner) next() (plans []plan, pause time.Duration) {
	burst := 0
	switch n := g.rng.IntN(100); {
	case n < 3:
		burst = 30
	case n < 60:
		burst = 4 + g.rng.IntN(5)
	case n < 70:
		plans = append(plans, g.deployment(), g.deployment())
	}
	amid := g.rng.IntN(3 * max(burst, 1))
	for i := range burst {
		if i == amid {
			plans = append(plans, g.deployment())
		}
		plans = append(plans, g.job())
	}
	return plans, time.Duration(g.on.pace) * between(g.rng, 10, 150)
}

func (g *planner) job() plan {
	g.jobs++
	p := plan{id: "j" + strconv.Itoa(g.jobs), role: Job, life: between(g.rng, 5, 200), exit: g.exit()}
	p.fault = g.randomFault(p.life)
	p.flags = g.way()
	g.outlast(&p, g.on.lasting)
	g.temper(&p)
	if g.nests && g.rng.IntN(12) == 0 {
		p.inner = &plan{id: p.id + ".1", role: Job, life: between(g.rng, 5, 60), exit: g.exit()}
	}
	return p
}

func (g *planner) deployment() plan {
	g.deploys++
	p := plan{id: "d" + strconv.Itoa(g.deploys), role: Deployment, life: between(g.rng, 10, 150), exit: g.exit()}
	p.fault = g.randomFault(p.life)
	p.flags = g.way()
	g.outlast(&p, g.on.lasting/4)
	if g.nests && g.rng.IntN(8) == 0 {
		p.closer, p.exit = true, 0
		if p.fault.kind == killedAtStart || p.fault.kind == killedByCommand {
			p.fault.kind, p.fault.signal = killed, syscall.SIGKILL
		}
		return p
	}
	g.temper(&p)
	if g.nests && g.rng.IntN(4) == 0 {
		p.inner = &plan{id: p.id + ".1", role: Part, partOf: p.id, life: between(g.rng, 5, 60), exit: g.exit()}
	}
	p.hurry = g.rng.IntN(10) == 0
	switch g.rng.IntN(8) {
	case 0:
		p.flags = append(p.flags, "--hold-after-crash", "200ms")
	case 1:
		p.flags = append(p.flags, "--hold-after-failure", "100ms")
	}
	return p
}

// way draws a way to the store.
func (g *planner) way() []string {
	if len(g.on.ways) == 0 {
		return nil
	}
	return []string{"--store", g.on.ways[g.rng.IntN(len(g.on.ways))]}
}

// outlast makes one of so many commands live for longer than a lease. Its wrapper may be stopped in the middle for as long, and is spared all else:
// what is left behind by a wrapper that was killed may live for a lease at most.
func (g *planner) outlast(p *plan, of int) {
	if of == 0 || g.rng.IntN(of) > 0 {
		return
	}
	p.life = g.on.longestStop() + upTo(g.rng, g.on.lease)
	p.fault = fault{}
	if g.rng.IntN(2) == 0 {
		p.fault = fault{kind: stopped, after: 300*time.Millisecond + upTo(g.rng, g.on.lease/2), stop: g.on.longestStop()}
	}
}

// temper makes some commands shells, stubborn or headless. A shell is not interrupted:
// the signal ends it together with its child, in no order, and a wrapper that
// waits for its command alone has then kept its promise.
func (g *planner) temper(p *plan) {
	p.stubborn, p.headless = g.rng.IntN(6) == 0, g.rng.IntN(6) == 0
	if p.fault.kind == killedAtStart {
		// Most must outlive their wrapper, and long enough for somebody to come by: a
		// mistake about them has a chance to be seen. It is less than a lease.
		p.stubborn, p.life = g.rng.IntN(4) > 0, between(g.rng, 200, 500)
	}
	if p.fault.kind != interrupted && p.fault.kind != killedAtStart {
		p.shell = g.rng.IntN(6) == 0
	}
}

// exit draws an exit status: mostly 0, sometimes another, sometimes a signal.
func (g *planner) exit() int {
	switch g.rng.IntN(10) {
	case 0:
		return 1 + g.rng.IntN(125)
	case 1:
		return 128 + int(syscall.SIGKILL)
	}
	return 0
}

// command is the command line of a plan's command.
func (s *storm) command(p plan) []string {
	args := []string{
		s.witness, "-dir", s.dir, "-id", p.id, "-role", string(p.role), "-part-of", p.partOf,
		"-life", p.life.String(), "-exit", strconv.Itoa(p.exit),
	}
	if p.stubborn {
		args = append(args, "-ignore-term")
	}
	if p.headless {
		args = append(args, "-headless")
	}
	if p.fault.kind == killedByCommand {
		args = append(args, "-kill-wrapper", p.fault.after.String())
	}
	if p.inner != nil {
		args = append(args, "-inner-exit", strconv.Itoa(p.inner.exit), "--")
		args = append(args, s.tool.job(*p.inner, s.command(*p.inner))...)
	}
	// A shell gets to its first step sooner than a Go program, and says who its wrapper is.
	script := ""
	switch {
	case p.fault.kind == killedAtStart && p.stubborn:
		script = `trap "" TERM; kill -9 $PPID; exec "$@"`
	case p.fault.kind == killedAtStart:
		script = `kill -9 $PPID; exec "$@"`
	case p.shell:
		script = `LULL_STORM_WRAPPER=$PPID "$@"; exit $?`
	default:
		return args
	}
	return append([]string{"sh", "-c", script, "sh"}, args...)
}

// wrapper is the whole command line of a plan.
func (s *storm) wrapper(p plan) []string {
	if p.role == Deployment {
		return s.tool.deployment(p, s.command(p))
	}
	return s.tool.job(p, s.command(p))
}

func (p plan) String() string {
	return fmt.Sprintf("%s %s (life %s, exit %d, shell %t, stubborn %t, headless %t, inner %t, closer %t, fault %+v)",
		p.role, p.id, p.life, p.exit, p.shell, p.stubborn, p.headless, p.inner != nil, p.closer, p.fault)
}
