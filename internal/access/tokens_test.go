package access_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lull-dev/lull/internal/access"
)

func openTokens(t *testing.T, path string) *access.Tokens {
	t.Helper()
	tokens, err := access.OpenTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func create(t *testing.T, tokens *access.Tokens, s access.Spec) (string, access.Info) {
	t.Helper()
	token, info, err := tokens.Create(s)
	if err != nil {
		t.Fatal(err)
	}
	return token, info
}

func newPath(t *testing.T) string { return filepath.Join(t.TempDir(), "lulld", "tokens.json") }

func TestTokenIsKnownByItsTextOnly(t *testing.T) {
	path := newPath(t)
	tokens := openTokens(t, path)
	spec := access.Spec{
		Name: "ci", Role: access.Deployer, Gates: []string{"team-a-*"}, LongestLimit: time.Hour,
		Expires: time.Now().Add(time.Hour).Truncate(time.Second),
	}
	token, info := create(t, tokens, spec)
	for name, tokens := range map[string]*access.Tokens{"here": tokens, "opened again": openTokens(t, path)} {
		id, err := tokens.Lookup(token, time.Now())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if id.Name != "ci" || id.Role != access.Deployer || fmt.Sprint(id.Gates) != "[team-a-*]" || id.LongestLimit != time.Hour ||
			!id.Expires.Equal(spec.Expires) || id.Source != access.ByToken {
			t.Errorf("%s it is %+v", name, id)
		}
		if list := tokens.List(); len(list) != 1 || list[0].ID != info.ID {
			t.Errorf("%s the list is %+v", name, list)
		}
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(kept), token) || strings.Contains(string(kept), token[5:48]) {
		t.Error("the file has the token's text")
	}
	if mode := stat(t, path).Mode(); mode != 0o600 {
		t.Errorf("the file's mode is %s", mode)
	}
	if len(info.ID) != 8 {
		t.Errorf("the ID is %q", info.ID)
	}
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestTokenThatIsNoGoodSaysWhy(t *testing.T) {
	tokens := openTokens(t, newPath(t))
	now := time.Now()
	good, _ := create(t, tokens, access.Spec{Name: "good", Role: access.Job})
	expiring, _ := create(t, tokens, access.Spec{Name: "short", Role: access.Job, Expires: now.Add(time.Hour)})
	revoked, info := create(t, tokens, access.Spec{Name: "revoked", Role: access.Job})
	if err := tokens.Revoke(info.ID); err != nil {
		t.Fatal(err)
	}
	unknown, _ := create(t, openTokens(t, newPath(t)), access.Spec{Name: "elsewhere", Role: access.Admin})
	mistyped := []byte(good)
	mistyped[20] ^= 1
	for _, c := range []struct {
		token string
		at    time.Time
		err   error
	}{
		{good, now, nil},
		{unknown, now, access.ErrUnknown},
		{string(mistyped), now, access.ErrMistyped},
		{good[:len(good)-1], now, access.ErrMistyped},
		{good + "x", now, access.ErrMistyped},
		{"", now, access.ErrMistyped},
		{expiring, now.Add(59 * time.Minute), nil},
		{expiring, now.Add(time.Hour), access.ErrExpired},
		{revoked, now, access.ErrRevoked},
	} {
		id, err := tokens.Lookup(c.token, c.at)
		if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%d characters: %v, want %v", len(c.token), err, c.err)
		}
		if err != nil && id.Role != "" {
			t.Errorf("%v, and yet the role is %s", err, id.Role)
		}
	}
}

func TestNamesAreUniqueAmongLiveTokens(t *testing.T) {
	tokens := openTokens(t, newPath(t))
	_, first := create(t, tokens, access.Spec{Name: "ci", Role: access.Job})
	if _, _, err := tokens.Create(access.Spec{Name: "ci", Role: access.Job}); err == nil || !strings.Contains(err.Error(), `"ci" already`) {
		t.Errorf("twice: %v", err)
	}
	if err := tokens.Revoke("ci"); err != nil {
		t.Fatal(err)
	}
	_, second := create(t, tokens, access.Spec{Name: "ci", Role: access.Job})
	if err := tokens.Revoke(first.ID); !errors.Is(err, access.ErrRevoked) {
		t.Errorf("revoked twice: %v", err)
	}
	if err := tokens.Revoke("ci"); err != nil {
		t.Errorf("the second: %v", err)
	}
	if err := tokens.Revoke(second.ID); !errors.Is(err, access.ErrRevoked) {
		t.Errorf("the name did not mean the live one: %v", err)
	}
	if err := tokens.Revoke("nothing"); !errors.Is(err, access.ErrNoToken) {
		t.Errorf("nothing: %v", err)
	}
}

func TestTokenThatMakesNoSenseIsNotMade(t *testing.T) {
	tokens := openTokens(t, newPath(t))
	for _, s := range []access.Spec{
		{Role: access.Job},
		{Name: "Ann", Role: access.Job},
		{Name: "a b", Role: access.Job},
		{Name: strings.Repeat("a", 41), Role: access.Job},
		{Name: "ci"},
		{Name: "ci", Role: "root"},
		{Name: "ci", Role: access.Job, Gates: []string{"["}},
		{Name: "ci", Role: access.Job, Gates: []string{""}},
		{Name: "ci", Role: access.Job, LongestLimit: -1},
		{Name: "ci", Role: access.Job, Expires: time.Now().Add(-time.Second)},
	} {
		if _, _, err := tokens.Create(s); err == nil {
			t.Errorf("%+v was made", s)
		}
	}
	if list := tokens.List(); len(list) != 0 {
		t.Errorf("there are %+v", list)
	}
}

func TestChangeByAnotherProcessIsKnownWithinASecond(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		server, command := openTokens(t, path), openTokens(t, path)
		token, _ := create(t, command, access.Spec{Name: "ci", Role: access.Job})
		if _, err := server.Lookup(token, time.Now()); !errors.Is(err, access.ErrUnknown) {
			t.Errorf("the file is looked at each time: %v", err)
		}
		time.Sleep(time.Second)
		if _, err := server.Lookup(token, time.Now()); err != nil {
			t.Errorf("after a second: %v", err)
		}
		if err := command.Revoke("ci"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if _, err := server.Lookup(token, time.Now()); !errors.Is(err, access.ErrRevoked) {
			t.Errorf("a second after it was revoked: %v", err)
		}
	})
}

