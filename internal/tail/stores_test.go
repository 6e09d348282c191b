package tail_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/filestore"
	"github.com/lull-dev/lull/internal/pgtest"
	"github.com/lull-dev/lull/internal/tail"
	"github.com/lull-dev/lull/pgstore"
)

// Many jobs come and go while a reader follows: it reads what the history says in the
// end, no more and no less.
func TestATailOfARealStoreMissesNothing(t *testing.T) {
	t.Run("filestore", func(t *testing.T) {
		s, err := filestore.Open(t.TempDir(), filestore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		followRush(t, s)
	})
	t.Run("pgstore", func(t *testing.T) {
		server := pgtest.NewServer(t, pgtest.Config{})
		s, err := pgstore.Open(server.URL("postgres", ""))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Migrate(t.Context(), pgstore.Latest); err != nil {
			t.Fatal(err)
		}
		followRush(t, s)
	})
}

func followRush(t *testing.T, s lull.Store) {
	t.Helper()
	defer func() {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	come := func() {
		ref := lull.PassRef{Gate: "default", ID: lull.NewID()}
		if _, _, err := s.Enter(t.Context(), lull.Pass{ID: ref.ID, Gate: ref.Gate, Lease: time.Minute}); err != nil {
			t.Error(err)
		}
		if _, err := s.Leave(t.Context(), ref, lull.Outcome{}); err != nil {
			t.Error(err)
		}
	}
	come() // the gate is there
	var got, want []string
	tl := tail.FromNow(s, "default")
	follow := func() {
		for e, err := range tl.Events(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.ID)
		}
	}
	follow()
	var jobs sync.WaitGroup
	for range 8 {
		jobs.Go(func() {
			for range 50 {
				come()
			}
		})
	}
	ended := make(chan struct{})
	go func() { defer close(ended); jobs.Wait() }()
	for running := true; running; {
		select {
		case <-ended:
			running = false
		default:
		}
		follow()
	}
	for e, err := range s.Events(t.Context(), lull.Filter{Gate: "default", Kinds: []lull.EventKind{lull.EventLeft}}) {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, e.ID)
	}
	want = want[1:] // from before
	slices.Sort(got)
	slices.Sort(want)
	if len(want) != 400 || !slices.Equal(got, want) {
		t.Errorf("read %d events, %d are in the history", len(got), len(want))
	}
}
