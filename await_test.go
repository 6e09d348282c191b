package lull_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/memstore"
)

func TestAwaitReturnsWhenTheGateIsAsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := awaitClient(t, memstore.New())
		hold, err := client.Close(t.Context(), lull.Closing{Kind: lull.Person, Reason: "test"})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(time.Minute)
			hold.Open(context.Background(), lull.Outcome{})
		}()
		began := time.Now()
		open := func(s lull.Snapshot) bool { return s.Gate.Phase.Open() }
		if err := client.Await(t.Context(), open); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < time.Minute || took > time.Minute+time.Second {
			t.Errorf("Await returned after %s, and the gate opened after 1m", took)
		}
	})
}

func TestAwaitEndsWithTheCauseOfItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := awaitClient(t, memstore.New())
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, lull.ErrTimeout)
		defer cancel()
		err := client.Await(ctx, func(lull.Snapshot) bool { return false })
		if !errors.Is(err, lull.ErrTimeout) {
			t.Errorf("Await = %v, want %v", err, lull.ErrTimeout)
		}
	})
}

func TestAwaitSaysWhenTheStoreCouldNotBeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := awaitClient(t, mute{memstore.New()})
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, lull.ErrTimeout)
		defer cancel()
		err := client.Await(ctx, func(lull.Snapshot) bool { return true })
		if !errors.Is(err, lull.ErrUnavailable) {
			t.Errorf("Await = %v, want %v", err, lull.ErrUnavailable)
		}
	})
}

// mute is a store that shows nothing.
type mute struct{ *memstore.Store }

func (mute) Snapshot(context.Context, string) (lull.Snapshot, error) {
	return lull.Snapshot{}, lull.ErrUnavailable
}

func awaitClient(t *testing.T, s lull.Store) *lull.Client {
	t.Helper()
	client, err := lull.NewClient(s, lull.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return client
}
