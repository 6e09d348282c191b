package lulld

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/internal/notice"
	"github.com/pelletier/go-toml/v2"
)

// configPath is where lulld.toml is looked for if nobody names another.
const configPath = "/etc/lull/lulld.toml"

// tokensPath is where tokens are kept if nobody names another file.
const tokensPath = "/var/lib/lulld/tokens.json"

// config is lulld.toml. What flags and variables say goes before it.
type config struct {
	Store  string   `toml:"store"`
	Listen []string `toml:"listen"`
	Tokens string   `toml:"tokens"`
	URL    string   `toml:"url"` // under which people reach the page

	TLSCert string `toml:"tls_cert"`
	TLSKey  string `toml:"tls_key"`

	AllowPlainHTTP bool `toml:"allow_plain_http"`
	AllowAnyone    bool `toml:"allow_anyone"`

	Log string `toml:"log"`

	Notify []notice.Hook `toml:"notify"`
}

// readConfig reads lulld.toml. Only the one that was named must be there.
func readConfig(path string) (config, error) {
	named := path != ""
	if !named {
		path = configPath
	}
	var c config
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return c, nil
	}
	if err != nil {
		return c, &lull.SetupError{What: "cannot read the configuration", Hint: "name another file with --config", Err: err}
	}
	decoder := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return c, &lull.SetupError{What: fmt.Sprintf("%s is not right: %s", path, wrong(err)), Hint: "see lulld --help for the keys"}
	}
	return c, nil
}

// wrong says which line is wrong, without what stands there: it may be a secret.
func wrong(err error) string {
	var unknown *toml.StrictMissingError
	var decode *toml.DecodeError
	switch {
	case errors.As(err, &unknown) && len(unknown.Errors) > 0:
		row, _ := unknown.Errors[0].Position()
		return fmt.Sprintf("line %d: there is no such key", row)
	case errors.As(err, &decode):
		row, column := decode.Position()
		return fmt.Sprintf("line %d, column %d: %s", row, column, decode.Error())
	}
	return err.Error()
}
