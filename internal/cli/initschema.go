package cli

import (
	"context"
	"fmt"

	"github.com/lull-dev/lull/pgstore"

	"github.com/lull-dev/lull/internal/words"
)

// withoutPassword is a store's URL as it may stand in lull.toml, which everybody can
// read. A password that is found elsewhere, too, is left away; any other is refused.
func (a *app) withoutPassword(ctx context.Context, url string) (string, error) {
	if !pgstore.HasPassword(url) {
		return url, nil
	}
	open := pgstore.Mask(url)
	store, err := pgstore.Open(open)
	if err != nil {
		return "", err
	}
	defer func() { _ = store.Shutdown(ctx) }() // nothing of ours is in it
	_, _, err = store.Migrations(ctx)
	_, refused := pgstore.Refused(err)
	switch {
	case err == nil, refused: // it was let in
		a.say("the password is left away: the server lets this user in without it, or with the one in ~/.pgpass or PGPASSWORD")
		return open, nil
	case pgstore.NotLetIn(err):
		return "", misconfigured("the URL has a password in it, which everybody could read in lull.toml",
			fmt.Sprintf("put it into ~/.pgpass (host:port:database:user:password, chmod 600) of each user, and run: lull init %s; or set a variable to the URL, and run: lull init env:NAME", words.ShellWord(open)))
	}
	return "", err
}

// makeSchema brings the schema up to date. A role that may not do that is well with a
// schema that is there, and that it can use.
func (a *app) makeSchema(ctx context.Context, store *pgstore.Store) error {
	defer func() { _ = store.Shutdown(ctx) }() // nothing of ours is in it
	taken, err := store.Migrate(ctx, pgstore.Latest)
	if _, refused := pgstore.Refused(err); refused {
		if _, unusable := store.Gates(ctx); unusable == nil {
			a.say("the schema is there; this role may use it, and not migrate")
			return nil
		}
	}
	if err != nil {
		return notOwner(err)
	}
	for _, m := range taken {
		a.say("applied %s", m.Name)
	}
	return nil
}
