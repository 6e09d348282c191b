package page

import (
	"fmt"
	"strings"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
)

// short writes a duration as people say it: 42s, 2m 10s, 1h 5m, 3d 4h.
func short(d time.Duration) string {
	two := func(a int, unit string, b int, part string) string {
		if b == 0 {
			return fmt.Sprintf("%d%s", a, unit)
		}
		return fmt.Sprintf("%d%s %d%s", a, unit, b, part)
	}
	switch s := int(d / time.Second); {
	case d <= 0:
		return "0s"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 60*60:
		return two(s/60, "m", s%60, "s")
	case s < 24*60*60:
		return two(s/3600, "h", s/60%60, "m")
	default:
		return two(s/86400, "d", s/3600%24, "h")
	}
}

// typed writes a duration as the command line takes it, to the second.
func typed(d time.Duration) string {
	if d < 0 {
		return "none"
	}
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// clock writes a time of day, with the date when it is another day's.
func clock(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04")
	}
	return t.Format("2 Jan 15:04")
}

// shortID is as much of an ID as tells it apart, and as the command line takes: its end,
// for the IDs that lull makes begin with the time.
func shortID(id string) string {
	const most = 8
	if len(id) > most {
		return id[len(id)-most:]
	}
	return id
}

// who is a holder for people. On a server that is open to everybody, one who closes from
// the page has no name.
func who(h lull.Holder) string {
	if h.User == "" && h.Host != "" {
		h.User = "somebody"
	}
	if h.User == "" {
		return ""
	}
	return words.Printable(h.String())
}

// link is the page of the CI run, if it is one that a browser may follow.
func link(h lull.Holder) string {
	if strings.HasPrefix(h.Link, "https://") || strings.HasPrefix(h.Link, "http://") {
		return h.Link
	}
	return ""
}
