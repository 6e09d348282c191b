package cli

import (
	"os"
	"path/filepath"
	"testing"
)

func TestEveryLineOnStandardErrorIsOursAndHarmless(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stderr")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	newConsole(f).fail("hint: one of\n  %s\n  two\n", "\x1b[2Jone")
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, string(got), `
lull: hint: one of
lull:   `+"\uFFFD"+`[2Jone
lull:   two
`)
}
