package pgtest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// defaults are for several servers at a time on a small machine. What is not here is
// PostgreSQL's own; fsync and autovacuum stay on, since what is tested relies on
// them.
var defaults = map[string]string{
	"shared_buffers":  "32MB",
	"max_connections": "100",
	"max_wal_size":    "128MB",
	"min_wal_size":    "32MB",
	// In the data directory, not in /dev/shm, where a kill would leave it.
	"dynamic_shared_memory_type": "mmap",
}

// configure writes settings behind what initdb put in postgresql.conf: the last
// wins. They are not on the command line, where ALTER SYSTEM could not change them.
func (s *Server) configure(c Config) error {
	all := maps.Clone(defaults)
	if c.TLS != nil {
		all["ssl"] = "on"
		all["ssl_cert_file"] = filepath.Base(c.TLS.CertFile)
		all["ssl_key_file"] = filepath.Base(c.TLS.KeyFile)
	}
	maps.Copy(all, c.Settings)
	f, err := os.OpenFile(filepath.Join(s.data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		// Here a backslash escapes, in SQL it does not.
		fmt.Fprintf(f, "%s = %s\n", key, strings.ReplaceAll(quote(all[key]), `\`, `\\`))
	}
	return f.Close()
}

// Set changes a setting and reloads. One that needs a restart changes at the next
// Restart. A list of names, such as search_path, can have one here.
func (s *Server) Set(ctx context.Context, key, value string) error {
	// ALTER SYSTEM takes no parameters.
	change := fmt.Sprintf("alter system set %s = %s", pgx.Identifier{key}.Sanitize(), quote(value))
	if err := s.Exec(ctx, "", change); err != nil {
		return fmt.Errorf("set %s: %w", key, err)
	}
	return s.Reload(ctx)
}

// Reset takes back what Set has changed, and reloads.
func (s *Server) Reset(ctx context.Context, key string) error {
	if err := s.Exec(ctx, "", "alter system reset "+pgx.Identifier{key}.Sanitize()); err != nil {
		return fmt.Errorf("reset %s: %w", key, err)
	}
	return s.Reload(ctx)
}

// Reload has the server read its files again, and returns when new sessions go by
// them. Sessions that exist follow before their next statement.
func (s *Server) Reload(ctx context.Context) error {
	before, err := s.loadedAt(ctx)
	if err != nil {
		return err
	}
	if err := s.Exec(ctx, "", "select pg_reload_conf()"); err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	return poll(ctx, func() (bool, error) {
		now, err := s.loadedAt(ctx)
		return now.After(before), err
	})
}

// loadedAt is when the server read its files. A new session has it from its parent.
func (s *Server) loadedAt(ctx context.Context) (time.Time, error) {
	return Value[time.Time](ctx, s, "", "select pg_conf_load_time()")
}

// SetHBA replaces the lines of pg_hba.conf, and reloads. A line before them lets the
// superuser in by the socket, for the methods of this package.
func (s *Server) SetHBA(ctx context.Context, lines ...string) error {
	if err := s.writeHBA(lines); err != nil {
		return err
	}
	return s.Reload(ctx)
}

func (s *Server) writeHBA(lines []string) error {
	always := []string{"local all,replication " + Superuser + " trust"}
	content := strings.Join(append(always, lines...), "\n") + "\n"
	return s.space.writeFile(filepath.Join(s.data, "pg_hba.conf"), content)
}

// quote makes a literal.
func quote(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }
