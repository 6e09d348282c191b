package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lull-dev/lull/internal/child"
	"github.com/lull-dev/lull/pgstore"
	"github.com/spf13/cobra"

	"github.com/lull-dev/lull/internal/words"
)

// settingVariables are the variables that people set; hintVariables those that
// lull sets for its children.
var (
	settingVariables = []string{storeVariable, tokenVariable, gateVariable, "LULL_LEASE", "LULL_KILL_GRACE", configVariable}
	hintVariables    = []string{passVariable, holdVariable, phaseVariable}
)

// binary looks whether jobs that say "lull" get this one.
func (d *doctor) binary() {
	const about = "lull"
	self, err := os.Executable()
	if err != nil {
		d.warn(about, "the running binary is not to be found: "+err.Error(), "install it again")
		return
	}
	found, err := child.Find("lull", "", d.a.Environ)
	if err != nil {
		d.warn(about, self+" is not in PATH", "jobs and deployments must name it in full, or get a PATH with "+filepath.Dir(self))
		return
	}
	if !sameFile(self, found) {
		d.warn(about, fmt.Sprintf("%s runs now, but PATH finds %s", self, found), "keep one of them: two versions may disagree about a store")
		return
	}
	d.ok(about, "%s, as PATH finds it", self)
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// variables looks for misspelt and empty ones: nobody else would mention them.
func (d *doctor) variables() {
	const about = "environment"
	known := slices.Concat(settingVariables, hintVariables)
	var set []string
	for _, pair := range d.a.Environ {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case !strings.HasPrefix(name, "LULL_"):
		case !slices.Contains(known, name):
			d.warn(about, name+" is set, but lull knows no such variable", didYouMean(name))
		case value == "":
			d.warn(about, name+" is set to nothing, which counts as not set", "give it a value, or unset it")
		case slices.Contains(settingVariables, name):
			set = append(set, name)
		}
	}
	if name := d.a.clusterVariable(); name != "" {
		set = append(set, name+" (a cluster's job)")
	}
	if len(set) > 0 {
		d.ok(about, "%s", strings.Join(set, ", "))
	}
}

// didYouMean is the remedy for a misspelt variable.
func didYouMean(name string) string {
	for _, known := range settingVariables {
		// Three letters more, less or other: LULL_GATES, LULL_LEASES, LULL_CONF.
		if editDistance(name, known) <= 3 {
			return "did you mean " + known + "?"
		}
	}
	return "the variables are " + strings.Join(settingVariables, ", ")
}

// editDistance is how many letters to add, drop or change to make b of a
// (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// configuration looks at the file that is read, and those that are not. The error
// is that of any other command.
func (d *doctor) configuration(cmd *cobra.Command) error {
	const about = "configuration"
	if err := d.a.configure(cmd); err != nil {
		return err
	}
	path, file, err := d.a.readConfig()
	if err != nil {
		return err
	}
	d.file = file
	if path == "" {
		d.ok(about, "no file; looked for %s", strings.Join(d.a.usualConfigs(), ", "))
	} else {
		d.ok(about, "%s", path)
	}
	d.shadowed(path)
	d.writable(path)
	d.readable(path, file.Store)
	d.tables(file, path)
	if env := d.a.Getenv(storeVariable); env != "" && file.Store != "" && env != file.Store && d.a.flags.store == "" {
		d.warn(about, fmt.Sprintf("%s names another store than %s, which says %s", storeVariable, path, shownStore(file.Store)),
			"jobs or deployments without the variable use that one: name one store only")
	}
	return nil
}

// shadowed looks for files that somebody may have edited in vain.
func (d *doctor) shadowed(read string) {
	for _, path := range d.a.usualConfigs() {
		if _, err := os.Stat(path); err == nil && path != read && !sameFile(path, read) {
			d.warn("configuration", fmt.Sprintf("%s is not read, since %s comes first", path, read), "keep one of them")
		}
	}
}

// writable looks whether anybody may send the jobs to another gate.
func (d *doctor) writable(path string) {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o002 != 0 {
		d.problem("configuration", fmt.Sprintf("everybody may write %s, and with it choose the jobs' gate", path), "chmod o-w "+path)
	}
}

// readable looks whether a password is for everybody to read.
func (d *doctor) readable(path, store string) {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o004 != 0 && pgstore.HasPassword(store) {
		d.warn("configuration", path+" has a password in it, and everybody can read it",
			"put it into ~/.pgpass of each user, or a variable: store = \"env:NAME\"; or: chmod o-r "+path)
	}
}

// tables tries the tables of the commands, each of which only its own command
// would try: a misspelt key under [deploy] would be found at the next deployment.
func (d *doctor) tables(file configFile, path string) {
	scratch := &app{World: d.a.World, console: d.a.console}
	for _, v := range verbs() {
		table := map[string]map[string]any{"run": file.Run, "deploy": file.Deploy, "close": file.Close}[v.name]
		if table == nil {
			continue
		}
		cmd, good := v.build(scratch), 0
		for key, value := range table {
			if err := applyTable(cmd, map[string]any{key: value}, path); err != nil {
				d.failed("configuration", err)
				continue
			}
			good++
		}
		if good == len(table) {
			d.ok("configuration", "[%s] sets %s", v.name, words.Count(good, "flag"))
		}
	}
}

// storeSource says who named the store.
func (d *doctor) storeSource() string {
	switch {
	case d.a.flags.store != "":
		return "named by --store"
	case d.a.Getenv(storeVariable) != "":
		return "named by " + storeVariable
	case d.a.settings.implied:
		return "implied: nobody named one"
	}
	return "named in " + d.a.settings.file
}

// gateSource says who named the gate.
func (d *doctor) gateSource() string {
	switch {
	case d.a.flags.gate != "":
		return "named by --gate"
	case d.a.Getenv(gateVariable) != "":
		return "named by " + gateVariable
	case d.file.Gate != "":
		return "named in " + d.a.settings.file
	}
	return "meant by default"
}
