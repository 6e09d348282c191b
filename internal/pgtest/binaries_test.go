package pgtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNewestPostgresIsFoundByNumber(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, version := range []string{"9.6", "15", "9", "old"} {
		if err := os.MkdirAll(filepath.Join(dir, version, "bin"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := newestOf(dir+"/*/bin"), filepath.Join(dir, "15", "bin"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := newestOf(dir + "/*/sbin"); got != "" {
		t.Errorf("found %s", got)
	}
}

func TestMissingPostgresSaysWhatToInstall(t *testing.T) {
	t.Setenv(binVariable, t.TempDir())
	if _, err := findBinaries(); err == nil || !strings.Contains(err.Error(), "install Debian's postgresql package") {
		t.Error(err)
	}
}
