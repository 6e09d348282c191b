package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed assets/*.css assets/*.js assets/*.svg assets/vendor/uPlot.iife.min.js assets/vendor/uPlot.min.css
var assetFiles embed.FS

// assets are the files that pages load. The name of each carries a hash of its content, so
// that browsers may keep it for good.
type assets struct {
	names  map[string]string // the name to ask for, by the file's own
	served map[string]asset  // by the name that is asked for
}

type asset struct {
	kind           string
	plain, gzipped []byte
}

func newAssets() (*assets, error) {
	a := &assets{names: map[string]string{}, served: map[string]asset{}}
	return a, fs.WalkDir(assetFiles, "assets", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := assetFiles.ReadFile(file)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		base, ext := path.Base(file), path.Ext(file)
		name := strings.TrimSuffix(base, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.names[base] = name
		a.served[name] = asset{kindOf(ext), content, gzipped(content)}
		return nil
	})
}

func kindOf(ext string) string {
	switch ext {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	}
	return "image/svg+xml"
}

func gzipped(content []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a good one
	_, _ = z.Write(content)                               // a bytes.Buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

// url is where a file is served.
func (a *assets) url(file string) string { return "/assets/" + a.names[file] }

// ServeHTTP serves one asset.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, ok := a.served[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	write(w, r, http.StatusOK, found.kind, found.plain, found.gzipped)
}

// write answers with content, compressed if the caller takes that. A nil gzipped is made
// when it is needed.
func write(w http.ResponseWriter, r *http.Request, status int, kind string, plain, compressed []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		if compressed == nil {
			compressed = gzipped(plain)
		}
		h.Set("Content-Encoding", "gzip")
		plain = compressed
	}
	w.WriteHeader(status)
	_, _ = w.Write(plain) // a reader who has gone away is not there to be told
}
