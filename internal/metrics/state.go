package metrics

import (
	"time"

	"github.com/lull-dev/lull"
	"github.com/prometheus/client_golang/prometheus"
)

// state is how the gates are.
type state struct {
	gates, lookedAt prometheus.Gauge

	open, phase, closedSeconds, drained *prometheus.GaugeVec
	holds, queued                       *prometheus.GaugeVec
	inside, waiting, oldestWaiter       *prometheus.GaugeVec
}

func newState(r prometheus.Registerer) state {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, append([]string{"gate"}, labels...))
		r.MustRegister(g)
		return g
	}
	s := state{
		gates: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lull_gates", Help: "Gates that were ever used. The first 200 are followed."}),
		lookedAt: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lull_looked_at_timestamp_seconds", Help: "When the store was last asked about the gates, and answered everything."}),

		open:          gauge("lull_gate_open", "Whether the gate is open."),
		phase:         gauge("lull_gate_phase", "How often the gate has opened or closed: odd while it is closed."),
		closedSeconds: gauge("lull_gate_closed_seconds", "For how long the gate has been closed; 0 while it is open."),
		drained:       gauge("lull_drained", "Whether the gate is closed and nobody is inside but the deployment's own."),
		holds:         gauge("lull_holds", "Holds that keep the gate closed.", "kind"),
		queued:        gauge("lull_queued", "Deployments that wait for another one."),
		inside:        gauge("lull_inside", "Jobs inside the gate."),
		waiting:       gauge("lull_waiting", "Jobs that wait for the gate to open."),
		oldestWaiter:  gauge("lull_oldest_waiter_seconds", "For how long the oldest waiting job has waited; 0 if none waits."),
	}
	r.MustRegister(s.gates, s.lookedAt)
	return s
}

// set shows a gate as it is. closedSince is when it closed, on the store's clock.
func (s state) set(snap lull.Snapshot, closedSince time.Time) {
	gate := snap.Gate.Name
	set := func(g *prometheus.GaugeVec, value float64) { g.WithLabelValues(gate).Set(value) }
	set(s.open, one(snap.Gate.Phase.Open()))
	set(s.phase, float64(snap.Gate.Phase))
	set(s.drained, one(snap.Drained))
	set(s.queued, float64(len(snap.Gate.Queue)))
	set(s.inside, float64(len(snap.Inside)))
	set(s.waiting, float64(len(snap.Waiting)))

	var closed, oldest time.Duration
	if !snap.Gate.Phase.Open() {
		closed = max(0, snap.Now.Wall.Sub(closedSince))
	}
	if len(snap.Waiting) > 0 {
		oldest = max(0, snap.Now.Sub(snap.Waiting[0].Arrived))
	}
	set(s.closedSeconds, closed.Seconds())
	set(s.oldestWaiter, oldest.Seconds())

	kinds := map[lull.Kind]int{lull.Deployment: 0, lull.Person: 0}
	for _, h := range snap.Gate.Holds {
		if _, known := kinds[h.Kind]; known {
			kinds[h.Kind]++
		}
	}
	for kind, n := range kinds {
		s.holds.WithLabelValues(gate, string(kind)).Set(float64(n))
	}
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
