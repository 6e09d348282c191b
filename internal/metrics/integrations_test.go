package metrics_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/metrics"
)

const integrations = "../../integrations"

// promtool runs Prometheus' own checks, with that standard input.
func promtool(t *testing.T, input string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("promtool is missing: it is in Debian's package prometheus")
		}
		t.Skip("promtool is missing: it is in Debian's package prometheus")
	}
	check := exec.CommandContext(t.Context(), "promtool", args...)
	check.Stdin = strings.NewReader(input)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", check, err, out)
	}
}

// realPage is a scrape after a job and a deployment at one gate.
func realPage(t *testing.T) (text string) {
	t.Helper()
	play(t, func(s *scene) {
		s.metrics = metrics.New(metrics.Options{Version: "1.2.3", Connections: func() int { return 1 }})
	}, func(s *scene) {
		s.leaves(s.enters(lull.Pass{}), lull.Outcome{Ran: time.Minute})
		hold := s.closes(lull.Hold{})
		s.begins(hold, lull.Start{})
		s.opens(hold, lull.Outcome{Ran: time.Minute})
		s.after(5 * time.Second)
		text = page(s.T, s.metrics)
	})
	return text
}

func TestMetricsFollowTheConventions(t *testing.T) {
	promtool(t, realPage(t), "check", "metrics")
}

func TestTheRulesAreSoundAndFireAsTheirTestsSay(t *testing.T) {
	dir := filepath.Join(integrations, "prometheus")
	promtool(t, "", "check", "rules", filepath.Join(dir, "alerts.yml"))
	promtool(t, "", "test", "rules", filepath.Join(dir, "alerts_test.yml"))
	promtool(t, "", "check", "config", "--syntax-only", filepath.Join(dir, "scrape.yml"))
}

// named are the metrics that a text names.
func named(text string) []string {
	names := map[string]bool{}
	for _, name := range regexp.MustCompile(`\b(lull|go|process)_[a-z0-9_]*[a-z0-9]\b`).FindAllString(text, -1) {
		names[name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// exported are the metrics of a scrape, under the names of their families and those of
// their series.
func exported(text string) map[string]bool {
	names := map[string]bool{}
	for line := range strings.Lines(text) {
		if family, isType := strings.CutPrefix(line, "# TYPE "); isType {
			name, _, _ := strings.Cut(family, " ")
			names[name] = true
		} else if i := strings.IndexAny(line, "{ "); i > 0 && line[0] != '#' {
			names[line[:i]] = true
		}
	}
	return names
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{integrations}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestEveryMetricThatIsNamedExists(t *testing.T) {
	there := exported(realPage(t))
	for _, path := range [][]string{
		{"grafana", "lull.json"}, {"prometheus", "alerts.yml"}, {"prometheus", "alerts_test.yml"}, {"prometheus", "README.md"},
	} {
		names := named(read(t, path...))
		if len(names) < 4 {
			t.Errorf("%v names %v only", path, names)
		}
		for _, name := range names {
			if !there[name] {
				t.Errorf("%v names %s, which no scrape has", path, name)
			}
		}
	}
}

func TestEveryMetricIsExplained(t *testing.T) {
	text := read(t, "prometheus", "README.md")
	for line := range strings.Lines(realPage(t)) {
		family, isType := strings.CutPrefix(line, "# TYPE lull_")
		name, kind, _ := strings.Cut(strings.TrimSpace(family), " ")
		if !isType {
			continue
		}
		if row := regexp.MustCompile("(?m)^\\| .*`lull_" + name + "[`{].*\\| " + kind + " \\|"); !row.MatchString(text) {
			t.Errorf("the table does not explain lull_%s as a %s", name, kind)
		}
	}
}

// dashboard is what of Grafana's is looked at.
type dashboard struct {
	UID         string
	Annotations struct {
		List []struct{ Expr string }
	}
	Panels []struct {
		ID          int
		Type, Title string
		Description string
		GridPos     struct{ X, Y, W, H int }
		Targets     []struct{ Expr string }
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, "grafana", "lull.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEveryQueryOfTheDashboardIsOne(t *testing.T) {
	d := readDashboard(t)
	var queries []string
	for _, a := range d.Annotations.List {
		queries = append(queries, a.Expr)
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			queries = append(queries, target.Expr)
		}
	}
	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var rules []rule
	fill := strings.NewReplacer("$__rate_interval", "1m", "$__range", "6h", "$gate", ".*", "$job", "lulld")
	for i, query := range queries {
		rules = append(rules, rule{fmt.Sprintf("dashboard:query:%d", i), fill.Replace(query)})
	}
	group := map[string]any{"name": "dashboard", "rules": rules}
	file, err := json.Marshal(map[string]any{"groups": []any{group}}) // JSON is YAML
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "queries.yml")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "", "check", "rules", path)
}

func TestEveryPanelOfTheDashboardIsExplainedAndHasAPlaceOfItsOwn(t *testing.T) {
	dashboard := readDashboard(t)
	if dashboard.UID == "" || len(dashboard.Panels) < 10 {
		t.Errorf("uid %q, %d panels", dashboard.UID, len(dashboard.Panels))
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range dashboard.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d %q is not one of its own", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && (p.Description == "" || len(p.Targets) == 0 || p.Targets[0].Expr == "") {
			t.Errorf("panel %q shows nothing, or does not say what", p.Title)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("panel %q is where %q is, or off the grid", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}
