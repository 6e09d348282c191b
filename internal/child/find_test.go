package child

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func TestFindSearchesAsAShellDoes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/bin/tool", "#!/bin/sh\n", 0o755)
	write(t, dir+"/other/tool", "#!/bin/sh\n", 0o755)
	write(t, dir+"/plain/tool", "#!/bin/sh\n", 0o644)
	write(t, dir+"/here", "#!/bin/sh\n", 0o755)
	write(t, dir+"/directory/tool/x", "", 0o644)

	for _, c := range []struct{ name, path, want string }{
		{"tool", dir + "/bin:" + dir + "/other", dir + "/bin/tool"},
		{"tool", dir + "/plain:" + dir + "/other", dir + "/other/tool"},
		{"tool", dir + "/directory:" + dir + "/other", dir + "/other/tool"},
		{"tool", dir + "/absent:" + dir + "/here:" + dir + "/other", dir + "/other/tool"},
		{"tool", "bin", "bin/tool"},
		{"here", "", "./here"},
		{"here", dir + "/bin::", "./here"},
		{"./here", dir + "/bin", "./here"},
		{"bin/tool", "", "bin/tool"},
		{dir + "/bin/tool", "", dir + "/bin/tool"},
	} {
		got, err := Find(c.name, dir, []string{"PATH=" + c.path, "PATH=/nonsense"})
		if got != c.want || err != nil {
			t.Errorf("%s in PATH=%s: %q, %v; want %q", c.name, c.path, got, err, c.want)
		}
	}
	if got, err := Find("sh", dir, nil); err != nil || !filepath.IsAbs(got) {
		t.Errorf("without PATH: %q, %v", got, err)
	}
}

func TestStartErrorsCarryTheExitStatusAndOneClearSentence(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/plain", "#!/bin/sh\n", 0o644)
	write(t, dir+"/format", "echo no first line\n", 0o755)
	write(t, dir+"/interpreter", "#!/nowhere/sh\n", 0o755)
	write(t, dir+"/directory/x", "", 0o644)
	path := []string{"PATH=" + dir}

	for _, c := range []struct {
		name, dir string
		code      int
		says      string
		is        error
	}{
		{"absent", "", 127, "not found in PATH", fs.ErrNotExist},
		{"", "", 127, "cannot run", fs.ErrNotExist},
		{"./absent", dir, 127, "no such file", fs.ErrNotExist},
		{"interpreter", "", 127, "interpreter", fs.ErrNotExist},
		{"plain", "", 126, "no permission", fs.ErrPermission},
		{"./plain", dir, 126, "no permission", fs.ErrPermission},
		{"directory", "", 127, "not found in PATH", fs.ErrNotExist},
		{"./directory", dir, 126, "is a directory", syscall.EISDIR},
		{"./plain/x", dir, 126, "not a directory", syscall.ENOTDIR},
		{"format", "", 126, "#!/bin/sh", syscall.ENOEXEC},
		{"true", dir + "/gone", 126, "in directory", fs.ErrNotExist},
		{"true", dir + "/plain", 126, "not a directory", syscall.ENOTDIR},
		{"nul\x00", "", 127, "not found", nil},
		{"format", "", 126, "cannot run \"format\":", nil},
	} {
		_, err := Start(Command{Args: []string{c.name}, Dir: c.dir, Env: path})
		var failure *StartError
		if !errors.As(err, &failure) {
			t.Fatalf("%q: %v", c.name, err)
		}
		if failure.ExitCode() != c.code || !strings.Contains(err.Error(), c.says) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%q in %q: %d, %v", c.name, c.dir, failure.ExitCode(), err)
		}
	}
	if _, err := Start(Command{}); err == nil || err.(*StartError).ExitCode() != 126 {
		t.Errorf("no command: %v", err)
	}
}

func TestTheCommandStartsInItsDirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/tool", "#!/bin/sh\n[ \"$0\" = ./tool ] && [ -e tool ]\n", 0o755)
	p, err := Start(Command{Args: []string{"./tool"}, Dir: dir, Env: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Wait(); got.Code != 0 {
		t.Fatalf("%+v", got)
	}
}
