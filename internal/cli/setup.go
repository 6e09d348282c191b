package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/pgstore"
)

// explainSetup tells a person why the store cannot be used as it is set up. The store
// has a hint; here is what only the command knows.
func (a *app) explainSetup(err error, setup *lull.SetupError) *failure {
	f := &failure{status: exitConfig, what: err.Error(), hint: setup.Hint, err: err}
	right, refused := pgstore.Refused(err)
	switch {
	case refused:
		f.hint = grantHint(right, a.command)
	case pgstore.NotLetIn(err) && a.handedOn():
		f.hint += "; to what it runs lull hands on LULL_STORE without the password: name the store in lull.toml, or set LULL_STORE=env:NAME"
	case slices.Contains(wrongSchema, sqlState(err)) && !a.verbose && setup.Err != nil:
		// What the server says about it is about a function that nobody knows.
		f.what = strings.TrimSuffix(f.what, ": "+setup.Err.Error())
	}
	return f
}

// closing are the commands for which a deployment's right is needed, whatever they
// begin with.
var closing = []string{"deploy", "close", "open", "extend"}

// grantHint says how a role gets the right to do what it may not.
func grantHint(right pgstore.Right, command string) string {
	switch {
	case slices.Contains(closing, command):
		right = pgstore.RightDeploy
	case right == "" && command == "run":
		right = pgstore.RightJob
	}
	if right == "" {
		return "the schema's owner grants what a role needs: lull migrate --grant-job ROLE, --grant-deploy ROLE or --grant-view ROLE"
	}
	return fmt.Sprintf("the schema's owner grants it: lull migrate --grant-%s ROLE", right)
}

// handedOn reports whether the store was named by a lull around this one, without a
// password.
func (a *app) handedOn() bool {
	return a.nested() && a.flags.store == "" && a.settings.store == a.Getenv(storeVariable) && !pgstore.HasPassword(a.settings.store)
}

// wrongSchema are the SQLSTATEs of a schema that is missing, older, or newer: the
// first are PostgreSQL's, for a schema, a function, a table and a column that are not
// there.
var wrongSchema = []string{"3F000", "42883", "42P01", "42703", "LULL2", "LULL3"}

// sqlState is the code of a database's error; "" if there is none.
func sqlState(err error) string {
	var database interface{ SQLState() string }
	if errors.As(err, &database) {
		return database.SQLState()
	}
	return ""
}
