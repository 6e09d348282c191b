//go:build linux

package storm

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// slack is how long something may take that is only lull's own work, on a machine
// that runs a whole storm and other tests besides.
const slack = 5 * time.Second

// evidence is all that a verdict is found on.
type evidence struct {
	entries []entry // the referee's log
	events  []event // lull's history
	runs    []run
}

// verdict is what the storm comes to.
type verdict struct {
	evidence
	on       ground
	outages  []outage
	findings []string // what is not as it must be

	began  map[string][]int // where in entries; by ID
	ended  map[string][]int
	harmed map[string]bool // whom a fault met, by ID; also the jobs inside them
	waited map[string]event
	closed map[string]event // by the deployment's ID
	record record

	drainLag, openLag time.Duration // the longest
}

// judge finds the verdict on what happened on a ground, whose store could not be
// reached for a while.
func judge(of evidence, on ground, outages ...outage) *verdict {
	v := &verdict{
		evidence: of, on: on, outages: outages,
		began: map[string][]int{}, ended: map[string][]int{}, harmed: map[string]bool{},
		waited: map[string]event{}, closed: map[string]event{}, record: readRecord(of.events),
	}
	for i, e := range v.entries {
		switch e.what {
		case "began":
			v.began[e.id] = append(v.began[e.id], i)
		case "ended":
			v.ended[e.id] = append(v.ended[e.id], i)
		}
	}
	for _, e := range v.events {
		switch e.Kind {
		case "waited":
			v.waited[e.Name] = e
		case "closed":
			v.closed[e.Reason] = e
		}
	}
	for _, r := range v.runs {
		v.harmed[r.id] = r.hit
		if r.inner != nil {
			v.harmed[r.inner.id] = r.hit
		}
	}
	v.checkOverlaps()
	v.checkRuns()
	v.checkPhases()
	v.checkLags()
	v.checkLapses()
	v.checkCasualties()
	return v
}

func (v *verdict) find(format string, args ...any) {
	v.findings = append(v.findings, fmt.Sprintf(format, args...))
}

func overlaps(all []entry) []entry {
	return slices.DeleteFunc(slices.Clone(all), func(e entry) bool { return e.what != "overlap" })
}

// checkRuns: whoever was not harmed ran exactly once, to the end, and the wrapper's
// exit status was the command's. Whoever was harmed ran once at most.
func (v *verdict) checkRuns() {
	for _, r := range v.runs {
		began, ended := len(v.began[r.id]), len(v.ended[r.id])
		switch {
		case r.hung:
			v.find("starved or hanging: %s (its command began %d times, ended %d)", r, began, ended)
		case began > 1:
			v.find("ran %d times: %s", began, r)
		case r.fault.isKill() && r.hit:
		case r.fault.kind == interrupted && r.hit:
			if s := r.status; s != 128+int(r.fault.signal) && (s != r.exit || ended == 0) {
				v.find("interrupted, but ended with %d: %s", s, r)
			}
		case r.hurry && r.status == 75 && began == 0:
		case r.role == Deployment && r.status == 75 && began == 0 && v.unheard(r.id) != nil:
			// Its lease ended before its command began, which it then must not.
		case r.status != r.exit || r.bySignal != 0:
			v.find("wrong exit status: %s", r)
		case began != 1 || ended != 1:
			v.find("began %d times, ended %d times: %s", began, ended, r)
		case r.inner != nil && (len(v.began[r.inner.id]) != 1 || len(v.ended[r.inner.id]) != 1):
			v.find("the job inside did not run once: %s", r)
		}
	}
	for _, e := range v.entries {
		if e.what == "wrong" && !v.harmed[e.id] {
			v.find("%s", e)
		}
	}
}

// checkPhases judges fairness by phases and by the order of the log.
//
// No barging: a job that found itself inside in a closed phase was admitted before,
// so it had waited in an earlier closed one; an arrival at a closed gate never is.
//
// No waiting through two closed phases: a job that waited in the closed phase n is
// inside from n + 1 on, so that a deployment of phase n + 2 or later comes after
// the end of its command.
func (v *verdict) checkPhases() {
	for _, r := range v.runs {
		if r.role != Job || r.hit || len(v.began[r.id]) != 1 || v.unheard(r.id) != nil {
			continue
		}
		began := v.entries[v.began[r.id][0]]
		waited, has := v.waited[r.id]
		barged := began.phase < 0 || began.phase%2 == 1 && (!has || waited.Phase+2 > began.phase)
		if barged && !v.heardLate(r, began.phase) {
			v.find("barged in: began in phase %d, waited in %d: %s", began.phase, waited.Phase, r)
		}
		if !has || len(v.ended[r.id]) != 1 {
			continue
		}
		end := v.ended[r.id][0]
		for i, e := range v.entries[:end] {
			if e.what == "began" && e.role == Deployment && v.closedIn(e) >= waited.Phase+2 {
				v.find("waited in phase %d, and through another closed phase: %s\nby then began: %s (line %d before %d)", waited.Phase, r, e, i, end)
			}
		}
	}
}

