package cli

import (
	"strconv"
	"strings"

	"github.com/lull-dev/lull"
)

// The variables by which a command finds the pass or hold it runs in. They leak
// into what a job submits or leaves behind, so they are hints: the store decides.
const (
	passVariable  = "LULL_PASS"
	holdVariable  = "LULL_HOLD"
	gateVariable  = "LULL_GATE"
	phaseVariable = "LULL_PHASE"
	storeVariable = "LULL_STORE"
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
	if url := c.Store().About().URL; url != "" {
		set[storeVariable] = url
	}
	if _, late := c.Store().(*lateStore); late || strings.HasPrefix(a.settings.store, "env:") {
		set[storeVariable] = a.settings.store
	}
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
	for _, name := range []string{gateVariable, phaseVariable, storeVariable, passVariable, holdVariable} {
		if value, ok := set[name]; ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
