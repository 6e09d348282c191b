package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/filestore"
)

func TestAHintIsAboutOneGate(t *testing.T) {
	a := &app{World: World{Environ: []string{"LULL_PASS=web=id", "LULL_HOLD=nonsense"}}}
	if got := a.hint(passVariable, "web"); got != "id" {
		t.Errorf("%q", got)
	}
	for _, got := range []string{a.hint(passVariable, "default"), a.hint(holdVariable, "nonsense"), a.hint(gateVariable, "web")} {
		if got != "" {
			t.Errorf("%q is a hint", got)
		}
	}
}

func TestChildEnvSaysWhereTheCommandIs(t *testing.T) {
	dir := t.TempDir() + "/store"
	store, err := filestore.Open(dir, filestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := lull.NewClient(store, lull.Options{Gate: "web"})
	if err != nil {
		t.Fatal(err)
	}
	a := &app{World: World{Environ: []string{"A=1", "LULL_PASS=x=outer", "LULL_HOLD=web=hold", "LULL_STORE=old", "A=2"}}}
	for _, test := range []struct {
		name       string
		pass, hold string
		store      string
		want       string
	}{
		{"job", "p", "", "", "A=1 LULL_HOLD=web=hold A=2 LULL_GATE=web LULL_PHASE=4 LULL_STORE=file://" + dir + " LULL_PASS=web=p"},
		{"deployment", "", "h", "", "A=1 A=2 LULL_GATE=web LULL_PHASE=4 LULL_STORE=file://" + dir + " LULL_HOLD=web=h"},
		{"store in a variable", "p", "", "env:S", "A=1 LULL_HOLD=web=hold A=2 LULL_GATE=web LULL_PHASE=4 LULL_STORE=env:S LULL_PASS=web=p"},
	} {
		a.settings.store = test.store
		if got := strings.Join(a.childEnv(c, test.pass, test.hold, 4), " "); got != test.want {
			t.Errorf("%s:\n%s, want\n%s", test.name, got, test.want)
		}
	}
	if !slices.Contains(a.Environ, "LULL_STORE=old") {
		t.Error("our own environment was changed")
	}
}

func TestLinesToTypeNameWhatAnotherShellDoesNotKnow(t *testing.T) {
	for _, test := range []struct {
		flags   globals
		environ []string
		usual   string
		want    string
	}{
		{usual: "default", want: ""},
		{usual: "web", want: " --gate default"},
		{flags: globals{store: "file:///x"}, environ: []string{"LULL_STORE=file:///y"}, usual: "default", want: " --store file:///x"},
		{environ: []string{"LULL_STORE=postgres://ann:s3cret@db/x y"}, usual: "default", want: " --store 'postgres://ann@db/x y'"},
		{environ: []string{"LULL_STORE=env:S", "LULL_CONFIG=/x"}, usual: "default", want: " --store env:S"},
		{environ: []string{"LULL_CONFIG=/x"}, usual: "default", want: " --config /x"},
		{flags: globals{config: "/z"}, environ: []string{"LULL_CONFIG=/x"}, usual: "default", want: " --config /z"},
	} {
		a := &app{World: World{Environ: test.environ}, flags: test.flags, settings: settings{usualGate: test.usual}}
		if got := a.where("default"); got != test.want {
			t.Errorf("%+v: %q, want %q", test, got, test.want)
		}
	}
}
