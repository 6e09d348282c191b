package lull

import "context"

// Inspector is what a store may be besides, for people who doubt it: it looks over
// itself and what it stands on. How the gates are used is not its question.
type Inspector interface {
	// Inspect says what it finds, the sound and the unsound. It changes nothing but
	// what any question does. What cannot be looked at is a finding as well, so there is
	// no error. It ends early with ctx.
	Inspect(ctx context.Context) []Finding
}

// Finding is one thing that somebody who doubts the store should know.
type Finding struct {
	Level  Level
	What   string
	Remedy string // "" where none is needed
}

// Level says how much a finding matters.
type Level string

// The levels of findings.
const (
	LevelOK      Level = "ok"      // as it should be
	LevelWarning Level = "warning" // works, but may not do what you think
	LevelProblem Level = "problem" // does not work, or protects nothing
)
