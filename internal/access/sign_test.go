package access_test

import (
	"testing"

	"github.com/lull-dev/lull/internal/access"
)

func TestNobodyCanChooseAnothersName(t *testing.T) {
	bot := access.Identity{Name: "bot", Role: access.Deployer, Source: access.ByToken}
	ann := access.Identity{Name: "ann", Role: access.Job, Source: access.ByUser}
	for _, c := range []struct {
		id         access.Identity
		user, want string
	}{
		{bot, "ann", "ann via bot"},
		{bot, "ann via bot", "ann via bot"},
		{bot, "ann via other", "ann via bot"},
		{bot, "ann via other via bot", "ann via bot"},
		{bot, "ann via", "ann via bot"},
		{bot, "via other", "bot via bot"},
		{bot, "", "bot via bot"},
		{bot, "  ann \t lee ", "ann lee via bot"},
		{ann, "root", "ann"},
		{ann, "", "ann"},
		{ann, "bob via bot", "ann"},
		{access.Everybody(), "bob via bot", "bob via bot"},
		{access.Identity{}, "bob", ""},
	} {
		if got := c.id.Sign(c.user); got != c.want {
			t.Errorf("%s signs %q as %q, want %q", c.id, c.user, got, c.want)
		}
	}
}

func TestSomebodyOwnsWhatIsSignedByThem(t *testing.T) {
	bot := access.Identity{Name: "bot", Role: access.Deployer, Source: access.ByToken}
	ann := access.Identity{Name: "ann", Role: access.Job, Source: access.ByUser}
	for _, c := range []struct {
		id   access.Identity
		user string
		owns bool
	}{
		{bot, "ann via bot", true},
		{bot, "bob via bot", true},
		{bot, "ann via other", false},
		{bot, "ann via robot", false},
		{bot, "ann", false},
		{bot, "bot", false},
		{ann, "ann", true},
		{ann, "ann via ann", false},
		{ann, "", false},
		{access.Everybody(), "ann via bot", true},
		{access.Identity{}, "", false},
		{access.Identity{}, "ann", false},
	} {
		if got := c.id.Owns(c.user); got != c.owns {
			t.Errorf("%s owns what is %q's: %v, want %v", c.id, c.user, got, c.owns)
		}
	}
}

func FuzzSigningTwiceIsSigningOnce(f *testing.F) {
	for _, user := range []string{"", "ann", "ann via bot", "a via via b", "a via\t via b", " via ", "via"} {
		f.Add(user)
	}
	bot := access.Identity{Name: "bot", Role: access.Deployer, Source: access.ByToken}
	f.Fuzz(func(t *testing.T, user string) {
		once := bot.Sign(user)
		if twice := bot.Sign(once); twice != once || !bot.Owns(once) {
			t.Errorf("%q is signed %q, then %q", user, once, twice)
		}
		if (access.Identity{Name: "other", Source: access.ByToken}).Owns(once) {
			t.Errorf("%q is another's too", once)
		}
	})
}
