package remotestore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/remotestore"
)

func TestAURLNamesServers(t *testing.T) {
	for url, shown := range map[string]string{
		"http://lulld:7070":                     "http://lulld:7070",
		"https://ops.example.com/lull/":         "https://ops.example.com/lull",
		"unix:///run/lull.sock":                 "unix:///run/lull.sock",
		"http://[::1]:7070":                     "http://[::1]:7070",
		"unix:///run/lull.sock, https://lulld":  "unix:///run/lull.sock,https://lulld",
		"http://a:1,http://b:2,http://c:3/path": "http://a:1,http://b:2,http://c:3/path",
	} {
		s := open(t, url, remotestore.Options{})
		if got := s.About().URL; got != shown {
			t.Errorf("%s is shown as %s, want %s", url, got, shown)
		}
		if !s.About().Shared || remotestore.Mask(url) != shown {
			t.Errorf("%s: %+v, masked %s", url, s.About(), remotestore.Mask(url))
		}
	}
}

func TestAWrongURLIsRefusedAndNotShown(t *testing.T) {
	for url, says := range map[string]string{
		"http://ann:s3cret@lulld":          "user or a password",
		"http://s3cret@lulld":              "user or a password",
		"http://a,http://ann:s3cret@lulld": "user or a password",
		"http://ann:s3,cret@lulld":         "cannot be understood",
		"https://lulld?token=s3cret":       "more in it",
		"http://lulld#s3cret":              "more in it",
		"http:s3cret":                      "more in it",
		"http://":                          "no host",
		"http:///s3cret":                   "no host",
		"http://lulld:s3cret":              "cannot be understood",
		"unix://s3cret/lull.sock":          "three slashes",
		"unix://":                          "three slashes",
		"ftp://s3cret":                     "neither http, https nor unix",
		"http://lulld,":                    "neither http, https nor unix",
		"s3cret":                           "neither http, https nor unix",
	} {
		_, err := remotestore.Open(url, remotestore.Options{})
		setup, ok := errors.AsType[*lull.SetupError](err)
		if !ok || setup.Hint == "" {
			t.Errorf("%s: %#v", url, err)
			continue
		}
		text := setup.Error() + setup.Hint
		has(t, text, says)
		if strings.Contains(text, "s3") || strings.Contains(remotestore.Mask(url), "s3") {
			t.Errorf("%s is told: %s; and shown: %s", url, text, remotestore.Mask(url))
		}
	}
}

func TestATokenThatCannotBeSentIsRefusedAndNotShown(t *testing.T) {
	for _, token := range []string{"s3cret\n", "s3 cret", "s3crét"} {
		_, err := remotestore.Open("http://lulld", remotestore.Options{Token: token})
		if setup, ok := errors.AsType[*lull.SetupError](err); !ok || strings.Contains(setup.Error()+setup.Hint, "s3") {
			t.Errorf("%q: %v", token, err)
		}
	}
}
