package pgtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Certificates are a certificate authority that is thrown away, and a certificate it
// has signed for a server on localhost, 127.0.0.1 and ::1. They are valid for a day.
type Certificates struct {
	// CAFile is what a client needs: sslrootcert.
	CAFile string
	// CertFile and KeyFile are the server's.
	CertFile, KeyFile string
}

// MakeCertificates writes new ones to a directory.
func MakeCertificates(dir string) (*Certificates, error) {
	c := &Certificates{
		CAFile:   filepath.Join(dir, "ca.crt"),
		CertFile: filepath.Join(dir, "server.crt"),
		KeyFile:  filepath.Join(dir, "server.key"),
	}
	if err := c.make(); err != nil {
		return nil, fmt.Errorf("make certificates: %w", err)
	}
	return c, nil
}

// NewCertificates is MakeCertificates for a test, which it fails.
func NewCertificates(t testing.TB) *Certificates {
	t.Helper()
	c, err := MakeCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *Certificates) make() error {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca := certificate("pgtest authority")
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	server := certificate("localhost")
	server.DNSNames = []string{"localhost"}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	server.KeyUsage, server.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}

	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return err
	}
	serverDER, err := x509.CreateCertificate(rand.Reader, server, ca, key.Public(), caKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		path, kind string
		der        []byte
	}{
		{c.CAFile, "CERTIFICATE", caDER},
		{c.CertFile, "CERTIFICATE", serverDER},
		{c.KeyFile, "PRIVATE KEY", keyDER},
	} {
		if err := os.WriteFile(f.path, pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.der}), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// certificate is valid from an hour ago, for clocks that differ.
func certificate(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
	}
}

// install copies the server's two files to a directory of a, with the same names.
func (c *Certificates) install(a account, dir string) error {
	for _, path := range []string{c.CertFile, c.KeyFile} {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := a.writeFile(filepath.Join(dir, filepath.Base(path)), string(content)); err != nil {
			return err
		}
	}
	return nil
}
