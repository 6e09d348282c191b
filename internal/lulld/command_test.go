package lulld_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lull-dev/lull/internal/lulld"
)

// said is what a command that runs in the background has said so far.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// calls runs lulld with arguments, and returns what it said.
func calls(t *testing.T, env map[string]string, args ...string) (status int, out, errors string) {
	t.Helper()
	var o, e said
	status = lulld.Main(t.Context(), args, lulld.World{Out: &o, Err: &e, Getenv: func(name string) string { return env[name] }})
	return status, o.String(), e.String()
}

func TestWhatIsWrongIsSaidWithAHint(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	store := "file://" + dir + "/store"
	wrongKey := write("key.toml", "stores = \"x\"\n")
	secret := write("secret.toml", "[[notify]]\nurl = \"https://hooks.example.com/s3cr3t\"\nevents = [\"noise\"]\n")
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--colour"}, 64, "unknown flag"},
		{[]string{"serve"}, 64, "serve"},
		{[]string{"tokn"}, 64, "did you mean token?"},
		{[]string{}, 78, "no store is named"},
		{[]string{"--store", "mysql://x"}, 78, "cannot serve that store"},
		{[]string{"--store", "env:NOWHERE"}, 78, "NOWHERE"},
		{[]string{"--config", dir + "/none.toml"}, 78, "cannot read the configuration"},
		{[]string{"--config", wrongKey}, 78, "line 1: there is no such key"},
		{[]string{"--config", secret, "--store", store}, 78, `no event "noise"`},
		{[]string{"--store", store, "--log", "xml"}, 78, "not one of text, json"},
		{[]string{"--store", store, "--url", "lull.example.com"}, 78, "no URL of a page"},
		{[]string{"--store", store, "--tls-cert", dir + "/cert.pem"}, 78, "certificate"},
		{[]string{"--store", store, "--tokens", dir + "/none.json"}, 78, "no file of tokens"},
		{[]string{"--store", store, "--listen", "0.0.0.0:0"}, 78, "there are no tokens"},
		{[]string{"--store", store, "--listen", "0.0.0.0:0", "--allow-anyone"}, 78, "without TLS"},
		{[]string{"--store", store, "--listen", "nowhere"}, 78, "no address"},
		{[]string{"--store", store, "--listen", "unix://" + dir + "/no/such/dir/l.sock"}, 78, "cannot listen"},
		{[]string{"token", "create", "--name", "ci"}, 64, "--role"},
		{[]string{"token", "create", "--name", "ci", "--role", "boss"}, 64, "no role"},
		{[]string{"token", "create", "--name", "C I", "--role", "job", "--tokens", dir + "/t.json"}, 64, "the name"},
		{[]string{"token", "create", "--name", "ci", "--role", "job", "--expires", "soon"}, 64, "not a duration"},
		{[]string{"token", "revoke", "--tokens", dir + "/t.json", "nobody"}, 1, "no such token"},
		{[]string{"notify", "test", "--config", write("empty.toml", "")}, 78, "names no receiver"},
	} {
		status, out, said := calls(t, nil, c.args...)
		if status != c.status || !strings.Contains(said, c.says) || out != "" {
			t.Errorf("lulld %s: status %d and %q, want %d and %q", strings.Join(c.args, " "), status, said, c.status, c.says)
		}
		if strings.Contains(said, "s3cr3t") {
			t.Errorf("lulld %s says a secret: %s", strings.Join(c.args, " "), said)
		}
	}
}

func TestTokensAreMadeListedAndRevoked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens.json")
	status, out, said := calls(t, nil, "token", "create", "--tokens", file, "--role", "deployer", "--name", "ci", "--expires", "90d", "--longest-limit", "1h", "--gates", "team-a-*")
	token := strings.TrimSpace(out)
	if status != 0 || !strings.HasPrefix(token, "lull_") || strings.Count(out, "\n") != 1 || !strings.Contains(said, "shown this once") {
		t.Fatalf("status %d, %q, %q", status, out, said)
	}
	if status, _, _ := calls(t, nil, "token", "create", "--tokens", file, "--role", "job", "--name", "ci"); status != 64 {
		t.Errorf("a second of that name: status %d", status)
	}
	var listed []map[string]any
	_, out, _ = calls(t, nil, "token", "list", "--tokens", file, "-o", "json")
	if err := json.Unmarshal([]byte(out), &listed); err != nil || len(listed) != 1 || listed[0]["name"] != "ci" {
		t.Errorf("the list is %s", out)
	}
	_, text, _ := calls(t, nil, "token", "list", "--tokens", file)
	for _, has := range []string{"ci", "deployer", "team-a-*", "1h0m0s", "never", "good until"} {
		if !strings.Contains(text, has) {
			t.Errorf("the list does not say %q:\n%s", has, text)
		}
	}
	kept, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(kept), token) || strings.Contains(out+text, token) {
		t.Errorf("the token is shown again, or kept: %v", err)
	}
	if status, out, _ := calls(t, nil, "token", "revoke", "--tokens", file, "ci"); status != 0 || !strings.Contains(out, "revoked ci") {
		t.Errorf("revoke: status %d, %q", status, out)
	}
}

