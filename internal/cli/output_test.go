package cli

import (
	"encoding/json"
	"os"
	"testing"
	"time"
)

func TestAReaderWhoHasSeenEnoughIsNoFailure(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	a := &app{World: World{Out: w, Err: os.Stderr}}
	a.console = newConsole(os.Stderr)
	if status := a.finish(a.print("a line\n")); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
}

func TestInstantsAreInUTCWithMilliseconds(t *testing.T) {
	zone := time.FixedZone("here", 3600)
	for want, i := range map[string]instant{
		`"2026-11-23T13:02:10.000Z"`: instant(time.Date(2026, 11, 23, 14, 2, 10, 0, zone)),
		`"2026-11-23T13:02:10.123Z"`: instant(time.Date(2026, 11, 23, 14, 2, 10, 123456789, zone)),
		`null`:                       {},
	} {
		if got, err := json.Marshal(i); string(got) != want || err != nil {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}

func TestListsAreNeverNull(t *testing.T) {
	if got, _ := json.Marshal(list(nil, asHoldJSON)); string(got) != "[]" {
		t.Errorf("no holds are %s in JSON, want []", got)
	}
}
