package metrics

import (
	"context"
	"errors"
	"time"

	"github.com/lull-dev/lull"
	"github.com/prometheus/client_golang/prometheus"
)

// asked measures what is asked of a store.
type asked struct {
	seconds *prometheus.HistogramVec
	errors  *prometheus.CounterVec
}

// verbs are what a store is asked, as they are labels.
var verbs = [...]string{
	"enter", "poll", "force", "leave", "close", "drain", "begin", "stop", "extend", "open",
	"renew", "snapshot", "gates", "events", "record", "usual", "traffic",
}

// The kinds of errors. What a store answers on purpose, such as that a hold is gone or
// another deployment holds, is none.
const (
	unavailable = "unavailable" // trying again may help
	setup       = "setup"       // … will not: the store is not set up as it must be
	other       = "other"
)

// storeBuckets reach from a file in the cache to a database that hardly answers.
var storeBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

func newAsked(r prometheus.Registerer) asked {
	a := asked{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "lull_store_seconds", Help: "How long the store took to answer.", Buckets: storeBuckets,
		}, []string{"verb"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lull_store_errors_total", Help: "Questions that the store could not answer.",
		}, []string{"verb", "kind"}),
	}
	r.MustRegister(a.seconds, a.errors)
	for _, verb := range verbs {
		a.seconds.WithLabelValues(verb)
		for _, kind := range []string{unavailable, setup, other} {
			a.errors.WithLabelValues(verb, kind) // a rate needs the zero before the first one
		}
	}
	return a
}

// note notes one answer.
func (a asked) note(verb string, took time.Duration, err error) {
	a.seconds.WithLabelValues(verb).Observe(took.Seconds())
	if kind := kindOf(err); kind != "" {
		a.errors.WithLabelValues(verb, kind).Inc()
	}
}

// kindOf is the kind of an error, or "" for an answer, and for a caller that gave up.
func kindOf(err error) string {
	if err == nil {
		return ""
	}
	_, isSetup := errors.AsType[*lull.SetupError](err)
	_, isBusy := errors.AsType[*lull.BusyError](err)
	_, isNotYours := errors.AsType[*lull.NotYoursError](err)
	_, isInside := errors.AsType[*lull.InsideError](err)
	switch {
	case isSetup:
		return setup
	case isBusy, isNotYours, isInside,
		errors.Is(err, lull.ErrGone), errors.Is(err, lull.ErrNotDrained),
		errors.Is(err, errors.ErrUnsupported), errors.Is(err, context.Canceled):
		return ""
	case errors.Is(err, lull.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return unavailable
	}
	return other
}