func TestLastUseIsWrittenOnceADay(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		tokens := openTokens(t, path)
		token, _ := create(t, tokens, access.Spec{Name: "ci", Role: access.Job})
		use := func() os.FileInfo {
			if _, err := tokens.Lookup(token, time.Now()); err != nil {
				t.Fatal(err)
			}
			return stat(t, path)
		}
		first := use()
		if day := openTokens(t, path).List()[0].LastUsed; !day.Equal(time.Now().UTC().Truncate(24 * time.Hour)) {
			t.Errorf("the last use was %s", day)
		}
		time.Sleep(time.Hour)
		if !os.SameFile(first, use()) {
			t.Error("it is written at each use")
		}
		time.Sleep(24 * time.Hour)
		if os.SameFile(first, use()) {
			t.Error("the next day was not written")
		}
	})
}

func TestTokenThatEndedLongAgoIsForgotten(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		tokens := openTokens(t, path)
		create(t, tokens, access.Spec{Name: "old", Role: access.Job, Expires: time.Now().Add(time.Hour)})
		time.Sleep(89 * 24 * time.Hour)
		create(t, tokens, access.Spec{Name: "later", Role: access.Job})
		if n := len(tokens.List()); n != 2 {
			t.Errorf("after 89 days there are %d", n)
		}
		time.Sleep(2 * 24 * time.Hour)
		create(t, tokens, access.Spec{Name: "latest", Role: access.Job})
		if list := tokens.List(); len(list) != 2 || list[0].Name != "later" {
			t.Errorf("after 91 days: %+v", list)
		}
	})
}

func TestFileThatOthersMayReadIsRefused(t *testing.T) {
	path := newPath(t)
	tokens := openTokens(t, path)
	token, _ := create(t, tokens, access.Spec{Name: "ci", Role: access.Job})
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	_, err := access.OpenTokens(path)
	wrong, ok := errors.AsType[*access.FileError](err)
	if !ok || wrong.Hint != "chmod 600 "+path || !strings.Contains(wrong.Error(), "0640") {
		t.Errorf("it says %v", err)
	}
	if _, err := tokens.Lookup(token, time.Now()); err != nil {
		t.Errorf("who has read it before: %v", err)
	}
}

func TestFileThatIsDamagedWhileInUseLeavesTheTokensAsTheyWere(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		tokens := openTokens(t, path)
		token, _ := create(t, tokens, access.Spec{Name: "ci", Role: access.Job})
		if _, err := tokens.Lookup(token, time.Now()); err != nil { // notes the day
			t.Fatal(err)
		}
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, damage := range []string{`{"tokens":`, `{"tokens":[{"id":"1","name":"ci","role":"job","sha256":"00"}]}`} {
			if err := os.WriteFile(path, []byte(damage), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if _, err := tokens.Lookup(token, time.Now()); err != nil || tokens.Trouble() == nil {
				t.Errorf("%s: %v, and the trouble is %v", damage, err, tokens.Trouble())
			}
			if _, err := access.OpenTokens(path); err == nil {
				t.Errorf("%s can be opened", damage)
			}
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if _, err := tokens.Lookup(token, time.Now()); err != nil || tokens.Trouble() != nil {
			t.Errorf("whole again: %v, %v", err, tokens.Trouble())
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if _, err := tokens.Lookup(token, time.Now()); !errors.Is(err, access.ErrUnknown) {
			t.Errorf("removed: %v", err)
		}
	})
}

const writesTo = "LULL_TEST_WRITES_TOKENS_TO"

// TestWriter is what TestTwoProcessesLoseNothing runs in other processes.
func TestWriter(t *testing.T) {
	path := os.Getenv(writesTo)
	if path == "" {
		return
	}
	tokens := openTokens(t, path)
	for i := range 20 {
		create(t, tokens, access.Spec{Name: fmt.Sprintf("p%d-%d", os.Getpid(), i), Role: access.Job})
	}
}

func TestTwoProcessesLoseNothing(t *testing.T) {
	path := newPath(t)
	var writers []*exec.Cmd
	for range 2 {
		w := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWriter$")
		w.Env = append(os.Environ(), writesTo+"="+path)
		w.Stdout, w.Stderr = os.Stderr, os.Stderr
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		writers = append(writers, w)
	}
	for _, w := range writers {
		if err := w.Wait(); err != nil {
			t.Error(err)
		}
	}
	if n := len(openTokens(t, path).List()); n != 40 {
		t.Errorf("there are %d tokens, want 40", n)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func FuzzLookup(f *testing.F) {
	tokens, err := access.OpenTokens(filepath.Join(f.TempDir(), "tokens.json"))
	if err != nil {
		f.Fatal(err)
	}
	good, _, err := tokens.Create(access.Spec{Name: "ci", Role: access.Job})
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"", "lull_", good, good[:30], strings.ToUpper(good), good + "=", "\x00", strings.Repeat("a", 54)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if id, err := tokens.Lookup(text, time.Now()); (err == nil) != (text == good) || err != nil && id.Role != "" {
			t.Errorf("%q is %+v, %v", text, id, err)
		}
	})
}
