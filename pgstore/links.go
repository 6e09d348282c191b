package pgstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
)

// lonely is how many connections a process that keeps none has at once: a wrapper
// renews beside what it asks, and hardly ever does a third thing.
const lonely = 4

// link is a connection to the server, or to a pooler in front of it.
type link struct {
	*pgconn.PgConn
	used bool // it may have died since
}

// links makes connections, and keeps those that the URL asks to keep.
type links struct {
	pool *puddle.Pool[*link]
	keep bool
}

func newLinks(a address) *links {
	pool, err := puddle.NewPool(&puddle.Config[*link]{
		Constructor: func(ctx context.Context) (*link, error) { return connectFor(ctx, a.config) },
		Destructor: func(l *link) {
			ctx, cancel := context.WithTimeout(context.Background(), goodbye)
			defer cancel()
			_ = l.Close(ctx) // nobody could act on it
		},
		MaxSize: int32(max(a.connections, lonely)),
	})
	if err != nil {
		panic(err) // only of a size below 1
	}
	return &links{pool: pool, keep: a.connections > 0}
}

// goodbye is how long the end of a connection may take.
const goodbye = time.Second

// use lends a connection. again says that it failed, and that it may have been dead
// before: worth another try at once.
func (l *links) use(ctx context.Context, do func(*pgconn.PgConn) error) (again bool, err error) {
	r, err := l.pool.Acquire(context.WithValue(ctx, caller{}, ctx))
	if err != nil {
		return false, err
	}
	c := r.Value()
	err = do(c.PgConn)
	again = err != nil && c.used && c.IsClosed() && ctx.Err() == nil
	c.used = true
	if l.keep && !c.IsClosed() && c.TxStatus() == 'I' {
		r.Release()
	} else {
		r.Destroy()
	}
	return again, err
}

// close closes all connections, when those who use them have given them back.
func (l *links) close(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.pool.Close()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// caller is the key by which a context has the caller's own in it.
type caller struct{}

// connectFor is connect, which gives up when its caller does. The pool would go on: the
// connection would be held although nobody asked for it, or hang for so long that those
// who hang, however few, leave no room for others.
func connectFor(ctx context.Context, config *pgconn.Config) (*link, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if caller, ok := ctx.Value(caller{}).(context.Context); ok {
		stop := context.AfterFunc(caller, cancel)
		defer stop()
	}
	return connect(ctx, config)
}

// connect opens a connection, and refuses one on which no transaction can be had.
func connect(ctx context.Context, config *pgconn.Config) (*link, error) {
	c, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if maybePooled(c) {
		if err := checkPooling(ctx, c); err != nil {
			_ = c.Close(ctx)
			return nil, err
		}
	}
	return &link{PgConn: c}, nil
}

// maybePooled reports whether there may be a pooler between us and the server. A server
// tells whether it is a standby, since PostgreSQL 14, which poolers do not pass on.
func maybePooled(c *pgconn.PgConn) bool { return c.ParameterStatus("in_hot_standby") == "" }

// checkPooling refuses a pooler that gives every statement to another server process.
// Our calls are single statements, and would work; but migrations would not, nor would a
// later release that needs two.
func checkPooling(ctx context.Context, c *pgconn.PgConn) error {
	for _, statement := range []string{"begin", "rollback"} {
		if err := c.Exec(ctx, statement).Close(); err != nil {
			return fmt.Errorf("look how the pooler pools: %w", err)
		}
	}
	return nil
}
