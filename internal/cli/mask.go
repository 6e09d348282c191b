package cli

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/lull-dev/lull/pgstore"
)

// masked stands where a secret stood.
const masked = "***"

// secretName is the name of an option, a variable, a header or a field behind which
// a secret is expected. It is generous: what is masked without need only cannot be
// run by lull rerun.
const secretName = `(?:[\w.-]*(?:password|passwd|passphrase|token|secret|credential|authorization|oauth|apikey)[\w.-]*` +
	`|(?:[\w.-]*[-_.])?(?:pass|pwd|auth|key|jwt|bearer))`

// hinting are parts of all those names. Most commands have none of them, and need
// not wait for the patterns to be compiled: that takes 0.2 ms, and runs on every
// job's path.
var hinting = []string{"pass", "pwd", "token", "secret", "credential", "auth", "key", "jwt", "bearer", "basic"}

// secretPatterns find secrets by their names.
type secretPatterns struct {
	alone  *regexp.Regexp // a word whose value is the next word: --token X, or Token: X
	pair   *regexp.Regexp // a word that is a name and its value: --token=X, TOKEN=X, Token:X
	field  *regexp.Regexp // such a pair within a word, as in a URL's query and in JSON
	header *regexp.Regexp // a header whose value is of several words
}

var patterns = sync.OnceValue(func() secretPatterns {
	return secretPatterns{
		alone:  regexp.MustCompile(`(?i)^(?:--?` + secretName + `|["']*` + secretName + `["']*:)$`),
		pair:   regexp.MustCompile(`(?i)^(--?)?(` + secretName + `)[=:].`),
		field:  regexp.MustCompile(`(?i)([^\w.-]` + secretName + `["']*[=:]["']*)[^&"'}]+`),
		header: regexp.MustCompile(`(?i)(authorization["']*\s*[=:]\s*["']?|\b(?:bearer|basic)\s+)[^"'\n]+`),
	}
})

// mask returns a command line that may be recorded: what follows a name that
// sounds secret, the password in a URL, and what some programs take as a password
// in their own ways, is masked. It is done here, before anything leaves the process.
func mask(command []string) []string {
	m := masker{}
	out := make([]string, len(command))
	for i, word := range command {
		out[i] = m.word(word)
	}
	return out
}

// masker goes through the words of a command.
type masker struct {
	next   bool   // the next word is a secret
	option string // behind which a program that was met takes a password
	asks   bool   // … and without one behind it asks
}

func (m *masker) word(word string) string {
	next := m.next
	m.next = false
	switch {
	case next && strings.HasPrefix(word, masked):
		return word
	case next && !strings.HasPrefix(word, "--"): // else it was a switch
		return masked
	case strings.ContainsFunc(word, unicode.IsSpace):
		return maskScript(word)
	case m.option != "" && word == m.option:
		m.next = !m.asks
		return word
	case m.option != "" && strings.HasPrefix(word, m.option):
		return m.option + masked
	}
	if option, ok := takesPassword[filepath.Base(word)]; ok {
		m.option = strings.TrimSuffix(option, asks)
		m.asks = m.option != option
	}
	word = maskURL(word)
	if !hints(word) {
		return word
	}
	m.next = patterns().alone.MatchString(word)
	if pair := patterns().pair.FindString(word); pair != "" && !strings.HasPrefix(word, "PWD=") {
		return pair[:strings.IndexAny(pair, "=:")+1] + masked
	}
	return patterns().field.ReplaceAllString(word, "${1}"+masked)
}

// takesPassword are the programs that take a password behind an option which says
// nothing elsewhere, and that option. Of curl's, the user's name goes with it.
var takesPassword = map[string]string{
	"mysql": "-p" + asks, "mysqldump": "-p" + asks, "mysqladmin": "-p" + asks, "mariadb": "-p" + asks, "mariadb-dump": "-p" + asks,
	"sshpass": "-p", "curl": "-u", "redis-cli": "-a", "ldapsearch": "-w",
}

// asks marks an option that takes the password in the same word only: alone, it
// makes the program ask for it.
const asks = "?"

// maskScript masks the words of a text that is passed as one word, as sh -c takes
// a script, and curl a header.
func maskScript(script string) string {
	if hints(script) {
		script = patterns().header.ReplaceAllString(script, "${1}"+masked)
	}
	m := masker{}
	var out strings.Builder
	for script != "" {
		word := strings.TrimLeftFunc(script, unicode.IsSpace)
		out.WriteString(script[:len(script)-len(word)])
		end := strings.IndexFunc(word, unicode.IsSpace)
		if end < 0 {
			end = len(word)
		}
		if end > 0 {
			out.WriteString(m.word(word[:end]))
		}
		script = word[end:]
	}
	return out.String()
}

// hints reports whether a word may have to do with a secret.
func hints(word string) bool {
	word = strings.ToLower(word)
	return slices.ContainsFunc(hinting, func(h string) bool { return strings.Contains(word, h) })
}

// maskURL masks the password of scheme://user:password@host.
func maskURL(word string) string {
	scheme, rest, ok := strings.Cut(word, "://")
	if !ok {
		return word
	}
	before := scheme[:strings.LastIndexFunc(scheme, notLetter)+1] // as --url=
	if isPostgres(scheme[len(before):]) {
		return before + maskPostgres(word[len(before):])
	}
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	_, port, _ := strings.Cut(authority, ":")
	if !strings.Contains(authority, "@") && strings.Trim(port, "0123456789") != "" {
		authority = rest // a password with a slash, which should have been escaped
	}
	at := strings.LastIndex(authority, "@")
	if at < 0 {
		return word
	}
	user, _, secret := strings.Cut(rest[:at], ":")
	if !secret {
		return word
	}
	return scheme + "://" + user + ":" + masked + rest[at:]
}

func notLetter(r rune) bool { return r < 'a' || r > 'z' }

// maskPostgres masks the user's password where libpq looks for it; where it cannot be
// told where that ends, all that it may be. Those behind a ? have names by which they
// are found as any other. Unlike [pgstore.Mask] it leaves a mark: what was masked cannot
// be run again.
func maskPostgres(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	shown := pgstore.Mask(url)
	unclear := strings.HasSuffix(shown, "://"+masked)
	at := strings.IndexAny(rest, "@/")
	if unclear {
		at = strings.LastIndex(rest, "@")
	}
	if at >= 0 && rest[at] == '@' {
		if user, _, secret := strings.Cut(rest[:at], ":"); secret {
			return scheme + "://" + user + ":" + masked + rest[at:]
		}
	}
	if unclear {
		return shown
	}
	return url
}
