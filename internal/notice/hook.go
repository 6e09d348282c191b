package notice

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

// Hook is one [[notify]] of the configuration: who is told of what.
type Hook struct {
	URL    string   `toml:"url"`    // or env:NAME
	Secret string   `toml:"secret"` // or env:NAME; signs the requests; "": they are not signed
	Form   string   `toml:"form"`   // json, which "" is as well, or slack
	Events []string `toml:"events"` // nil: all of [Events]
	Gates  []string `toml:"gates"`  // patterns as of path.Match; nil: all

	// DrainOverdue is how long a drain may take before that is told, such as "10m", which
	// "" is as well.
	DrainOverdue string `toml:"drain_overdue"`
}

// The forms of a request's body.
const (
	FormJSON  = "json"  // a [Notice]
	FormSlack = "slack" // {"text": …}, which Slack, Mattermost and others take
)

// defaultDrainOverdue is long for jobs of a few minutes, and less than the quarter of an
// hour for which a deployment waits unless told otherwise: there is time to do something.
const defaultDrainOverdue = 10 * time.Minute

// target is a hook that has been checked.
type target struct {
	url     string
	host    string // all of the URL that may be shown: the rest of Slack's is a secret
	secret  []byte
	form    string
	events  []Event
	gates   []string
	overdue time.Duration
}

// check says what is wrong with a hook, without showing what may be secret.
func (h Hook) check(getenv func(string) string) (target, error) {
	address, err := resolve(h.URL, getenv)
	if err != nil {
		return target{}, fmt.Errorf("url: %w", err)
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return target{}, errors.New("url must be one that begins with https:// or http://")
	}
	secret, err := resolve(h.Secret, getenv)
	if err != nil {
		return target{}, fmt.Errorf("secret: %w", err)
	}
	t := target{url: address, host: u.Host, secret: []byte(secret), form: h.Form, gates: h.Gates, overdue: defaultDrainOverdue}
	switch t.form {
	case "":
		t.form = FormJSON
	case FormJSON, FormSlack:
	default:
		return target{}, fmt.Errorf("form %q is not one of %s, %s", h.Form, FormJSON, FormSlack)
	}
	t.events = Events()
	if h.Events != nil {
		t.events = nil
	}
	for _, name := range h.Events {
		if !slices.Contains(Events(), Event(name)) {
			return target{}, fmt.Errorf("there is no event %q: there are %s", name, quoted(Events()))
		}
		t.events = append(t.events, Event(name))
	}
	for _, pattern := range h.Gates {
		if _, err := path.Match(pattern, ""); err != nil {
			return target{}, fmt.Errorf("%q is no pattern for the names of gates", pattern)
		}
	}
	if h.DrainOverdue != "" {
		t.overdue, err = time.ParseDuration(h.DrainOverdue)
		if err != nil || t.overdue <= 0 {
			return target{}, fmt.Errorf("drain_overdue %q is not a duration: write it like 90s, 10m or 1h30m", h.DrainOverdue)
		}
	}
	return t, nil
}

// resolve looks up a value that stands in the environment.
func resolve(value string, getenv func(string) string) (string, error) {
	name, found := strings.CutPrefix(value, "env:")
	if !found {
		return value, nil
	}
	if value = getenv(name); value == "" {
		return "", fmt.Errorf("%s is not set in the environment", name)
	}
	return value, nil
}

func (t target) wantsGate(gate string) bool {
	return len(t.gates) == 0 || slices.ContainsFunc(t.gates, func(pattern string) bool {
		matches, _ := path.Match(pattern, gate)
		return matches
	})
}

func (t target) wants(n Notice) bool {
	return n.Event == eventTest || slices.Contains(t.events, n.Event) && t.wantsGate(n.Gate)
}

func quoted(events []Event) string {
	names := make([]string, len(events))
	for i, e := range events {
		names[i] = fmt.Sprintf("%q", string(e))
	}
	return strings.Join(names, ", ")
}
