package lull_test

import (
	"fmt"
	"slices"
	"time"
)

// model is the gate as DESIGN section 3 tells it, written without a phase, a
// ticket or an interval: jobs are inside or wait, holds stand in lists, and who
// ran beside whom is noted while it happens. The rules are held to it.
type model struct {
	now  time.Duration
	step int

	jobs     []*modelJob // that are on record
	gone     []*modelJob
	holds    []*modelHold
	queue    []*modelHold
	loose    []*modelHold
	all      []*modelHold // that ever were
	commands []*modelCommand

	openings, closings int
	log                []string // "kind id", as the history should have them
}

type modelJob struct {
	id, partOf string
	inside     bool
	told       bool // its owner knows that it is inside: its command runs
	dead       bool
	started    time.Duration
	uninvited  int             // the step in which it came in although the gate was closed; 0: it did not
	openings   int             // how often the gate had opened when it arrived
	met        []*modelCommand // that ran while its own did
}

// casualty is whether a job met a command that it is not part of. A deployment that
// closed anew is the same command under another hold.
func (j *modelJob) casualty() bool {
	return slices.ContainsFunc(j.met, func(c *modelCommand) bool {
		return j.partOf == "" || !slices.Contains(c.ids, j.partOf)
	})
}

// process is a deployment's, which may outlive its hold.
type process struct {
	pid     int
	alive   bool
	command *modelCommand
}

type modelHold struct {
	id         string
	deployment bool
	by         *process // nil: a person's from the start
	resumes    string
	lapsed     bool // its lease is over, though the process may live
	limit      time.Duration
	ends       time.Duration // 0: never
	crashHold  time.Duration
	heard      time.Duration
	asksToStop bool
	begun      bool
	admitted   []*modelJob // who was inside when it came into force
}

type modelCommand struct {
	by      *process
	ids     []string // the holds it ran under, and those that were closed anew for it
	begun   time.Duration
	ran     time.Duration // once it has ended
	step    int
	clean   bool        // begun drained, and under its hold ever since
	running bool        // as far as the store knows
	over    bool        // it has ended
	doubted []*modelJob // that ran beside it while the store took it for dead
}

func (c *modelCommand) lasted(now time.Duration) time.Duration {
	if c.over {
		return c.ran
	}
	return now - c.begun
}

// believe is what the store learns when the command's owner speaks of it: it ran all
// the while.
func (c *modelCommand) believe() {
	for _, j := range c.doubted {
		j.met = append(j.met, c)
	}
	c.doubted = nil
}

// around is the hold in force that somebody runs in who was told that ID: his
// deployment's, also when it has lost the one that its command began under.
func (m *model) around(id string) *modelHold {
	d := m.deployment()
	if d != nil && d.by.command != nil && d.by.command.ids[0] == id {
		return d
	}
	return find(m.holds, id)
}

func (m *model) closed() bool { return len(m.holds) > 0 }

func (m *model) say(kind, id string) { m.log = append(m.log, kind+" "+id) }

// pass lets time go by. Whatever runs at once meets.
func (m *model) pass(d time.Duration) {
	m.now += d
	for _, c := range m.commands {
		for _, j := range m.jobs {
			switch {
			case !j.told:
			case c.running:
				j.met = append(j.met, c)
			case !c.over && c.by.alive:
				c.doubted = append(c.doubted, j)
			}
		}
	}
}

func (m *model) job(id string) *modelJob {
	for _, j := range slices.Concat(m.jobs, m.gone) {
		if j.id == id {
			return j
		}
	}
	return nil
}

func (m *model) arrive(id string, parent *modelJob, partOf string, force bool) {
	j := &modelJob{id: id, openings: m.openings}
	hold := m.around(partOf)
	switch {
	case parent != nil:
		j.inside, j.partOf = parent.inside, parent.partOf
	case hold != nil && hold.deployment:
		j.inside, j.partOf = true, hold.id
	default:
		j.inside = !m.closed()
	}
	m.jobs = append(m.jobs, j)
	if !j.inside && force {
		m.force(j)
	} else if !j.inside {
		m.say("waited", id)
	}
	part := j.partOf != "" && hold != nil && j.partOf == hold.id
	if j.inside && m.closed() && !part {
		j.uninvited = m.step
	}
	m.tell(j)
}

