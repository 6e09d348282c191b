package cli

import (
	"testing"
	"time"
)

func TestShortSaysADurationAsPeopleDo(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s":     -time.Second,
		"850ms":  850 * time.Millisecond,
		"1s":     999600 * time.Microsecond,
		"42s":    42*time.Second + 300*time.Millisecond,
		"10m":    10 * time.Minute,
		"1m20s":  80 * time.Second,
		"2m10s":  130 * time.Second,
		"1h":     time.Hour - 100*time.Millisecond,
		"1h5m":   time.Hour + 5*time.Minute + 10*time.Second,
		"1h20m":  80 * time.Minute,
		"10h":    10 * time.Hour,
		"3d":     72 * time.Hour,
		"3d4h":   76 * time.Hour,
		"10d10h": 250 * time.Hour,
	} {
		if got := short(d); got != want {
			t.Errorf("short(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestPrintableTakesThePowerOverATerminalAway(t *testing.T) {
	for in, want := range map[string]string{
		"release 81, größer":      "release 81, größer",
		"two\nlines\tand a tab":   "two lines and a tab",
		"\x1b[2Jgone\r\u009b31m":  "\uFFFD[2Jgone\uFFFD\uFFFD31m",
		"evil \u202egnp.exe":      "evil \uFFFDgnp.exe",
		"family \U0001F468\u200D": "family \U0001F468\u200D",
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}
