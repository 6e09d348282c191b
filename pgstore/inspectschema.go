package pgstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// schemaFacts are what anybody may ask about our schema.
type schemaFacts struct {
	Usable bool `json:"usable"` // its names may be looked up
	Owner  bool `json:"owner"`  // the role may migrate
	Create bool `json:"create"` // the role may make a schema
}

// schema looks at the schema, and at what the role may do with it.
func (x *inspection) schema(ctx context.Context, c *link) {
	var f *schemaFacts
	err := askJSON(ctx, c.PgConn, &f, `select coalesce((
		select jsonb_build_object('usable', has_schema_privilege(oid, 'usage'), 'owner', pg_has_role(nspowner, 'usage'))
		from pg_namespace where nspname = $1), 'null')`, x.s.address.schema)
	switch {
	case err != nil:
		x.failed(ctx, "look for the schema", err)
	case f == nil:
		x.problem("make it with: lull migrate", "the database %q has no schema %q of lull", x.at.Database, x.s.address.schema)
	case !f.Usable:
		x.problem("the schema's owner lets it: lull migrate --grant-job ROLE, --grant-deploy ROLE or --grant-view ROLE", "the role %q may do nothing here", x.at.Role)
	case x.rights(ctx, c, f.Owner):
		x.inside(ctx, c)
	}
}

// rights says what the role may do. It returns whether there is a schema of ours.
func (x *inspection) rights(ctx context.Context, c *link, owner bool) bool {
	may := map[string]*bool{} // nil: there is no such function
	var names []string
	for _, right := range []Right{RightJob, RightDeploy, RightView} {
		names = append(names, verbs[right]...)
	}
	err := askJSON(ctx, c.PgConn, &may, `select jsonb_object_agg(v, has_function_privilege(to_regprocedure($1 || '.' || v || '(jsonb)'), 'execute'))
		from unnest(string_to_array($2, ',')) v`, quoted(x.s.address.schema), strings.Join(names, ","))
	if err != nil {
		x.failed(ctx, "look what this role may do", err)
		return false
	}
	if may["enter"] == nil {
		x.problem("bring it up to date with: lull migrate", "the schema %q is older than this lull needs, or not lull's", x.s.address.schema)
		return false
	}
	var has []string
	for _, r := range []struct {
		right Right
		what  string
		verbs []string
	}{
		{RightJob, "run jobs", verbs[RightJob]},
		{RightDeploy, "deploy", verbs[RightDeploy]},
		{RightView, "look at everything", []string{"snapshot"}},
	} {
		lacks := slices.DeleteFunc(slices.Clone(r.verbs), func(v string) bool { return may[v] == nil || *may[v] })
		switch {
		case len(lacks) == 0:
			has = append(has, r.what)
		case len(lacks) < len(r.verbs) && r.right == RightDeploy:
			x.problem(fmt.Sprintf("grant it anew: lull migrate --grant-%s %s", r.right, x.at.Role), "the role %q may deploy, but not %s", x.at.Role, sentence(lacks))
		case len(lacks) < len(r.verbs) && r.right == RightJob && *may["enter"]:
			x.problem(fmt.Sprintf("grant it anew: lull migrate --grant-%s %s", r.right, x.at.Role), "the role %q may run jobs, but not %s", x.at.Role, sentence(lacks))
		}
	}
	if owner {
		has = append(has, "migrate")
	}
	if len(has) == 0 {
		x.problem("the schema's owner lets it: lull migrate --grant-job ROLE, --grant-deploy ROLE or --grant-view ROLE", "the role %q may do nothing here", x.at.Role)
	} else {
		x.ok("the role %q may %s", x.at.Role, sentence(has))
	}
	return true
}

// insideFacts are what only the schema's owner can look up, and its function inspect
// tells everybody who may use a gate.
type insideFacts struct {
	Version      int            `json:"version"`
	OldestClient int            `json:"oldest_client"`
	MadeIn       int64          `json:"made_in"` // the database
	IsIn         int64          `json:"is_in"`
	KeepEvents   time.Duration  `json:"keep_events"`
	Events       int64          `json:"events"` // about so many; -1: it cannot be told yet
	Bytes        int64          `json:"bytes"`
	Oldest       *time.Time     `json:"oldest"`
	Left         []leftBehind   `json:"left"`
	Promoted     *time.Duration `json:"promoted"` // so long ago
	LongestLease *time.Duration `json:"longest_lease"`
}

// leftBehind is what owners who are silent for long have left at a gate.
type leftBehind struct {
	Gate   string `json:"gate"`
	Passes int    `json:"passes"`
	Holds  int    `json:"holds"`
}

// inside looks at the schema's version, and at what is in it.
func (x *inspection) inside(ctx context.Context, c *link) {
	var f insideFacts
	err := askJSON(ctx, c.PgConn, &f, "select "+quoted(x.s.address.schema)+".inspect('{}')")
	if err != nil {
		x.failed(ctx, "look at what is in the schema", err)
		return
	}
	switch {
	case f.Version < schemaVersion:
		x.problem("bring it up to date with: lull migrate", "the schema has version %d, and this lull needs %d", f.Version, schemaVersion)
	case f.OldestClient > schemaVersion:
		x.problem("update lull on this host", "the schema has version %d, and serves no lull that was made for one before %d; this one was made for %d", f.Version, f.OldestClient, schemaVersion)
	case f.Version > schemaVersion:
		x.ok("the schema has version %d, which serves this lull, too; it was made for %d", f.Version, schemaVersion)
	default:
		x.ok("the schema has version %d", f.Version)
	}
	if f.MadeIn != f.IsIn {
		x.warn(fmt.Sprintf("end what is left from before (lull status --all, lull open --force); then: update %s.setting set database = %d", x.s.address.schema, f.IsIn),
			"this schema was copied or restored from another database: passes, holds and phases are as they were then, and those who go on at the other one do not meet those here")
	}
	x.history(f)
	for _, l := range f.Left {
		if l.Passes > 0 {
			x.ok("gate %q: of %d jobs nothing was heard for long; the next drain clears them away", l.Gate, l.Passes)
		}
		if l.Holds > 0 {
			x.ok("gate %q: of %d deployments nothing was heard for long; whoever waits at the gate ends them", l.Gate, l.Holds)
		}
	}
	if f.Promoted != nil && f.LongestLease != nil && *f.Promoted < *f.LongestLease {
		x.ok("the server was promoted %s ago: for %s no gate is believed to have drained", f.Promoted.Round(time.Second), (*f.LongestLease - *f.Promoted).Round(time.Second))
	}
}

func (x *inspection) history(f insideFacts) {
	days := fmt.Sprintf("events are kept for %d days (keep_events in %s.setting)", f.KeepEvents/(24*time.Hour), x.s.address.schema)
	switch {
	case f.Oldest == nil:
		x.ok("the history is empty; %s", days)
	case f.Events > 0:
		x.ok("the history has about %d events since %s, %d MB; %s", f.Events, f.Oldest.Local().Format("2006-01-02"), f.Bytes>>20, days)
	default:
		x.ok("the history begins on %s, and takes %d MB; %s", f.Oldest.Local().Format("2006-01-02"), f.Bytes>>20, days)
	}
}
