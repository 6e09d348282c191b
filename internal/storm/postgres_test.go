//go:build linux

package storm

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// rage lets a storm loose at each gate, in good weather or bad, and has all of them
// judged.
func (c *cluster) rage(t *testing.T, bad bool) {
	seed, length := newSeed(t), howLong(15*time.Second, 4*time.Second)
	storms := make([]*storm, gates)
	for i := range storms {
		s := prepare(t, func(string) ground { return c.ground(fmt.Sprintf("gate%d", i+1)) })
		if i > 0 {
			s.lull, s.witness = storms[0].lull, storms[0].witness
		} else {
			s.build(s.witness, "./witness", false)
			s.build(s.lull, "../../cmd/lull", *raceFlag)
		}
		s.tool = s.lullTool()
		storms[i] = s
	}
	over, calm := make(chan struct{}), make(chan struct{})
	var under, fronts, nursing sync.WaitGroup
	var outages, relapses []outage
	if c.bouncer != nil {
		nursing.Go(func() { relapses = c.nurse(t, calm) })
	}
	if bad {
		w := &weather{t, c, rand.New(rand.NewPCG(seed, 3)), storms[0].lease}
		fronts.Go(func() { outages = w.blow(over) })
	}
	for i, s := range storms {
		under.Go(func() { s.rage(seed+uint64(i), length) })
	}
	time.Sleep(length)
	close(over)
	fronts.Wait()
	under.Wait()
	close(calm)
	nursing.Wait()
	if outages = append(outages, relapses...); len(outages) > 0 {
		t.Log(outageFigures(outages))
	}
	calmed := make([]string, gates)
	for i, s := range storms {
		under.Go(func() { calmed[i] = s.aftermath() })
	}
	under.Wait()
	for i, s := range storms {
		s.conclude(calmed[i], outages...)
	}
	if c.bouncer != nil {
		c.bouncer.Stop() // which keeps its connections for the next who comes
	}
	storms[0].waitFor("no connection and no lock of lull is left", slack, func() string {
		left, err := c.remnants()
		if err != nil {
			return err.Error()
		}
		return strings.Join(left, "\n")
	})
}

// nurse starts PgBouncer again when it has ended by itself, as systemd does. Debian 12's
// does, 1.18: "bad client state", when many cancel what they have asked, as lull once did.
func (c *cluster) nurse(t *testing.T, over <-chan struct{}) (all []outage) {
	for {
		alive := time.Now()
		select {
		case <-over:
			return all
		case <-time.After(100 * time.Millisecond):
		}
		c.mu.Lock()
		if c.bouncer.Start(t.Context()) == nil { // it refuses to start what runs
			all = append(all, outage{"end of PgBouncer by itself", alive, time.Now()})
		}
		c.mu.Unlock()
	}
}

// The same storm, where the store is a database.
func TestStormOnPostgres(t *testing.T) {
	newCluster(t).rage(t, false)
}

// The same, through a pooler that gives each statement to any connection.
func TestStormThroughPgBouncer(t *testing.T) {
	newCluster(t).pooled(t).rage(t, false)
}
