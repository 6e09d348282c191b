package child

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// StartError says why a command could not be started. Err is the system's reason:
// errors.Is with fs.ErrNotExist, fs.ErrPermission or a syscall.Errno tells which.
type StartError struct {
	// Command is the name as typed.
	Command string
	// Dir is set when the working directory, not the command, is at fault.
	Dir string
	Err error

	found bool // by Find: the command is there
}

// ExitCode is what a shell would return: 127 if there is no such command, 126 if
// there is one that cannot be run, or anything else is in the way.
func (e *StartError) ExitCode() int {
	if e.Dir == "" && errors.Is(e.Err, syscall.ENOENT) {
		return 127
	}
	return 126
}

func (e *StartError) Unwrap() error { return e.Err }

func (e *StartError) Error() string {
	switch {
	case e.Dir != "":
		return fmt.Sprintf("cannot run %q in directory %q: %v", e.Command, e.Dir, e.Err)
	case e.Command == "":
		return fmt.Sprintf("cannot run the command: %v", e.Err)
	default:
		return fmt.Sprintf("cannot run %q: %s", e.Command, e.reason())
	}
}

// reason is the system's error in the words of someone who typed a command.
func (e *StartError) reason() string {
	switch {
	case e.found && errors.Is(e.Err, syscall.ENOENT):
		return "it exists, but the interpreter or loader that it names does not"
	case errors.Is(e.Err, syscall.ENOENT) && strings.Contains(e.Command, "/"):
		return "no such file"
	case errors.Is(e.Err, syscall.ENOENT):
		return "not found in PATH"
	case errors.Is(e.Err, syscall.EISDIR):
		return "it is a directory"
	case errors.Is(e.Err, syscall.EACCES):
		return "no permission to execute it"
	case errors.Is(e.Err, syscall.ENOEXEC):
		return "not in a format this system can execute (a script needs a first line like #!/bin/sh)"
	default:
		return e.Err.Error()
	}
}
