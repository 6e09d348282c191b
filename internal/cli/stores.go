package cli

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/filestore"
	"github.com/lull-dev/lull/pgstore"
	"github.com/lull-dev/lull/remotestore"
)

// clusterVariables are set for jobs of a cluster, whose hosts do not share a file
// store that nobody named: each would have a gate of its own, which protects
// nothing.
var clusterVariables = []string{"SLURM_JOB_ID", "PBS_JOBID", "KUBERNETES_SERVICE_HOST"}

// open returns a client of the configured gate.
func (a *app) open() (*lull.Client, error) {
	store, err := a.openStore()
	if err != nil {
		return nil, err
	}
	return a.client(store, a.notice)
}

// openLate is open for who waits for a store that cannot be opened yet, in the way
// and for as long as for one that does not answer.
func (a *app) openLate(notify func(lull.Notice)) (*lull.Client, error) {
	store, err := a.openStore()
	if errors.Is(err, lull.ErrUnavailable) {
		store, err = &lateStore{open: a.openStore, url: shownStore(a.settings.store)}, nil
	}
	if err != nil {
		return nil, err
	}
	return a.client(store, notify)
}

func (a *app) client(store lull.Store, notify func(lull.Notice)) (*lull.Client, error) {
	return lull.NewClient(store, lull.Options{
		Gate: a.settings.gate, Holder: a.holder(), Timing: a.settings.timing, Notify: notify,
	})
}

// openStore opens the configured store, or the implied one.
func (a *app) openStore() (lull.Store, error) {
	url, err := a.storeURL()
	switch {
	case err != nil:
		return nil, err
	case url == "":
		return a.openImplied()
	}
	scheme, _, ok := strings.Cut(url, "://")
	switch {
	case isPostgres(scheme):
		return pgstore.Open(url)
	case isRemote(url):
		return remotestore.Open(url, remotestore.Options{
			Token: a.Getenv(tokenVariable), Version: builtFrom(debug.ReadBuildInfo()).Version,
		})
	case strings.HasPrefix(url, "file:"):
		dir, opts, err := filestore.ParseURL(url)
		if err != nil {
			return nil, err
		}
		return filestore.Open(dir, opts)
	case !ok:
		return nil, misconfigured("the store that is named is not a URL", storeForms)
	}
	return nil, misconfigured(fmt.Sprintf("there is no store for %q", shownStore(url)), storeForms)
}

// storeForms are the ways to name a store.
const storeForms = "the stores are file:///DIRECTORY for one host, postgres://USER@HOST/DATABASE for a cluster, http://HOST:PORT, https://HOST:PORT or unix:///SOCKET where lulld serves one, and env:NAME for a variable that holds such a URL"

// tokenVariable holds what lulld knows the caller by. It is a secret, so that no flag and
// no file has it; what a job starts inherits it.
const tokenVariable = "LULL_TOKEN"

// isPostgres reports whether URLs of a scheme name a PostgreSQL database. The last is
// that of a Rails adapter.
func isPostgres(scheme string) bool {
	return scheme == "postgres" || scheme == "postgresql" || scheme == "postgis"
}

// isRemote reports whether a URL names a lulld.
func isRemote(url string) bool {
	scheme, _, _ := strings.Cut(url, "://")
	return scheme == "http" || scheme == "https" || scheme == "unix"
}

// shownStore is the name of a store as people may see it: without a password. Of what
// is not plainly a URL nothing is shown, since nobody can tell what it is.
func shownStore(store string) string {
	scheme, _, ok := strings.Cut(store, "://")
	switch name, env := strings.CutPrefix(store, "env:"); {
	case env && isVariable(name):
		return store
	case isPostgres(scheme):
		return pgstore.Mask(store)
	case isRemote(store):
		return remotestore.Mask(store)
	case !ok:
		return masked
	}
	return maskURL(store)
}

// storeURL is the configured store, the variable that env: names looked up; "" is
// none.
func (a *app) storeURL() (string, error) {
	name, ok := strings.CutPrefix(a.settings.store, "env:")
	if !ok {
		return a.settings.store, nil
	}
	if !isVariable(name) {
		return "", misconfigured("env: is not followed by a variable's name", "write it like env:DATABASE_URL")
	}
	url := a.Getenv(name)
	if url == "" {
		return "", misconfigured(fmt.Sprintf("the store is in the variable %s, which is not set", name), "set it to a URL such as file:///var/lib/lull")
	}
	return url, nil
}

// isVariable reports whether a word can be a variable's name, and nothing else: a URL
// with a password is not to be taken for one, and shown.
func isVariable(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// openImplied opens the file store of this host, when nobody named a store.
func (a *app) openImplied() (lull.Store, error) {
	if name := a.clusterVariable(); name != "" {
		return nil, misconfigured(
			fmt.Sprintf("this is a job of a cluster (%s is set), but no store is named: a gate on this host alone would protect nothing", name),
			"name the store that the deployment uses, with LULL_STORE or lull.toml")
	}
	dir, note, err := filestore.Default()
	if err != nil {
		return nil, err
	}
	if note != "" {
		a.say("%s", note)
	}
	return filestore.Open(dir, filestore.Options{})
}

// clusterVariable is the variable by which this is a job of a cluster; "" elsewhere.
func (a *app) clusterVariable() string {
	for _, name := range clusterVariables {
		if a.Getenv(name) != "" {
			return name
		}
	}
	return ""
}

// hostname is this host's name, as people know it.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}
