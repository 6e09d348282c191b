package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/filestore"
	"github.com/lull-dev/lull/internal/words"
	"github.com/spf13/cobra"
)

// initFlags are the flags of lull init.
type initFlags struct {
	force bool
	group string
}

func newInit(a *app) *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init URL",
		Short: "Set lull up here: make the store, write lull.toml, check both",
		Long: `Set lull up on this host. init makes the store, writes lull.toml, runs lull doctor, and
prints the line for a job and the one for a deployment.

URL is where gates are kept: file:///DIRECTORY for the jobs of this host,
postgres://USER@HOST/DATABASE for those of a cluster, http://HOST:PORT,
https://HOST:PORT or unix:///SOCKET of a lulld, or env:NAME for a variable that holds
the URL. lull.toml is written to /etc/lull if root runs this, else to the user's
configuration, or where --config says. With --gate, --lease or --kill-grace these
stand in it as well.

A directory is for the user who runs init, and for nobody else. Jobs and deployments
of other users need --group: who is in it can use the gates.

In a database, init does what lull migrate does, unless that has been done. Everybody
can read lull.toml, so that no password is written into it: let it stand in ~/.pgpass,
in a service file, or in a variable. Nor is a token for lulld: set LULL_TOKEN.

It may be run again. A lull.toml that says the same already is kept as it is, with
whatever else somebody wrote into it; a different one is only replaced with
--force.` + exitHelp(
			exitLine(0, "set up, and doctor has found no problem"),
			exitLine(1, "doctor has found a problem"),
			exitHelpUsage,
			exitHelpUnavailable,
			exitHelpConfig+", or there is a different lull.toml"),
		Example: `  sudo lull init file:///var/lib/lull --group deploy
  lull init postgres://deploy@db1/shop
  lull init unix:///run/lull.sock
  lull init file:///srv/app/lull --gate web --config /srv/app/lull.toml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("lull init takes one argument, the store's URL", "for the jobs of this host: lull init file:///var/lib/lull; for a cluster: lull init postgres://USER@HOST/DATABASE")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.init(cmd, args[0], f)
		},
	}
	cmd.Flags().BoolVar(&f.force, "force", false, "replace a lull.toml that says something else")
	cmd.Flags().StringVar(&f.group, "group", "", "let the members of this `group` of users use the store")
	return cmd
}

func (a *app) init(cmd *cobra.Command, url string, f initFlags) error {
	a.quiet = a.flags.quiet
	if a.flags.store != "" {
		return usage("lull init takes the store as its argument", "leave --store away")
	}
	url, err := a.withoutPassword(cmd.Context(), url)
	if err != nil {
		return err
	}
	text, err := a.configText(url)
	if err != nil {
		return err
	}
	path, err := a.configTarget()
	if err != nil {
		return err
	}
	config := initConfig{path: path, text: text}
	if err := config.compare(f.force); err != nil {
		return err
	}
	// The store first: a configuration is only left for one that can be used.
	if err := a.makeStore(cmd.Context(), url, f.group); err != nil {
		return err
	}
	if err := config.write(); err != nil {
		return misconfigured(err.Error(), "name another file with --config FILE")
	}
	a.flags.config = path
	d := &doctor{a: a}
	failed := d.examine(cmd)
	if a.flags.output != "json" {
		if err := a.print(config.outcome() + "\n\n"); err != nil {
			return err
		}
	}
	if err := d.print(); err != nil {
		return err
	}
	if err := d.status(failed); err != nil || a.flags.output == "json" {
		return err
	}
	return a.print(a.linesToAdd(path))
}

// configText is the lull.toml for a store, and for what the flags say.
func (a *app) configText(url string) (string, error) {
	gate, timing := a.flags.gate, lull.Timing{Lease: a.flags.lease.d, KillGrace: a.flags.killGrace.d}
	if gate != "" {
		if err := lull.CheckGateName(gate); err != nil {
			return "", usage(err.Error(), "choose another with --gate NAME")
		}
	}
	if err := timing.Check(); err != nil {
		return "", usage(err.Error(), "raise --lease, or lower --kill-grace")
	}
	setting := func(key, value, otherwise string) string {
		if value == "" {
			return fmt.Sprintf("# %s = %q", key, otherwise)
		}
		return fmt.Sprintf("%s = %q", key, value)
	}
	return fmt.Sprintf(configTemplate,
		setting("store", url, ""),
		setting("gate", gate, lull.DefaultGate), first(gate, lull.DefaultGate),
		setting("lease", a.flags.lease.String(), short(lull.DefaultLease)),
		setting("kill_grace", a.flags.killGrace.String(), short(lull.DefaultKillGrace))), nil
}

const configTemplate = `# lull.toml: how jobs and deployments find their gate.
# Flags and variables such as LULL_STORE come before what stands here.
# After a change, check it with: lull doctor

# Where gates are kept. Jobs and deployments must name the same store.
%s

# The gate that is meant when none is named, and all that may be named.
%s
# gates = [%q]

# How long the store believes in an owner that it does not hear from, and how long
# a command that must stop has between TERM and KILL.
%s
%s

