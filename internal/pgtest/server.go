package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Superuser owns every cluster. Its password is Password, as is that of every user
// made by CreateUser.
const (
	Superuser = "postgres"
	Password  = "secret"
)

// Config says what a Server shall be. The zero value is good for most tests.
type Config struct {
	// Settings go into postgresql.conf, over the defaults of settings.go.
	Settings map[string]string
	// HBA are lines of pg_hba.conf, as for SetHBA. Without any, sockets are trusted
	// and TCP needs SCRAM passwords.
	HBA []string
	// TLS, unless nil, switches TLS on. It stays optional for clients, unless HBA
	// says hostssl.
	TLS *Certificates
	// OnDisk says that to make data durable shall cost what it costs on a disk, for
	// measurements. Otherwise the cluster is in memory if there is room.
	OnDisk bool
	// Disk, unless nil, holds the whole cluster; WALDisk its write-ahead log alone.
	Disk, WALDisk *Disk
}

// Server is a PostgreSQL server with a cluster of its own. It listens on a socket and
// on a port of 127.0.0.1, which stay the same when it is restarted.
//
// Methods that change whether and how it runs (Start, Stop, Restart, Freeze, Thaw,
// Close) are for one goroutine; all others may be used from many.
type Server struct {
	space *workspace
	dir   string // of everything that is ours
	data  string // the data directory
	port  int
	tls   *Certificates
	// process is the last one that was started; it may have ended.
	process *process
}

// StartServer makes a cluster and starts a server on it. Close it.
func StartServer(ctx context.Context, c Config) (*Server, error) {
	open := inMemory
	if c.OnDisk {
		open = onDisk
	}
	space, err := open()
	if err != nil {
		return nil, err
	}
	s, err := emptyServer(space)
	if err != nil {
		return nil, err
	}
	if err := s.makeCluster(ctx, c); err != nil {
		return nil, errors.Join(fmt.Errorf("make a cluster: %w", err), s.Close())
	}
	if err := s.firstStart(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// NewServer is StartServer for a test, which it fails. At the end of the test the
// server is closed.
func NewServer(t testing.TB, c Config) *Server {
	t.Helper()
	s, err := StartServer(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, "postgres", s)
	return s
}

// emptyServer has directories, and no cluster yet.
func emptyServer(space *workspace) (*Server, error) {
	dir, err := space.place()
	if err != nil {
		return nil, err
	}
	s := &Server{space: space, dir: dir, data: filepath.Join(dir, "data")}
	return s, space.mkdir(s.socketDir(), 0o755)
}

func (s *Server) makeCluster(ctx context.Context, c Config) error {
	if c.Disk != nil {
		s.data = filepath.Join(c.Disk.mount, filepath.Base(s.dir))
	}
	if err := s.space.cluster(ctx, s.data); err != nil {
		return err
	}
	if c.WALDisk != nil {
		if err := s.moveWAL(ctx, c.WALDisk); err != nil {
			return err
		}
	}
	if c.TLS != nil {
		s.tls = c.TLS
		if err := c.TLS.install(s.space.account, s.data); err != nil {
			return err
		}
	}
	if len(c.HBA) > 0 {
		if err := s.writeHBA(c.HBA); err != nil {
			return err
		}
	}
	return s.configure(c)
}

// moveWAL puts pg_wal elsewhere, as initdb --waldir does.
func (s *Server) moveWAL(ctx context.Context, to *Disk) error {
	from, there := filepath.Join(s.data, "pg_wal"), filepath.Join(to.mount, filepath.Base(s.dir)+"-wal")
	if err := s.space.run(ctx, "mv", from, there); err != nil {
		return err
	}
	return os.Symlink(there, from)
}

// Close ends the server, running or not, and removes everything of it.
func (s *Server) Close() error {
	var thawed error
	if s.Running() {
		thawed = s.Thaw() // frozen processes would not see the signal
		s.process.end(syscall.SIGQUIT)
	}
	return errors.Join(thawed, os.RemoveAll(s.data), os.RemoveAll(s.dir))
}

// Version is that of the programs, such as "15.18".
func (s *Server) Version() string { return s.space.version }

// Program is the path of a program that belongs to the server, such as psql. It may
// not be installed.
func (s *Server) Program(name string) string { return s.space.path(name) }

// DataDir is the cluster's directory. Its owner may be another user; see the package
// comment.
func (s *Server) DataDir() string { return s.data }

func (s *Server) socketDir() string { return filepath.Join(s.dir, "socket") }
func (s *Server) logFile() string   { return filepath.Join(s.dir, "log") }
