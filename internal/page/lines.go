package page

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
)

// lines do in a terminal what a button does. In each, {reason} and {limit} and the like
// stand where the script writes what is in the form; see data-line in page.js.
type lines struct {
	Lull, Curl line
}

// line is one to copy. Form is the same with what the script fills in, or "".
type line struct{ Text, Form string }

// someReason stands for the reason that has yet to be typed.
const someReason = "why"

func closeLines(base, gate string) lines {
	hold := func(reason, limit string) string {
		return fmt.Sprintf(`{"hold":{"id":"'"$(hostname)-$(date +%%s)-$$"'","kind":"person","holder":{"user":"'"$USER"'","host":"'"$(hostname)"'"},"reason":%s,"limit":%s}}`, reason, limit)
	}
	command := fmt.Sprintf("lull close --gate %s --reason ", gate)
	call := curl(base, gate, "")
	return lines{
		Lull: line{command + someReason + " --limit " + presetLimit, command + "{reason:shell} --limit {limit}"},
		Curl: line{
			call + quoted(hold(`"`+someReason+`"`, nanoseconds(presetLimit))),
			call + quoted(hold("{reason:json}", "{limit:ns}")),
		},
	}
}

func openLines(base, gate, id string, force bool) lines {
	command := fmt.Sprintf("lull open --gate %s %s", gate, words.ShellWord(id))
	return lines{
		Lull: line{Text: command + forceFlag(force)},
		Curl: line{Text: curl(base, gate, id+"/open") + quoted(fmt.Sprintf("{%s%s}", by, forceField(force)))},
	}
}

func extendLines(base, gate, id, limit string, force bool) lines {
	command := fmt.Sprintf("lull extend --gate %s %s --limit ", gate, words.ShellWord(id))
	call := curl(base, gate, id+"/extend")
	body := func(limit string) string {
		return quoted(fmt.Sprintf(`{"limit":%s,%s%s}`, limit, by, forceField(force)))
	}
	return lines{
		Lull: line{command + limit + forceFlag(force), command + "{limit}" + forceFlag(force)},
		Curl: line{call + body(nanoseconds(limit)), call + body("{limit:ns}")},
	}
}

// by says who it is, in a body between single quotes.
const by = `"by":{"user":"'"$USER"'","host":"'"$(hostname)"'"}`

// curl is the beginning of a line that posts to one of the API's paths about holds.
func curl(base, gate, path string) string {
	to := base + "/api/v1/gates/" + url.PathEscape(gate) + "/holds"
	if path != "" {
		to += "/" + path
	}
	return fmt.Sprintf(`curl -X POST %s -H "Authorization: Bearer $LULL_TOKEN" -H 'Content-Type: application/json' -d `, words.ShellWord(to))
}

// quoted puts a body between single quotes, which it may leave for a variable.
func quoted(body string) string { return "'" + body + "'" }

func forceFlag(force bool) string {
	if force {
		return " --force"
	}
	return ""
}

func forceField(force bool) string {
	if force {
		return `,"force":true`
	}
	return ""
}

// nanoseconds is a limit as the API takes it.
func nanoseconds(limit string) string {
	d, err := parseLimit(limit)
	if err != nil {
		return "0"
	}
	text, _ := json.Marshal(d) // an integer has a form
	return string(text)
}

// parseLimit reads a limit from a form. The error is for a person.
func parseLimit(s string) (time.Duration, error) {
	if s == "none" {
		return lull.NoLimit, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, &Refusal{What: fmt.Sprintf("%q is not a limit.", words.Printable(s)), Hint: "Write it like 30m, 1h or 1h30m.", Status: 422}
	}
	return d, nil
}
