package cli

import (
	"fmt"
	"strings"

	"github.com/lull-dev/lull/internal/words"
)

// shownID is how much of an ID people see: its last characters, which are random.
// The first ones tell the time, and are alike for what was made together.
const shownID = 8

// leastPart is how much of an ID a person must type: less would soon fit another.
const leastPart = 4

func shortID(id string) string {
	return words.Printable(id[max(0, len(id)-shownID):])
}

// named returns the index of the one ID that a word means: the whole ID, or a part
// of it that no other one has; -1 is none. what the IDs are of is for the error.
func named(word string, ids []string, what string) (int, error) {
	found := -1
	for i, id := range ids {
		switch {
		case id == word:
			return i, nil
		case len(word) < leastPart || !strings.Contains(id, strings.ToLower(word)):
			continue
		case found >= 0:
			return -1, usage(fmt.Sprintf("%q fits more than one %s: %s and %s", word, what, ids[found], id), "write more of the ID")
		}
		found = i
	}
	if found < 0 && len(word) < leastPart {
		return -1, usage(fmt.Sprintf("%q is too short for a part of an ID", word), fmt.Sprintf("write at least %d characters of it", leastPart))
	}
	return found, nil
}
