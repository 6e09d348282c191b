package cli

import (
	"path/filepath"
	"strings"
)

// secretNames are the parts of an option's or a variable's name behind which a
// secret is expected.
var secretNames = []string{"password", "passwd", "passphrase", "token", "secret", "apikey", "api-key", "api_key", "access-key", "access_key", "private-key", "private_key", "credential", "auth"}

// masked stands where a secret stood.
const masked = "***"

// mask returns a command line that may be recorded: what follows a name that
// sounds secret, as --token X, --token=X, TOKEN=X, -pX for the programs that take a
// password so, and the password in a URL, is masked. It is done here, before
// anything leaves the process.
func mask(command []string) []string {
	out := make([]string, len(command))
	next := false
	for i, word := range command {
		switch {
		case next && !strings.HasPrefix(word, "--"):
			out[i], next = masked, false
		default:
			out[i], next = maskWord(word)
		}
		if i > 0 && takesPassword(command[0]) && strings.HasPrefix(word, "-p") && len(word) > 2 {
			out[i] = "-p" + masked
		}
	}
	return out
}

// maskWord masks one word, and says whether the next one is the secret.
func maskWord(word string) (string, bool) {
	name, value, assigned := strings.Cut(word, "=")
	switch {
	case assigned && soundsSecret(name):
		return name + "=" + masked, false
	case !assigned && strings.HasPrefix(word, "-") && soundsSecret(word):
		return word, true
	case assigned && strings.Contains(value, "://"):
		return name + "=" + maskURL(value), false
	case strings.ContainsAny(word, " \n"):
		return maskScript(word), false
	case strings.HasPrefix(strings.ToLower(word), "authorization:"):
		return "Authorization: " + masked, false
	}
	return maskURL(word), false
}

// maskScript masks the words of a script that is passed as one word, as sh -c
// takes it.
func maskScript(script string) string {
	if strings.HasPrefix(strings.ToLower(script), "authorization:") {
		return "Authorization: " + masked
	}
	words := strings.Split(script, " ")
	if len(words) == 1 {
		return maskURL(script)
	}
	return strings.Join(mask(words), " ")
}

// soundsSecret reports whether a secret is expected behind a name.
func soundsSecret(name string) bool {
	name = strings.ToLower(name)
	for _, s := range secretNames {
		if strings.Contains(name, s) {
			return true
		}
	}
	return name == "-key" || strings.HasSuffix(name, "_key") || strings.HasSuffix(name, "--key") || name == "key"
}

// maskURL masks the password of scheme://user:password@host.
func maskURL(word string) string {
	scheme, rest, ok := strings.Cut(word, "://")
	if !ok {
		return word
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndex(rest[:end], "@")
	if at < 0 {
		return word
	}
	user, _, secret := strings.Cut(rest[:at], ":")
	if !secret {
		return word
	}
	return scheme + "://" + user + ":" + masked + rest[at:]
}

// takesPassword reports whether a program takes a password behind -p without a
// space, as MySQL's do.
func takesPassword(program string) bool {
	switch filepath.Base(program) {
	case "mysql", "mysqldump", "mysqladmin", "mariadb", "mariadb-dump", "sshpass":
		return true
	}
	return false
}
