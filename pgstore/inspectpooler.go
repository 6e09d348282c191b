package pgstore

import (
	"context"
	"strconv"
	"time"
)

// poolLooks is how often it is looked whether a pooler gives our server process to
// others: somebody else may have it just then. poolPatience is how long one look may
// take: where a pool of sessions is used up, it waits for the one that we have.
const (
	poolLooks    = 3
	poolPatience = 2 * time.Second
)

// pooling says whether a pooler stands between, and how it pools.
func (x *inspection) pooling(ctx context.Context, c *link) {
	// A pooler tells a process ID of its own, since it is the one to ask for a
	// cancellation.
	if c.PID() == x.at.PID {
		return
	}
	if err := x.transactions(ctx); isCode(err, protocolViolation) {
		x.failed(ctx, "look how the pooler pools", err)
		return
	}
	if !x.shared(ctx) {
		x.ok("a pooler stands between, and pools by session, it seems")
		return
	}
	x.ok("a pooler stands between, and pools by transaction: lull is made for that")
	if x.s.ears != nil {
		x.warn("leave lull_listen away, or name the server itself in the URL", "lull_listen=on hears nothing through a pooler that pools by transaction: jobs learn of changes only when they ask")
	}
}

// transactions tries to have one: a pooler that pools by statement ends the connection.
func (x *inspection) transactions(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, poolPatience)
	defer cancel()
	c, err := connect(within, x.s.address.config)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(within) }()
	return checkPooling(within, c.PgConn)
}

// shared reports whether others get the server process of our connection, which is
// still there, and idle.
func (x *inspection) shared(ctx context.Context) bool {
	for range poolLooks {
		if pid, ok := x.another(ctx); ok && pid == x.at.PID {
			return true
		}
	}
	return false
}

// another is the server process that one more connection gets.
func (x *inspection) another(ctx context.Context) (pid uint32, ok bool) {
	within, cancel := context.WithTimeout(ctx, poolPatience)
	defer cancel()
	c, err := connect(within, x.s.address.config)
	if err != nil {
		return 0, false
	}
	defer func() { _ = c.Close(within) }()
	text, err := askText(within, c.PgConn, "select pg_backend_pid()")
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil
}
