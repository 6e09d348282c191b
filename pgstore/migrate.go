package pgstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migration is one step between two versions of the schema.
type Migration struct {
	Version int64  // after it
	Name    string // of its file
	Applied bool
	SQL     string
}

// Migrations lists the steps from an empty database to this release's version, the
// first first, and which of them the database has had. version is the database's, which
// may be a later release's; 0 is that of a database without our schema.
func (s *Store) Migrations(ctx context.Context) (steps []Migration, version int64, err error) {
	_, err = s.links.use(ctx, func(c *pgconn.PgConn) error {
		version, err = s.version(ctx, c)
		return err
	})
	if err != nil {
		return nil, 0, fault("look at the version of schema "+s.address.schema, err)
	}
	if steps, err = allSteps(); err != nil {
		return nil, 0, err
	}
	for i := range steps {
		steps[i].Applied = steps[i].Version <= version
	}
	return steps, version, nil
}

// allSteps are those of this release, whatever a database has had.
func allSteps() (steps []Migration, err error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		number, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		steps = append(steps, Migration{Version: number, Name: path.Base(name), SQL: string(text)})
	}
	return steps, nil
}

// version is the database's: 0 where there is no schema of ours.
func (s *Store) version(ctx context.Context, c *pgconn.PgConn) (int64, error) {
	table := s.address.schema + ".migration"
	there, err := askText(ctx, c, "select to_regclass($1) is not null", table)
	if err != nil || there != "t" {
		return 0, err
	}
	version, err := askText(ctx, c, "select coalesce(max(version_id), 0) from "+table+" where is_applied")
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(version, 10, 64)
}

// Latest is the version that Migrate goes to unless told otherwise.
const Latest = -1

// Migrate brings the schema to a version, up or down, each step in a transaction of its
// own, and returns the steps that it took. [Latest] is this release's version; 0 takes
// everything away, with all that is on record. Several may migrate at once: each step is
// taken by one of them, and all return when it is done.
func (s *Store) Migrate(ctx context.Context, version int64) (taken []Migration, err error) {
	err = s.migrating(ctx, func(p *goose.Provider) error {
		current, latest, err := p.GetVersions(ctx)
		switch {
		case err != nil:
			return err
		case version == Latest && current > latest:
			return nil // a later release's, which says itself whether it serves this one
		case version == Latest:
			version = latest
		}
		if version == current {
			return nil
		}
		var results []*goose.MigrationResult
		if version > current {
			results, err = p.UpTo(ctx, version)
		} else {
			results, err = p.DownTo(ctx, version)
		}
		for _, r := range results {
			if r.Error == nil {
				taken = append(taken, Migration{Version: r.Source.Version, Name: r.Source.Path, Applied: r.Direction == "up"})
			}
		}
		return err
	})
	return taken, err
}

// migrating does something with the library that migrates. It needs a connection of the
// database/sql kind, with full SQL: it is made for this alone.
func (s *Store) migrating(ctx context.Context, do func(*goose.Provider) error) error {
	fault := func(err error) error { return s.explain(ctx, "migrate schema "+s.address.schema, err) }
	config, err := pgx.ParseConfig("")
	if err != nil {
		return fault(err)
	}
	config.Config = *s.address.config.Copy()
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // a pooler may be between
	db := sql.OpenDB(connector{stdlib.GetConnector(*config)})
	defer db.Close()
	done, err := s.migrateAlone(ctx, db)
	if err != nil {
		return fault(err)
	}
	defer done()
	if err := s.makeSchema(ctx, db); err != nil {
		return fault(err)
	}
	store, err := database.NewStore(database.DialectPostgres, s.address.schema+".migration")
	if err != nil {
		return err
	}
	files, err := s.migrationFiles()
	if err != nil {
		return err
	}
	p, err := goose.NewProvider("", db, files, goose.WithStore(store), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	if err := do(p); err != nil {
		return fault(err)
	}
	return nil
}

// connector connects as [connect] does.
type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	return c.Connector.Connect(connecting(ctx))
}

// migrateAlone waits for whoever else migrates the schema, and keeps others waiting until
// done. The lock is a transaction's, on a connection of its own: a pooler may be between.
// Its key is the neighbour of the gates', so that no gate is locked by it.
func (s *Store) migrateAlone(ctx context.Context, db *sql.DB) (done func(), err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	done = func() { _ = tx.Rollback() } // it has done nothing
	_, err = tx.ExecContext(ctx, `select set_config('idle_in_transaction_session_timeout', '0', true), set_config('lock_timeout', '0', true),
		pg_advisory_xact_lock(1819634797, hashtext($1))`, s.address.schema)
	if err != nil {
		done()
		return nil, err
	}
	return done, nil
}

// makeSchema makes the schema, unless it is there: to make one needs a right on the
// database that the schema's owner may not have.
func (s *Store) makeSchema(ctx context.Context, db *sql.DB) error {
	var there bool
	err := db.QueryRowContext(ctx, "select exists (select from pg_namespace where nspname = $1)", s.address.schema).Scan(&there)
	if err == nil && !there {
		_, err = db.ExecContext(ctx, "create schema if not exists "+quoted(s.address.schema))
	}
	return err
}

// migrationFiles are the migrations for this store's schema.
func (s *Store) migrationFiles() (fs.FS, error) {
	steps, err := allSteps()
	if err != nil {
		return nil, err
	}
	files := fstest.MapFS{}
	for _, m := range steps {
		text := m.SQL
		for _, half := range []string{upHalf, downHalf} {
			text = strings.Replace(text, half, half+"\n"+s.searchPath(), 1)
		}
		files[m.Name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files, nil
}

// What begins the two halves of a migration, for goose.
const (
	upHalf   = "-- +goose Up\n"
	downHalf = "-- +goose Down\n"
)

// searchPath is how a migration finds its schema: it names none, so each half begins with
// this. pg_temp comes last, where nobody can put anything before ours.
func (s *Store) searchPath() string {
	return "set local search_path to " + quoted(s.address.schema) + ", pg_temp;\n"
}
