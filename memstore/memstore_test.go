package memstore_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/memstore"
	"github.com/lull-dev/lull/storetest"
)

func TestStore(t *testing.T) {
	storetest.RunIn(t, synctest.Test, func(*testing.T) storetest.Harness {
		s := memstore.New()
		return storetest.Harness{Store: s, Other: view{s}, Lease: 2 * time.Second, Sleep: time.Sleep}
	})
}

// view is another process's: the same store, another value.
type view struct{ *memstore.Store }

func TestChangesAreTold(t *testing.T) {
	s := memstore.New()
	ctx, cancel := context.WithCancel(t.Context())
	changed, err := s.Changed(ctx, "default")
	if err != nil {
		t.Fatal(err)
	}
	told := func() bool {
		select {
		case <-changed:
			return true
		default:
			return false
		}
	}
	closing := func(gate string) {
		if _, _, err := s.Close(t.Context(), lull.Hold{ID: lull.NewID(), Gate: gate, Kind: lull.Person}); err != nil {
			t.Fatal(err)
		}
	}
	if closing("another"); told() {
		t.Error("told of another gate")
	}
	closing("default")
	if closing("default"); !told() || told() {
		t.Error("not told once of two changes")
	}
	cancel()
	if closing("default"); told() {
		t.Error("told after the end of the subscription")
	}
}

// deaf shows that one method can be broken.
type deaf struct{ *memstore.Store }

func (deaf) Renew(context.Context, []lull.LeaseRef) ([]lull.LeaseState, error) {
	return nil, lull.ErrUnavailable
}

var (
	_ lull.Store    = deaf{}
	_ lull.Notifier = deaf{}
)
