package pgstore

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/pgtest"
)

// Five hundred jobs, a process each, arrive within a second at a server that has room for
// a hundred. Each gets in, sooner or later, without a word of complaint. Not in parallel
// with others, who would have no share of the machine.
func TestBurstOfJobsAllGetIn(t *testing.T) {
	const jobs = 500
	s := pgtest.NewServer(t, pgtest.Config{Settings: map[string]string{"max_connections": "100"}})
	w := newWorld(t, s)
	w.timing = lull.Timing{}
	url := w.jobRole()
	began := time.Now()
	var all sync.WaitGroup
	var refused atomic.Int32
	inside := make(chan *job, jobs)
	for i := range jobs {
		p := w.process(fmt.Sprint("job", i), url, lonelyProcess)
		all.Go(func() {
			pause(time.Second)
			j, err := w.enters(t.Context(), p, lull.Job{Name: p.name})
			if err != nil {
				t.Error(err)
			}
			if p.told(lull.StoreDown) > 0 {
				refused.Add(1)
			}
			inside <- j
		})
	}
	all.Wait()
	close(inside)
	t.Logf("all %d inside after %s, %d had to try again", jobs, time.Since(began).Round(10*time.Millisecond), refused.Load())
	if n := ask[int](w, "select count(*)::int from SCHEMA.pass"); n != jobs {
		t.Errorf("%d passes", n)
	}
	began = time.Now()
	some(20, inside, func(j *job) {
		if j != nil {
			j.ends()
		}
	})
	t.Logf("all had left %s later", time.Since(began).Round(10*time.Millisecond))
	if n := w.counts(); n[lull.EventLeft] != jobs || n[lull.EventAbandoned] != 0 {
		t.Errorf("events: %v", n)
	}
	w.leavesNothing()
	w.noConnections()
}

// some do something at a time. Who leaves tries for five seconds only: a crowd that left at
// once would leave much to the leases.
func some[T any](workers int, all <-chan T, do func(T)) {
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			for one := range all {
				do(one)
			}
		})
	}
	working.Wait()
}

// jobRole makes a role that may do what a job may, and returns the URL to the server: who
// looks, as superuser, has connections of its own.
func (w *world) jobRole() string {
	w.Helper()
	w.no(w.server.CreateUser(w.Context(), w.schema, ""))
	w.exec("select SCHEMA.grant_job('SCHEMA')")
	return w.server.URL("", w.schema)
}

// A hundred that run and a hundred that wait hold no connection: each asks now and then,
// and hangs up. Not in parallel with others: it counts how often.
func TestJobsHoldNoConnectionBetweenTheirCalls(t *testing.T) {
	const jobs = 100
	s := pgtest.NewServer(t, pgtest.Config{})
	w := newWorld(t, s)
	w.timing = lull.Timing{}
	url := w.jobRole()
	running, waiters := make([]*job, jobs), make([]waiting, jobs)
	var all sync.WaitGroup
	for i := range jobs {
		p := w.process(fmt.Sprint("job", i), url, lonelyProcess)
		all.Go(func() {
			var err error
			if running[i], err = w.enters(t.Context(), p, lull.Job{Name: p.name}); err != nil {
				t.Error(err)
			}
		})
	}
	if all.Wait(); t.Failed() {
		return
	}
	deployer := w.process("deployer", s.URL("", ""), lonelyProcess)
	w.noConnections()
	most, busy, looks, _ := w.connections(time.Second)
	t.Logf("%d run: %d connections at most, some in %d of %d looks", jobs, most, busy, looks)
	if busy > looks/10 {
		t.Error("between their heartbeats running jobs are connected")
	}

	hold, err := deployer.Close(t.Context(), lull.Closing{Kind: lull.Person})
	w.no(err)
	for i := range jobs {
		waiters[i] = w.comes(w.process(fmt.Sprint("waiter", i), url, lonelyProcess), fmt.Sprint("waiter", i))
	}
	w.until("all wait", func() bool { return ask[int](w, "select count(*)::int from SCHEMA.pass where ticket = 2") == jobs })
	most, busy, looks, oldest := w.connections(3 * time.Second)
	t.Logf("%d wait too: %d connections at most, some in %d of %d looks, the oldest for %s", jobs, most, busy, looks, oldest.Round(time.Millisecond))
	if oldest > 4*time.Second { // one that is held would be older, and have company
		t.Errorf("a connection was there for %s", oldest)
	}
	_, err = hold.Open(t.Context(), lull.Outcome{})
	w.no(err)
	began := time.Now()
	both := make(chan int, jobs)
	for i := range jobs {
		both <- i
	}
	close(both)
	some(10, both, func(i int) {
		running[i].ends()
		waiters[i].inside().ends()
	})
	t.Logf("all gone %s after the opening", time.Since(began).Round(10*time.Millisecond))
	w.leavesNothing()
	w.noConnections()
}

// connections looks for a while how many there are, and how old the oldest gets.
func (w *world) connections(during time.Duration) (most, busy, looks int, oldest time.Duration) {
	w.Helper()
	c, err := w.server.Connect(w.Context(), "")
	w.no(err)
	defer c.Close(w.Context())
	for end := time.Now().Add(during); time.Now().Before(end); looks++ {
		var n int
		var age float64
		err := c.QueryRow(w.Context(), `select count(*)::int, coalesce(max(extract(epoch from clock_timestamp() - backend_start)), 0)::float8
			from pg_stat_activity where backend_type = 'client backend' and usename = $1`, w.schema).Scan(&n, &age)
		w.no(err)
		most = max(most, n)
		oldest = max(oldest, time.Duration(age*float64(time.Second)))
		if n > 0 {
			busy++
		}
		time.Sleep(time.Duration(20+rand.IntN(20)) * time.Millisecond)
	}
	return most, busy, looks, oldest
}
