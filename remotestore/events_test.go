package remotestore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/memstore"
)

// lines answers with these, and then as it ends.
func lines(ends func(http.ResponseWriter, *http.Request), all ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		fmt.Fprint(w, strings.Join(all, "\n")+"\n")
		_ = http.NewResponseController(w).Flush()
		ends(w, r)
	}
}

// told is the IDs of the events that a store tells, and its last error.
func told(ctx context.Context, s lull.Store) (ids []string, last error) {
	for e, err := range s.Events(ctx, lull.Filter{}) {
		if last = err; err == nil {
			ids = append(ids, e.ID)
		}
	}
	return ids, last
}

func TestEventsThatAreCutShortAreNotAll(t *testing.T) {
	normally := func(http.ResponseWriter, *http.Request) {}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		all    bool
		heals  bool
	}{
		"all of them":                {lines(normally, `{"id":"a"}`, `{"id":"b"}`, `{"end":true}`), true, true},
		"no last line":               {lines(normally, `{"id":"a"}`, `{"id":"b"}`), false, true},
		"half a last line":           {lines(normally, `{"id":"a"}`, `{"id":"b"}`, `{"en`), false, false},
		"a connection that breaks":   {lines(hangUp, `{"id":"a"}`, `{"id":"b"}`), false, true},
		"a server that hangs":        {lines(mute, `{"id":"a"}`, `{"id":"b"}`), false, true},
		"a line that is endless":     {lines(normally, `{"id":"a"}`, `{"id":"b"}`, strings.Repeat("x", 5<<20)), false, false},
		"something after the end":    {lines(normally, `{"id":"a"}`, `{"id":"b"}`, `{"end":true}`, `{"id":"c"}`), true, true},
		"a field of a later release": {lines(normally, `{"id":"a","mood":1}`, `{"id":"b"}`, `{"end":true,"count":2}`), true, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := openInMemory(t, hosts{"a": serveInMemory(t, test.answer)})
			ids, err := told(t.Context(), s)
			if !slices.Equal(ids, []string{"a", "b"}) || (err == nil) != test.all || err != nil && errors.Is(err, lull.ErrUnavailable) != test.heals {
				t.Errorf("%s: %v, %v", name, ids, err)
			}
		})
	}
}

func TestEventsEndWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openInMemory(t, hosts{"a": serveInMemory(t, lines(mute, `{"id":"a"}`, `{"id":"b"}`))})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if ids, err := told(ctx, s); !slices.Equal(ids, []string{"a", "b"}) || err != context.DeadlineExceeded {
			t.Errorf("%v, %v", ids, err)
		}
		for e, err := range s.Events(t.Context(), lull.Filter{}) {
			if e.ID != "a" || err != nil {
				t.Errorf("%v, %v", e, err)
			}
			break
		}
	})
}

func TestACallerMayTakeHisTimeWithAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openInMemory(t, hosts{"a": serveInMemory(t, lulld(memstore.New()))})
		for range 2_000 { // more than any buffer holds
			if err := s.Record(t.Context(), lull.Event{Kind: lull.EventRerun, Gate: "default", Reason: strings.Repeat("because ", 20)}); err != nil {
				t.Fatal(err)
			}
		}
		n := 0
		for _, err := range s.Events(t.Context(), lull.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			time.Sleep(time.Minute)
		}
		if n != 2_000 {
			t.Errorf("%d events", n)
		}
	})
}

func TestTheServerChoosesTheEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		s := openInMemory(t, hosts{"a": serveInMemory(t, lulld(shared))})
		for _, gate := range []string{"imports", "exports", "imports"} {
			h := closes(t, s, gate)
			if _, err := s.Open(t.Context(), lull.HoldRef{Gate: gate, ID: h.ID}, lull.Outcome{By: h.Holder}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		for _, f := range []lull.Filter{
			{}, {Gate: "imports"}, {Since: 90 * time.Second}, {Limit: 3}, {Name: "nightly"},
			{Kinds: []lull.EventKind{lull.EventClosed, lull.EventOpened}},
		} {
			here, err := client(s).History(t.Context(), f)
			there, thereErr := client(shared).History(t.Context(), f)
			same := slices.EqualFunc(here, there, func(a, b lull.Event) bool { return a.Kind == b.Kind && a.ID == b.ID && a.At.Sub(b.At) == 0 })
			if err != nil || thereErr != nil || !same {
				t.Errorf("%+v: %v here, %v there, %v, %v", f, here, there, err, thereErr)
			}
		}
	})
}

func TestUseIsSummedUpByTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		s := openInMemory(t, hosts{"a": serveInMemory(t, lulld(shared))})
		zero := 0
		if _, _, err := s.Enter(t.Context(), lull.Pass{ID: "p", Gate: "default", Name: "nightly"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Leave(t.Context(), lull.PassRef{Gate: "default", ID: "p"}, lull.Outcome{ExitCode: &zero, Ran: time.Hour}); err != nil {
			t.Fatal(err)
		}
		usual, err := s.Usual(t.Context(), "default")
		if err != nil || usual["nightly"] != time.Hour {
			t.Errorf("%v, %v", usual, err)
		}
		time.Sleep(2 * time.Hour)
		for lately, want := range map[time.Duration]int{0: 1, time.Hour: 0, 3 * time.Hour: 1} {
			if got, err := s.Traffic(t.Context(), "default", lately); err != nil || got.Lately != want || got.LastJob.ID != "p" {
				t.Errorf("within %s: %+v, %v", lately, got, err)
			}
		}
	})
}
