package pgstore

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// The major versions of PostgreSQL that the schema needs at least, and that lull is
// tested with at most.
const (
	oldestServer = 13
	newestServer = 18
)

// clockOff is how far the database's clock and ours may differ before a history reads
// oddly. Nothing is decided by it.
const clockOff = 2 * time.Second

// serverFacts are what anybody may ask the server.
type serverFacts struct {
	Now      time.Time         `json:"now"`
	PID      uint32            `json:"pid"` // of the server process
	Role     string            `json:"role"`
	Database string            `json:"database"`
	Standby  bool              `json:"standby"`
	Standbys int               `json:"standbys"` // that follow it
	Settings map[string]string `json:"settings"` // times in their own units

	Sessions      int `json:"sessions"`
	OfRole        int `json:"of_role"`
	RoleLimit     int `json:"role_limit"` // -1: none
	OfDatabase    int `json:"of_database"`
	DatabaseLimit int `json:"database_limit"` // -1: none

	off time.Duration // our clock is so much ahead
}

func (f serverFacts) on(setting string) bool { return f.Settings[setting] == "on" }

// number is a setting's; 0 where there is none.
func (f serverFacts) number(setting string) int {
	n, _ := strconv.Atoi(f.Settings[setting])
	return n
}

// askServer asks for the facts. A session of somebody else's shows little more than that
// it is one.
func (x *inspection) askServer(ctx context.Context, c *link) bool {
	began := time.Now()
	err := askJSON(ctx, c.PgConn, &x.at, `select jsonb_build_object(
		'now', clock_timestamp(),
		'pid', pg_backend_pid(),
		'role', current_user,
		'database', current_database(),
		'standby', pg_is_in_recovery(),
		'standbys', (select count(*) from pg_stat_replication),
		'settings', (select jsonb_object_agg(name, setting) from pg_settings where name in (
			'server_version', 'server_version_num', 'server_encoding', 'default_transaction_isolation', 'default_transaction_read_only',
			'fsync', 'full_page_writes', 'synchronous_commit', 'synchronous_standby_names', 'autovacuum', 'track_counts',
			'statement_timeout', 'transaction_timeout', 'lock_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout',
			'max_connections', 'superuser_reserved_connections', 'reserved_connections')),
		'sessions', (select count(*) from pg_stat_activity where datid is not null and usesysid is not null),
		'of_role', (select count(*) from pg_stat_activity where usesysid = (select oid from pg_roles where rolname = session_user)),
		'role_limit', (select rolconnlimit from pg_roles where rolname = session_user),
		'of_database', (select count(*) from pg_stat_activity a join pg_database d on d.oid = a.datid where d.datname = current_database() and a.usesysid is not null),
		'database_limit', (select datconnlimit from pg_database where datname = current_database()))`)
	if err != nil {
		x.failed(ctx, "ask how the server is set up", err)
		return false
	}
	x.at.off = began.Add(time.Since(began) / 2).Sub(x.at.Now)
	return true
}

// server says what kind of server it is.
func (x *inspection) server() {
	version, major := x.at.Settings["server_version"], x.at.number("server_version_num")/10000
	switch {
	case major < oldestServer:
		x.problem("update it", "PostgreSQL %s is too old: %d is the oldest that lull works with", version, oldestServer)
	case major > newestServer:
		x.warn("look whether there is a newer lull", "PostgreSQL %s is newer than this lull: it was tested with %d to %d", version, oldestServer, newestServer)
	default:
		x.ok("PostgreSQL %s", version)
	}
	switch {
	case x.at.Standby:
		x.problem("name all hosts in the URL, with target_session_attrs=read-write", "the server is a standby: nothing can be written")
	case x.at.on("default_transaction_read_only"):
		x.problem("alter role … set default_transaction_read_only = off, or of the database", "transactions are read only here, by default_transaction_read_only")
	}
	if level := x.at.Settings["default_transaction_isolation"]; level != "read committed" {
		x.ok("the default isolation is %s: each call says that it needs read committed, which costs a little", level)
	}
	if encoding := x.at.Settings["server_encoding"]; encoding != "UTF8" {
		x.warn("keep the schema in a database whose encoding is UTF8", "the database's encoding is %s: jobs, reasons and commands with other characters are refused", encoding)
	}
	if off := x.at.off.Abs(); off > clockOff {
		x.warn("set both by NTP; limits and leases go by the database's clock alone, but people read both", "the clocks of the database and of this host differ by %s", off.Round(time.Second))
	}
}

