package pgstore

import (
	"strings"
	"sync"
	"testing"

	"github.com/lull-dev/lull"
)

// A call whose answer was lost is made again, perhaps while the first is still under way.
// Whatever becomes of the first, it happens once, and the second is answered as the first.
func TestTwiceAtOnceIsOnce(t *testing.T) {
	t.Parallel()
	schema := newSchema(t)
	for _, c := range []struct {
		verb    string
		prepare func(s *session, gate string)
		q       func(gate string) object
		events  string // of "x"
		state   string // afterwards: phase, holds, queue, inside, waiting
	}{
		{
			verb: "enter", events: "", state: "0 0 0 1 0",
			q: func(gate string) object { return entering(gate, "x-"+gate, nil) },
		},
		{
			verb: "enter", events: "waited", state: "1 1 0 0 1",
			prepare: func(s *session, gate string) { s.closes(gate, "d-"+gate, nil) },
			q:       func(gate string) object { return entering(gate, "x-"+gate, nil) },
		},
		{
			verb: "force", events: "waited forced", state: "1 1 0 1 0",
			prepare: func(s *session, gate string) {
				s.closes(gate, "d-"+gate, nil)
				s.enters(gate, "x-"+gate, nil)
			},
			q: func(gate string) object { return object{"gate": gate, "id": "x-" + gate} },
		},
		{
			verb: "leave", events: "left", state: "0 0 0 0 0",
			prepare: func(s *session, gate string) { s.enters(gate, "x-"+gate, nil) },
			q:       func(gate string) object { return object{"gate": gate, "id": "x-" + gate} },
		},
		{
			verb: "close", events: "closed", state: "1 1 0 0 0",
			q: func(gate string) object { return closing(gate, "x-"+gate, nil) },
		},
		{
			verb: "close", events: "queued", state: "1 1 1 0 0",
			prepare: func(s *session, gate string) { s.closes(gate, "d-"+gate, nil) },
			q:       func(gate string) object { return closing(gate, "x-"+gate, object{"queue": true}) },
		},
		{
			verb: "begin", events: "closed begun", state: "1 1 0 0 0",
			prepare: func(s *session, gate string) { s.closes(gate, "x-"+gate, nil) },
			q:       func(gate string) object { return object{"gate": gate, "id": "x-" + gate} },
		},
		{
			verb: "open", events: "closed begun ended released opened", state: "2 0 0 0 0",
			prepare: func(s *session, gate string) {
				s.closes(gate, "x-"+gate, nil)
				s.call("begin", object{"gate": gate, "id": "x-" + gate})
			},
			q: func(gate string) object { return opening(gate, "x-"+gate) },
		},
		{ // the queue's head takes over once
			verb: "open", events: "closed released opened", state: "3 1 0 0 0",
			prepare: func(s *session, gate string) {
				s.closes(gate, "x-"+gate, nil)
				s.closes(gate, "e-"+gate, object{"queue": true})
			},
			q: func(gate string) object { return opening(gate, "x-"+gate) },
		},
	} {
		for _, end := range []string{"commit", "rollback"} {
			t.Run(c.verb+", then "+end, func(t *testing.T) {
				t.Parallel()
				first, second := newSession(t, schema), newSession(t, schema)
				gate := gateOf(strings.ReplaceAll(lull.NewID(), "-", ""))
				first.do("insert into SCHEMA.gate (name, longest_lease) values ($1, '1 h')", gate)
				if c.prepare != nil {
					c.prepare(first, gate)
				}
				first.do("begin")
				told := first.call(c.verb, c.q(gate))
				again := second.starts(c.verb, c.q(gate)).blocked(first)
				first.do(end)
				also := again.gives()
				want(t, "error", also.Error, told.Error)
				want(t, "ticket", also.Pass.Ticket, told.Pass.Ticket)
				want(t, "phase", also.Gate.Phase, told.Gate.Phase)
				want(t, "hold", also.Hold.Phase, told.Hold.Phase)
				want(t, "gone", also.Gone, c.verb == "open" && end == "commit")
				want(t, "events", second.events("x-"+gate), c.events)
				want(t, "state", one[string](second, `select concat_ws(' ', g.phase,
					(select count(*) from SCHEMA.hold where gate_id = g.id and state = 'held'), (select count(*) from SCHEMA.hold where gate_id = g.id and state = 'queued'),
					(select count(*) from SCHEMA.pass where gate_id = g.id and ticket <= g.phase), (select count(*) from SCHEMA.pass where gate_id = g.id and ticket > g.phase))
					from SCHEMA.gate g where name = $1`, gate), c.state)
			})
		}
	}
}

// The same by the dozen, as the store sends it.
func TestManyTimesAtOnceIsOnce(t *testing.T) {
	t.Parallel()
	s := openSchema(t, newSchema(t), "&lull_connections=8")
	ctx := t.Context()
	pass := lull.PassRef{Gate: "default", ID: "j"}
	hold := lull.HoldRef{Gate: "default", ID: "d"}
	for _, do := range []func() error{
		func() error {
			p, g, err := s.Enter(ctx, lull.Pass{ID: "j", Gate: "default", Name: "j"})
			if err == nil && !g.Phase.Admits(p.Ticket) {
				t.Error("it is not inside")
			}
			return err
		},
		func() error { _, err := s.Leave(ctx, pass, lull.Outcome{}); return err },
		func() error {
			_, _, err := s.Close(ctx, lull.Hold{ID: "d", Gate: "default", Kind: lull.Deployment, Lease: lull.DefaultLease})
			return err
		},
		func() error { return s.Begin(ctx, hold, lull.Start{}) },
		func() error { return s.Stop(ctx, hold) },
		func() error { _, err := s.Open(ctx, hold, lull.Outcome{}); return err },
	} {
		var all sync.WaitGroup
		for range 12 {
			all.Go(func() {
				if err := do(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	look := newSession(t, s.address.schema)
	want(t, "events", one[string](look, "select string_agg(kind, ' ' order by id) from SCHEMA.event"), "left closed begun ended released opened")
	want(t, "phase", look.number("select phase from SCHEMA.gate"), 2)
}
