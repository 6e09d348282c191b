package lulld

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/filestore"
	"github.com/lull-dev/lull/pgstore"
)

// connections is how many connections to PostgreSQL a server keeps, beside the one that
// listens.
const connections = "8"

// openStore opens what the server serves. Its passes are other processes': in files they
// live by their leases.
func openStore(text string, getenv func(string) string) (lull.Store, error) {
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		if text = getenv(name); text == "" {
			return nil, &lull.SetupError{What: fmt.Sprintf("the variable %s, which holds the store, is not set", name), Hint: "set it, or name the store with --store"}
		}
	}
	scheme, _, _ := strings.Cut(text, "://")
	switch {
	case text == "":
		return nil, &lull.SetupError{What: "no store is named", Hint: "name one with --store, LULL_STORE, or store in " + configPath}
	case scheme == "postgres" || scheme == "postgresql" || scheme == "postgis":
		return pgstore.Open(withDefaults(text))
	case strings.HasPrefix(text, "file:"):
		dir, opts, err := filestore.ParseURL(text)
		if err != nil {
			return nil, err
		}
		opts.ByLease = true
		return filestore.Open(dir, opts)
	}
	return nil, &lull.SetupError{What: "lulld cannot serve that store", Hint: "it serves file:///DIRECTORY and postgres://USER@HOST/DATABASE"}
}

// withDefaults keeps connections, and listens, unless the URL says how.
func withDefaults(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text // pgstore says what is wrong, without the password
	}
	q := u.Query()
	for key, value := range map[string]string{"lull_connections": connections, "lull_listen": "on"} {
		if !q.Has(key) {
			q.Set(key, value)
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}
