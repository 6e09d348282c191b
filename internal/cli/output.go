package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/lull-dev/lull"
)

// print writes to standard output, in one write. A reader who has seen enough, as
// in lull history | head, ends the command, and is no failure.
func (a *app) print(text string) error {
	_, err := a.Out.WriteString(text)
	switch {
	case errors.Is(err, syscall.EPIPE):
		return exit(0)
	case err != nil:
		return fmt.Errorf("write standard output: %w", err)
	}
	return nil
}

// printJSON writes values to standard output, one a line.
func (a *app) printJSON(values ...any) error {
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false) // it is for programs and terminals, and commands are full of & and >
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			return err
		}
	}
	return a.print(lines.String())
}

// schema is the number of the JSON's format. It changes when a program that reads
// it would have to: not when fields are added.
const schema = 1

// instant is a time in JSON: RFC 3339 in UTC, always with milliseconds, so that
// sorting lines sorts times. The zero value is null.
type instant time.Time

// MarshalJSON never fails.
func (i instant) MarshalJSON() ([]byte, error) {
	t := time.Time(i)
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(t.UTC().Format(`"2006-01-02T15:04:05.000Z"`)), nil
}

// seconds is a duration in JSON, to the millisecond.
func seconds(d time.Duration) float64 {
	return float64(d.Milliseconds()) / 1000
}

// holderJSON is who is behind a hold, a pass or an event.
type holderJSON struct {
	User string `json:"user"`
	Host string `json:"host"`
	PID  int    `json:"pid"`
	Link string `json:"link"`
}

// list makes an array of JSON out of a slice: never null.
func list[T, J any](all []T, json func(T) J) []J {
	out := make([]J, len(all))
	for i, v := range all {
		out[i] = json(v)
	}
	return out
}

func stateWord(p lull.Phase) string {
	if p.Open() {
		return "open"
	}
	return "closed"
}
