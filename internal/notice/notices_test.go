package notice_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/notice"
)

func nopLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

func contextOf(s *scene) (context.Context, context.CancelFunc) {
	return context.WithCancel(s.Context())
}

func TestANoticeIsSentAgainUntilItIsTaken(t *testing.T) {
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"500":   func(*http.Request) (*http.Response, error) { return status(500), nil },
		"429":   func(*http.Request) (*http.Response, error) { return status(429), nil },
		"hangs": hangs,
		"down":  func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, gate, func(s *scene) {
				s.answers(answer)
				s.closes(lull.Hold{})
				s.after(10 * time.Minute)
				if len(s.tries) < 5 || len(s.tries) > 30 {
					t.Errorf("tried %d times in ten minutes", len(s.tries))
				}
				s.answers(nil)
				s.after(10 * time.Minute)
				s.wantEvents("closed, drained")
			})
		})
	}
}

func TestAHangingTryEndsAfterTenSeconds(t *testing.T) {
	play(t, gate, func(s *scene) {
		s.answers(hangs)
		s.closes(lull.Hold{})
		s.after(13 * time.Second)
		if len(s.tries) < 2 || s.tries[1].Sub(s.tries[0]) < 10*time.Second {
			t.Errorf("tried at %v", s.tries)
		}
	})
}

func TestANoticeIsDroppedAfterAnHour(t *testing.T) {
	play(t, gate, func(s *scene) {
		s.fails(500)
		hold := s.closes(lull.Hold{Limit: lull.NoLimit})
		s.after(61 * time.Minute)
		if !strings.Contains(s.log.String(), "a notice was dropped") || !strings.Contains(s.log.String(), "event=closed") {
			t.Errorf("the log says %s", &s.log)
		}
		s.answers(nil)
		s.opens(hold, lull.Outcome{})
		s.after(10 * time.Minute)
		s.wantEvents("drained, opened")
	})
}

func TestARefusalIsFinal(t *testing.T) {
	for _, code := range []int{301, 307, 400, 401, 404, 410} {
		play(t, gate, func(s *scene) {
			s.fails(code)
			s.closes(lull.Hold{Kind: lull.Person, Limit: lull.NoLimit})
			s.after(time.Hour)
			if len(s.tries) != 2 { // closed and drained
				t.Errorf("%d: tried %d times", code, len(s.tries))
			}
		})
	}
}

func TestAReceiverMaySayWhenToComeBack(t *testing.T) {
	play(t, gate, func(s *scene) {
		s.answers(func(*http.Request) (*http.Response, error) {
			busy := status(429)
			busy.Header.Set("Retry-After", "90")
			return busy, nil
		})
		s.closes(lull.Hold{})
		s.after(95 * time.Second)
		if len(s.tries) != 2 || s.tries[1].Sub(s.tries[0]) != 90*time.Second {
			t.Errorf("tried at %v", s.tries)
		}
	})
}

func TestAFullQueueForgetsTheOldest(t *testing.T) {
	play(t, func(s *scene) {
		gate(s)
		s.config.Hooks[0].Events = []string{"opened"}
	}, func(s *scene) {
		s.answers(hangs)
		var about []string
		for range 1200 {
			hold := s.closes(lull.Hold{Kind: lull.Person})
			s.opens(hold, lull.Outcome{})
			about = append(about, hold.ID)
		}
		s.after(0)
		// One is on its way.
		if dropped := s.notices.Dropped(); dropped != 199 {
			t.Errorf("%d were dropped", dropped)
		}
		if said := strings.Count(s.log.String(), "the oldest are dropped"); said != 2 {
			t.Errorf("said so %d times", said)
		}
		s.answers(nil)
		s.after(time.Minute)
		got := s.receiver.notices(t)
		if len(got) != 1001 {
			t.Fatalf("%d arrived", len(got))
		}
		for i, want := range append([]string{about[0]}, about[200:]...) {
			if got[i].About != want {
				t.Fatalf("notice %d is about %s, want %s", i, got[i].About, want)
			}
		}
	})
}

