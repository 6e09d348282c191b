package pgstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
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
	pool  *puddle.Pool[*link]
	keep  bool
	sound atomic.Bool // transactions can be had
}

func newLinks(a address) *links {
	l := &links{keep: a.connections > 0}
	pool, err := puddle.NewPool(&puddle.Config[*link]{
		Constructor: func(ctx context.Context) (*link, error) { return l.connect(ctx, a.config) },
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
	l.pool = pool
	return l
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

// connect gives up when its caller does. The pool would go on: the connection would be
// held although nobody asked for it, or hang for so long that those who hang, however
// few, leave no room for others. The first one is looked at: see checkPooling.
func (l *links) connect(ctx context.Context, config *pgconn.Config) (*link, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if caller, ok := ctx.Value(caller{}).(context.Context); ok {
		stop := context.AfterFunc(caller, cancel)
		defer stop()
	}
	c, err := connect(ctx, config)
	if err != nil || l.sound.Load() {
		return c, err
	}
	if err := checkPooling(ctx, c.PgConn); err != nil {
		_ = c.Close(ctx)
		return nil, err
	}
	l.sound.Store(true)
	return c, nil
}

func connect(ctx context.Context, config *pgconn.Config) (*link, error) {
	c, err := pgconn.ConnectConfig(connecting(ctx), config)
	if err != nil {
		return nil, err
	}
	return &link{PgConn: c}, nil
}

// dialed is the key by which a context says that it is one to connect in.
type dialed struct{}

// connecting is the context to make connections in: in any other toConnect does not dial.
func connecting(ctx context.Context) context.Context {
	return context.WithValue(ctx, dialed{}, true)
}

// toConnect dials for those who connect. When a call is given up, or its connection breaks,
// pgconn dials once more, in a context of its own, to ask the server to cancel the
// statement; it goes without when that comes to nothing. We want no such request:
//
//   - it ends whatever the server process does by the time it arrives, which behind a
//     pooler may be somebody else's statement,
//   - PgBouncer 1.18 ends, and everybody's connections with it, when whoever has sent one is
//     gone before it was passed on, as a lull is that exits: thirty clients that do so end
//     it within a second. See https://github.com/pgbouncer/pgbouncer/issues/801.
//
// So a statement that is given up goes on in the server until it is done, or has waited for
// a lock for the 10 s of the verbs' lock_timeout, and its answer is thrown away. That is
// what happens anyway when the network is cut: the call may be made again, since the IDs are
// ours, and what it puts on record after its owner's farewell ends with its lease.
func toConnect(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if ctx.Value(dialed{}) == nil {
			return nil, errors.New("no request to cancel is sent")
		}
		return dial(ctx, network, addr)
	}
}

// checkPooling refuses a pooler that gives every statement to another server process.
// Our calls are single statements, and would work; but migrations would not, nor would a
// later release that needs two. A pooler cannot be told from a server at sight, so
// everybody is asked, in one message.
func checkPooling(ctx context.Context, c *pgconn.PgConn) error {
	p := c.StartPipeline(ctx)
	p.SendQueryParams("begin", nil, nil, nil, nil)
	p.SendPipelineSync()
	p.SendQueryParams("rollback", nil, nil, nil, nil)
	err := p.Sync()
	if err == nil {
		// The first error: such a pooler hangs up, too.
		var result any
		if result, err = p.GetResults(); err == nil {
			if r, ok := result.(*pgconn.ResultReader); ok {
				_, err = r.Close()
			}
		}
	}
	closed := p.Close()
	if err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("look how the pooler pools: %w", err)
	}
	return nil
}
