package pgtest

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// configure writes pgbouncer.ini. The server is reached by its port, since its socket
// asks for no password.
func (b *Bouncer) configure() error {
	settings := map[string]string{
		"listen_addr":     "127.0.0.1",
		"listen_port":     strconv.Itoa(b.port),
		"unix_socket_dir": b.dir,
		"auth_type":       "scram-sha-256",
		"auth_file":       filepath.Join(b.dir, "users"),
		"admin_users":     Superuser,
		"pool_mode":       cmp.Or(b.config.PoolMode, "transaction"),
	}
	if b.config.TLS != nil {
		settings["client_tls_sslmode"] = "allow"
		settings["client_tls_cert_file"] = filepath.Join(b.dir, filepath.Base(b.config.TLS.CertFile))
		settings["client_tls_key_file"] = filepath.Join(b.dir, filepath.Base(b.config.TLS.KeyFile))
	}
	maps.Copy(settings, b.config.Settings)
	var ini strings.Builder
	fmt.Fprintf(&ini, "[databases]\n* = host=127.0.0.1 port=%d\n[pgbouncer]\n", b.server.port)
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&ini, "%s = %s\n", key, settings[key])
	}
	return b.space.writeFile(b.iniFile(), ini.String())
}

// writeUsers writes passwords in plain: with SCRAM secrets PgBouncer could not log in
// at the server.
func (b *Bouncer) writeUsers() error {
	var users strings.Builder
	for _, user := range append([]string{Superuser}, b.config.Users...) {
		fmt.Fprintf(&users, "%q %q\n", user, Password)
	}
	return b.space.writeFile(filepath.Join(b.dir, "users"), users.String())
}
