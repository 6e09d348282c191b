package child

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// defaultPath is searched when the environment has no PATH: what
// confstr(_CS_PATH) says, which execvp uses.
const defaultPath = "/bin:/usr/bin"

// Find looks name up as a shell does and returns the path to execute. A name with
// a slash is that file; any other is searched for in the PATH of env, where an
// empty element means the working directory. A relative result is relative to dir
// (empty: the caller's working directory), just as it was typed.
//
// In PATH, a file that may not be executed is passed over, and only reported when
// nothing better follows; a directory is never meant. Errors are *StartError.
func Find(name, dir string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		if _, err := executable(within(dir, name)); err != nil {
			return "", &StartError{Command: name, Err: err}
		}
		return name, nil
	}
	failure := error(syscall.ENOENT)
	for element := range strings.SplitSeq(pathOf(env), ":") {
		if name == "" {
			break
		}
		if element == "" {
			element = "."
		}
		path := element + "/" + name
		file, err := executable(within(dir, path))
		if err == nil {
			return path, nil
		}
		if file {
			failure = err
		}
	}
	return "", &StartError{Command: name, Err: failure}
}

// pathOf takes the first PATH, as getenv does in the child.
func pathOf(env []string) string {
	for _, entry := range env {
		if path, found := strings.CutPrefix(entry, "PATH="); found {
			return path
		}
	}
	return defaultPath
}

// within joins without cleaning: "link/../x" is the kernel's to resolve.
func within(dir, path string) string {
	if dir == "" || strings.HasPrefix(path, "/") {
		return path
	}
	return dir + "/" + path
}

// executable says why path cannot be executed, if so, and whether it is a file at
// all: a search of PATH passes in silence over anything else.
func executable(path string) (file bool, err error) {
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		return false, err
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return false, syscall.EISDIR
	case unix.S_IFREG:
	default:
		return true, syscall.EACCES
	}
	if err := unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS); err != nil {
		return true, syscall.EACCES
	}
	return true, nil
}

// enterable looks at the working directory beforehand, because ForkExec reports a
// failed chdir and a failed exec alike.
func enterable(dir string) error {
	if dir == "" {
		return nil
	}
	var stat unix.Stat_t
	if err := unix.Stat(dir, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		return syscall.ENOTDIR
	}
	return unix.Faccessat(unix.AT_FDCWD, dir, unix.X_OK, unix.AT_EACCESS)
}
