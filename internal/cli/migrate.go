package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/lull-dev/lull/pgstore"
	"github.com/spf13/cobra"
)

// migrateFlags are the flags of lull migrate.
type migrateFlags struct {
	to                  int64
	print, check, force bool

	job, deploy, view []string // roles
}

func newMigrate(a *app) *cobra.Command {
	var f migrateFlags
	cmd := &cobra.Command{
		Use:   "migrate [flags]",
		Short: "Bring the schema in the database up to date, and say who may use it",
		Long: `Bring lull's schema in a PostgreSQL database to the version that this lull was made
for, or to another one. Each step is a transaction; several may migrate at once. The
role needs the right to create a schema in the database, or to be the owner of the one
that is there. A file store has no schema.

Nobody but the owner may use the schema until it is granted:
  --grant-job     enter and leave gates; such a role sees no command lines
  --grant-deploy  close and open gates, and all that the other two may
  --grant-view    see everything, also in the views status, job and history

A newer schema serves older releases of lull for as long as it says so: migrate first,
then update the hosts. With --to 0 everything is deleted, the history too.` + exitHelp(
			exitLine(0, "done; with --check: the schema is up to date"),
			exitLine(1, "with --check: it is not"),
			exitHelpUsage,
			exitHelpUnavailable,
			exitHelpConfig+", or the role may not do this"),
		Example: `  lull migrate --grant-job jobs --grant-deploy deploy
  lull migrate --print | less`,
		Args: noArgs("migrate"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.configure(cmd); err != nil {
				return err
			}
			if !cmd.Flags().Changed("to") {
				f.to = pgstore.Latest
			} else if f.to < 0 {
				return usage("--to must not be negative", "leave it away for the latest version")
			}
			return a.migrate(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Int64Var(&f.to, "to", 0, "the `version` to go to, up or down (default: the latest)")
	flags.BoolVar(&f.print, "print", false, "print the SQL that would be run, for psql, and change nothing")
	flags.BoolVar(&f.check, "check", false, "only look whether the schema is up to date")
	flags.BoolVar(&f.force, "force", false, "with --to 0: delete everything")
	flags.StringArrayVar(&f.job, "grant-job", nil, "let this `role` run jobs; may be repeated")
	flags.StringArrayVar(&f.deploy, "grant-deploy", nil, "let this `role` deploy; may be repeated")
	flags.StringArrayVar(&f.view, "grant-view", nil, "let this `role` look; may be repeated")
	return cmd
}

// grant is a role and what it is let do.
type grant struct {
	Right pgstore.Right `json:"right"`
	Role  string        `json:"role"`
}

func (f migrateFlags) grants() []grant {
	var all []grant
	for _, g := range []struct {
		right pgstore.Right
		roles []string
	}{{pgstore.RightJob, f.job}, {pgstore.RightDeploy, f.deploy}, {pgstore.RightView, f.view}} {
		for _, role := range g.roles {
			all = append(all, grant{g.right, role})
		}
	}
	return all
}

// goal is the version to go to, of those that there are.
func (f migrateFlags) goal(s schemaState) (int64, error) {
	switch {
	case f.to == pgstore.Latest:
		return max(s.Version, s.Latest), nil
	case f.to > s.Latest:
		return 0, usage(fmt.Sprintf("there is no version %d", f.to), fmt.Sprintf("this lull knows versions up to %d", s.Latest))
	case s.Version > s.Latest:
		return 0, misconfigured(fmt.Sprintf("the schema has version %d, and this lull knows versions up to %d", s.Version, s.Latest), "use the lull that has made it")
	}
	return f.to, nil
}

// refuse refuses flags that do not go together, and what nobody may mean.
func (f migrateFlags) refuse(s schemaState) error {
	goal, err := f.goal(s)
	switch {
	case err != nil:
		return err
	case f.check && (f.print || f.to != pgstore.Latest || len(f.grants()) > 0):
		return usage("--check goes with no other flag of migrate: it only looks", "leave the others away")
	case f.print && len(f.grants()) > 0:
		return usage("--print and --grant-… do not go together", "in SQL it is: select lull.grant_job('ROLE')")
	case goal < s.Latest && len(f.grants()) > 0:
		return usage("a right is granted on the latest version only", "leave --to away")
	case goal == 0 && s.Version > 0 && !f.force && !f.print:
		return usage("--to 0 deletes everything: all gates, who is inside, who waits and who holds them, and the whole history", "add --force if you mean it")
	}
	return nil
}

// migration is a step, as lull migrate tells it.
type migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
}

// schemaState is what lull migrate -o json prints.
type schemaState struct {
	Schema  int         `json:"schema"`
	Store   string      `json:"store"`
	Version int64       `json:"version"` // the database's; 0: there is no schema
	Latest  int64       `json:"latest"`  // that this lull knows
	Pending []migration `json:"pending"`
	Taken   []migration `json:"taken"`
	Granted []grant     `json:"granted"`
	SQL     *string     `json:"sql,omitempty"`
}

func (a *app) migrate(ctx context.Context, f migrateFlags) error {
	store, err := a.openSchema()
	if err != nil {
		return err
	}
	if url, _ := a.storeURL(); isRemote(url) {
		return usage("the store is a lulld's, and so is the schema behind it", "run lull migrate where lulld runs, with the store that it serves")
	}
	if store == nil {
		if len(f.grants()) > 0 || f.to != pgstore.Latest {
			return usage("a file store has no schema, and no roles", "who may use its directory is a matter of its mode: lull init --group")
		}
		if a.settings.json {
			return a.printJSON(schemaState{Schema: schema, Store: shownStore(a.settings.store), Pending: []migration{}, Taken: []migration{}, Granted: []grant{}})
		}
		a.say("there is nothing to migrate: a file store has no schema")
		return nil
	}
	defer func() { _ = store.Shutdown(ctx) }() // nothing of ours is in it
	state, err := a.schemaState(ctx, store)
	if err == nil {
		err = f.refuse(state)
	}
	switch {
	case err != nil:
		return err
	case f.check:
		return a.checkSchema(ctx, store, state)
	case f.print:
		return a.printScript(ctx, store, state, f.to)
	}
	return a.bringTo(ctx, store, state, f)
}

// openSchema opens the store, if it is one that has a schema; else it returns nil.
func (a *app) openSchema() (*pgstore.Store, error) {
	url, err := a.storeURL()
	if err != nil || url == "" || strings.HasPrefix(url, "file:") {
		return nil, err
	}
	store, err := a.openStore()
	if err != nil {
		return nil, err
	}
	s, _ := store.(*pgstore.Store)
	return s, nil
}

func (a *app) schemaState(ctx context.Context, store *pgstore.Store) (schemaState, error) {
	state := schemaState{Schema: schema, Store: store.About().URL, Pending: []migration{}, Taken: []migration{}, Granted: []grant{}}
	steps, version, err := store.Migrations(ctx)
	if err != nil {
		return state, notOwner(err)
	}
	state.Version = version
	for _, m := range steps {
		state.Latest = max(state.Latest, m.Version)
		if !m.Applied {
			state.Pending = append(state.Pending, migration{m.Version, m.Name})
		}
	}
	return state, nil
}

// notOwner is the error of who may not migrate: the grants that other verbs need would
// not help.
func notOwner(err error) error {
	if _, refused := pgstore.Refused(err); refused {
		return misconfigured(err.Error(), "be the schema's owner; or, where there is none yet, a role that has: grant create on database … to …")
	}
	return err
}

// checkSchema says whether the schema is up to date.
func (a *app) checkSchema(ctx context.Context, store *pgstore.Store, s schemaState) error {
	what := fmt.Sprintf("version %d: up to date", s.Version)
	switch {
	case s.Version > s.Latest:
		what = fmt.Sprintf("version %d: newer than this lull, which was made for %d", s.Version, s.Latest)
		if _, err := store.Gates(ctx); err == nil {
			what += " and is served by it"
		}
	case s.Version == 0:
		what = "there is no schema; pending: " + names(s.Pending)
	case len(s.Pending) > 0:
		what = fmt.Sprintf("version %d: older than this lull, which was made for %d; pending: %s", s.Version, s.Latest, names(s.Pending))
	}
	var err error
	if a.settings.json {
		err = a.printJSON(s)
	} else {
		err = a.print(what + "\n")
	}
	if err == nil && s.Version != s.Latest {
		err = exit(1)
	}
	return err
}

func names(all []migration) string {
	var b []string
	for _, m := range all {
		b = append(b, m.Name)
	}
	return strings.Join(b, ", ")
}

func (a *app) printScript(ctx context.Context, store *pgstore.Store, s schemaState, to int64) error {
	sql, err := store.Script(ctx, to)
	switch {
	case err != nil:
		return err
	case a.settings.json:
		s.SQL = &sql
		return a.printJSON(s)
	case sql == "":
		a.say("nothing is pending")
	}
	return a.print(sql)
}

// bringTo migrates, and grants.
func (a *app) bringTo(ctx context.Context, store *pgstore.Store, s schemaState, f migrateFlags) error {
	taken, err := store.Migrate(ctx, f.to)
	if err != nil {
		return notOwner(err)
	}
	var lines []string
	for _, m := range taken {
		s.Taken = append(s.Taken, migration{m.Version, m.Name})
		lines = append(lines, map[bool]string{true: "applied ", false: "reverted "}[m.Applied]+m.Name)
	}
	for _, g := range f.grants() {
		if err := a.letRole(ctx, store, g); err != nil {
			return err
		}
		s.Granted = append(s.Granted, g)
		lines = append(lines, fmt.Sprintf("role %q has the rights of a %s", g.Role, map[pgstore.Right]string{
			pgstore.RightJob: "job", pgstore.RightDeploy: "deployment", pgstore.RightView: "viewer",
		}[g.Right]))
	}
	after, err := a.schemaState(ctx, store)
	switch {
	case err != nil:
		return err
	case a.settings.json:
		s.Version, s.Pending = after.Version, after.Pending
		return a.printJSON(s)
	}
	lines = append(lines, fmt.Sprintf("the schema of %s has version %d", s.Store, after.Version))
	if after.Version < s.Version && after.Version < after.Latest {
		lines = append(lines, "this lull cannot use that version; what was granted is to be granted anew after the next migration")
	}
	return a.print(strings.Join(lines, "\n") + "\n")
}

// letRole grants a role a right.
func (a *app) letRole(ctx context.Context, store *pgstore.Store, g grant) error {
	err := store.Grant(ctx, g.Right, g.Role)
	if sqlState(err) == "42704" { // undefined_object
		return misconfigured(fmt.Sprintf("there is no role %q in the database", g.Role), "make it with: create role … login; names are as in psql's \\du")
	}
	if err != nil {
		return notOwner(err)
	}
	return nil
}