func (m *model) tell(j *modelJob) {
	if j.inside && !j.told {
		j.told, j.started = true, m.now
	}
}

func (m *model) force(j *modelJob) {
	if j.inside {
		return
	}
	j.inside, j.uninvited = true, m.step
	m.tell(j)
	m.say("forced", j.id)
}

func (m *model) leave(j *modelJob) {
	if j.told {
		m.say("left", j.id)
	} else {
		m.say("timed_out", j.id)
	}
	m.forget(j)
}

func (m *model) forget(j *modelJob) {
	m.jobs = slices.DeleteFunc(m.jobs, func(o *modelJob) bool { return o == j })
	m.gone = append(m.gone, j)
}

func (m *model) insiders() []*modelJob {
	return slices.DeleteFunc(slices.Clone(m.jobs), func(j *modelJob) bool { return !j.inside })
}

// blockers are the jobs that keep a hold from being drained.
func (m *model) blockers(h *modelHold) []*modelJob {
	return slices.DeleteFunc(m.insiders(), func(j *modelJob) bool { return j.partOf == h.id })
}

// close says "held", "queued", "busy", or that it is there or joined already.
func (m *model) close(h *modelHold, mayQueue bool, partOf string) string {
	for _, known := range slices.Concat(m.holds, m.queue) {
		if known.id == h.id {
			return "same"
		}
	}
	if m.around(partOf) != nil {
		return "joined"
	}
	if h.deployment && m.deployment() != nil {
		if !mayQueue {
			return "busy"
		}
		m.queue = append(m.queue, h)
		m.say("queued", h.id)
		m.enlist(h)
		return "queued"
	}
	m.hold(h)
	m.enlist(h)
	return "held"
}

func (m *model) enlist(h *modelHold) {
	m.all = append(m.all, h)
	h.heard = m.now
	if h.resumes != "" {
		h.by.command.ids = append(h.by.command.ids, h.id)
	}
}

func (m *model) deployment() *modelHold {
	for _, h := range m.holds {
		if h.deployment {
			return h
		}
	}
	return nil
}

func (m *model) hold(h *modelHold) {
	if !m.closed() {
		m.closings++
	}
	m.holds = append(m.holds, h)
	h.admitted = m.insiders()
	m.setLimit(h, h.limit)
	m.say("closed", h.id)
	m.endCrashHold(h)
}

// endCrashHold lets go of what a crash has left of a deployment that goes on.
func (m *model) endCrashHold(h *modelHold) {
	for _, left := range slices.Clone(m.holds) {
		if h.by != nil && left.by == h.by && left != h {
			m.say("released", left.id)
			m.holds = drop(m.holds, left)
		}
	}
}

func (m *model) takeBack(c *modelCommand) {
	m.loose = slices.DeleteFunc(slices.Clone(m.loose), func(h *modelHold) bool { return h.by.command == c })
}

func (m *model) setLimit(h *modelHold, limit time.Duration) {
	h.limit = limit
	switch {
	case limit < 0:
		h.ends = 0
	case limit > 0:
		h.ends = m.now + limit
	case h.deployment:
		h.ends = m.now + 30*time.Minute
	default:
		h.ends = m.now + time.Hour
	}
}

// begin says what the answer is: "", "gone" or "not drained".
func (m *model) begin(h *modelHold, undrained bool) string {
	switch {
	case !slices.Contains(m.holds, h) || !h.deployment || h.ends > 0 && h.ends <= m.now:
		return "gone"
	case h.begun:
		return ""
	case len(m.blockers(h)) > 0 && !undrained:
		return "not drained"
	}
	h.begun = true
	m.say("begun", h.id)
	if c := h.by.command; c != nil {
		c.running, c.clean = true, false
		c.believe()
		m.takeBack(c)
	} else {
		c := &modelCommand{by: h.by, ids: []string{h.id}, begun: m.now, step: m.step, running: true}
		c.clean = len(m.blockers(h)) == 0
		h.by.command = c
		m.commands = append(m.commands, c)
	}
	return ""
}

