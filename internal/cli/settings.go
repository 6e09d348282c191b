package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lull-dev/lull"
	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settings are what flags, environment, file and defaults come to, in that order.
type settings struct {
	store   string
	implied bool // nobody named a store
	gate    string
	json    bool
	timing  lull.Timing
	file    string // the configuration file that was read, or ""

	// usualGate is the gate that is meant where neither flag nor environment name one.
	usualGate string
}

// configFile is lull.toml. A table named after a command sets that command's
// flags.
type configFile struct {
	Store     string         `toml:"store"`
	Gate      string         `toml:"gate"`
	Gates     []string       `toml:"gates"`
	Lease     string         `toml:"lease"`
	KillGrace string         `toml:"kill_grace"`
	Output    string         `toml:"output"`
	Run       map[string]any `toml:"run"`
	Deploy    map[string]any `toml:"deploy"`
	Close     map[string]any `toml:"close"`
}

// configure works out the settings for a command whose flags have been parsed.
func (a *app) configure(cmd *cobra.Command) error {
	a.command = cmd.Name()
	a.quiet, a.verbose = a.flags.quiet, a.flags.verbose
	for _, name := range []string{"store", "gate", "output", "config"} {
		// As --gate "$GATE" with nothing in it: the default is not what was meant.
		if flag := cmd.Flags().Lookup(name); flag != nil && flag.Changed && flag.Value.String() == "" {
			return usage("--"+name+" is empty", "leave it away for the default")
		}
	}
	path, file, err := a.readConfig()
	if err != nil {
		return err
	}
	s := settings{file: path, usualGate: first(file.Gate, lull.DefaultGate)}
	s.store = first(a.flags.store, a.Getenv(storeVariable), file.Store)
	s.implied = s.store == ""
	s.gate = first(a.flags.gate, a.Getenv("LULL_GATE"), s.usualGate)
	if err := a.checkGate(s.gate, file, path); err != nil {
		return err
	}
	if s.timing.Lease, err = a.timing("lease", a.flags.lease, "LULL_LEASE", file.Lease, path); err != nil {
		return err
	}
	if s.timing.KillGrace, err = a.timing("kill-grace", a.flags.killGrace, "LULL_KILL_GRACE", file.KillGrace, path); err != nil {
		return err
	}
	if err := s.timing.Check(); err != nil {
		return misconfigured(err.Error(), "raise --lease, or lower --kill-grace")
	}
	switch out := first(a.flags.output, file.Output, "text"); {
	case out == "json":
		s.json = true
	case out != "text" && a.flags.output != "":
		return usage(fmt.Sprintf("--output %q is not one of text, json", out), "leave it away for text")
	case out != "text":
		return misconfigured(fmt.Sprintf("%s: output %q is not one of text, json", path, out), "leave it away for text")
	}
	a.settings = s
	tables := map[string]map[string]any{"run": file.Run, "deploy": file.Deploy, "close": file.Close}
	return applyTable(cmd, tables[cmd.Name()], path)
}

// checkGate refuses names that cannot be a gate's, and those that the
// configuration does not list.
func (a *app) checkGate(gate string, file configFile, path string) error {
	err := lull.CheckGateName(gate)
	switch {
	case err != nil && a.flags.gate != "":
		return usage(err.Error(), "choose another with --gate NAME")
	case err != nil && a.Getenv("LULL_GATE") != "":
		return misconfigured("LULL_GATE: "+err.Error(), "choose another name there")
	case err != nil:
		return misconfigured(path+": "+err.Error(), "choose another name for gate")
	case len(file.Gates) > 0 && !slices.Contains(file.Gates, gate):
		return misconfigured(fmt.Sprintf("gate %q is not one of those that %s lists: %s", gate, path, strings.Join(file.Gates, ", ")),
			"name one of them, or add it to gates there")
	}
	return nil
}

