// Package lull keeps background jobs from running while a deployment is in
// progress.
//
// A lull is a calm interval. Jobs pass a gate; a deployment closes it, waits
// until the jobs inside have left, does its work, and opens it again. The gate
// opens by itself whatever happens to the deployment.
//
//	client, err := lull.NewClient(store, lull.Options{})
//	…
//	pass, err := client.Enter(ctx, lull.Job{Name: "nightly-report"}) // waits while the gate is closed
//	if err != nil {
//		return err
//	}
//	defer pass.Leave(ctx, lull.Outcome{})
//	report(pass.Context()) // cancelled, with a cause, when the pass is lost
//
// and the deployment's counterpart:
//
//	hold, err := client.Close(ctx, lull.Closing{Kind: lull.Deployment, Reason: "release 81"})
//	if err != nil {
//		return err
//	}
//	defer hold.Open(ctx, lull.Outcome{})
//	if err := hold.Begin(ctx, lull.Draining{}); err != nil { // drains first
//		return err
//	}
//	deploy(hold.Context())
//
// # The one rule
//
// A gate has a [Phase], a counter that only grows: even is open, odd is closed.
// A pass has a ticket, the phase from which it is inside:
//
//	a pass is inside  ⇔  ticket ≤ phase
//
// Who arrives at an open gate gets ticket = phase, and is inside at once. Who
// arrives at a closed one gets ticket = phase + 1, and waits. The first hold adds
// one to the phase, the last one to go adds one more: everybody who waited is
// inside at that instant, by arithmetic, however many they are. A deployment may
// begin when no live pass has ticket ≤ phase, save those that are part of it.
//
//	phase     4          5               6              7
//	gate    open  ──▶  closed    ──▶   open   ──▶    closed
//	        tickets 4 ─▶ drained        ▲             ▲
//	                    tickets 6 wait ─┘ inside      └ tickets 6 are drained
//
// # Where things are
//
// The values and the rules on them are plain and pure: [Gate], [Pass], [Hold],
// [Event], [MarkCasualties]. A [Store] keeps them and decides; it never waits,
// retries or renews. [Client] does that, once for all stores. The stores are the
// packages filestore, memstore, and their siblings; storetest says, as tests, what
// each of them must do.
//
// # Leases and trust
//
// Every pass and every deployment's hold has a lease: how long the store believes
// in it without hearing from its owner. The owner believes in it a little
// shorter: until the moment before its last successful request was sent, plus the
// lease, less a margin. So an owner knows that it may have lost its place before
// anybody else can act on it, however long the answer took and whatever any clock
// says. Durations cross the seam between client and store; times do not.
package lull