// encryption says who can read what is sent.
func (x *inspection) encryption(c *pgconn.PgConn) {
	conn := c.Conn()
	if encrypted, ok := conn.(*tls.Conn); ok {
		version := tls.VersionName(encrypted.ConnectionState().Version)
		config := x.s.address.config.TLSConfig
		if len(encrypted.ConnectionState().VerifiedChains) > 0 || config != nil && config.VerifyPeerCertificate != nil {
			x.ok("encrypted by %s, and the server's certificate is checked", version)
		} else {
			x.ok("encrypted by %s; that it is the right server is not checked, which sslmode=verify-full would", version)
		}
		return
	}
	address, isTCP := conn.RemoteAddr().(*net.TCPAddr)
	switch {
	case !isTCP:
		x.ok("connected by a socket of this host")
	case address.IP.IsLoopback():
		x.ok("connected by TCP within this host, which is not encrypted")
	default:
		x.warn("set ssl = on there, and sslmode=verify-full in the URL", "the connection to %s is not encrypted: who is between can read it, and use it", address.IP)
	}
}

// durability says what a crash may cost.
func (x *inspection) durability() {
	for _, setting := range []string{"fsync", "full_page_writes"} {
		if !x.at.on(setting) {
			x.warn("set "+setting+" = on", "%s is off: a crash of the host may lose passes and holds, or the whole database", setting)
		}
	}
	if x.at.Settings["synchronous_commit"] == "off" {
		x.warn("alter role … set synchronous_commit = on", "synchronous_commit is off: a crash may lose the passes and holds of the last moment, and the gate opens on their jobs")
	}
	if x.at.Standbys > 0 && x.at.Settings["synchronous_standby_names"] == "" {
		x.ok("%d standbys follow, and none is waited for: a promoted one may lack the last passes, so that for one lease no gate is believed to have drained; a closing that it lacks is made anew by its deployment", x.at.Standbys)
	}
	if !x.at.on("autovacuum") || !x.at.on("track_counts") {
		x.warn("set autovacuum = on and track_counts = on", "autovacuum is off: what has left stays in the tables, and every call gets slower")
	}
}

// shortestTimeout is what a call may take at worst where nothing is wrong: it may wait
// for others at the gate.
const shortestTimeout = time.Second

// timeouts says of those that are set whether they hit a call.
func (x *inspection) timeouts() {
	kept := x.s.address.connections > 0 || x.s.ears != nil
	for _, t := range []struct {
		setting string
		hits    bool
	}{
		{"statement_timeout", true}, {"transaction_timeout", true},
		{"idle_session_timeout", kept},
		// A call brings its own limit, and is a transaction that never idles.
		{"lock_timeout", false}, {"idle_in_transaction_session_timeout", false},
	} {
		limit := time.Duration(x.at.number(t.setting)) * time.Millisecond
		switch {
		case limit == 0:
		case t.hits && limit < shortestTimeout:
			x.warn("raise it for this role: alter role … set "+t.setting+" = '10s'", "%s is %s, which a call may take where many meet at a gate", t.setting, limit)
		case t.hits && t.setting == "idle_session_timeout":
			x.ok("%s is %s: a connection that is kept is made anew after that", t.setting, limit)
		default:
			x.ok("%s is %s, and hits no call", t.setting, limit)
		}
	}
}

// fewConnections is how many should be left: each job and deployment needs one for some
// milliseconds at a time.
const fewConnections = 5

// room says whether there are connections left.
func (x *inspection) room() {
	reserved := x.at.number("superuser_reserved_connections") + x.at.number("reserved_connections")
	for _, limit := range []struct {
		who       string
		most, are int
		remedy    string
	}{
		{"the server has", x.at.number("max_connections") - reserved, x.at.Sessions, "raise max_connections, or put PgBouncer between"},
		{"the role " + x.at.Role + " may have", x.at.RoleLimit, x.at.OfRole, "alter role … connection limit -1"},
		{"the database may have", x.at.DatabaseLimit, x.at.OfDatabase, "alter database … connection limit -1"},
	} {
		left := max(limit.most-limit.are, 0)
		switch {
		case limit.most < 0:
		case left < fewConnections:
			x.warn(limit.remedy, "of the %d connections that %s %d are left: where there is none, calls are made again and again", limit.most, limit.who, left)
		default:
			x.ok("of the %d connections that %s %d are left", limit.most, limit.who, left)
		}
	}
}