// timing is a duration from a flag, the environment or the file.
func (a *app) timing(name string, flag duration, variable, file, path string) (time.Duration, error) {
	if flag.set {
		return flag.d, positive("--"+name, flag.d)
	}
	value, from := a.Getenv(variable), variable
	if value == "" {
		value, from = file, path+": "+strings.ReplaceAll(name, "-", "_")
	}
	if value == "" {
		return 0, nil
	}
	d, err := parseDuration(value, false)
	if err == nil {
		err = positive(from, d)
	}
	if err != nil {
		return 0, misconfigured(from+": "+err.Error(), "correct it, or leave it away")
	}
	return d, nil
}

func positive(name string, d time.Duration) error {
	if d <= 0 {
		return usage(name+" must be longer than 0", "leave it away for the default")
	}
	return nil
}

// readConfig reads the configuration file that was named, or the first of the usual
// ones that exists. A file that was named must exist.
func (a *app) readConfig() (path string, file configFile, err error) {
	named := first(a.flags.config, a.Getenv(configVariable))
	places := []string{named}
	if named == "" {
		places = a.usualConfigs()
	}
	for _, path := range places {
		text, err := os.ReadFile(path)
		switch {
		case errors.Is(err, os.ErrNotExist) && named == "":
			continue
		case err != nil:
			return path, file, misconfigured("configuration: "+err.Error(), "name another with --config FILE, or LULL_CONFIG")
		}
		return path, file, decodeConfig(path, text, &file)
	}
	return "", file, nil
}

// systemConfig is the configuration of a whole host.
const systemConfig = "/etc/lull/lull.toml"

// usualConfigs are the places where a configuration is looked for.
func (a *app) usualConfigs() []string {
	var places []string
	if self, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(self), "lull.toml"))
	}
	places = append(places, systemConfig)
	if home := a.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(home) {
		places = append(places, filepath.Join(home, "lull", "lull.toml"))
	} else if home := a.Getenv("HOME"); home != "" {
		places = append(places, filepath.Join(home, ".config", "lull", "lull.toml"))
	}
	return places
}

func decodeConfig(path string, text []byte, file *configFile) error {
	err := toml.NewDecoder(strings.NewReader(string(text))).DisallowUnknownFields().Decode(file)
	var strict *toml.StrictMissingError
	var decode *toml.DecodeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &strict) && len(strict.Errors) > 0:
		line, _ := strict.Errors[0].Position()
		return misconfigured(fmt.Sprintf("%s:%d: unknown key %q", path, line, strings.Join(strict.Errors[0].Key(), ".")),
			"the keys are store, gate, gates, lease, kill_grace, output, and the tables run, deploy and close")
	case errors.As(err, &decode):
		line, _ := decode.Position()
		return misconfigured(fmt.Sprintf("%s:%d: %s", path, line, strings.TrimPrefix(decode.Error(), "toml: ")), "correct the line")
	}
	return misconfigured(path+": "+err.Error(), "correct the file")
}

// applyTable sets those of a command's flags that the file names and the command
// line does not.
func applyTable(cmd *cobra.Command, table map[string]any, path string) error {
	for key, value := range table {
		where := fmt.Sprintf("%s: [%s] %s", path, cmd.Name(), key)
		flag := cmd.LocalNonPersistentFlags().Lookup(strings.ReplaceAll(key, "_", "-"))
		if flag == nil || strings.Contains(key, "-") {
			return misconfigured(where+" is no such key", fmt.Sprintf("the keys are the flags of lull %s, with _ for -", cmd.Name()))
		}
		if flag.Changed {
			continue
		}
		if err := setFlag(flag, value); err != nil {
			return misconfigured(where+": "+err.Error(), "correct it, or leave it away")
		}
	}
	return nil
}

func setFlag(flag *pflag.Flag, value any) error {
	switch value.(type) {
	case string, bool, int64:
		return flag.Value.Set(fmt.Sprint(value))
	}
	return fmt.Errorf("%v is not a single value", value)
}

// first returns the first string that is not empty.
func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}
