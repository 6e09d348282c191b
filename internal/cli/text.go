package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/lull-dev/lull"
)

// duration is a flag's value: a Go duration, also in days, never negative.
type duration struct {
	d   time.Duration
	set bool
	// none is whether the word "none" is allowed, and means lull.NoLimit.
	none bool
}

// Set parses the value. The error is for a person.
func (d *duration) Set(s string) error {
	v, err := parseDuration(s, d.none)
	if err != nil {
		return err
	}
	d.d, d.set = v, true
	return nil
}

func (d *duration) String() string {
	switch {
	case d.d == lull.NoLimit:
		return "none"
	case d.d == 0:
		return ""
	}
	return short(d.d)
}

// Type is what help shows as the value's name.
func (d *duration) Type() string { return "D" }

func parseDuration(s string, none bool) (time.Duration, error) {
	if none && s == "none" {
		return lull.NoLimit, nil
	}
	v, err := time.ParseDuration(s)
	var days float64
	if _, scanned := fmt.Sscanf(s, "%gd", &days); err != nil && scanned == nil && fmt.Sprintf("%gd", days) == s {
		v, err = time.Duration(days*24*float64(time.Hour)), nil
	}
	if err != nil || v < 0 {
		also := ""
		if none {
			also = ", or none"
		}
		return 0, fmt.Errorf("%q is not a duration: write it like 90s, 15m, 1h30m or 2d%s", s, also)
	}
	return v, nil
}

// choice is a flag's value out of a few words.
type choice struct {
	value string
	words []string
}

func oneOf(words ...string) choice { return choice{value: words[0], words: words} }

// Set takes one of the words. The error is for a person.
func (c *choice) Set(s string) error {
	for _, w := range c.words {
		if w == s {
			c.value = s
			return nil
		}
	}
	return fmt.Errorf("%q is not one of %s", s, strings.Join(c.words, ", "))
}

func (c *choice) String() string { return c.value }

// Type is what help shows as the value's name.
func (c *choice) Type() string { return strings.Join(c.words, "|") }

// short writes a duration as people say it: 850ms, 42s, 2m10s, 1h5m, 3d4h.
func short(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d >= 24*time.Hour:
		hours := int(d.Round(time.Hour).Hours())
		if hours%24 == 0 {
			return fmt.Sprintf("%dd", hours/24)
		}
		return fmt.Sprintf("%dd%dh", hours/24, hours%24)
	case d >= time.Hour:
		d = d.Round(time.Minute)
	default:
		d = d.Round(time.Second)
	}
	// 1h0m0s is 1h, but 1h20m0s is 1h20m.
	text := d.String()
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
	return t.Format("2006-01-02 15:04")
}

// because writes a reason behind what it explains.
func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
