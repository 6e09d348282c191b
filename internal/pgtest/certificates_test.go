package pgtest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lull-dev/lull/internal/pgtest"
)

const encrypted = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"

func TestClientsVerifyTheServersCertificate(t *testing.T) {
	t.Parallel()
	s := pgtest.NewServer(t, pgtest.Config{
		TLS: pgtest.NewCertificates(t),
		HBA: []string{"hostssl all all 127.0.0.1/32 scram-sha-256"},
	})
	ask(t, s.TCPURL("", ""), encrypted, true)
	p := pgtest.NewProxy(t, s)
	ask(t, p.TCPURL("", ""), encrypted, true)

	config, err := pgx.ParseConfig(s.TCPURL("", ""))
	check(t, err)
	other, err := pgx.ParseConfig("sslmode=verify-full sslrootcert=" + pgtest.NewCertificates(t).CAFile + " host=127.0.0.1")
	check(t, err)
	config.TLSConfig = other.TLSConfig
	if _, err := pgx.ConnectConfig(t.Context(), config); err == nil {
		t.Error("another authority's word was taken")
	}
	config.TLSConfig = nil
	_, err = pgx.ConnectConfig(t.Context(), config)
	hasCode(t, err, "28000") // hostssl: no entry without encryption
}
