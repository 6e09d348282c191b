package pgstore

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lull-dev/lull"
)

// secret is in no error, and in nothing that is shown.
const secret = "s3cr3t-pw"

// cleanEnvironment takes away what libpq reads, for the test.
func cleanEnvironment(t *testing.T) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "PG") {
			t.Setenv(name, "") // restores it at the end
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Setenv("HOME", t.TempDir())
}

// where is what a config connects to, as host:port/database as user.
func where(c *pgconn.Config) string {
	hosts := []string{fmt.Sprintf("%s:%d", c.Host, c.Port)}
	for _, f := range c.Fallbacks {
		if h := fmt.Sprintf("%s:%d", f.Host, f.Port); !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	return strings.Join(hosts, ",") + "/" + c.Database + " as " + c.User
}

func TestURLsMeanWhatLibpqMeans(t *testing.T) {
	cleanEnvironment(t)
	for _, test := range []struct{ url, where, password, shown string }{
		{"postgres://ann@db/shop", "db:5432/shop as ann", "", ""},
		{"postgresql://ann@db:6432/shop", "db:6432/shop as ann", "", ""},
		{"postgis://ann@db/shop", "db:5432/shop as ann", "", ""},
		{"postgres://ann:s3cr3t-pw@db/shop", "db:5432/shop as ann", secret, "postgres://ann@db/shop"},
		{"postgis://ann:s3cr3t-pw@db/shop", "db:5432/shop as ann", secret, "postgis://ann@db/shop"},
		{"postgres://ann:s3cr3t-pw%40%2F%3F@db/shop", "db:5432/shop as ann", secret + "@/?", "postgres://ann@db/shop"},
		{"postgres://ann:s3cr3t-pw?%#:@db/shop", "", "", ""},
		{"postgres://ann:s3cr3t-pw?#:x@db/shop", "db:5432/shop as ann", secret + "?#:x", "postgres://ann@db/shop"},
		{"postgres://ann:s3cr3t-pw@[::1]:6432/shop", "::1:6432/shop as ann", secret, "postgres://ann@[::1]:6432/shop"},
		{"postgres://ann%40corp:s3cr3t-pw@db/shop", "db:5432/shop as ann@corp", secret, "postgres://ann%40corp@db/shop"},
		{"postgres://db/shop?user=ann@corp&password=s3cr3t-pw", "db:5432/shop as ann@corp", secret, "postgres://db/shop?user=ann@corp"},
		{"postgres:///shop?user=ann&host=/run/postgresql", "/run/postgresql:5432/shop as ann", "", ""},
		{"postgres://ann@%2Frun%2Fpostgresql/shop", "/run/postgresql:5432/shop as ann", "", ""},
		{"postgres://ann@%2Frun%2Fpostgresql:6432/shop", "/run/postgresql:6432/shop as ann", "", ""},
		{"postgres://ann:s3cr3t-pw@db1,db2:6432/shop", "db1:5432,db2:6432/shop as ann", secret, "postgres://ann@db1,db2:6432/shop"},
		{"postgres://ann@db1:1,db2:2/shop?target_session_attrs=read-write", "db1:1,db2:2/shop as ann", "", ""},
		{"postgres://db/shop?username=ann&pass%77ord=s3cr3t-pw&sslmode=disable", "db:5432/shop as ann", secret, "postgres://db/shop?user=ann&sslmode=disable"},
		{"postgres://ann@db/shop?sslpassword=s3cr3t-pw", "db:5432/shop as ann", "", "postgres://ann@db/shop"},
		{"postgres://ann@db/shop?passwd=s3cr3t-pw&token=s3cr3t-pw", "db:5432/shop as ann", "", "postgres://ann@db/shop"},
		{"postgres://ann@db/shop?foo&options=-csearch_path=x", "db:5432/shop as ann", "", "postgres://ann@db/shop?options=-csearch_path%3Dx"},
		{"postgres://ann@db/shop?x=%zz&y=1%", "db:5432/shop as ann", "", "postgres://ann@db/shop"},
		{"postgres://:s3cr3t-pw@db/shop?user=ann", "db:5432/shop as ann", secret, "postgres://db/shop?user=ann"},
	} {
		a, err := parseURL(test.url)
		if test.where == "" {
			noSecret(t, test.url, err)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		if got := where(a.config); got != test.where {
			t.Errorf("%s: connects to %s, want %s", test.url, got, test.where)
		}
		if a.config.Password != test.password {
			t.Errorf("%s: the password is %q", test.url, a.config.Password)
		}
		if want := cmp.Or(test.shown, test.url); a.shown != want || Mask(test.url) != want {
			t.Errorf("%s: shown %s, masked %s, want %s", test.url, a.shown, Mask(test.url), want)
		}
	}
}

func TestTheEnvironmentIsHeard(t *testing.T) {
	cleanEnvironment(t)
	dir := t.TempDir()
	passfile, services := filepath.Join(dir, "pass"), filepath.Join(dir, "services")
	for path, content := range map[string]string{
		passfile: "db9:7432:shop:ann:" + secret + "\n",
		services: "[shop]\nhost=db9\nport=7432\ndbname=shop\nuser=ann\nkeepalives_idle=3\nfoo=bar\n",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"PGHOST": "db9", "PGPORT": "7432", "PGUSER": "ann", "PGDATABASE": "shop", "PGPASSFILE": passfile,
		"PGTZ": "Europe/Berlin", "PGAPPNAME": "nightly", "PGCONNECT_TIMEOUT": "3",
	} {
		t.Setenv(name, value)
	}
	a := mustParse(t, "postgres://")
	if got := where(a.config); got != "db9:7432/shop as ann" || a.config.Password != secret {
		t.Errorf("connects to %s with %q", got, a.config.Password)
	}
	if want := map[string]string{"application_name": "nightly", "client_encoding": "UTF8"}; !maps.Equal(a.config.RuntimeParams, want) {
		t.Errorf("sent are %v", a.config.RuntimeParams)
	}
	if a.config.ConnectTimeout != 3*time.Second {
		t.Errorf("connects within %s", a.config.ConnectTimeout)
	}
	for _, name := range []string{"PGHOST", "PGPORT", "PGUSER", "PGDATABASE"} {
		t.Setenv(name, "")
	}
	t.Setenv("PGSERVICEFILE", services)
	a = mustParse(t, "postgres:///?service=shop")
	if got := where(a.config); got != "db9:7432/shop as ann" || a.config.Password != secret {
		t.Errorf("connects to %s with %q", got, a.config.Password)
	}
	t.Setenv("PGSERVICE", "shop")
	if got := where(mustParse(t, "postgres://").config); got != "db9:7432/shop as ann" {
		t.Errorf("connects to %s", got)
	}
}

func TestFewParametersAreSent(t *testing.T) {
	cleanEnvironment(t)
	for query, want := range map[string]map[string]string{
		"": {"application_name": "lull"},
		"?pool=5&prepared_statements=false&checkout_timeout=5&reaping_frequency=1&idle_timeout=3&schema_search_path=a,b&encoding=unicode" +
			"&reconnect=true&advisory_locks=false&min_messages=warning&timeout=5000&variables[statement_timeout]=5s&statement_limit=3" +
			"&insert_returning=false&strict=true&adapter=postgresql&pool_max_conns=3&search_path=x&statement_timeout=1": {"application_name": "lull"},
		"?keepalives=1&keepalives_idle=5&keepalives_interval=5&keepalives_count=5&tcp_user_timeout=5&sslcompression=0&client_encoding=auto" +
			"&load_balance_hosts=random&gssencmode=prefer&ssl_max_protocol_version=TLSv1.3&sslkeylogfile=x&requirepeer=": {"application_name": "lull"},
		"?application_name=cron":                                {"application_name": "cron"},
		"?fallback_application_name=cron":                       {"application_name": "cron"},
		"?fallback_application_name=cron&application_name=job":  {"application_name": "job"},
		"?options=-c%20lock_timeout%3D5s":                       {"application_name": "lull", "options": "-c lock_timeout=5s"},
		"?options=&lull_connections=3&lull_schema=x&timezone=z": {"application_name": "lull"},
	} {
		a := mustParse(t, "postgres://ann@db/shop"+query)
		want["client_encoding"] = "UTF8"
		if !maps.Equal(a.config.RuntimeParams, want) {
			t.Errorf("%s: sent are %v", query, a.config.RuntimeParams)
		}
	}
}

func TestOwnKeys(t *testing.T) {
	cleanEnvironment(t)
	a := mustParse(t, "postgres://db/shop")
	if a.schema != "lull" || a.connections != 0 || a.listen {
		t.Errorf("without keys: %q, %d, %t", a.schema, a.connections, a.listen)
	}
	url := "postgres://db/shop?lull_schema=_web2&lull_connections=8&lull_listen=on"
	a = mustParse(t, url)
	if a.schema != "_web2" || a.connections != 8 || !a.listen {
		t.Errorf("with keys: %q, %d, %t", a.schema, a.connections, a.listen)
	}
	if a.shown != url {
		t.Errorf("shown: %s", a.shown)
	}
	mustParse(t, "postgres://db/shop?lull_listen=off&lull_connections=0&lull_schema="+strings.Repeat("x", 63))
}

func TestWhatCannotBeDoneIsRefused(t *testing.T) {
	cleanEnvironment(t)
	for url, says := range map[string]string{
		"lull_schema=Web":                          "lull_schema",
		"lull_schema=":                             "lull_schema",
		"lull_schema=2web":                         "lull_schema",
		"lull_schema=pg_lull":                      "lull_schema",
		"lull_schema=a-b":                          "lull_schema",
		"lull_schema=%C3%A4":                       "lull_schema",
		"lull_schema=" + strings.Repeat("x", 64):   "lull_schema",
		"lull_connections=-1":                      "lull_connections=-1",
		"lull_connections=many":                    "lull_connections=many",
		"lull_connections=1000":                    "lull_connections=1000",
		"lull_listen=true":                         "lull_listen=true",
		"lull_lisen=on":                            "lull_lisen is not a key",
		"hostaddr=10.0.0.1":                        "hostaddr=10.0.0.1",
		"requirepeer=postgres":                     "requirepeer",
		"sslcrl=/x":                                "sslcrl",
		"sslcrldir=/x":                             "sslcrldir",
		"gssencmode=require":                       "gssencmode=require",
		"sslMode=verify-full":                      "sslMode is not a key",
		"ssl_mode=verify-full":                     "ssl_mode is not a key",
		"ssl=verify-full":                          "ssl is not a key, or not with this value",
		"Host=other":                               "Host is not a key",
		"sslmode=verify-ca":                        "does not say which authority",
		"sslmode=verify-al":                        "sslmode is invalid",
		"sslmode=verify-full&sslrootcert=/no/file": "/no/file",
		"keepalives_idle=soon":                     "keepalives_idle=soon",
		"connect_timeout=soon":                     "connect_timeout",
		"target_session_attrs=best":                "target_session_attrs",
		"require_auth=handshake":                   "require_auth",
		"channel_binding=maybe":                    "channel_binding",
		"service=nowhere":                          "service",
	} {
		_, err := parseURL("postgres://ann:" + secret + "@db/shop?password=" + secret + "&" + url)
		noSecret(t, url, err)
		if err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", url, err)
		}
	}
	for name, value := range map[string]string{"PGHOSTADDR": "10.0.0.1", "PGSSLCRL": "/x", "PGREQUIREPEER": "root", "PGGSSENCMODE": "require"} {
		t.Setenv(name, value)
		_, err := parseURL("postgres://ann:" + secret + "@db/shop")
		noSecret(t, name, err)
		t.Setenv(name, "")
	}
}

func TestWhatCannotBeReadIsNotShown(t *testing.T) {
	cleanEnvironment(t)
	for _, url := range []string{
		"",
		secret,
		"postgres:" + secret,
		"postgres:/ann:" + secret + "@db/shop",
		"postgresql//ann:" + secret + "@db/shop",
		"mysql://ann:" + secret + "@db/shop",
		"host=db user=ann password=" + secret,
		"postgres://ann:x@" + secret + "@db/shop",
		"postgres://ann:12/" + secret + "@db/shop",
		"postgres://ann:12/x?" + secret + "@db/shop",
		"postgres://ann:12/x?y=" + secret + "@db/shop",
		"postgres://db?password=" + secret + "@x",
		"postgres://db:5432?password=" + secret + "@x",
		"postgres://ann:" + secret + "%zz@db/shop",
		"postgres://ann:" + secret + "@db:port/shop",
		"postgres://ann:" + secret + "@db:1,db:2,db:3,/shop?port=1,2",
		"postgres://ann:" + secret + "@[::1/shop",
		"postgres://ann:" + secret + "@d%zzb/shop",
		"postgres://ann:" + secret + "@d b/shop",
		"postgres://ann:" + secret + "\x00@db/shop",
		"postgres://ann:" + secret + "@db/shop?password=" + secret + "%zz",
		"postgres://ann:" + secret + "@db/shop?password=" + secret + " " + secret,
		"postgres://ann:" + secret + "@db/shop?sslmode=bad&sslpassword=" + secret + "=" + secret,
	} {
		_, err := parseURL(url)
		noSecret(t, url, err)
		if masked := Mask(url); strings.Contains(masked, secret) {
			t.Errorf("Mask(%q) = %q", url, masked)
		}
	}
}

func TestConnectingIsBounded(t *testing.T) {
	cleanEnvironment(t)
	for query, want := range map[string]time.Duration{
		"db/shop":                        connectWithin,
		"db/shop?connect_timeout=0":      connectWithin,
		"db/shop?connect_timeout=3":      3 * time.Second,
		"db1,db2/shop":                   connectWithinEach,
		"db1,db2/shop?connect_timeout=7": 7 * time.Second,
	} {
		if got := mustParse(t, "postgres://"+query).config.ConnectTimeout; got != want {
			t.Errorf("%s: connects within %s, want %s", query, got, want)
		}
	}
}

func TestOfSeveralHostsThePrimaryIsWanted(t *testing.T) {
	cleanEnvironment(t)
	if mustParse(t, "postgres://db/shop").config.ValidateConnect != nil {
		t.Error("one host is asked whether it is the primary")
	}
	if mustParse(t, "postgres://db1,db2/shop").config.ValidateConnect == nil {
		t.Error("two hosts are not asked which is the primary")
	}
}

func TestTheLeastTLSVersionIsKept(t *testing.T) {
	cleanEnvironment(t)
	a := mustParse(t, "postgres://db/shop?sslmode=require&ssl_min_protocol_version=TLSv1.3")
	if a.config.TLSConfig.MinVersion != 0x0304 {
		t.Errorf("the least version is %x", a.config.TLSConfig.MinVersion)
	}
}

func mustParse(t *testing.T, url string) address {
	t.Helper()
	a, err := parseURL(url)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return a
}

// noSecret wants an error for a person, in which the secret is not.
func noSecret(t *testing.T, about string, err error) {
	t.Helper()
	setup, ok := errors.AsType[*lull.SetupError](err)
	switch {
	case !ok || setup.What == "":
		t.Errorf("%s: %v", about, err)
	case setup.Hint == "":
		t.Errorf("%s: no hint: %v", about, err)
	default:
		neverSecret(t, about, err)
		if strings.Contains(setup.Hint, secret) {
			t.Errorf("%s: hint %s", about, setup.Hint)
		}
	}
}

// neverSecret wants the secret in no form of an error, and none that could be asked
// for it.
func neverSecret(t *testing.T, about string, err error) {
	t.Helper()
	for _, format := range []string{"%v", "%+v", "%#v", "%q"} {
		if text := fmt.Sprintf(format, err); strings.Contains(text, secret) {
			t.Errorf("%s: the password is in the error: %s", about, text)
		}
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		t.Errorf("%s: the error has the config in it", about)
	}
	if _, ok := errors.AsType[*pgconn.ParseConfigError](err); ok {
		t.Errorf("%s: the error has the URL in it", about)
	}
}
