package notice_test

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/lull-dev/lull/internal/notice"
	"github.com/pelletier/go-toml/v2"
)

func parse(t *testing.T, text string) notice.Config {
	t.Helper()
	var file struct {
		Notify []notice.Hook `toml:"notify"`
	}
	d := toml.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{"LULLD_WEBHOOK_SECRET": "secret-word", "SLACK_URL": "https://hooks.slack.com/secret-path"}
	return notice.Config{Hooks: file.Notify, Getenv: func(name string) string { return environment[name] }}
}

// block is the first block of code in the documentation that is in that language.
func block(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/notices.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "```"+language+"\n")
	code, _, found := strings.Cut(after, "```")
	if !found {
		t.Fatalf("there is no %s in the documentation", language)
	}
	return code
}

func TestTheDocumentationIsRight(t *testing.T) {
	c := parse(t, block(t, "toml"))
	if _, err := notice.New(c, nopLog()); err != nil || len(c.Hooks) != 2 {
		t.Errorf("%d hooks, %v", len(c.Hooks), err)
	}
	var n notice.Notice
	d := json.NewDecoder(strings.NewReader(block(t, "json")))
	d.DisallowUnknownFields()
	if err := d.Decode(&n); err != nil || n.Event != notice.Closed || n.Counts.Inside != 3 {
		t.Errorf("%+v, %v", n, err)
	}
	text, err := os.ReadFile("../../docs/notices.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range notice.Events() {
		if !strings.Contains(string(text), "| `"+string(event)+"` |") {
			t.Errorf("%q is not explained", event)
		}
	}
	for i := range reflect.TypeFor[notice.Notice]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[notice.Notice]().Field(i).Tag.Get("json"), ",")
		if !regexp.MustCompile("(?m)^\\| [^|]*`" + name + "`").MatchString(string(text)) {
			t.Errorf("the field %s is not explained", name)
		}
	}
}

func TestAWrongHookIsRefusedWithWhatIsWrong(t *testing.T) {
	for hook, want := range map[string]string{
		`url = ""`:                                   "[[notify]] number 1: url must be one that begins with https:// or http://",
		`url = "ftp://secret-host"`:                  "url must be one",
		`url = "https://%zz/secret-path"`:            "url must be one",
		`url = "env:NOT_THERE"`:                      "url: NOT_THERE is not set in the environment",
		"url = \"http://a\"\nsecret = \"env:X\"":     "secret: X is not set",
		"url = \"http://a\"\nform = \"xml\"":         `form "xml" is not one of json, slack`,
		"url = \"http://a\"\nevents = [\"open\"]":    `there is no event "open": there are "closed", "drained", "drain overdue", "opened", "crashed", "casualty"`,
		"url = \"http://a\"\ngates = [\"a[\"]":       `"a[" is no pattern`,
		"url = \"http://a\"\ndrain_overdue = \"10\"": `drain_overdue "10" is not a duration: write it like`,
		"url = \"http://a\"\ndrain_overdue = \"0s\"": "is not a duration",
	} {
		_, err := notice.New(parse(t, "[[notify]]\n"+hook), nopLog())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret-") {
			t.Errorf("%s: %v, want %q", hook, err, want)
		}
	}
}

func TestAllWrongHooksAreNamedAtOnce(t *testing.T) {
	_, err := notice.New(parse(t, "[[notify]]\nurl = \"\"\n[[notify]]\nurl = \"http://a\"\n[[notify]]\nform = \"x\""), nopLog())
	if err == nil || !strings.Contains(err.Error(), "number 1") || strings.Contains(err.Error(), "number 2") || !strings.Contains(err.Error(), "number 3") {
		t.Error(err)
	}
}
