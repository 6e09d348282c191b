package pgstore

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lull-dev/lull"
)

// address is where a store is: how to connect, and what else its URL says. It has
// passwords in it: print shown, never the rest.
type address struct {
	config      *pgconn.Config
	schema      string
	connections int    // so many are kept; 0: none, each call makes its own
	listen      bool   // one connection is kept that listens
	shown       string // the URL for people, and for children: without any password
}

// The times a server has to answer a new connection, if connect_timeout does not say
// it. Of several hosts the first may be the one that died, and whoever has five
// seconds for a last word must get to the next one.
const (
	connectWithin     = 10 * time.Second
	connectWithinEach = 2 * time.Second
)

// keepAlive finds out within half a minute that the peer of a silent connection has
// gone. A connection that listens would not notice otherwise.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// mostConnections is more than anybody needs: a store's calls are short.
const mostConnections = 100

// schemes are the beginnings of URLs that mean PostgreSQL. postgis is a Rails
// adapter's.
var schemes = []string{"postgres", "postgresql", "postgis"}

// driverKeys are what pgconn understands, of libpq's and its own. It would send all
// others to the server.
var driverKeys = []string{
	"host", "port", "dbname", "database", "user", "password", "passfile", "service", "servicefile", "connect_timeout",
	"target_session_attrs", "ssl", "sslmode", "sslkey", "sslcert", "sslcertmode", "sslrootcert", "sslnegotiation",
	"sslpassword", "sslsni", "krbspn", "krbsrvname", "min_protocol_version", "max_protocol_version", "channel_binding",
	"require_auth",
}

// secretKeys are those of driverKeys that nobody may see.
var secretKeys = []string{"password", "sslpassword"}

// ourKeys are lull's own, and what of libpq's it does itself.
var ourKeys = []string{
	"lull_schema", "lull_connections", "lull_listen", "options", "application_name", "fallback_application_name",
	"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "ssl_min_protocol_version",
}

// refused are keys of libpq that neither pgconn nor lull understands, and that cannot
// be dropped: whom we talk to would not be who was meant, or not as safely. The value
// is what to do instead.
var refused = map[string]string{
	"hostaddr":    "write the address as the host",
	"requirepeer": "use TCP with sslmode=verify-full to know who answers",
	"sslcrl":      "lull does not read revocation lists",
	"sslcrldir":   "lull does not read revocation lists",
	"gssencmode":  "use sslmode=verify-full instead of Kerberos",
}

// harmlessTLS are the keys beginning with ssl whose loss harms nobody. Any other that
// is unknown may be a misspelt sslmode.
var harmlessTLS = []string{"sslcompression", "sslkeylogfile", "ssl_max_protocol_version"}

// parseURL reads a store's URL. It is libpq's, with our keys in the query; what libpq
// and psql take from the environment, from ~/.pgpass and from service files is taken
// from there too. Keys that mean nothing to libpq are dropped, as those of Rails. An
// error is a *[lull.SetupError] without any password.
func parseURL(text string) (address, error) {
	u, err := splitURL(text)
	if err != nil {
		return address{}, err
	}
	config, err := pgconn.ParseConfig(u.join("postgres", func(string) bool { return true }))
	if err != nil {
		return address{}, u.complaint()
	}
	a := address{config: config, schema: "lull", shown: u.shown()}
	given := withEnvironment(config.RuntimeParams)
	config.RuntimeParams = map[string]string{}
	// In order, so that of two mistakes the same is told each time.
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if err := a.take(key, given[key]); err != nil {
			return address{}, err
		}
	}
	if err := a.tune(given); err != nil {
		return address{}, err
	}
	return a, nil
}

// Mask returns a store's URL as people may see it: without passwords, wherever they
// stand in it. Of what is not plainly a PostgreSQL URL nothing is left but the scheme.
func Mask(text string) string {
	u, err := splitURL(text)
	if err == nil {
		return u.shown()
	}
	for _, scheme := range schemes {
		if strings.HasPrefix(text, scheme+":") {
			return scheme + "://***"
		}
	}
	return "***"
}

// withEnvironment adds the variables of libpq that pgconn does not read, but that we
// may not overlook.
func withEnvironment(params map[string]string) map[string]string {
	all := maps.Clone(params)
	for _, key := range append(slices.Collect(maps.Keys(refused)), "ssl_min_protocol_version") {
		value := os.Getenv("PG" + strings.ToUpper(strings.ReplaceAll(key, "_", "")))
		if _, given := all[key]; !given && value != "" {
			all[key] = value
		}
	}
	return all
}

// take takes in one key that pgconn would send to the server. Few are sent, since a
// pooler refuses those it does not know.
func (a *address) take(key, value string) error {
	lower := strings.ToLower(key)
	switch {
	case strings.HasPrefix(key, "lull_"):
		return a.takeOwn(key, value)
	case (key == "application_name" || key == "options") && value != "":
		a.config.RuntimeParams[key] = value
	case key == "gssencmode" && value != "require":
		// It would be used if both sides could.
	case refused[key] != "" && value != "":
		return wrongURL(fmt.Sprintf("%s=%s is not understood", key, value), refused[key])
	case slices.Contains(ourKeys, key), slices.Contains(harmlessTLS, key), refused[key] != "":
	case key != lower && (slices.Contains(driverKeys, lower) || slices.Contains(ourKeys, lower) || refused[lower] != ""):
		return wrongURL(fmt.Sprintf("%s is not a key", key), "write it "+lower)
	case strings.HasPrefix(lower, "ssl"):
		return wrongURL(fmt.Sprintf("%s is not a key, or not with this value", key), "there are sslmode, sslrootcert, sslcert, sslkey, sslsni, sslnegotiation")
	}
	return nil
}

