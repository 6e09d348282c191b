package pgstore

import (
	"context"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/pgtest"
)

// Each verb is called, its answer is lost on the way, and it is called again: it happened
// once, and says so.
func TestCallWhoseAnswerWasLostMayBeRepeated(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	for _, rule := range []struct {
		name string
		try  func(*repeater)
	}{
		{"EnterOpen", func(r *repeater) {
			p := r.newPass()
			r.twice("enter", func(ctx context.Context, s *Store) error {
				got, g, err := s.Enter(ctx, p)
				r.is(err, got.ID == p.ID && got.Ticket == 0 && g.Phase == 0 && got.Lease == p.Lease)
				return err
			})
			r.want("select count(*)::int from SCHEMA.pass", 1)
			r.want("select count(*)::int from SCHEMA.event", 0)
		}},
		{"EnterClosed", func(r *repeater) {
			r.closes(r.newHold())
			p := r.newPass()
			r.twice("enter", func(ctx context.Context, s *Store) error {
				got, g, err := s.Enter(ctx, p)
				r.is(err, got.ID == p.ID && got.Ticket == 2 && g.Phase == 1)
				return err
			})
			r.want("select count(*)::int from SCHEMA.pass", 1)
			r.want("select count(*)::int from SCHEMA.event where kind = 'waited'", 1)
		}},
		// The gate closes between the two: whoever was inside still is.
		{"EnterOpenThenClosed", func(r *repeater) {
			p := r.newPass()
			r.between = func() { r.closes(r.newHold()) }
			r.twice("enter", func(ctx context.Context, s *Store) error {
				got, g, err := s.Enter(ctx, p)
				r.is(err, got.ID == p.ID && got.Ticket == 0 && got.Inside(g.Phase))
				return err
			})
			r.want("select count(*)::int from SCHEMA.pass where ticket = 0", 1)
		}},
		{"EnterLate", func(r *repeater) {
			r.closes(r.newHold())
			p := r.newPass()
			p.Force, p.Ran, p.Resumes = true, time.Minute, lull.NewID()
			r.twice("enter", func(ctx context.Context, s *Store) error {
				got, g, err := s.Enter(ctx, p)
				r.is(err, got.ID == p.ID && got.Inside(g.Phase))
				return err
			})
			r.want("select count(*)::int from SCHEMA.pass", 1)
			r.want("select count(*)::int from SCHEMA.event where kind = 'lost'", 1)
		}},
		{"Force", func(r *repeater) {
			r.closes(r.newHold())
			p := r.enters(r.newPass())
			r.twice("force", func(ctx context.Context, s *Store) error {
				got, g, err := s.Force(ctx, lull.PassRef{Gate: p.Gate, ID: p.ID})
				r.is(err, got.ID == p.ID && got.Ticket == 1 && g.Phase == 1)
				return err
			})
			r.want("select count(*)::int from SCHEMA.event where kind = 'forced'", 1)
		}},
		{"Leave", func(r *repeater) {
			p := r.enters(r.newPass())
			r.twice("leave", func(ctx context.Context, s *Store) error {
				_, err := s.Leave(ctx, lull.PassRef{Gate: p.Gate, ID: p.ID}, lull.Outcome{Ran: time.Second})
				r.is(err, true)
				return err
			})
			r.want("select count(*)::int from SCHEMA.pass", 0)
			r.want("select count(*)::int from SCHEMA.event where kind = 'left'", 1)
		}},
		{"Close", func(r *repeater) {
			h := r.newHold()
			r.twice("close", func(ctx context.Context, s *Store) error {
				got, g, err := s.Close(ctx, h)
				r.is(err, got.ID == h.ID && got.Phase == 1 && g.Phase == 1 && got.State == lull.Held)
				return err
			})
			r.want("select count(*)::int from SCHEMA.hold", 1)
			r.want("select phase::int from SCHEMA.gate", 1)
			r.want("select count(*)::int from SCHEMA.event where kind = 'closed'", 1)
		}},
		{"CloseQueued", func(r *repeater) {
			first, h := r.newHold(), r.newHold()
			r.closes(first)
			h.Queue = true
			r.between = func() {
				_, err := r.other.Open(r.Context(), lull.HoldRef{Gate: first.Gate, ID: first.ID}, lull.Outcome{By: first.Holder})
				r.no(err)
			}
			r.twice("close", func(ctx context.Context, s *Store) error {
				got, g, err := s.Close(ctx, h)
				r.is(err, got.ID == h.ID && g.Phase == 3 && got.State == lull.Held)
				return err
			})
			r.want("select count(*)::int from SCHEMA.hold", 1)
			r.want("select count(*)::int from SCHEMA.event where kind = 'queued'", 1)
			r.want("select count(*)::int from SCHEMA.event where kind = 'closed'", 2)
		}},
		{"Begin", func(r *repeater) {
			h := r.closes(r.newHold())
			r.twice("begin", func(ctx context.Context, s *Store) error {
				err := s.Begin(ctx, lull.HoldRef{Gate: h.Gate, ID: h.ID}, lull.Start{})
				r.is(err, true)
				return err
			})
			r.want("select count(*)::int from SCHEMA.event where kind = 'begun'", 1)
		}},
		{"Stop", func(r *repeater) {
			h := r.closes(r.newHold())
			r.twice("stop", func(ctx context.Context, s *Store) error {
				err := s.Stop(ctx, lull.HoldRef{Gate: h.Gate, ID: h.ID})
				r.is(err, true)
				return err
			})
			r.want("select count(*)::int from SCHEMA.hold where stop", 1)
		}},
		{"Open", func(r *repeater) {
			h := r.closes(r.newHold())
			r.no(r.other.Begin(r.Context(), lull.HoldRef{Gate: h.Gate, ID: h.ID}, lull.Start{}))
			r.twice("open", func(ctx context.Context, s *Store) error {
				got, err := s.Open(ctx, lull.HoldRef{Gate: h.Gate, ID: h.ID}, lull.Outcome{By: h.Holder, Ran: time.Second})
				r.is(err, got.Gone && got.Gate.Phase == 2)
				return err
			})
			r.want("select count(*)::int from SCHEMA.hold", 0)
			r.want("select phase::int from SCHEMA.gate", 2)
			for _, kind := range []string{"ended", "released", "opened"} {
				r.want("select count(*)::int from SCHEMA.event where kind = '"+kind+"'", 1)
			}
		}},
		{"OpenBySomebodyElseWhileItRan", func(r *repeater) {
			h := r.closes(r.newHold())
			ref := lull.HoldRef{Gate: h.Gate, ID: h.ID}
			r.no(r.other.Begin(r.Context(), ref, lull.Start{}))
			_, err := r.other.Open(r.Context(), ref, lull.Outcome{By: lull.Holder{User: "bob"}, Force: true})
			r.no(err)
			r.twice("open", func(ctx context.Context, s *Store) error {
				got, err := s.Open(ctx, ref, lull.Outcome{By: h.Holder, Ran: time.Second})
				r.is(err, got.Gone)
				return err
			})
			r.want("select count(*)::int from SCHEMA.hold", 0)
			r.want("select count(*)::int from SCHEMA.event where kind = 'ended'", 1)
		}},
		{"Renew", func(r *repeater) {
			p := r.enters(r.newPass())
			r.twice("renew", func(ctx context.Context, s *Store) error {
				got, err := s.Renew(ctx, []lull.LeaseRef{{Gate: p.Gate, Pass: p.ID}})
				r.is(err, len(got) == 1 && got[0].Live)
				return err
			})
		}},
	} {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			p := pgtest.NewProxy(t, s)
			r := &repeater{world: newWorld(t, s), proxy: p}
			r.store = r.process("caller", p.TCPURL("", ""), "&lull_connections=1").store
			r.other = r.process("other", s.URL("", ""), lonelyProcess).store
			rule.try(r)
		})
	}
}

