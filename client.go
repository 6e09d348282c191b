package lull

import "time"

// Client passes and closes the gates of a store. It waits, retries, renews and
// drains, alike for every store. It is safe for concurrent use, and all that it
// keeps alive is renewed in one call.
type Client struct {
	store  Store
	gate   string
	holder Holder
	timing Timing
	notify func(Notice)
	keeper *keeper
}

// Options say for whom a [Client] acts. The zero value means the default gate, the
// default timings, and nobody in particular.
type Options struct {
	Gate   string
	Holder Holder
	Timing Timing

	// Notify is told what a person should know and no return value can say. It may be
	// called from any goroutine, and must not block.
	Notify func(Notice)
}

// Notice is something that happened while a pass or a hold was kept.
type Notice struct {
	Kind NoticeKind
	ID   string        // of the pass or hold; "" for the store
	Err  error         // why, if known
	Left time.Duration // until the limit, for NearLimit
}

// NoticeKind says what a notice is about.
type NoticeKind int

// The kinds of notice.
const (
	StoreDown   NoticeKind = iota // the store cannot be asked, and is asked again
	StoreBack                     // … and now it can
	TrustEnded                    // no renewal succeeded for so long that the lease may be lost
	TrustBack                     // … but it was not
	LeaseLost                     // the store does not know the pass or hold any more
	ClosedAnew                    // … the gate is closed again, under the ID
	EnteredAnew                   // … the job is on record again, under the ID
	NotRecorded                   // … it could not be, and no deployment will wait for it
	StopAsked                     // a deployment asks the jobs inside to stop
	NearLimit                     // most of a hold's limit is used up
	AtLimit                       // a hold's limit has come
)

// NewClient returns a client of a store. The error is about the options: a gate
// name that is not allowed, or impossible timings.
func NewClient(s Store, o Options) (*Client, error) {
	if o.Gate == "" {
		o.Gate = DefaultGate
	}
	if err := CheckGateName(o.Gate); err != nil {
		return nil, err
	}
	if err := o.Timing.Check(); err != nil {
		return nil, err
	}
	if o.Notify == nil {
		o.Notify = func(Notice) {}
	}
	t := o.Timing.withDefaults()
	return &Client{
		store: s, gate: o.Gate, holder: o.Holder, timing: t, notify: o.Notify,
		keeper: newKeeper(s, t),
	}, nil
}

// Gate is the name of the gate that the client passes and closes.
func (c *Client) Gate() string { return c.gate }

// Holder is for whom the client acts.
func (c *Client) Holder() Holder { return c.holder }

// Timing is how the client keeps its leases, the defaults filled in.
func (c *Client) Timing() Timing { return c.timing }

// Store is what the client asks.
func (c *Client) Store() Store { return c.store }

// tell passes on what has become of a lease.
func (c *Client) tell(id string, was, now leaseState) {
	switch {
	case now.lost && !was.lost:
		c.notify(Notice{Kind: LeaseLost, ID: id})
	case now.untrusted && !was.untrusted:
		c.notify(Notice{Kind: TrustEnded, ID: id, Err: now.err})
	case was.untrusted && !now.untrusted:
		c.notify(Notice{Kind: TrustBack, ID: id})
	}
	if now.stop && !was.stop {
		c.notify(Notice{Kind: StopAsked, ID: id})
	}
}
