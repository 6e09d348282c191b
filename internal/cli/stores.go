package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/filestore"
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
		store, err = &lateStore{open: a.openStore, url: maskURL(a.settings.store)}, nil
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
	scheme, _, ok := strings.Cut(url, ":")
	switch {
	case !ok:
		return nil, misconfigured(fmt.Sprintf("store %q is not a URL", maskURL(url)), "write it like file:///var/lib/lull")
	case scheme == "file":
		dir, opts, err := filestore.ParseURL(url)
		if err != nil {
			return nil, err
		}
		return filestore.Open(dir, opts)
	}
	return nil, misconfigured(fmt.Sprintf("there is no store for %q", maskURL(url)), "the stores are file:///DIRECTORY, and env:NAME for a variable that holds such a URL")
}

// storeURL is the configured store, the variable that env: names looked up; "" is
// none.
func (a *app) storeURL() (string, error) {
	name, ok := strings.CutPrefix(a.settings.store, "env:")
	if !ok {
		return a.settings.store, nil
	}
	url := a.Getenv(name)
	if url == "" {
		return "", misconfigured(fmt.Sprintf("the store is in the variable %s, which is not set", name), "set it to a URL such as file:///var/lib/lull")
	}
	return url, nil
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
