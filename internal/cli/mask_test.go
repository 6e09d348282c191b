package cli

import (
	"slices"
	"strings"
	"testing"
)

func TestSecretsAreMasked(t *testing.T) {
	for _, test := range []struct{ command, want []string }{
		{[]string{"x", "--token", "s3cret", "y"}, []string{"x", "--token", "***", "y"}},
		{[]string{"x", "--api-token=s3cret,more"}, []string{"x", "--api-token=***"}},
		{[]string{"x", "-password", "s3cret"}, []string{"x", "-password", "***"}},
		{[]string{"env", "PGPASSWORD=s3cret", "psql"}, []string{"env", "PGPASSWORD=***", "psql"}},
		{[]string{"env", "DB_PASS=s3cret", "SSH_KEY=s3cret"}, []string{"env", "DB_PASS=***", "SSH_KEY=***"}},
		{[]string{"x", "--key", "s3cret", "--secret-key=s3cret"}, []string{"x", "--key", "***", "--secret-key=***"}},
		{[]string{"x", "--no-password", "--force"}, []string{"x", "--no-password", "--force"}},
		{[]string{"psql", "postgres://ann:s3cret@db/x"}, []string{"psql", "postgres://ann:***@db/x"}},
		{[]string{"psql", "--url=postgres://ann:s3/cr#et@db/x"}, []string{"psql", "--url=postgres://ann:***@db/x"}},
		{[]string{"psql", "postgres://ann:12/s3cret@db/x", "DATABASE_URL=postgis://ann:12?s3cret@db/x"}, []string{"psql", "postgres://ann:***@db/x", "DATABASE_URL=postgis://ann:***@db/x"}},
		{[]string{"psql", "postgres://db/x?user=ann&sslpassword=s3cret&password=s3cret"}, []string{"psql", "postgres://db/x?user=ann&sslpassword=***&password=***"}},
		{[]string{"psql", "postgresql://db?password=s3cret@x"}, []string{"psql", "postgresql://***"}},
		{[]string{"curl", "https://db:80/x@y", "https://h/?a=1&token=s3cret&b=2"}, []string{"curl", "https://db:80/x@y", "https://h/?a=1&token=***&b=2"}},
		{[]string{"curl", "-H", "Authorization: Bearer s3cret", "-u", "ann:s3cret"}, []string{"curl", "-H", "Authorization: ***", "-u", "***"}},
		{[]string{"curl", "--header=Authorization: Basic s3cret", "-uann:s3cret"}, []string{"curl", "--header=Authorization: ***", "-u***"}},
		{[]string{"curl", "-H", "X-Api-Key: s3cret", "-H", "X-Api-Key:s3cret"}, []string{"curl", "-H", "X-Api-Key: ***", "-H", "X-Api-Key:***"}},
		{[]string{"curl", "-d", `{"password":"s3cret","user":"ann"}`}, []string{"curl", "-d", `{"password":"***","user":"ann"}`}},
		{[]string{"sudo", "mysql", "-ps3cret", "shop"}, []string{"sudo", "mysql", "-p***", "shop"}},
		{[]string{"mysql", "-p", "shop"}, []string{"mysql", "-p", "shop"}},
		{[]string{"sshpass", "-p", "s3cret", "ssh", "web1"}, []string{"sshpass", "-p", "***", "ssh", "web1"}},
		{[]string{"sh", "-c", "cd /srv; TOKEN=s3cret ./x\n./y --password\ts3cret"}, []string{"sh", "-c", "cd /srv; TOKEN=*** ./x\n./y --password\t***"}},
		{[]string{"sh", "-c", `curl -H "Authorization: Bearer s3cret" https://h && mysql -ps3cret`}, []string{"sh", "-c", `curl -H "Authorization: ***" https://h && mysql -p***`}},
	} {
		before := slices.Clone(test.command)
		got := mask(test.command)
		if !slices.Equal(got, test.want) {
			t.Errorf("mask(%q)\n    = %q,\nwant %q", test.command, got, test.want)
		}
		if !slices.Equal(test.command, before) {
			t.Errorf("the command itself was changed: %q", test.command)
		}
		if strings.Contains(strings.Join(got, " "), "s3cret") {
			t.Errorf("a secret is left: %q", got)
		}
	}
}

func TestWhatIsNoSecretIsRecordedAsItIs(t *testing.T) {
	for _, command := range [][]string{
		{"rake", "import", "PWD=/srv/app", "RAILS_ENV=production"},
		{"mkdir", "-p", "/srv/x"},
		{"psql", "postgres://ann@db:5432/x?sslmode=require&pool=5", "url=postgres:///x?host=/run/postgresql"},
		{"git", "commit", "--author", "Ann <ann@example.org>", "-m", "key figures: 5"},
		{"cp", "-pr", "a", "b"},
		{"rsync", "host:path", "https://example.org:8080/a@b"},
		{"sh", "-c", "  two  spaces\tand 'quotes'\n"},
		{"monkey", "keyboard", "--keyring", "passenger", ""},
	} {
		if got := mask(command); !slices.Equal(got, command) {
			t.Errorf("mask(%q) = %q", command, got)
		}
	}
}

func TestStoresAreShownWithoutPasswords(t *testing.T) {
	for store, want := range map[string]string{
		"file:///var/lib/lull":           "file:///var/lib/lull",
		"env:DATABASE_URL":               "env:DATABASE_URL",
		"env:postgres://ann:s3cret@db/x": "env:postgres://ann:***@db/x",
		"env:s3cret!":                    "***",
		"host=db password=s3cret":        "***",
		"s3cret":                         "***",
		"postgres:ann:s3cret@db":         "***",
		"mysql://ann:s3cret@db/x":        "mysql://ann:***@db/x",
		"postgres://ann:s3cret@db/x?password=s3cret&pool=5": "postgres://ann@db/x",
		"postgis://ann@db/x?sslpassword=s3cret":             "postgis://ann@db/x",
		"postgres://ann:12/s3cret@db/x":                     "postgres://***",
	} {
		if got := shownStore(store); got != want {
			t.Errorf("%s is shown as %s, want %s", store, got, want)
		}
	}
}
