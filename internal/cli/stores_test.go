package cli

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/remotestore"
)

func TestALulldIsAskedWithTheTokenOfTheEnvironment(t *testing.T) {
	var asked http.Header
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"gates":[]}`))
	}))
	t.Cleanup(srv.Close)
	a := &app{World: World{Environ: []string{"LULL_TOKEN=lull_s3cret"}}, settings: settings{store: srv.URL}}
	store, err := a.openStore()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Gates(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := store.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if got := asked.Get("Authorization"); got != "Bearer lull_s3cret" {
		t.Errorf("Authorization: %s", got)
	}
	if got := asked.Get("User-Agent"); !strings.HasPrefix(got, "lull/") {
		t.Errorf("User-Agent: %s", got)
	}
}

func TestALulldIsNamedByItsURL(t *testing.T) {
	for _, url := range []string{"http://lulld:5855", "https://a,https://b", "unix:///run/lull.sock"} {
		a := &app{settings: settings{store: url}}
		store, err := a.openStore()
		if _, ok := store.(*remotestore.Store); !ok || store.About().URL != url || shownStore(url) != url {
			t.Errorf("%s: %T, shown %s, %v", url, store, shownStore(url), err)
		}
	}
}

func TestAPasswordInTheURLOfALulldIsRefusedAndNotShown(t *testing.T) {
	for _, url := range []string{"http://ann:s3cret@lulld", "https://a,https://ann:s3cret@b", "https://lulld/?token=s3cret", "unix://s3cret"} {
		a := &app{settings: settings{store: url}}
		_, err := a.openStore()
		setup, ok := errors.AsType[*lull.SetupError](err)
		if !ok || strings.Contains(setup.Error()+setup.Hint+shownStore(url), "s3cret") {
			t.Errorf("%s, shown as %s: %v", url, shownStore(url), err)
		}
	}
}
