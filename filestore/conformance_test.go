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

// openAt is a store as another process would have it.
func openAt(t testing.TB, dir string, h *host) *Store {
	t.Helper()
	s, err := open(dir, Options{}, system{}, h)
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