// there is whether a hold is in force or queued.
func (m *model) there(h *modelHold) bool { return slices.Contains(slices.Concat(m.holds, m.queue), h) }

// open is what a hold's owner asks for, or somebody else by force. The owner's word
// on a command counts whatever became of the hold.
func (m *model) open(h *modelHold, own bool) {
	if own && h.by != nil && h.by.command != nil {
		m.end(h)
	}
	if !m.there(h) {
		return
	}
	if !own {
		m.say("forced", h.id)
	}
	m.release(h)
}

// end is that a hold's owner tells that its command has ended, perhaps once more.
func (m *model) end(h *modelHold) {
	m.say("ended", h.id)
	c := h.by.command
	c.ran = c.lasted(m.now)
	c.running, c.over = false, true
	c.believe()
	m.loose = drop(m.loose, h)
	if m.there(h) {
		h.begun = false
		m.takeBack(c)
		m.endCrashHold(h)
	}
}

func (m *model) release(h *modelHold) {
	m.say("released", h.id)
	if slices.Contains(m.queue, h) {
		m.queue = drop(m.queue, h)
		return
	}
	m.remove(h, true)
}

// remove takes a hold away. keeps says whether its command is believed to go on.
func (m *model) remove(h *modelHold, keeps bool) {
	m.holds = drop(m.holds, h)
	if h.begun {
		h.by.command.clean = false
		if keeps {
			m.loose = append(m.loose, h)
		}
	}
	if !m.closed() {
		m.openings++
		for _, j := range m.jobs {
			j.inside = true
		}
		m.say("opened", h.id)
	}
	m.next()
}

func (m *model) next() {
	if m.deployment() == nil && len(m.queue) > 0 {
		h := m.queue[0]
		m.queue = drop(m.queue, h)
		m.hold(h)
	}
}

// sweep makes facts of what has happened to processes and limits.
func (m *model) sweep() {
	for _, j := range slices.Clone(m.jobs) {
		if j.dead {
			m.say("abandoned", j.id)
			m.forget(j)
		}
	}
	for _, h := range slices.Clone(m.queue) {
		if h.lost() {
			m.say("abandoned", h.id)
			m.queue = drop(m.queue, h)
		}
	}
	for _, h := range slices.Clone(m.loose) {
		if h.lost() {
			m.say("crashed", h.id)
			m.loose = drop(m.loose, h)
			h.by.command.running = false
		}
	}
	for _, h := range slices.Clone(m.holds) {
		switch due := h.ends > 0 && h.ends <= m.now; {
		case h.lost():
			m.crash(h)
		case due && h.deployment:
			m.say("overdue", h.id)
			m.remove(h, true)
		case due:
			m.say("expired", h.id)
			m.remove(h, true)
		}
	}
}

func (h *modelHold) lost() bool { return h.deployment && (h.lapsed || !h.by.alive) }

func (m *model) crash(h *modelHold) {
	m.say("crashed", h.id)
	if h.begun {
		h.by.command.running, h.by.command.clean = false, false
	}
	if h.crashHold == 0 {
		m.remove(h, false)
		return
	}
	h.deployment, h.begun, h.asksToStop = false, false, false
	h.ends = h.heard + h.crashHold
	m.next()
}

func find(holds []*modelHold, id string) *modelHold {
	for _, h := range holds {
		if h.id == id {
			return h
		}
	}
	return nil
}

func drop(holds []*modelHold, h *modelHold) []*modelHold {
	return slices.DeleteFunc(slices.Clone(holds), func(o *modelHold) bool { return o == h })
}

func (m *model) String() string {
	s := fmt.Sprintf("step %d, %s, %d openings, %d closings\n", m.step, m.now, m.openings, m.closings)
	for _, j := range m.jobs {
		s += fmt.Sprintf("  %s inside=%t told=%t part of %q casualty=%t\n", j.id, j.inside, j.told, j.partOf, j.casualty())
	}
	for name, holds := range map[string][]*modelHold{"held": m.holds, "queued": m.queue, "loose": m.loose} {
		for _, h := range holds {
			s += fmt.Sprintf("  %s %s deployment=%t begun=%t lost=%t ends %s\n", name, h.id, h.deployment, h.begun, h.lost(), h.ends)
		}
	}
	return s
}
