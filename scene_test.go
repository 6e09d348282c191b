package lull_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/memstore"
)

// scene is a store, whose verbs a test may break, and the clients that share it.
type scene struct {
	*testing.T
	*faulty
}

// play runs a test in a bubble, where time passes as soon as everybody waits. The
// bubble also finds the goroutine that is left behind.
func play(t *testing.T, test func(s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(&scene{t, &faulty{Store: memstore.New(), breaks: map[string]fault{}, calls: map[string]int{}}})
	})
}

// party is a client, and what it was told.
type party struct {
	*lull.Client
	*notices
}

func (s *scene) party(user string, options ...func(*lull.Options)) party {
	s.Helper()
	said := &notices{}
	o := lull.Options{Holder: lull.Holder{User: user, Host: "web1", PID: 7}, Notify: said.add}
	for _, set := range options {
		set(&o)
	}
	c, err := lull.NewClient(s.faulty, o)
	if err != nil {
		s.Fatal(err)
	}
	return party{c, said}
}

// enters is a job that is inside.
func (s *scene) enters(p party, job lull.Job) *lull.LivePass {
	s.Helper()
	pass, err := p.Enter(s.Context(), job)
	if err != nil {
		s.Fatalf("enter: %v", err)
	}
	return pass
}

// leaves ends a job whose command succeeded.
func (s *scene) leaves(p *lull.LivePass) lull.Departure {
	s.Helper()
	d, err := p.Leave(context.Background(), lull.Outcome{ExitCode: new(int)})
	if err != nil {
		s.Fatalf("leave: %v", err)
	}
	return d
}

// closes is a hold in force.
func (s *scene) closes(p party, closing lull.Closing) *lull.LiveHold {
	s.Helper()
	if closing.Kind == "" {
		closing.Kind = lull.Deployment
	}
	hold, err := p.Close(s.Context(), closing)
	if err != nil {
		s.Fatalf("close: %v", err)
	}
	return hold
}

// deploys is a deployment whose command has begun.
func (s *scene) deploys(p party, closing lull.Closing) *lull.LiveHold {
	s.Helper()
	hold := s.closes(p, closing)
	if err := hold.Begin(s.Context(), lull.Draining{}); err != nil {
		s.Fatalf("begin: %v", err)
	}
	return hold
}

func (s *scene) opens(h *lull.LiveHold) lull.Opening {
	s.Helper()
	opening, err := h.Open(context.Background(), lull.Outcome{ExitCode: new(int)})
	if err != nil {
		s.Fatalf("open: %v", err)
	}
	return opening
}

// forces opens the gate under somebody's hold.
func (s *scene) forces(h *lull.LiveHold) {
	s.Helper()
	ref := lull.HoldRef{Gate: lull.DefaultGate, ID: h.Hold().ID}
	if _, err := s.Store.Open(s.Context(), ref, lull.Outcome{Force: true, By: lull.Holder{User: "eve"}}); err != nil {
		s.Fatal(err)
	}
}

func (s *scene) snapshot() lull.Snapshot {
	s.Helper()
	snap, err := s.Store.Snapshot(context.Background(), lull.DefaultGate)
	if err != nil {
		s.Fatal(err)
	}
	return snap
}

// nothingRemains is promise 5.
func (s *scene) nothingRemains() {
	s.Helper()
	snap := s.snapshot()
	if n := len(snap.Gate.Holds) + len(snap.Gate.Queue) + len(snap.Gate.Loose); n > 0 || !snap.Gate.Phase.Open() {
		s.Errorf("the gate is left as %+v", snap.Gate)
	}
	if len(snap.Inside)+len(snap.Waiting) > 0 {
		s.Errorf("passes are left: inside %v, waiting %v", snap.Inside, snap.Waiting)
	}
}

// events are the kinds of all events so far.
func (s *scene) events() []lull.EventKind {
	var kinds []lull.EventKind
	for e := range s.Store.Events(context.Background(), lull.Filter{}) {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func (s *scene) wantEvents(want ...lull.EventKind) {
	s.Helper()
	if got := s.events(); !slices.Equal(got, want) {
		s.Errorf("events are %v, want %v", got, want)
	}
}

func (s *scene) want(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("the error is %v, want %v", err, want)
	}
}

// wantTook checks how much of the bubble's time has passed since began.
func (s *scene) wantTook(began time.Time, least, most time.Duration) {
	s.Helper()
	if took := time.Since(began); took < least || took > most {
		s.Errorf("it took %s, want %s to %s", took, least, most)
	}
}

// wantCause checks that ctx has ended with that cause; nil: that it has not ended.
func (s *scene) wantCause(ctx context.Context, want error) {
	s.Helper()
	synctest.Wait()
	if got := context.Cause(ctx); !errors.Is(got, want) {
		s.Errorf("the cause is %v, want %v", got, want)
	}
}

// meanwhile starts do, and returns a function that waits for its end.
func meanwhile(do func()) (ended func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	return func() { <-done }
}

// notices keeps what a client was told.
type notices struct {
	mu  sync.Mutex
	all []lull.Notice
}

func (n *notices) add(notice lull.Notice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, notice)
}

func (n *notices) kinds() []lull.NoticeKind {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	var kinds []lull.NoticeKind
	for _, notice := range n.all {
		kinds = append(kinds, notice.Kind)
	}
	return kinds
}

func (s *scene) wantNotices(p party, want ...lull.NoticeKind) {
	s.Helper()
	if got := p.kinds(); !slices.Equal(got, want) {
		s.Errorf("notices are %v, want %v", got, want)
	}
}
