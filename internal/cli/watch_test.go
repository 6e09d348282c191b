package cli_test

import (
	"os"
	"os/exec"
	"testing"
)

func TestWatchRedrawsATerminalUntilCtrlC(t *testing.T) {
	env := append(os.Environ(), "LULL_STORE=file://"+t.TempDir()+"/store", "LULL_GATE=", "LULL_CONFIG=")
	watch := exec.Command("lull", "status", "--watch")
	watch.Env = env
	screen, err := newTerminal(watch)
	if err != nil {
		t.Fatal(err)
	}
	defer screen.close()
	screen.shows(t, "OPEN")

	hold := exec.Command("lull", "close", "--quiet", "--reason", "restore")
	hold.Env = env
	if out, err := hold.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	screen.shows(t, "CLOSED")
	screen.shows(t, "restore")
	screen.shows(t, "\x1b[H") // and again, from the top

	screen.press("\x03")
	if err := watch.Wait(); err != nil {
		t.Errorf("a watch that Ctrl-C ended: %v; %s", err, screen.text())
	}
}
