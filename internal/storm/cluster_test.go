//go:build linux

package storm

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/lull-dev/lull/internal/pgtest"
	"github.com/lull-dev/lull/pgstore"
)

// cluster is a PostgreSQL server, and what else stands between it and lull. It has
// some gates, and a storm rages at each: a wait takes a second there and a dead
// owner's place a lease, so that at one gate alone little would happen.
type cluster struct {
	server  *pgtest.Server
	network *pgtest.Proxy // nil: none

	mu      sync.Mutex      // who starts and stops PgBouncer
	bouncer *pgtest.Bouncer // nil: none
}

// gates is how many there are: as many as keep two cores busy.
const gates = 10

// newCluster starts a server with lull's schema in it.
func newCluster(t *testing.T) *cluster {
	c := &cluster{server: pgtest.NewServer(t, pgtest.Config{
		Settings: map[string]string{"max_connections": "400"},
		HBA:      []string{"host all all 127.0.0.1/32 trust"}, // SCRAM would take a third of the time
	})}
	store, err := pgstore.Open(c.server.URL("", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Shutdown(t.Context())
	if _, err := store.Migrate(t.Context(), pgstore.Latest); err != nil {
		t.Fatal(err)
	}
	if err := c.server.Exec(t.Context(), "", dawdle); err != nil {
		t.Fatal(err)
	}
	return c
}

// dawdle lets some statements take long between what they read and what they write, a
// tenth of a second on average, as if the host had stopped them there. A lock that is not
// taken, or taken too late, is then missed within seconds; it would take hours otherwise.
const dawdle = `
create function lull.dawdle() returns trigger language plpgsql as $$
begin
	perform pg_sleep(0.3 * random() ^ 2);
	return new;
end $$;
create trigger dawdle before insert on lull.pass for each row execute function lull.dawdle();
create trigger dawdle before update of phase on lull.gate for each row execute function lull.dawdle();
create trigger dawdle before update of begun_at on lull.hold for each row execute function lull.dawdle();`

// pooled puts PgBouncer before the server. Where it could not connect it would have
// nobody try for 15 s: far longer than these leases.
func (c *cluster) pooled(t *testing.T) *cluster {
	c.bouncer = pgtest.NewBouncer(t, c.server, pgtest.BouncerConfig{Settings: map[string]string{
		"max_client_conn": "1000", "server_login_retry": "1", "auth_type": "trust",
	}})
	return c
}

// url is a way to the store by TCP, which is PgBouncer's if there is one.
func (c *cluster) url() string {
	if c.bouncer != nil {
		return c.bouncer.TCPURL("", "")
	}
	return c.server.TCPURL("", "")
}

// ground is one of the cluster's gates.
func (c *cluster) ground(gate string) ground {
	near := c.url()
	g := ground{
		// A child's LULL_STORE has no password.
		store: []string{"LULL_STORE=" + near, "LULL_GATE=" + gate, "PGPASSWORD=" + pgtest.Password},
		ways:  []string{near, near + "&lull_connections=1"},
		lease: 4 * time.Second, killGrace: 500 * time.Millisecond,
		patience: 90 * time.Second, // a queue of deployments, each of which waits for a dead job
		lapses:   true,
		notice:   8 * time.Second, // who waits for long asks every 5 s, give or take a half
		pace:     10, rarity: 3, room: 24, lasting: 120, spread: 15 * time.Millisecond,
		records: func() ([]string, error) { return c.rows(gate) },
	}
	if c.network != nil {
		// An outage may last longer than a lease, and no longer than a last word is tried.
		g.lease, g.lasting = 3*time.Second, 20
		far := c.network.TCPURL("", "")
		g.ways = append(g.ways, far, far+"&lull_connections=1")
	}
	if c.bouncer == nil { // PgBouncer does not pass on what is told to those who listen
		for _, way := range g.ways {
			g.ways = append(g.ways, way+"&lull_listen=on")
		}
	}
	return g
}

// rows lists what is on record at a gate.
func (c *cluster) rows(gate string) ([]string, error) {
	return c.list(`select kind || ' ' || r.id || ' ' || r.more from (
			select 'pass' as kind, id, gate_id, job::text as more from lull.pass
			union all select 'hold', id, gate_id, state || about::text from lull.hold) r
		join lull.gate g on g.id = r.gate_id where g.name = $1`, gate)
}

// remnants lists the connections and locks of lull that are left, once everything has
// ended that could have any.
func (c *cluster) remnants() ([]string, error) {
	return c.list(`select format('connection %s: %s %s', pid, state, query) from pg_stat_activity where application_name = 'lull'
		union all select format('lock %s %s of %s', classid, objid, pid) from pg_locks where locktype = 'advisory'`)
}

func (c *cluster) list(sql string, args ...any) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), slack)
	defer cancel()
	conn, err := c.server.Connect(ctx, "")
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
