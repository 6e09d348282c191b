package cli

import (
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/words"
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
		if got := words.Printable(in); got != want {
			t.Errorf("words.Printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestADurationIsGosAndDaysAndNothingElse(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "2d": 48 * time.Hour, "1.5d": 36 * time.Hour,
	} {
		if got, err := parseDuration(in, false); err != nil || got != want {
			t.Errorf("parseDuration(%q) = %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "5", "-5m", "5 m", "5m ", "1d12h", "d", "NaNd", "+Infd", "99999999d", "-1d", "none", "1w"} {
		if got, err := parseDuration(in, false); err == nil {
			t.Errorf("parseDuration(%q) = %v, and no error", in, got)
		}
	}
	if got, err := parseDuration("none", true); err != nil || got != lull.NoLimit {
		t.Errorf("none is %v, %v", got, err)
	}
}

func TestAFailedSetLeavesTheValueAsItWas(t *testing.T) {
	d, c := duration{d: time.Minute}, oneOf("fail", "run")
	if d.Set("x") == nil || c.Set("x") == nil || d.set || d.d != time.Minute || c.value != "fail" {
		t.Errorf("%+v, %+v", d, c)
	}
}

func TestClockNamesAnotherDay(t *testing.T) {
	now := time.Date(2026, 5, 4, 0, 5, 0, 0, time.Local)
	if got := clock(now.Add(-time.Minute), now); got != "00:04" {
		t.Error(got)
	}
	if got := clock(now.Add(-10*time.Minute), now); got != "2026-05-03 23:55" {
		t.Error(got)
	}
	if got := clock(now.AddDate(-1, 0, 0), now); got != "2025-05-04 00:05" {
		t.Error(got)
	}
}
