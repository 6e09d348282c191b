package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// binVariable names a directory with PostgreSQL's programs, to be used before any
// other.
const binVariable = "LULL_TEST_POSTGRES_BIN"

// binaries is where PostgreSQL's programs are.
type binaries struct {
	dir     string
	version string // such as "15.18"
}

func (b binaries) path(program string) string { return filepath.Join(b.dir, program) }

// findBinaries looks in $LULL_TEST_POSTGRES_BIN, then for the newest version in
// Debian's place, which is not on PATH, then on PATH.
func findBinaries() (binaries, error) {
	dir := os.Getenv(binVariable)
	if dir == "" {
		dir = newestOf("/usr/lib/postgresql/*/bin")
	}
	if dir == "" {
		initdb, err := exec.LookPath("initdb")
		if err != nil {
			return binaries{}, fmt.Errorf("no PostgreSQL server here: install Debian's postgresql package, or set %s", binVariable)
		}
		dir = filepath.Dir(initdb)
	}
	b := binaries{dir: dir}
	for _, program := range []string{"initdb", "postgres", "pg_basebackup"} {
		if _, err := exec.LookPath(b.path(program)); err != nil {
			return binaries{}, fmt.Errorf("%s has no %s: install Debian's postgresql package, or set %s", dir, program, binVariable)
		}
	}
	// postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
	out, err := exec.Command(b.path("postgres"), "--version").Output()
	if err != nil {
		return binaries{}, fmt.Errorf("ask postgres for its version: %w", err)
	}
	_, version, _ := strings.Cut(string(out), ") ")
	b.version, _, _ = strings.Cut(strings.TrimSpace(version), " ")
	return b, nil
}

// newestOf returns the match with the greatest number in place of the *, or "".
func newestOf(pattern string) string {
	before, after, _ := strings.Cut(pattern, "*")
	matches, _ := filepath.Glob(pattern)
	newest, found := 0, ""
	for _, m := range matches {
		number := strings.TrimSuffix(strings.TrimPrefix(m, before), after)
		if n, err := strconv.Atoi(number); err == nil && n > newest {
			newest, found = n, m
		}
	}
	return found
}