// A hook that takes nothing delays neither the gate nor the other hooks, and there are
// never more than four requests.
func TestHooksDoNotWaitForEachOther(t *testing.T) {
	play(t, func(s *scene) {
		gate(s)
		s.config.Hooks = nil
		for i := range 8 {
			s.config.Hooks = append(s.config.Hooks, notice.Hook{URL: fmt.Sprintf("http://hook-%d", i)})
		}
	}, func(s *scene) {
		var now, most atomic.Int32
		s.answers(func(q *http.Request) (*http.Response, error) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer now.Add(-1)
			if q.URL.Host < "hook-3" {
				return hangs(q)
			}
			time.Sleep(time.Second)
			return status(200), nil
		})
		began := time.Now()
		s.closes(lull.Hold{})
		if took := time.Since(began); took > 0 {
			t.Errorf("closing took %s", took)
		}
		s.after(3 * time.Minute)
		taken := map[string]int{}
		for _, q := range s.taken {
			taken[q.URL.Host]++
		}
		for i := range 8 {
			if host := fmt.Sprintf("hook-%d", i); (taken[host] == 2) != (i >= 3) {
				t.Errorf("%s was told %d times", host, taken[host])
			}
		}
		if most.Load() != 4 {
			t.Errorf("%d requests at once", most.Load())
		}
	})
}

func TestTheEndIsPromptAndSaysWhatWasNotSent(t *testing.T) {
	play(t, gate, func(s *scene) {
		s.answers(hangs)
		s.closes(lull.Hold{})
		s.after(0)
		ending := time.Now()
		s.atEnd = func() {
			if took := time.Since(ending); took > 0 {
				t.Errorf("the end took %s", took)
			}
			if log := s.log.String(); !strings.Contains(log, "a notice was not sent before the end") || !strings.Contains(log, "notices=1") {
				t.Errorf("the log says %s", log)
			}
		}
	})
}

func TestWithoutHooksNothingRuns(t *testing.T) {
	n, err := notice.New(notice.Config{}, nopLog())
	if err != nil {
		t.Fatal(err)
	}
	n.Run(t.Context(), nil)
}

func TestSlackIsToldASentenceThatMentionsNobody(t *testing.T) {
	play(t, func(s *scene) {
		gate(s)
		s.config.Hooks[0].Form = "slack"
		s.config.Hooks[0].Events = []string{"closed"}
		s.config.Link = func(string, string) string { return "https://lull.example.com/?a=1&b=2" }
	}, func(s *scene) {
		s.closes(lull.Hold{Reason: "<!channel> a&b\n\x1b[31m"})
		s.after(0)
		var body map[string]string
		s.must(json.Unmarshal(s.bodies[0], &body))
		want := "gate default closed: ann@web1 deploys (&lt;!channel&gt; a&amp;b \uFFFD[31m), for at most 30m <https://lull.example.com/?a=1&amp;b=2|look>"
		if len(body) != 1 || body["text"] != want {
			t.Errorf("%q, want %q", body["text"], want)
		}
	})
}

func TestATrialTellsWhatCameOfEachHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		r.answers(func(q *http.Request) (*http.Response, error) {
			switch q.URL.Host {
			case "down":
				return nil, errors.New("connection refused")
			case "hangs":
				return hangs(q)
			case "no":
				return status(403), nil
			}
			return status(200), nil
		})
		c := notice.Config{Transport: r}
		for _, host := range []string{"ok", "down", "no", "hangs"} {
			c.Hooks = append(c.Hooks, notice.Hook{URL: "http://" + host + "/secret-path", Events: []string{"closed"}})
		}
		results, err := notice.Test(t.Context(), c)
		if err != nil || len(results) != 4 {
			t.Fatalf("%v, %v", results, err)
		}
		for i, want := range []string{"", "connection refused", "the answer is Forbidden", "context deadline exceeded"} {
			got := ""
			if results[i].Err != nil {
				got = results[i].Err.Error()
			}
			if got != want || results[i].Host != []string{"ok", "down", "no", "hangs"}[i] {
				t.Errorf("%+v, want %q", results[i], want)
			}
		}
		if results[3].Took != 10*time.Second || len(r.tries) != 4 {
			t.Errorf("took %s, tried %d times", results[3].Took, len(r.tries))
		}
		if n := r.notices(t)[0]; n.Event != "test" || n.Text == "" {
			t.Errorf("%s", r.bodies[0])
		}
	})
}
