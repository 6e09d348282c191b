package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// written is a console into a file, and what was written to it.
func written(t *testing.T) (*console, func() string) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return newConsole(f), func() string {
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

func TestEveryLineOnStandardErrorIsOursAndHarmless(t *testing.T) {
	c, text := written(t)
	c.fail("hint: one of\n  %s\n  two\n", "\x1b[2Jone")
	wants(t, text(), `
lull: hint: one of
lull:   `+"\uFFFD"+`[2Jone
lull:   two
`)
}

func TestQuietLeavesWhatWentWrongAndVerboseAdds(t *testing.T) {
	for _, test := range []struct {
		quiet, verbose bool
		want           string
	}{
		{false, false, "lull: fail\nlull: say\n"},
		{true, false, "lull: fail\n"},
		{false, true, "lull: fail\nlull: say\nlull: detail\n"},
		{true, true, "lull: fail\n"},
	} {
		c, text := written(t)
		c.quiet, c.verbose = test.quiet, test.verbose
		c.fail("fail")
		c.say("say")
		c.detail("detail")
		if got := text(); got != test.want {
			t.Errorf("quiet %v, verbose %v: %q, want %q", test.quiet, test.verbose, got, test.want)
		}
	}
}

func TestOffATerminalTheLiveLineIsOneAMinute(t *testing.T) {
	c, text := written(t)
	for range 3 {
		c.live("waiting")
	}
	if got := text(); got != "" {
		t.Errorf("it shows %q at once: the first line is the caller's", got)
	}
	c.minute = c.minute.Add(-time.Minute)
	for range 3 {
		c.live("waiting 1m")
	}
	if got := text(); got != "lull: waiting 1m\n" {
		t.Errorf("after a minute it shows %q", got)
	}
	c.clear()
	c.live("another wait")
	c.clear()
	if got := text(); got != "lull: waiting 1m\n" {
		t.Errorf("another wait begins with %q", got)
	}
}

func TestOnATerminalTheLiveLineStaysBelowAndFits(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	if err := pty.Setsize(slave, &pty.Winsize{Rows: 5, Cols: 30}); err != nil {
		t.Fatal(err)
	}
	c := newConsole(slave)
	c.live("waiting")
	c.live(strings.Repeat("größer ", 10))
	c.say("a message")
	c.live("waiting\nagain")
	c.clear()
	c.clear()
	const over = "\r\x1b[K"
	want := over + "lull: waiting" + over + "lull: größer größer größer g…" + over + "lull: a message\r\n" + over + "lull: waiting again" + over
	slave.Close()
	got, _ := io.ReadAll(master) // Linux answers EIO at the end
	if string(got) != want {
		t.Errorf("the terminal gets\n%q, want\n%q", got, want)
	}
}
