package access

import "strings"

// via stands between the name that a caller gives and the token's: "ann via deploy-bot".
// No token's name contains a blank, so the last word is the token's, whatever the
// caller's name is.
const via = " via "

// Sign is the user to be recorded for something of whoever asks, who calls himself user.
//
// For a token it is "user via NAME", and the token's name alone stands for no user: "NAME
// via NAME". Signing what is signed changes nothing. Whoever comes by a unix socket is the
// user that the kernel says, except root and the server's own user, who may name anybody, as
// everybody may on an open server.
func (id Identity) Sign(user string) string {
	switch {
	case id.namesOthers:
		return user
	case id.Source == ByUser:
		return id.Name
	case id.Name == "":
		return ""
	}
	words := " " + strings.Join(strings.Fields(user), " ") + " "
	user, _, _ = strings.Cut(words, via)
	if user = strings.TrimSpace(user); user == "" {
		user = id.Name
	}
	return user + via + id.Name
}

// Owns says whether something that was recorded for a user is of whoever asks, by the names
// that [Identity.Sign] gives.
func (id Identity) Owns(user string) bool {
	return id.namesOthers || id.Name != "" && id.Sign(user) == user
}
