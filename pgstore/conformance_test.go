package pgstore

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lull-dev/lull/storetest"
)

// TestStore is what every store must do. Time is the tests' own: the schema's clock and
// the stores' are put forward together.
func TestStore(t *testing.T) {
	var p pool
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		t.Parallel()
		c := p.take(t)
		here, there := openSchema(t, c.schema, "&lull_connections=8"), openSchema(t, c.schema, "&lull_connections=8")
		here.vigil.now, there.vigil.now = c.now, c.now
		return storetest.Harness{Store: here, Other: there, Lease: time.Minute, Sleep: c.sleep}
	})
}

// pool keeps schemas for the rules to use again: to make one takes longer than a rule.
type pool struct {
	mu   sync.Mutex
	free []*clocked
}

func (p *pool) take(t *testing.T) *clocked {
	t.Helper()
	p.mu.Lock()
	var c *clocked
	if n := len(p.free); n > 0 {
		c, p.free = p.free[n-1], p.free[:n-1]
	}
	p.mu.Unlock()
	if c == nil {
		c = newClocked(t)
	}
	c.reset(t)
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.free = append(p.free, c)
	})
	return c
}

// clocked is a schema whose clock can be put forward.
type clocked struct {
	schema string

	mu    sync.Mutex
	shift time.Duration
}

func newClocked(t testing.TB) *clocked {
	t.Helper()
	c := &clocked{schema: newSchema(t)}
	exec(t, fmt.Sprintf(`create table %[1]s.shift (by_us bigint);
		insert into %[1]s.shift values (0);
		create or replace function %[1]s.clock() returns timestamptz language sql volatile as
		$$ select clock_timestamp() + (select by_us from %[1]s.shift) * interval '1 us' $$`, c.schema))
	return c
}

func (c *clocked) reset(t testing.TB) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shift = 0
	exec(t, fmt.Sprintf("truncate %[1]s.gate, %[1]s.hold, %[1]s.pass, %[1]s.event; update %[1]s.shift set by_us = 0", c.schema))
}

func (c *clocked) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.shift)
}

// sleep puts the schema's clock forward, and then the stores'.
func (c *clocked) sleep(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shift += d
	err := server.Exec(context.Background(), "postgres", fmt.Sprintf("update %s.shift set by_us = $1", c.schema), c.shift.Microseconds())
	if err != nil {
		panic(err)
	}
}
