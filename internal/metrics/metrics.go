package metrics

import (
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options of [New].
type Options struct {
	Version string // of this program

	// Connections is how many callers are connected now. It is called for each scrape,
	// from any goroutine. Nil: there is no such metric.
	Connections func() int
}

// Metrics are the metrics of one process, in a registry of their own. Make them with
// [New]. They are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	asked    asked
	state    state
	past     past
}

// New returns metrics that know nothing yet.
func New(o Options) *Metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "lull_build_info", Help: "Which release this is. Always 1.",
	}, []string{"version", "goversion"})
	build.WithLabelValues(o.Version, runtime.Version()).Set(1)
	registry.MustRegister(build)
	if o.Connections != nil {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "lull_connections", Help: "Callers that are connected to this server.",
		}, func() float64 { return float64(o.Connections()) }))
	}
	return &Metrics{registry: registry, asked: newAsked(registry), state: newState(registry), past: newPast(registry)}
}

// mostScrapes is how many scrapes are answered at once; one more is told to come back.
const mostScrapes = 4

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: mostScrapes})
}
