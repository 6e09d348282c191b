package remotestore_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/wire"
	"github.com/lull-dev/lull/memstore"
	"github.com/lull-dev/lull/remotestore"
)

func TestInspectSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	about := func(a wire.About) http.Handler {
		mux := http.NewServeMux()
		serve(mux, "GET "+wire.PathAbout, func(*http.Request, nothing) (wire.About, error) { return a, nil })
		return mux
	}
	release := func(v string) wire.About { return wire.About{Store: "postgres://db/lull", Shared: true, Version: v} }
	token := remotestore.Options{Token: "lull_s3cret", Version: "v1.1.0"}
	for name, test := range map[string]struct {
		url     string
		servers map[string]http.Handler
		o       remotestore.Options
		says    []string // beginning with the level
	}{
		"sound": {"http://localhost", map[string]http.Handler{"localhost": lulld(memstore.New())}, token, []string{
			"ok: http://localhost answers in", "ok: http://localhost keeps its gates in memory:", "ok: http://localhost accepts the token",
		}},
		"away": {"http://a", nil, token, []string{"problem: store unavailable: http://a: connection refused"}},
		"one of two away": {"http://a,http://b", map[string]http.Handler{"b": about(release("v1.1.0"))}, token, []string{
			"warning: store unavailable: http://a: connection refused", "ok: http://b answers in", "ok: http://b keeps", "warning: http://b accepts the token, which crosses the network",
		}},
		"a token that is not known": {"http://a", map[string]http.Handler{"a": says(401, "application/problem+json", `{"type":"urn:lull:problem:sign-in","status":401,"detail":"the token is not known"}`)}, token, []string{
			"problem: http://a: the token is not known",
		}},
		"another release": {"http://a", map[string]http.Handler{"a": about(release("v1.2.0"))}, remotestore.Options{Version: "v1.1.0"}, []string{
			"ok: http://a answers in", "ok: http://a keeps its gates in postgres://db/lull", "ok: http://a lets us look without a token", "warning: http://a is lulld v1.2.0, and this is lull v1.1.0",
		}},
		"two stores of their own": {"http://a,http://b", map[string]http.Handler{"a": about(wire.About{Store: "file:///a"}), "b": about(wire.About{Store: "file:///b"})}, remotestore.Options{}, []string{
			"ok: http://a answers", "ok: http://a keeps", "ok: http://a lets", "ok: http://b answers", "ok: http://b keeps", "ok: http://b lets", "problem: the servers do not share their gates",
		}},
		"two databases": {"http://a,http://b", map[string]http.Handler{"a": about(release("")), "b": about(wire.About{Store: "postgres://other/lull", Shared: true})}, remotestore.Options{}, []string{
			"ok: http://a answers", "ok: http://a keeps", "ok: http://a lets", "ok: http://b answers", "ok: http://b keeps", "ok: http://b lets", "warning: the servers keep their gates in postgres://db/lull and postgres://other/lull",
		}},
		"another clock": {"http://a", map[string]http.Handler{"a": late(about(release("")))}, remotestore.Options{}, []string{
			"ok: http://a answers", "ok: http://a keeps", "ok: http://a lets", "warning: the clocks of http://a and of this host differ by",
		}},
		"slow": {"http://a", map[string]http.Handler{"a": slow(about(release("")))}, remotestore.Options{}, []string{
			"warning: http://a takes 1s to answer", "ok: http://a keeps", "ok: http://a lets",
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			all := hosts{}
			for host, h := range test.servers {
				all[host] = serveInMemory(t, h)
			}
			s := open(t, test.url, test.o)
			s.DialWith(func(ctx context.Context, host string) (net.Conn, error) {
				if all[host] == nil {
					return nil, refused
				}
				return all.dial(ctx, host)
			})
			found := s.Inspect(t.Context())
			for i, f := range found {
				text := string(f.Level) + ": " + f.What
				if i >= len(test.says) || !strings.HasPrefix(text, test.says[i]) {
					t.Errorf("%s: unexpected: %s", name, text)
				}
				if (f.Remedy == "") != (f.Level == lull.LevelOK) || strings.Contains(text+f.Remedy, "s3cret") {
					t.Errorf("%s: %s → %s", name, text, f.Remedy)
				}
			}
			if len(found) < len(test.says) {
				t.Errorf("%s: nothing of %q", name, test.says[len(found):])
			}
		})
	}
}
