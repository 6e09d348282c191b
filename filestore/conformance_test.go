package filestore

import (
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		t.Parallel()
		var c clock
		dir := t.TempDir()
		here, there := openAt(t, dir, c.in(thisHost())), openAt(t, dir, c.in(thisHost()))
		return storetest.Harness{
			Store: here, Other: there, Lease: time.Minute, Sleep: c.sleep,
			Kill: func(ref lull.LeaseRef) { kill(ref, here, there) },
		}
	})
}

// TestStoreByLease is the same with owners elsewhere: nothing here dies with them.
func TestStoreByLease(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		t.Parallel()
		var c clock
		dir := t.TempDir()
		here := openAs(t, dir, Options{ByLease: true}, c.in(longUp(thisHost())))
		there := openAs(t, dir, Options{ByLease: true}, c.in(longUp(thisHost())))
		return storetest.Harness{Store: here, Other: there, Lease: time.Minute, Sleep: c.sleep}
	})
}

// longUp is a host that was started long before any test.
func longUp(h *host) *host {
	up := h.up
	h.up = func() time.Duration { return 24*time.Hour + up() }
	return h
}

// openAt is a store as another process would have it.
func openAt(t testing.TB, dir string, h *host) *Store {
	t.Helper()
	return openAs(t, dir, Options{}, h)
}

func openAs(t testing.TB, dir string, o Options, h *host) *Store {
	t.Helper()
	s, err := open(dir, o, system{}, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		for _, r := range s.rooms {
			for id := range r.kept {
				r.release(id)
			}
		}
	})
	return s
}
