package cli

import (
	"os"

	"golang.org/x/term"
)

// paint colours text, or leaves it as it is.
type paint struct{ on bool }

// paint colours standard output where a person sees it and did not ask for none
// (no-color.org).
func (a *app) paint() paint {
	return paint{onTerminal(a.Out) && a.Getenv("NO_COLOR") == "" && a.Getenv("TERM") != "dumb"}
}

func onTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

func (p paint) bold(s string) string   { return p.code("1", s) }
func (p paint) dim(s string) string    { return p.code("2", s) }
func (p paint) red(s string) string    { return p.code("1;31", s) }
func (p paint) green(s string) string  { return p.code("1;32", s) }
func (p paint) yellow(s string) string { return p.code("1;33", s) }

func (p paint) code(code, s string) string {
	if !p.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}
