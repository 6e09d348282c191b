package lulld

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/access"
	"github.com/lull-dev/lull/internal/metrics"
	"github.com/lull-dev/lull/internal/notice"
	"github.com/lull-dev/lull/internal/server"
	"github.com/lull-dev/lull/internal/wire"
)

// serveFlags are the flags of lulld itself.
type serveFlags struct {
	globals
	listen         []string
	url, cert, key string
	plain, anyone  bool
	log            string
}

// merge puts what flags and variables say before what the file says.
func (f serveFlags) merge(c config, getenv func(string) string) config {
	c.Store = cmp.Or(f.store, getenv("LULL_STORE"), c.Store)
	c.Tokens = cmp.Or(f.tokens, c.Tokens)
	c.URL = cmp.Or(f.url, c.URL)
	c.TLSCert, c.TLSKey = cmp.Or(f.cert, c.TLSCert), cmp.Or(f.key, c.TLSKey)
	c.Log = cmp.Or(f.log, c.Log, "text")
	if len(f.listen) > 0 {
		c.Listen = f.listen
	}
	c.AllowPlainHTTP = c.AllowPlainHTTP || f.plain
	c.AllowAnyone = c.AllowAnyone || f.anyone
	return c
}

// serve runs the server until ctx ends.
func serve(ctx context.Context, f serveFlags, w World) error {
	c, err := readConfig(f.config)
	if err != nil {
		return err
	}
	c = f.merge(c, w.Getenv)
	log, err := c.logger(w)
	if err != nil {
		return err
	}
	certificate, err := c.tls()
	if err != nil {
		return err
	}
	if c.URL != "" {
		if u, err := url.Parse(c.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return &lull.SetupError{What: fmt.Sprintf("%q is no URL of a page", c.URL), Hint: "write it like https://lull.example.com"}
		}
	}
	tokens, err := c.openTokens()
	if err != nil {
		return err
	}
	notices, err := notice.New(c.notices(c.URL), log)
	if err != nil {
		return misconfigured(err)
	}
	bare, err := openStore(c.Store, w.Getenv)
	if err != nil {
		return err
	}
	defer shutDown(bare, log)
	return c.run(ctx, bare, tokens, certificate, notices, log)
}

// run serves a store that is open.
func (c config) run(ctx context.Context, bare lull.Store, tokens *access.Tokens, certificate *tls.Config, notices *notice.Notices, log *slog.Logger) error {
	measured := metrics.New(metrics.Options{Version: version()})
	store := measured.Wrap(bare)
	guard, err := access.New(access.Options{
		Tokens: tokens, Open: tokens == nil, Anyone: tokens == nil && c.AllowAnyone, Origins: c.origins(), Log: log, Refuse: refuse,
	})
	if err != nil {
		return misconfigured(err)
	}
	o := server.Options{
		Store: store, Version: version(), Log: log, Guard: guard.Wrap, Metrics: measured.Handler(), Page: true, URL: c.URL,
	}
	if tokens != nil {
		o.SignIn, o.SignOut = guard.SignIn, guard.SignOut
	}
	s, err := server.New(o)
	if err != nil {
		return err
	}
	defer s.Close()
	l := server.Listening{
		Addresses: c.Listen, TLS: certificate, Secured: tokens != nil,
		Plain: c.AllowPlainHTTP, Anyone: c.AllowAnyone, ConnContext: access.ConnContext,
	}
	sockets, err := server.Listen(l)
	if err != nil {
		return err
	}
	log.Info("serving", "version", version(), "store", bare.About().URL, "tokens", tokens != nil)
	ctx, stop := context.WithCancel(ctx)
	var following sync.WaitGroup
	following.Go(func() { measured.Watch(ctx, store) })
	following.Go(func() { notices.Run(ctx, store) })
	defer following.Wait()
	defer stop()
	err = s.Serve(ctx, l, sockets)
	log.Info("ended")
	return err
}

// shutDown lets go of what the store keeps.
func shutDown(s lull.Store, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		log.Warn("the store was not shut down", "error", err)
	}
}

func (c config) logger(w World) (*slog.Logger, error) {
	switch c.Log {
	case "text":
		return slog.New(slog.NewTextHandler(w.Err, nil)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w.Err, nil)), nil
	}
	return nil, &lull.SetupError{What: fmt.Sprintf("log %q is not one of text, json", c.Log), Hint: "leave it away for text"}
}

func (c config) tls() (*tls.Config, error) {
	if c.TLSCert == "" && c.TLSKey == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, &lull.SetupError{What: "the certificate and its key cannot be used", Hint: "give both --tls-cert and --tls-key, in PEM", Err: err}
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// openTokens opens the file of tokens: the one that was named, which must be there, or the
// usual one if it is.
func (c config) openTokens() (*access.Tokens, error) {
	path := cmp.Or(c.Tokens, tokensPath)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if c.Tokens == "" {
			return nil, nil
		}
		return nil, &lull.SetupError{What: "there is no file of tokens at " + path, Hint: "make the first with: lulld token create --tokens " + path + " --role admin --name NAME"}
	}
	return openTokens(path)
}

// origins are those under which people reach the page.
func (c config) origins() []string {
	if c.URL == "" {
		return nil
	}
	u, _ := url.Parse(c.URL) // which serve has found to be one
	return []string{u.Scheme + "://" + u.Host}
}

// refuse answers who is not let in.
func refuse(w http.ResponseWriter, _ *http.Request, status int, kind, detail string) {
	p := &wire.Problem{Status: status, Title: http.StatusText(status), Detail: detail}
	switch kind {
	case access.TypeSignIn:
		p.Type, p.Hint = wire.TypeSignIn, "look at LULL_TOKEN; tokens are made by lulld token create"
	case access.TypeForbidden:
		p.Type = wire.TypeForbidden
	case access.TypeSlow:
		p.Type = wire.TypeSlow
	}
	p.Answer(w)
}