// repeater calls twice, and the first answer is lost.
type repeater struct {
	*world
	proxy        *pgtest.Proxy
	store, other *Store
	between      func() // may happen between the two calls
}

func (r *repeater) newPass() lull.Pass {
	return lull.Pass{ID: lull.NewID(), Gate: lull.DefaultGate, Name: "report", Lease: time.Minute}
}

func (r *repeater) newHold() lull.Hold {
	return lull.Hold{ID: lull.NewID(), Gate: lull.DefaultGate, Kind: lull.Deployment, Lease: time.Minute, Holder: lull.Holder{User: "ann", Host: "web1", PID: 1}}
}

func (r *repeater) enters(p lull.Pass) lull.Pass {
	r.Helper()
	got, _, err := r.other.Enter(r.Context(), p)
	r.no(err)
	return got
}

func (r *repeater) closes(h lull.Hold) lull.Hold {
	r.Helper()
	got, _, err := r.other.Close(r.Context(), h)
	r.no(err)
	return got
}

// is looks at an answer, if there is one.
func (r *repeater) is(err error, right bool) {
	r.Helper()
	if err == nil && !right {
		r.Error("wrong answer")
	}
}

func (r *repeater) want(sql string, want int) {
	r.Helper()
	if got := ask[int](r.world, sql); got != want {
		r.Errorf("%d of %q, want %d", got, sql, want)
	}
}

// twice calls a verb.
func (r *repeater) twice(verb string, call func(context.Context, *Store) error) {
	r.Helper()
	if _, err := r.store.Gates(r.Context()); err != nil { // which makes the connection
		r.Fatal(err)
	}
	r.proxy.Stall(pgtest.ToClient)
	ctx, cancel := context.WithCancel(r.Context())
	called := make(chan error, 1)
	go func() { called <- call(ctx, r.store) }()
	r.until("the server has carried it out", func() bool {
		return ask[bool](r.world, "select exists (select from pg_stat_activity where application_name = 'lull' and state = 'idle' and query like $1)",
			"%"+r.schema+`"."`+verb+`"(%`)
	})
	cancel()
	if err := <-called; err == nil {
		r.Fatal("an answer")
	}
	r.proxy.Reset() // the answer is lost for good
	r.no(r.proxy.Restore())
	if r.between != nil {
		r.between()
	}
	r.no(call(r.Context(), r.store))
}
