//go:build linux

package storm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Where a store knows its owners by their leases alone, a lease may lapse: its wrapper
// was stopped, or cut off, for as long. Then lull promises no exclusion but memory: the
// store has it on record that the lease ended, and whoever met somebody for that is in
// the history as a casualty. An overlap that is not is as wrong there as anywhere.

// record is what lull's history says of lapses and casualties, by the ID of a job or
// a deployment.
type record struct {
	casualty map[string]event
	lapsed   map[string][]event // when its lease was found to have ended
	lost     map[string]bool    // jobs that were recorded anew afterwards
	begun    map[string]time.Time
	last     map[string]time.Time // that anything was heard of a deployment
}

func readRecord(events []event) record {
	r := record{
		casualty: map[string]event{}, lapsed: map[string][]event{}, lost: map[string]bool{},
		begun: map[string]time.Time{}, last: map[string]time.Time{},
	}
	reason := map[string]string{} // by the hold's ID: the last event of a lost hold has none
	for _, e := range events {
		who := e.Name
		if who == "" {
			if who = e.Reason; reason[e.ID] != "" {
				who = reason[e.ID]
			}
			reason[e.ID] = who
			r.last[who] = e.Time
		}
		switch e.Kind {
		case "lost":
			r.lost[who] = true
			r.lapsed[who] = append(r.lapsed[who], e)
		case "abandoned", "crashed":
			r.lapsed[who] = append(r.lapsed[who], e)
		case "begun":
			if _, again := r.begun[who]; !again {
				r.begun[who] = e.Time
			}
		}
		if e.Casualty {
			r.casualty[who] = e
		}
	}
	return r
}

// unheard is the record that somebody's lease ended, where it can while its owner
// lives, or that of the job that it runs in; else nil. A job within one that was lost, and
// is on record anew, runs beside a deployment as that does.
func (v *verdict) unheard(id string) []event {
	if !v.on.lapses {
		return nil
	}
	if own := v.record.lapsed[id]; own != nil {
		return own
	}
	outer, _, _ := strings.Cut(id, ".")
	return v.record.lapsed[outer]
}

// checkOverlaps: nobody meets whom they must not, but for a lease that lapsed.
func (v *verdict) checkOverlaps() {
	for i, e := range v.entries {
		if e.what == "overlap" && !v.isRecorded(i) {
			v.find("overlap: %s", e)
		}
	}
}

// isRecorded reports whether lull knows of an overlap: each job that met a deployment
// is a casualty, and of two who are no such pair, one's lease has lapsed.
func (v *verdict) isRecorded(i int) bool {
	met := v.met(i)
	return v.on.lapses && len(met) > 0 && !slices.ContainsFunc(met, func(other entry) bool {
		return !v.mayMeet(v.entries[i], other)
	})
}

func (v *verdict) mayMeet(a, b entry) bool {
	isJob := func(e entry) bool { return e.role == Job || e.role == Part }
	if isJob(a) {
		a, b = b, a
	}
	if a.role == Deployment && isJob(b) {
		_, told := v.record.casualty[b.id]
		return told || v.unheard(a.id) != nil && v.atItsEnd(a.id, b.at)
	}
	return v.unheard(a.id) != nil || v.unheard(b.id) != nil
}

// late is how much later than it was a job's end may be on record, where the store is slow
// to answer: its command's stretch is counted back from there.
const late = time.Second

// atItsEnd reports whether a deployment's command ended so soon after that moment that lull
// may have missed a meeting.
func (v *verdict) atItsEnd(id string, at time.Time) bool {
	return slices.ContainsFunc(v.entries, func(e entry) bool {
		return e.id == id && e.what == "ended" && e.at.Sub(at) < late
	})
}

// met is whom the witness of a line has met, each by one of their lines. The log has
// the processes that had the lock; those that had gone before they could be named are
// sought among the commands that had begun by then and not ended.
func (v *verdict) met(i int) (all []entry) {
	_, pids, _ := strings.Cut(v.entries[i].more, "held by ")
	for pid := range strings.SplitSeq(pids, ",") {
		if n, err := strconv.Atoi(pid); err == nil {
			all = append(all, v.lineOf(n, i))
		}
	}
	if len(all) > 0 {
		return all
	}
	open := map[string]entry{}
	for _, e := range v.entries[:i] {
		switch {
		case e.id == v.entries[i].id || v.harmed[e.id] && len(v.ended[e.id]) == 0:
		case e.what == "began":
			open[e.id] = e
		case e.what == "ended" && v.entries[i].at.Sub(e.at) > time.Second:
			delete(open, e.id) // a process that has just noted its end may still be there
		}
	}
	for _, e := range open {
		all = append(all, e)
	}
	return all
}

// lineOf is a line of a process: the last before another, or the next.
func (v *verdict) lineOf(pid, before int) entry {
	// What the storm itself witnesses, persons' holds and deployments by --while-stdin, has
	// its own process's number; who is at work is no person's hold.
	_, work := strings.CutPrefix(v.entries[before].more, "work")
	is := func(e entry) bool {
		return e.pid == pid && e.id != v.entries[before].id && !(work && e.role == Calm)
	}
	for j := before - 1; j >= 0; j-- {
		if is(v.entries[j]) {
			return v.entries[j]
		}
	}
	if j := slices.IndexFunc(v.entries[before:], is); j >= 0 {
		return v.entries[before+j]
	}
	return entry{id: fmt.Sprintf("process %d", pid)}
}

// checkLapses: no lease ends of somebody who could renew it.
func (v *verdict) checkLapses() {
	for _, r := range v.runs {
		for _, e := range v.record.lapsed[r.id] {
			if !r.hit && !r.hung && len(v.outages) == 0 {
				v.find("lapsed, though nothing had happened to it: %s\n%s", e, r)
			}
		}
	}
}

// checkCasualties: lull believes in a casualty only where a lease has lapsed, the job's,
// that of the job that it runs in, or that of a deployment whose command it met.
func (v *verdict) checkCasualties() {
	for id, e := range v.record.casualty {
		if v.unheard(id) != nil {
			continue
		}
		began := e.Time.Add(-time.Duration(e.Ran * float64(time.Second)))
		met := false
		for d, begun := range v.record.begun {
			met = met || v.unheard(d) != nil && begun.Before(e.Time) && v.record.last[d].After(began)
		}
		if !met {
			v.find("lull believes in a casualty: %s", e)
		}
	}
}

// lapseFigures is what became of leases, in numbers.
func (v *verdict) lapseFigures() string {
	jobs, deployments, dead, recorded := 0, 0, 0, 0
	for _, r := range v.runs {
		switch lapsed := v.record.lapsed[r.id]; {
		case len(lapsed) == 0:
		case r.hit && r.fault.kind != stopped:
			dead++
		case r.role == Deployment:
			deployments++
		default:
			jobs++
		}
	}
	for i, e := range v.entries {
		if e.what == "overlap" && v.isRecorded(i) {
			recorded++
		}
	}
	return fmt.Sprintf("leases ended of %d killed or interrupted, and lapsed of %d jobs (%d recorded anew) and %d deployments; %d of the overlaps on record, %d casualties",
		dead, jobs, len(v.record.lost), deployments, recorded, len(v.record.casualty))
}
