package cli

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/pgstore"
)

// The variables by which a command finds the pass or hold it runs in. They leak
// into what a job submits or leaves behind, so they are hints: the store decides.
const (
	passVariable   = "LULL_PASS"
	holdVariable   = "LULL_HOLD"
	gateVariable   = "LULL_GATE"
	phaseVariable  = "LULL_PHASE"
	storeVariable  = "LULL_STORE"
	configVariable = "LULL_CONFIG"
)

// hint returns the ID in a variable of the form gate=id, if it is about that gate.
func (a *app) hint(variable, gate string) string {
	name, id, ok := strings.Cut(a.Getenv(variable), "=")
	if !ok || name != gate {
		return ""
	}
	return id
}

// childEnv is the environment of a command that runs inside: ours, and where it is.
// A job inside a deployment keeps the deployment's hold, for what it starts after
// it has left the job.
func (a *app) childEnv(c *lull.Client, pass, hold string, phase lull.Phase) []string {
	set := map[string]string{
		gateVariable:  c.Gate(),
		phaseVariable: strconv.FormatInt(int64(phase), 10),
	}
	a.leadToStore(set, c.Store())
	if pass != "" {
		set[passVariable] = c.Gate() + "=" + pass
	}
	if hold != "" {
		set[holdVariable] = c.Gate() + "=" + hold
	}
	env := make([]string, 0, len(a.Environ)+len(set))
	for _, pair := range a.Environ {
		name, _, _ := strings.Cut(pair, "=")
		if _, ours := set[name]; ours || hold != "" && name == passVariable {
			continue
		}
		env = append(env, pair)
	}
	for _, name := range []string{gateVariable, phaseVariable, storeVariable, configVariable, passVariable, holdVariable} {
		if value, ok := set[name]; ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// leadToStore sets the variables by which a lull that a command starts finds this store
// again. No password is in them. A URL that had one could not log in any more: where it
// stands in the configuration, the command is led to that, or left to find it as we
// did.
func (a *app) leadToStore(set map[string]string, store lull.Store) {
	_, late := store.(*lateStore)
	named := first(a.flags.store, a.Getenv(storeVariable)) != ""
	switch {
	case late, strings.HasPrefix(a.settings.store, "env:"):
		set[storeVariable] = a.settings.store
	case named || !pgstore.HasPassword(a.settings.store):
		if url := store.About().URL; url != "" {
			set[storeVariable] = url
		}
	case first(a.flags.config, a.Getenv(configVariable)) != "":
		if path, err := filepath.Abs(a.settings.file); err == nil {
			set[configVariable] = path
		}
	}
}

// nested reports whether this runs inside a job or a deployment, by its environment.
func (a *app) nested() bool { return a.Getenv(passVariable) != "" || a.Getenv(holdVariable) != "" }
