//go:build linux

package storm

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lull-dev/lull/internal/pgtest"
)

// outage is a time in which the store could not be reached, or not by all.
type outage struct {
	what     string
	from, to time.Time
}

func (o outage) length() time.Duration { return o.to.Sub(o.from) }

// figures is a list of outages in numbers.
func outageFigures(all []outage) string {
	count, longest := map[string]int{}, time.Duration(0)
	for _, o := range all {
		count[o.what]++
		longest = max(longest, o.length())
	}
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(count)) {
		kinds = append(kinds, fmt.Sprintf("%d %s", count[kind], kind))
	}
	return fmt.Sprintf("%d outages, the longest of %s: %s", len(all), longest.Round(time.Millisecond), strings.Join(kinds, ", "))
}

// weather is what befalls the cluster in a storm.
type weather struct {
	*testing.T
	*cluster
	rng   *rand.Rand
	lease time.Duration
}

// mishap is something that befalls the cluster and is over when it returns.
type mishap struct {
	what   string
	befall func(context.Context) error
}

// mishaps are all that there are, by now.
func (w *weather) mishaps() []mishap {
	all := []mishap{
		{"restart", func(ctx context.Context) error { return w.server.Restart(ctx, pgtest.Fast) }},
		{"crash", func(ctx context.Context) error { return w.server.Restart(ctx, pgtest.Immediate) }},
		{"terminated backends", func(ctx context.Context) error {
			// Whatever they are at: some wait for a lock, some have just committed.
			return w.server.Exec(ctx, "", "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lull' and random() < 0.5")
		}},
		{"reset", func(context.Context) error { w.network.Reset(); return nil }},
		w.away("cut", w.network.Cut),
		w.away("stall", func() { w.network.Stall(pgtest.BothWays) }),
		w.away("half-open to us", func() { w.network.Stall(pgtest.ToServer) }),
		w.away("half-open to the server", func() { w.network.Stall(pgtest.ToClient) }),
	}
	if w.bouncer != nil {
		all = append(all, mishap{"restart of PgBouncer", func(ctx context.Context) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.bouncer.Restart(ctx)
		}})
	}
	return all
}

// away is a network that fails some wrappers: mostly for so short that no lease lapses,
// and for longer than a lease as often as not when it comes again.
func (w *weather) away(what string, fail func()) mishap {
	return mishap{what, func(context.Context) error {
		length := upTo(w.rng, w.lease/3)
		if w.rng.IntN(2) == 0 {
			length = w.lease*4/3 + upTo(w.rng, w.lease/3)
		}
		fail()
		time.Sleep(length)
		return w.network.Restore()
	}}
}

// blow has mishaps befall the cluster, one after another and each kind as often as any
// other, until it is over. In between there is time to renew every lease.
func (w *weather) blow(over <-chan struct{}) (all []outage) {
	for {
		todo := w.mishaps()
		w.rng.Shuffle(len(todo), func(i, j int) { todo[i], todo[j] = todo[j], todo[i] })
		for _, m := range todo {
			select {
			case <-over:
				return all
			case <-time.After(w.lease/3 + upTo(w.rng, w.lease/3)):
			}
			o := outage{what: m.what, from: time.Now()}
			if err := m.befall(w.Context()); err != nil {
				w.Errorf("%s: %v", m.what, err)
			}
			o.to = time.Now()
			all = append(all, o)
		}
	}
}

// TestStormInBadWeather: the same, while the server restarts and crashes, its backends
// are ended, and the network fails half of the wrappers.
func TestStormInBadWeather(t *testing.T) {
	c := newCluster(t)
	c.network = pgtest.NewProxy(t, c.server)
	c.rage(t, true)
}

// The same through PgBouncer, which restarts as well.
func TestStormThroughPgBouncerInBadWeather(t *testing.T) {
	c := newCluster(t).pooled(t)
	c.network = pgtest.NewProxy(t, c.bouncer)
	c.rage(t, true)
}
