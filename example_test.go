package lull_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/memstore"
)

// A job passes the gate. While the gate is closed, Enter waits.
func ExampleClient_Enter() {
	ctx := context.Background()
	client, err := lull.NewClient(memstore.New(), lull.Options{Holder: lull.Holder{User: "batch", Host: "node4"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	pass, err := client.Enter(ctx, lull.Job{Name: "nightly-report"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the report is made, with the gate in phase", pass.Phase())

	left, err := pass.Leave(ctx, lull.Outcome{})
	fmt.Println("a deployment ran meanwhile:", left.Casualty, err)
	// Output:
	// the report is made, with the gate in phase 0
	// a deployment ran meanwhile: false <nil>
}

// A deployment closes the gate, waits for the jobs inside, does its work and opens
// the gate.
func ExampleClient_Close() {
	ctx := context.Background()
	client, err := lull.NewClient(memstore.New(), lull.Options{Holder: lull.Holder{User: "deploy", Host: "web1"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	hold, err := client.Close(ctx, lull.Closing{Kind: lull.Deployment, Reason: "release 81"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := hold.Begin(ctx, lull.Draining{Timeout: 15 * time.Minute}); err != nil {
		fmt.Println("nothing is deployed:", err)
	} else {
		fmt.Println("deploying", hold.Hold().Reason)
	}
	opening, err := hold.Open(ctx, lull.Outcome{})
	fmt.Println("the gate is open:", opening.Gate.Phase.Open(), err)
	// Output:
	// deploying release 81
	// the gate is open: true <nil>
}

// forgetful is a store that has lost what it knew: as after a crash without a copy.
type forgetful struct{ *memstore.Store }

func (forgetful) Renew(_ context.Context, refs []lull.LeaseRef) ([]lull.LeaseState, error) {
	return make([]lull.LeaseState, len(refs)), nil
}

// Work that must not go on without its place at the gate takes the pass's context.
func ExampleLivePass_Context() {
	ctx := context.Background()
	timing := lull.Timing{Lease: 30 * time.Millisecond, KillGrace: time.Millisecond}
	client, err := lull.NewClient(forgetful{memstore.New()}, lull.Options{Timing: timing})
	if err != nil {
		fmt.Println(err)
		return
	}
	pass, err := client.Enter(ctx, lull.Job{Name: "nightly-report"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pass.Leave(ctx, lull.Outcome{})

	<-pass.Context().Done() // the work, which takes long
	why := context.Cause(pass.Context())
	fmt.Println(why, errors.Is(why, lull.ErrLost))
	// Output: lease lost true
}