# Flags of lull run, deploy and close, with _ for -.
# [run]
# max_wait = "2h"
#
# [deploy]
# limit = "30m"
# hold_after_failure = "10m"
`

// configTarget is the file to write. It must be the one that will be read.
func (a *app) configTarget() (string, error) {
	if named := first(a.flags.config, a.Getenv(configVariable)); named != "" {
		return filepath.Abs(named)
	}
	usual := a.usualConfigs()
	target := usual[len(usual)-1]
	if os.Geteuid() == 0 {
		target = systemConfig
	}
	for _, path := range usual {
		if path == target {
			return target, nil
		}
		if _, err := os.Stat(path); err == nil {
			return "", misconfigured(fmt.Sprintf("%s would not be read, since %s comes first", target, path),
				"change that one with --config "+path+", or remove it")
		}
	}
	return target, nil
}

// makeStore makes what the store needs to be opened.
func (a *app) makeStore(ctx context.Context, url, group string) error {
	a.settings.store = url
	switch schema, err := a.openSchema(); {
	case err != nil:
		return err
	case schema != nil && group != "":
		return usage("--group is for a directory: in a database roles are granted what they may do", "leave it away, then: lull migrate --grant-job ROLE --grant-deploy ROLE")
	case schema != nil:
		return a.makeSchema(ctx, schema)
	}
	if group != "" {
		url, err := a.storeURL()
		if err != nil {
			return err
		}
		if isRemote(url) {
			return usage("--group is for a directory: lulld has tokens and a socket for those who may use it", "leave it away")
		}
		dir, _, err := filestore.ParseURL(url)
		if err != nil {
			return err
		}
		if err := shareDirectory(dir, group); err != nil {
			return err
		}
	}
	store, err := a.openStore()
	if err != nil {
		return err
	}
	return store.Shutdown(ctx)
}

// shareDirectory gives a directory to a group. What is made in it later follows, by
// its set-group-ID bit; what lies in it already does not, and is left alone.
func shareDirectory(dir, name string) error {
	group, err := user.LookupGroup(name)
	if err != nil {
		return usage(err.Error(), "name a group that exists, or make it with: groupadd "+name)
	}
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		return err
	}
	const shared = os.ModeDir | os.ModeSetgid | 0o770
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return misconfigured(err.Error(), "choose a directory that you may make")
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return misconfigured(err.Error(), "choose a directory that you may make")
	}
	info, err := os.Stat(dir)
	if err != nil {
		return misconfigured(err.Error(), "choose a directory that you may use")
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Gid) == gid && info.Mode() == shared {
		return nil
	}
	if inside, err := os.ReadDir(dir); err != nil || len(inside) > 0 {
		return misconfigured(fmt.Sprintf("%s is in use already, and not shared with group %s", dir, name),
			fmt.Sprintf("while no job runs: chgrp -R %[1]s %[2]s && chmod -R g+rwX %[2]s && find %[2]s -type d -exec chmod g+s {} +", name, dir))
	}
	if err := errors.Join(os.Chown(dir, -1, gid), os.Chmod(dir, shared)); err != nil {
		return misconfigured(err.Error(), "run this as root, or as a member of the group")
	}
	return nil
}

// initConfig is a lull.toml that shall be there.
type initConfig struct {
	path, text string
	kept       bool // it says the same already
}

// compare looks at the file that is there, and refuses to replace one that says
// something else.
func (c *initConfig) compare(force bool) error {
	old, err := os.ReadFile(c.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return misconfigured(err.Error(), "name another file with --config FILE")
	}
	c.kept = string(old) == c.text || !force && saysAll(old, c.text)
	if c.kept || force {
		return nil
	}
	return misconfigured(c.path+" says something else already", "compare it, then change it by hand, or replace it with --force")
}

// saysAll reports whether a configuration says all that another one does, and
// perhaps more.
func saysAll(old []byte, wanted string) bool {
	var is, want configFile
	if decodeConfig("", old, &is) != nil || decodeConfig("", []byte(wanted), &want) != nil {
		return false
	}
	same := func(is, want string) bool { return want == "" || is == want }
	return same(is.Store, want.Store) && same(is.Gate, want.Gate) && same(is.Lease, want.Lease) && same(is.KillGrace, want.KillGrace)
}

// write puts the file in place in one step. Everybody may read it: it names no
// secret, and the jobs of all users need it.
func (c *initConfig) write() error {
	if c.kept {
		return nil
	}
	path := c.path
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".lull.toml-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(c.text)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (c *initConfig) outcome() string {
	if c.kept {
		return "kept " + c.path + ", which says this already"
	}
	return "wrote " + c.path
}

// linesToAdd are what to do next.
func (a *app) linesToAdd(config string) string {
	flag := ""
	if !slices.Contains(a.usualConfigs(), config) {
		flag = "--config " + words.ShellWord(config) + " "
	}
	return strings.ReplaceAll(`
Put lull in front of the command, in each job and in the deployment:

  lull run    FLAG-- ./nightly-report.sh
  lull deploy FLAG-- ./deploy.sh
`, "FLAG", flag)
}
