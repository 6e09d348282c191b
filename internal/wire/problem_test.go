package wire_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/wire"
)

func TestEveryErrorOfAStoreCrossesTheWire(t *testing.T) {
	hold := lull.Hold{ID: "h1", Kind: lull.Deployment, Holder: lull.Holder{User: "ann", Host: "web1", PID: 7}, Reason: "release 81"}
	for _, err := range []error{
		&lull.BusyError{Gate: "imports", Hold: hold, Silent: true},
		&lull.NotYoursError{Gate: "imports", Hold: hold},
		&lull.InsideError{Gate: "imports", Pass: "p1"},
	} {
		if got := cross(t, fmt.Errorf("close the gate: %w", err)); !reflect.DeepEqual(got, err) {
			t.Errorf("%#v became %#v", err, got)
		}
	}
	for _, err := range []error{lull.ErrGone, lull.ErrNotDrained, lull.ErrUnavailable, errors.ErrUnsupported} {
		if got := cross(t, fmt.Errorf("ask: %w", err)); !errors.Is(got, err) {
			t.Errorf("%v became %v", err, got)
		}
	}
	if got := cross(t, fmt.Errorf("ask: %w", context.DeadlineExceeded)); !errors.Is(got, lull.ErrUnavailable) {
		t.Errorf("a store that did not answer in time became %v", got)
	}
	setup := cross(t, &lull.SetupError{What: "the schema is missing", Hint: "lull migrate"})
	if e, ok := errors.AsType[*lull.SetupError](setup); !ok || e.What != "the schema is missing" || e.Hint != "lull migrate" {
		t.Errorf("the set-up error became %#v", setup)
	}
	if got := cross(t, fmt.Errorf("%w: connection refused", lull.ErrUnavailable)); got.Error() != "store unavailable: connection refused" {
		t.Errorf("it says %q", got)
	}
}

// cross is an error after it has crossed the wire.
func cross(t *testing.T, err error) error {
	t.Helper()
	sent, marshalErr := json.Marshal(wire.ProblemOf(err))
	if marshalErr != nil {
		t.Fatal(marshalErr)
	}
	var got wire.Problem
	if err := json.Unmarshal(sent, &got); err != nil {
		t.Fatal(err)
	}
	if got.Status < 400 || got.Title == "" || got.Detail == "" {
		t.Errorf("for a person there is no more than %s", sent)
	}
	return got.Err()
}

func TestPathEscapesWhatItIsFilledWith(t *testing.T) {
	if got, want := wire.Path(wire.PathOpen, "a", "b/c?d"), "/api/v1/gates/a/holds/b%2Fc%3Fd/open"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