// closedIn is the phase in which a deployment began. That of the history may be a later
// one: it is closed anew when its hold was lost.
func (v *verdict) closedIn(began entry) int64 {
	switch {
	case began.phase >= 0:
		return began.phase
	case v.unheard(began.id) != nil: // by lull close, which tells its witness no phase
		return -1
	}
	return v.closed[began.id].Phase
}

// heardLate reports whether a job may have been admitted before the gate was closed,
// and the answer lost: it says that it had to ask again, and was told in that closed
// phase.
func (v *verdict) heardLate(r run, phase int64) bool {
	return strings.Contains(r.said, "the store cannot be asked") && slices.ContainsFunc(v.events, func(e event) bool {
		return e.Kind == "closed" && e.Phase == phase && e.Time.After(r.began)
	})
}

// checkLags looks for absurd waits: of a deployment after the gate was closed and
// the last command before it had ended, and of a job after the gate was opened to
// it. Both may last as long as a wrapper that is stopped, or the store out of reach,
// and the first as long as a lease.
func (v *verdict) checkLags() {
	most := slack + v.on.notice
	for _, o := range v.outages {
		most = max(most, slack+v.on.notice+2*o.length())
	}
	for i, e := range v.entries {
		closed, known := v.closed[e.id]
		if e.what != "began" || e.role != Deployment || v.harmed[e.id] || v.unheard(e.id) != nil || !known {
			continue
		}
		free := closed.Time
		for _, before := range v.entries[:i] {
			if before.what == "ended" && before.at.After(free) {
				free = before.at
			}
		}
		lag := e.at.Sub(free)
		v.drainLag = max(v.drainLag, lag)
		if lag > v.on.lapse()+v.on.longestStop()+most {
			v.find("deployment %s was drained %s after the last job had ended", e.id, lag)
		}
	}
	opened := map[int64]time.Time{}
	for _, e := range v.events {
		if e.Kind == "opened" {
			opened[e.Phase] = e.Time
		}
	}
	for id, waited := range v.waited {
		at, known := opened[waited.Phase+1]
		if !known || v.harmed[id] || v.unheard(id) != nil || len(v.began[id]) != 1 {
			continue
		}
		lag := v.entries[v.began[id][0]].at.Sub(at)
		v.openLag = max(v.openLag, lag)
		if lag > most {
			v.find("job %s began %s after the gate had opened to it", id, lag)
		}
	}
}

// figures is the storm in numbers.
func (v *verdict) figures() string {
	count := map[string]int{}
	for _, r := range v.runs {
		began, ended := len(v.began[r.id]) > 0, len(v.ended[r.id]) > 0
		count[string(r.role)]++
		switch {
		case r.closer:
			count["closers"]++
		case r.inner != nil:
			count["nested"]++
		}
		if !r.hit {
			continue
		}
		switch {
		case r.fault.kind == stopped:
			count["stopped"]++
		case r.fault.kind == interrupted:
			count["interrupted"]++
		case !began:
			count["before"]++
		case !ended:
			count["running"]++
		default:
			count["after"]++
		}
	}
	figures := fmt.Sprintf("%d jobs (%d waited), %d deployments (%d by close --while-stdin), %d with a job inside; "+
		"killed: %d before their command was heard of, %d while it ran, %d when it ran on or had ended; %d stopped, %d interrupted; "+
		"%d overlaps; at most %s from the last end to a deployment, %s from the opening to a job",
		count["job"], len(v.waited), count["deployment"], count["closers"], count["nested"],
		count["before"], count["running"], count["after"], count["stopped"], count["interrupted"],
		len(overlaps(v.entries)), v.drainLag.Round(time.Millisecond), v.openLag.Round(time.Millisecond))
	if v.on.lapses {
		figures += "; " + v.lapseFigures()
	}
	return figures
}

// around is what happened around the first overlap, by lull and by the witnesses.
func (v *verdict) around() string {
	met := overlaps(v.entries)
	if len(met) == 0 {
		return ""
	}
	type line struct {
		at   time.Time
		text string
	}
	const window = 400 * time.Millisecond
	var lines []line
	for _, e := range v.entries {
		lines = append(lines, line{e.at, e.String()})
	}
	for _, e := range v.events {
		lines = append(lines, line{e.Time, e.String()})
	}
	lines = slices.DeleteFunc(lines, func(l line) bool { return l.at.Sub(met[0].at).Abs() > window })
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintln(&b, l.text)
	}
	for _, r := range v.runs {
		if strings.Contains(b.String(), " "+r.id+" ") && r.fault.kind != unharmed {
			fmt.Fprintln(&b, r)
		}
	}
	return b.String()
}
