package pgstore

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/lull-dev/lull"
)

// halfSent sends the first part of some messages to the server, and then is silent.
func halfSent(t *testing.T, w *world, part func(all []byte) int, messages ...pgproto3.FrontendMessage) {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), server.URL("", ""))
	w.no(err)
	raw, err := c.Hijack()
	w.no(err)
	t.Cleanup(func() { raw.Conn.Close() })
	var all []byte
	for _, m := range messages {
		all, err = m.Encode(all)
		w.no(err)
	}
	_, err = raw.Conn.Write(all[:part(all)])
	w.no(err)
}

// A client that dies in the middle of what it says holds nobody up: the server begins when
// it has all of the message.
func TestHalfSentCallBlocksNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	s := w.process("other", server.URL("", ""), lonelyProcess).store
	p := lull.Pass{ID: lull.NewID(), Gate: lull.DefaultGate, Lease: time.Minute}
	h := lull.Hold{ID: lull.NewID(), Gate: lull.DefaultGate, Kind: lull.Deployment, Lease: time.Minute}
	for verb, q := range map[string]question{
		"enter": {Schema: schemaVersion, Gate: p.Gate, Pass: &p},
		"close": {Schema: schemaVersion, Gate: h.Gate, Hold: &h},
	} {
		text, err := json.Marshal(q)
		w.no(err)
		// What a call is made of: Parse, Bind, Describe, Execute, Sync; it is cut at any of them.
		messages := []pgproto3.FrontendMessage{
			&pgproto3.Parse{Query: s.statement(verb, false)}, &pgproto3.Bind{Parameters: [][]byte{text}},
			&pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}, &pgproto3.Sync{},
		}
		for tenth := 1; tenth < 10; tenth++ {
			halfSent(t, w, func(all []byte) int { return len(all) * tenth / 10 }, messages...)
		}
		halfSent(t, w, func(all []byte) int { return len(all) / 2 }, &pgproto3.Query{String: "select " + w.schema + "." + verb + "('" + string(text) + "')"})
	}
	began := time.Now()
	mine := lull.Hold{ID: lull.NewID(), Gate: lull.DefaultGate, Kind: lull.Deployment, Lease: time.Minute}
	_, g, err := s.Close(t.Context(), mine)
	w.no(err)
	if g.Phase != 1 {
		t.Errorf("phase %d", g.Phase)
	}
	if took := time.Since(began); took > 5*time.Second { // below lock_timeout
		t.Errorf("closing took %s", took)
	}
	_, err = s.Open(t.Context(), lull.HoldRef{Gate: mine.Gate, ID: mine.ID}, lull.Outcome{})
	w.no(err)
	if n := ask[int](w, "select count(*)::int from SCHEMA.pass"); n != 0 {
		t.Errorf("%d passes by half a call", n)
	}
}

// Why each verb is one message: a client that dies after the statement which takes the lock
// keeps it until the server notices, and everybody waits for it.
func TestHalfSentBatchWouldBlockEverybody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	s := w.process("other", server.URL("", ""), lonelyProcess).store
	extended := func(sql string) []pgproto3.FrontendMessage {
		return []pgproto3.FrontendMessage{&pgproto3.Parse{Query: sql}, &pgproto3.Bind{}, &pgproto3.Execute{}}
	}
	messages := append(extended("begin"), extended("select pg_advisory_xact_lock_shared(1819634796, hashtext('"+w.schema+"'))")...)
	messages = append(messages, &pgproto3.Flush{})
	var whole int
	for _, m := range messages {
		b, err := m.Encode(nil)
		w.no(err)
		whole += len(b)
	}
	messages = append(messages, extended("insert into a_pass values (1)")...)
	halfSent(t, w, func([]byte) int { return whole + 9 }, messages...)
	w.until("the lock is held", func() bool {
		return ask[bool](w, "select exists (select from pg_locks where locktype = 'advisory' and classid = 1819634796 and objid = (hashtext('SCHEMA')::bigint & 4294967295)::oid and granted)")
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, _, err := s.Close(ctx, lull.Hold{ID: lull.NewID(), Gate: w.schema, Kind: lull.Person})
		done <- err
	}()
	w.until("closing waits for it", func() bool {
		return ask[bool](w, "select exists (select from pg_locks where locktype = 'advisory' and classid = 1819634796 and objid = (hashtext('SCHEMA')::bigint & 4294967295)::oid and not granted)")
	})
	cancel()
	if err := <-done; err == nil {
		t.Error("the gate was closed")
	}
}
