package remotestore_test

import (
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/memstore"
	"github.com/lull-dev/lull/remotestore"
)

// serveUnix serves on a socket until the end of the test.
func serveUnix(t *testing.T, h http.Handler) (path string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "lull") // t.TempDir's may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path = filepath.Join(dir, "lull.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.Listener.Close()
	srv.Listener = l
	srv.Start()
	t.Cleanup(srv.Close)
	return path
}

func TestAServerOnASocket(t *testing.T) {
	path := serveUnix(t, lulld(memstore.New()))
	s := open(t, "unix://"+path, remotestore.Options{})
	closes(t, s, "imports")
	gates, err := s.Gates(t.Context())
	if err != nil || len(gates) != 1 || gates[0].Name != "imports" || gates[0].Phase != 1 {
		t.Errorf("%+v, %v", gates, err)
	}
}

func TestASocketThatIsNotThereMayComeBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lull.sock")
	_, err := open(t, "unix://"+path, remotestore.Options{}).Gates(t.Context())
	if want := "store unavailable: unix://" + path + ": no such file or directory"; !errors.Is(err, lull.ErrUnavailable) || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestASocketOfOthersIsAMatterOfSetUp(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Log("root may use any socket: only the other half is looked at")
	} else {
		path := serveUnix(t, lulld(memstore.New()))
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		isSetUp(t, open(t, "unix://"+path, remotestore.Options{}), "may not be used by this user")
	}
	isSetUp(t, open(t, "unix:///"+strings.Repeat("x", 200), remotestore.Options{}), "too long for a socket")
}

// isSetUp fails unless the store cannot be used as it is set up.
func isSetUp(t *testing.T, s lull.Store, says string) {
	t.Helper()
	_, err := s.Gates(t.Context())
	setup, ok := errors.AsType[*lull.SetupError](err)
	if !ok || setup.Hint == "" {
		t.Errorf("%#v", err)
		return
	}
	has(t, setup.Error(), says)
}

func TestCertificatesAreChecked(t *testing.T) {
	srv := httptest.NewUnstartedServer(lulld(memstore.New()))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, srv.URL, remotestore.Options{CA: ca}).Gates(t.Context()); err != nil {
		t.Errorf("with its authority: %v", err)
	}
	isSetUp(t, open(t, srv.URL, remotestore.Options{}), "is not trusted")

	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	isSetUp(t, open(t, "https://localhost:"+port, remotestore.Options{CA: ca}), "is not trusted")
}

func TestAFileWithoutCertificatesIsRefused(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ca := range []string{empty, empty + ".not-there"} {
		_, err := remotestore.Open("https://lulld", remotestore.Options{CA: ca})
		if _, ok := errors.AsType[*lull.SetupError](err); !ok {
			t.Errorf("%s: %v", ca, err)
		}
	}
}

func TestHTTPAndHTTPSAreNotTakenForEachOther(t *testing.T) {
	plain := httptest.NewServer(lulld(memstore.New()))
	t.Cleanup(plain.Close)
	secure := httptest.NewTLSServer(lulld(memstore.New()))
	t.Cleanup(secure.Close)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	isSetUp(t, open(t, strings.Replace(plain.URL, "http:", "https:", 1), remotestore.Options{}), "does not speak TLS")
	isSetUp(t, open(t, strings.Replace(secure.URL, "https:", "http:", 1), remotestore.Options{}), "wants to be asked by https")
}

// listen takes an address again that was given up just now.
func listen(t *testing.T, at string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
