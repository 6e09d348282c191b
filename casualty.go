package lull

import (
	"slices"
)

// span is a stretch of time in which a command ran. A zero end is not known yet.
type span struct{ from, to Moment }

// overlaps reports whether two spans meet, and not in their ends alone.
func (s span) overlaps(o span) bool {
	return (o.to.IsZero() || o.to.Sub(s.from) > 0) && (s.to.IsZero() || s.to.Sub(o.from) > 0)
}

// work is what is known of one deployment's command.
type work struct {
	span
	gate  string
	by    Holder
	holds []string // the hold's ID, and those it was closed anew under
	under string   // the one of them that it began under last
	told  bool     // its end is its owner's word, with the length: nobody knows better
}

// MarkCasualties returns the events with Casualty set on each job's end, left or
// abandoned, whose command ran while a deployment's did at the same gate and was
// not part of it. It does not matter why they met. The events must be in the order
// in which they were kept, and reach back to the start of the oldest command that
// is asked about. A deployment whose end is not among them is taken to run on; one
// that was taken for dead ran for as long as its owner tells in the end.
func MarkCasualties(events []Event) []Event {
	deployments := commands(events)
	marked := slices.Clone(events)
	for i, e := range marked {
		if e.Kind != EventLeft && e.Kind != EventAbandoned || e.Ran <= 0 {
			continue
		}
		job := span{e.At.Add(-e.Ran), e.At}
		marked[i].Casualty = slices.ContainsFunc(deployments, func(d *work) bool {
			return d.gate == e.Gate && d.overlaps(job) && (e.PartOf == "" || !slices.Contains(d.holds, e.PartOf))
		})
	}
	return marked
}

// commands collects the stretches in which deployments' commands ran. A deployment
// that lost its hold and closed anew is one command under several holds, whether it
// began again or not. What another process says of a hold counts for nothing.
func commands(events []Event) []*work {
	var all []*work
	of := map[string]*work{} // by the hold's ID
	for _, e := range events {
		w := of[e.ID]
		if lost := of[e.Resumes]; w == nil && lost != nil && lost.by.sameProcess(e.Holder) {
			w = lost
			w.holds = append(w.holds, e.ID)
			of[e.ID] = w
		}
		switch {
		case e.Kind == EventBegun && w == nil:
			w = &work{span: span{from: e.At.Add(-e.Ran)}, gate: e.Gate, by: e.Holder, holds: []string{e.ID}, under: e.ID}
			of[e.ID], all = w, append(all, w)
		case w == nil || w.told || !w.by.sameProcess(e.Holder):
		case e.Kind == EventBegun: // again: it ran all the while
			w.under, w.to = e.ID, Moment{}
		case e.Kind == EventEnded && e.Ran > 0: // known exactly, whenever it is told
			w.to, w.told = w.from.Add(e.Ran), true
			if w.to.Sub(e.At) > 0 {
				w.to = e.At // the length has the way of a question in it: see started
			}
		case e.Kind == EventEnded:
			w.to = e.At
		case e.Kind == EventCrashed && e.ID == w.under && w.to.IsZero():
			w.to = e.At
		}
	}
	return all
}
