package remotestore_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull/memstore"
	"github.com/lull-dev/lull/storetest"
)

func TestStore(t *testing.T) {
	storetest.RunIn(t, synctest.Test, func(t *testing.T) storetest.Harness {
		server := hosts{"lulld": serveInMemory(t, lulld(memstore.New()))}
		return storetest.Harness{
			Store: openInMemory(t, server), Other: openInMemory(t, server),
			Lease: 2 * time.Second, Sleep: time.Sleep, Rounds: 10,
		}
	})
}
