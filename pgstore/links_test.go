package pgstore

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/lull-dev/lull"
)

// taciturn is a server that lets everybody in and answers nothing.
type taciturn struct {
	begun   chan pgproto3.FrontendMessage // what each connection begins with
	asked   chan struct{}                 // closed when somebody has asked something
	hangsUp bool                          // then
}

func (s *taciturn) serve(c net.Conn) {
	b := pgproto3.NewBackend(c, c)
	first, err := b.ReceiveStartupMessage()
	if err != nil {
		return
	}
	s.begun <- first
	if _, isStartup := first.(*pgproto3.StartupMessage); !isStartup {
		return
	}
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte("1234")})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	if b.Flush() != nil {
		return
	}
	receive[*pgproto3.Sync](b)
	close(s.asked)
	if !s.hangsUp {
		receive[*pgproto3.Terminate](b)
	}
}

// receive reads until there is a message of a kind, or nothing more.
func receive[M pgproto3.FrontendMessage](b *pgproto3.Backend) {
	for {
		m, err := b.Receive()
		if _, is := m.(M); is || err != nil {
			return
		}
	}
}

// A request to cancel ends whatever the server process does by then, and with it all of a
// PgBouncer 1.18.
func TestACallGivenUpSendsNoCancelRequest(t *testing.T) {
	for _, test := range []struct {
		name    string
		hangsUp bool // the server, instead of the caller
		sound   bool // not: what is given up is the look how the pooler pools
	}{
		{name: "given up", sound: true},
		{name: "given up at the first look"},
		{name: "the server hangs up", sound: true, hangsUp: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			cleanEnvironment(t)
			server := &taciturn{begun: make(chan pgproto3.FrontendMessage, 10), asked: make(chan struct{}), hangsUp: test.hangsUp}
			s, err := Open("postgres://ann@" + serving(t, server.serve) + "/shop?sslmode=disable")
			if err != nil {
				t.Fatal(err)
			}
			s.links.sound.Store(test.sound)
			connected := make(chan *pgconn.PgConn, 1)
			s.address.config.AfterConnect = func(_ context.Context, c *pgconn.PgConn) error {
				connected <- c
				return nil
			}
			ctx, giveUp := context.WithCancel(t.Context())
			defer giveUp()
			called := make(chan error, 1)
			go func() {
				_, err := s.Gates(ctx)
				called <- err
			}()
			<-server.asked
			want := lull.ErrUnavailable
			if !test.hangsUp {
				giveUp()
				want = context.Canceled
			}
			if err := <-called; !errors.Is(err, want) {
				t.Errorf("%v", err)
			}
			<-(<-connected).CleanupDone() // which comes after the request
			<-server.begun
			if len(server.begun) > 0 {
				t.Errorf("there is one more connection, and it begins with a %T", <-server.begun)
			}
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