// serves runs lulld on a free port until the test ends, and returns its address.
func serves(t *testing.T, env map[string]string, args ...string) (url string, log *said) {
	t.Helper()
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := port.Addr().String()
	port.Close()
	ctx, cancel := context.WithCancel(context.Background())
	log = &said{}
	ended := make(chan int)
	go func() {
		ended <- lulld.Main(ctx, append(args, "--listen", address), lulld.World{Out: io.Discard, Err: log, Getenv: func(name string) string { return env[name] }})
	}()
	t.Cleanup(func() {
		cancel()
		if status := <-ended; status != 0 {
			t.Errorf("it ended with %d: %s", status, log)
		}
	})
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(10 * time.Millisecond) {
		if answer, err := http.Get("http://" + address + "/readyz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return "http://" + address, log
			}
		}
	}
	t.Fatalf("it does not serve: %s", log)
	return "", nil
}

func TestServesByVariableAndByFile(t *testing.T) {
	dir := t.TempDir()
	url, _ := serves(t, map[string]string{"LULL_STORE": "file://" + dir + "/one"})
	if got := get(t, url+"/api/v1/about", ""); !strings.Contains(got, "/one") {
		t.Errorf("about: %s", got)
	}
	config := filepath.Join(dir, "lulld.toml")
	if err := os.WriteFile(config, []byte("store = \"file://"+dir+"/two\"\nlog = \"json\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url, log := serves(t, nil, "--config", config)
	if got := get(t, url+"/api/v1/about", ""); !strings.Contains(got, "/two") || !strings.Contains(log.String(), `"msg":"serving"`) {
		t.Errorf("about: %s; it logs %s", got, log)
	}
	if got := get(t, url+"/metrics", ""); !strings.Contains(got, "lull_build_info") {
		t.Errorf("metrics: %.200s", got)
	}
	if got := get(t, url+"/", ""); !strings.Contains(got, "<html") {
		t.Errorf("the page: %.200s", got)
	}
}

func TestWithTokensNobodyIsLetInWithoutOne(t *testing.T) {
	dir := t.TempDir()
	tokens := filepath.Join(dir, "tokens.json")
	_, token, _ := calls(t, nil, "token", "create", "--tokens", tokens, "--role", "viewer", "--name", "wall")
	url, log := serves(t, nil, "--store", "file://"+dir+"/store", "--tokens", tokens)
	if got := get(t, url+"/api/v1/gates", ""); !strings.Contains(got, "problem:sign-in") {
		t.Errorf("without a token: %s", got)
	}
	if got := get(t, url+"/api/v1/gates", "lull_wrong"); !strings.Contains(got, "problem:sign-in") {
		t.Errorf("with a wrong token: %s", got)
	}
	if got := get(t, url+"/api/v1/gates", strings.TrimSpace(token)); !strings.Contains(got, `"gates"`) {
		t.Errorf("with a token: %s", got)
	}
	if strings.Contains(log.String(), "lull_") {
		t.Errorf("a token is in the log: %s", log)
	}
}

// get is what is answered, whatever the status.
func get(t *testing.T, url, token string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// What help shows as a configuration is one.
func TestTheConfigurationInHelpIsRead(t *testing.T) {
	_, help, _ := calls(t, nil, "--help")
	_, example, _ := strings.Cut(help, "--config:\n")
	example, _, _ = strings.Cut(example, "\nExit status")
	file := filepath.Join(t.TempDir(), "lulld.toml")
	if err := os.WriteFile(file, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	// It goes as far as the certificate that is not there.
	if status, _, said := calls(t, nil, "--config", file); status != 78 || !strings.Contains(said, "certificate") {
		t.Errorf("status %d: %s\n%s", status, said, example)
	}
}
