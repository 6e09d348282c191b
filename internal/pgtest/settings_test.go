package pgtest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lull-dev/lull/internal/pgtest"
)

func TestSettingsGoOverTheDefaults(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{Settings: map[string]string{
		"max_connections":               "17",
		"application_name":              "o'clock",
		"default_transaction_isolation": "serializable",
	}})
	ask(t, s.URL("", ""), "show max_connections", "17")
	ask(t, s.URL("", ""), "show application_name", "o'clock")
	ask(t, s.URL("", ""), "show default_transaction_isolation", "serializable")
	ask(t, s.URL("", ""), "show shared_buffers", "32MB")
}

func TestSetIsSeenByNewSessionsAndReachesOldOnes(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{})
	old := connect(t, s.URL("", ""))
	check(t, s.Set(t.Context(), "work_mem", "5MB"))
	ask(t, s.URL("", ""), "show work_mem", "5MB")
	var seen string
	check(t, old.QueryRow(t.Context(), "show work_mem").Scan(&seen))
	if seen != "5MB" {
		t.Errorf("the old session sees %s", seen)
	}
	check(t, s.Reset(t.Context(), "work_mem"))
	ask(t, s.URL("", ""), "show work_mem", "4MB")

	check(t, s.Set(t.Context(), "max_connections", "23"))
	ask(t, s.URL("", ""), "show max_connections", "100")
	check(t, s.Restart(t.Context(), pgtest.Fast))
	ask(t, s.URL("", ""), "show max_connections", "23")
}

func TestHBADecidesWhoComesIn(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{HBA: []string{"host all app 127.0.0.1/32 reject"}})
	check(t, s.CreateUser(t.Context(), "app", ""))
	_, err := pgx.Connect(t.Context(), s.TCPURL("", "app"))
	hasCode(t, err, "28000") // invalid_authorization_specification
	check(t, s.SetHBA(t.Context(), "host all app 127.0.0.1/32 md5"))
	ask(t, s.TCPURL("", "app"), "select current_user::text", "app")
}