// takeOwn takes in a key of our own.
func (a *address) takeOwn(key, value string) error {
	wrong := wrongURL(fmt.Sprintf("%s=%s", key, value), "")
	switch key {
	case "lull_schema":
		a.schema = value
		wrong.Hint = "a schema is named by a-z, 0-9 and _, at most 63 of them, and neither a digit nor pg_ comes first"
		if !plainName(value) {
			return wrong
		}
	case "lull_connections":
		wrong.Hint = fmt.Sprintf("it is a number from 0 to %d", mostConnections)
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > mostConnections {
			return wrong
		}
		a.connections = n
	case "lull_listen":
		wrong.Hint = "it is on or off"
		if value != "on" && value != "off" {
			return wrong
		}
		a.listen = value == "on"
	default:
		return wrongURL(fmt.Sprintf("%s is not a key", key), "there are lull_schema, lull_connections and lull_listen")
	}
	return nil
}

// plainName reports whether a schema's name means the same with and without quotes,
// and whether PostgreSQL keeps it as it is. It keeps pg_ to itself, and cuts names at
// 63 bytes.
func plainName(name string) bool {
	for i, c := range []byte(name) {
		letter := 'a' <= c && c <= 'z' || c == '_'
		digit := '0' <= c && c <= '9'
		if !letter && (!digit || i == 0) {
			return false
		}
	}
	return name != "" && len(name) <= 63 && !strings.HasPrefix(name, "pg_")
}

// tune makes what pgconn has understood fit for a store.
func (a *address) tune(given map[string]string) error {
	params := a.config.RuntimeParams
	// Ours is UTF-8, whatever the database's is, or a role's or PGCLIENTENCODING's.
	params["client_encoding"] = "UTF8"
	if params["application_name"] == "" {
		params["application_name"] = "lull"
		if name := given["fallback_application_name"]; name != "" {
			params["application_name"] = name
		}
	}
	if err := a.tuneTLS(given["ssl_min_protocol_version"]); err != nil {
		return err
	}
	if a.config.ConnectTimeout == 0 {
		a.config.ConnectTimeout = connectWithin
		if a.manyHosts() {
			a.config.ConnectTimeout = connectWithinEach
		}
	}
	// Every verb writes, so that of several hosts any but the primary is no use.
	if a.manyHosts() && a.config.ValidateConnect == nil {
		a.config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	return a.tuneNetwork(given)
}

// tuneTLS sees that the server is at least as well known as libpq would know it.
func (a *address) tuneTLS(least string) error {
	configs := []*tls.Config{a.config.TLSConfig}
	for _, f := range a.config.Fallbacks {
		configs = append(configs, f.TLSConfig)
	}
	for _, c := range configs {
		switch {
		case c == nil:
		case c.VerifyPeerCertificate != nil && c.RootCAs == nil:
			// Else any certificate that anybody ever bought would do.
			return wrongURL("sslmode=verify-ca does not say which authority", "name its certificate with sslrootcert=FILE, or use sslmode=verify-full")
		case least == "TLSv1.3":
			c.MinVersion = tls.VersionTLS13 // the lower ones are below what Go speaks anyway
		}
	}
	return nil
}

// tuneNetwork bounds how long name servers and hosts may be silent.
func (a *address) tuneNetwork(given map[string]string) error {
	dialer := net.Dialer{Timeout: a.config.ConnectTimeout, KeepAliveConfig: keepAlive}
	if given["keepalives"] == "0" {
		dialer.KeepAliveConfig.Enable, dialer.KeepAlive = false, -1
	}
	for _, k := range []struct {
		key string
		set func(n int)
	}{
		{"keepalives_idle", func(n int) { dialer.KeepAliveConfig.Idle = time.Duration(n) * time.Second }},
		{"keepalives_interval", func(n int) { dialer.KeepAliveConfig.Interval = time.Duration(n) * time.Second }},
		{"keepalives_count", func(n int) { dialer.KeepAliveConfig.Count = n }},
	} {
		n, err := strconv.Atoi(given[k.key])
		switch {
		case given[k.key] == "":
		case err != nil || n < 0:
			return wrongURL(fmt.Sprintf("%s=%s", k.key, given[k.key]), "it is a number; a time is in seconds")
		case n > 0: // 0 is the default
			k.set(n)
		}
	}
	a.config.DialFunc = toConnect(dialer.DialContext)
	// pgconn bounds connecting, and not looking up.
	a.config.LookupFunc = func(ctx context.Context, host string) ([]string, error) {
		ctx, cancel := context.WithTimeout(ctx, connectWithin)
		defer cancel()
		return net.DefaultResolver.LookupHost(ctx, host)
	}
	return nil
}

// manyHosts reports whether the URL names several. A fallback may also be the same
// host without TLS.
func (a *address) manyHosts() bool {
	return slices.ContainsFunc(a.config.Fallbacks, func(f *pgconn.FallbackConfig) bool {
		return f.Host != a.config.Host || f.Port != a.config.Port
	})
}

// wrongURL does not show the URL: who gave it knows it, and what cannot be read
// cannot be masked.
func wrongURL(what, hint string) *lull.SetupError {
	return &lull.SetupError{What: "the store's URL: " + what, Hint: hint}
}
