package metrics

import (
	"github.com/lull-dev/lull"
	"github.com/prometheus/client_golang/prometheus"
)

// past counts what happens at the gates.
type past struct {
	waits, runs, drains, deployments *prometheus.HistogramVec

	casualties, crashed, overdue, forced, timedOut *prometheus.CounterVec
}

// jobBuckets are for what takes minutes: nothing, seconds, up to the half hour and the
// hour that are the limits of holds, and a working day.
var jobBuckets = []float64{1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 2700, 3600, 7200, 14400, 28800}

func newPast(r prometheus.Registerer) past {
	histogram := func(name, help string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: jobBuckets}, []string{"gate"})
		r.MustRegister(h)
		return h
	}
	counter := func(name, help string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"gate"})
		r.MustRegister(c)
		return c
	}
	return past{
		waits:       histogram("lull_waits_seconds", "How long jobs waited at the gate before they ran."),
		runs:        histogram("lull_runs_seconds", "How long jobs' commands ran."),
		drains:      histogram("lull_drains_seconds", "How long deployments waited for the jobs inside, from the closing to their command's start."),
		deployments: histogram("lull_deployments_seconds", "How long deployments' commands ran."),
		casualties:  counter("lull_casualties_total", "Jobs whose command ran while a deployment's did."),
		crashed:     counter("lull_crashed_total", "Deployments that ended without a word from their owner."),
		overdue:     counter("lull_overdue_total", "Deployments that reached their limit."),
		forced:      counter("lull_forced_total", "Jobs that entered a closed gate, and holds that somebody else ended."),
		timedOut:    counter("lull_timed_out_total", "Jobs that never ran, since the gate did not open in time."),
	}
}

// begin makes the series of a gate, so that a rate has the zero before the first event.
func (p past) begin(gate string) {
	for _, h := range []*prometheus.HistogramVec{p.waits, p.runs, p.drains, p.deployments} {
		h.WithLabelValues(gate)
	}
	for _, c := range []*prometheus.CounterVec{p.casualties, p.crashed, p.overdue, p.forced, p.timedOut} {
		c.WithLabelValues(gate)
	}
}

// count counts one event. What a deployment starts itself never waits, so its wait of
// nothing would say nothing.
func (p past) count(e lull.Event) {
	switch e.Kind {
	case lull.EventLeft:
		if e.PartOf == "" {
			p.waits.WithLabelValues(e.Gate).Observe(e.Waited.Seconds())
		}
		p.ran(e)
	case lull.EventAbandoned:
		p.ran(e)
	case lull.EventEnded:
		if e.Ran > 0 {
			p.deployments.WithLabelValues(e.Gate).Observe(e.Ran.Seconds())
		}
	case lull.EventCrashed:
		p.crashed.WithLabelValues(e.Gate).Inc()
	case lull.EventOverdue:
		p.overdue.WithLabelValues(e.Gate).Inc()
	case lull.EventForced:
		p.forced.WithLabelValues(e.Gate).Inc()
	case lull.EventTimedOut:
		p.timedOut.WithLabelValues(e.Gate).Inc()
	}
}

func (p past) ran(e lull.Event) {
	if e.Ran > 0 {
		p.runs.WithLabelValues(e.Gate).Observe(e.Ran.Seconds())
	}
}
