package lull_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows says what each package may import, its tests aside and beside the
// standard library. Packages of this module are named from the root, "lull"; other
// modules by the beginning of their packages' paths.
//
// The root is the domain and stands on nothing. A store knows the root and its
// driver, not the other stores. What runs a command knows no gates. The command
// line is the top: nothing rests on it. What is made for tests is not shipped.
var arrows = map[string][]string{
	"lull": {},

	"lull/memstore":    {"lull"},
	"lull/filestore":   {"lull", "golang.org/x/sys"},
	"lull/pgstore":     {"lull", "github.com/jackc/pgx/v5", "github.com/jackc/puddle/v2", "github.com/pressly/goose/v3"},
	"lull/remotestore": {"lull", "lull/internal/wire"},

	"lull/internal/wire": {"lull"},

	"lull/internal/child": {"golang.org/x/sys"},
	"lull/internal/cli": {
		"lull", "lull/filestore", "lull/pgstore", "lull/remotestore", "lull/internal/child", "lull/internal/words",
		"github.com/pelletier/go-toml/v2", "github.com/spf13/cobra", "github.com/spf13/pflag", "golang.org/x/sys", "golang.org/x/term",
	},
	"lull/internal/access":  {"golang.org/x/time", "golang.org/x/sys"},
	"lull/internal/page":    {"lull", "lull/internal/access", "lull/internal/words"},
	"lull/internal/words":   {},
	"lull/internal/tail":    {"lull"},
	"lull/internal/notice":  {"lull", "lull/internal/tail", "lull/internal/words", "github.com/cenkalti/backoff/v5"},
	"lull/internal/metrics": {"lull", "lull/internal/tail", "github.com/prometheus"},
	"lull/internal/server": {
		"lull", "lull/internal/wire", "lull/internal/access", "lull/internal/page",
		"github.com/danielgtaylor/huma/v2", "github.com/coreos/go-systemd/v22", "golang.org/x/sys", "golang.org/x/time",
	},
	"lull/internal/lulld": {
		"lull", "lull/filestore", "lull/pgstore", "lull/internal/wire",
		"lull/internal/access", "lull/internal/metrics", "lull/internal/notice", "lull/internal/server",
		"github.com/pelletier/go-toml/v2", "github.com/spf13/cobra",
	},
	"lull/cmd/lull":  {"lull/internal/cli"},
	"lull/cmd/lulld": {"lull/internal/lulld"},

	// Made for tests and measurements. storetest compares other stores with memstore.
	"lull/storetest":              {"lull", "lull/memstore"},
	"lull/internal/pgtest":        {"github.com/jackc/pgx/v5"},
	"lull/internal/storm":         {},
	"lull/internal/storm/witness": {"lull/internal/storm"},
	"lull/bench":                  {"lull", "lull/filestore", "lull/memstore", "lull/pgstore", "lull/remotestore", "lull/internal/pgtest", "github.com/jackc/pgx/v5", "golang.org/x/sys"},
}

func TestArrowsBetweenPackages(t *testing.T) {
	for _, p := range packages(t) {
		for _, wrong := range wrongArrows(p.path, p.imports) {
			t.Error(wrong)
		}
	}
}

func TestWrongArrowsAreNamed(t *testing.T) {
	for _, c := range []struct {
		from, to string
		says     string
	}{
		{"lull", "time", ""},
		{"lull", "lull/memstore", "lull may import nothing but the standard library, not lull/memstore"},
		{"lull", "golang.org/x/sys/unix", "not golang.org/x/sys/unix"},
		{"lull/filestore", "golang.org/x/sys/unix", ""},
		{"lull/filestore", "golang.org/x/system", "lull/filestore may import lull, golang.org/x/sys, not golang.org/x/system"},
		{"lull/filestore", "lull/memstore", "not lull/memstore"},
		{"lull/memstore", "lull", ""},
		{"lull/memstore", "golang.org/x/sys/unix", "not golang.org/x/sys/unix"},
		{"lull/internal/child", "lull", "not lull"},
		{"lull/internal/cli", "lull/memstore", "not lull/memstore"},
		{"lull/internal/cli", "lull/storetest", "not lull/storetest"},
		{"lull/internal/server", "lull/internal/cli", "not lull/internal/cli"},
		{"lull/cmd/lull", "lull/internal/cli", ""},
		{"lull/newstore", "", "say in arrows what lull/newstore may import"},
	} {
		got := strings.Join(wrongArrows(c.from, []string{c.to}), "; ")
		if (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s imports %s: %q, want %q", c.from, c.to, got, c.says)
		}
	}
}

// wrongArrows says, in a sentence each, which of a package's imports it may not
// have.
func wrongArrows(from string, imports []string) []string {
	may, known := arrows[from]
	if !known {
		return []string{fmt.Sprintf("there is no rule for a new package: say in arrows what %s may import", from)}
	}
	allowed := strings.Join(may, ", ")
	if allowed == "" {
		allowed = "nothing but the standard library"
	}
	var wrong []string
	for _, to := range imports {
		ours := to == "lull" || strings.HasPrefix(to, "lull/")
		first, _, _ := strings.Cut(to, "/")
		standard := !ours && !strings.Contains(first, ".")
		if standard || slices.ContainsFunc(may, func(m string) bool {
			return to == m || !ours && strings.HasPrefix(to, m+"/")
		}) {
			continue
		}
		wrong = append(wrong, fmt.Sprintf("%s may import %s, not %s", from, allowed, to))
	}
	return wrong
}

type goPackage struct {
	path    string
	imports []string
}

// packages lists this module's packages that have code beside tests, with paths
// as in arrows.
func packages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports,GoFiles,Module", "./...")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%s: %v", list, err)
	}
	var found []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
			GoFiles    []string
			Module     struct{ Path string }
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		short := func(path string) string {
			if path == p.Module.Path || strings.HasPrefix(path, p.Module.Path+"/") {
				return "lull" + strings.TrimPrefix(path, p.Module.Path)
			}
			return path
		}
		if len(p.GoFiles) == 0 {
			continue
		}
		var imports []string
		for _, i := range p.Imports {
			imports = append(imports, short(i))
		}
		found = append(found, goPackage{short(p.ImportPath), imports})
	}
	if !slices.ContainsFunc(found, func(p goPackage) bool { return p.path == "lull" }) {
		t.Fatalf("%s does not list the root package", list)
	}
	return found
}
