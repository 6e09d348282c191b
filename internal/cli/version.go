package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show which lull this is",
		Long: `Show the version of this binary, the commit it was built from, the Go release it
was built with, and the system it was built for. Put it into a report of a fault.` + exitHelp(
			exitLine(0, "shown"),
			exitHelpUsage),
		Example: `  lull version
  lull version -o json`,
		Args: noArgs("version"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.configure(cmd); err != nil {
				return err
			}
			v := builtFrom(debug.ReadBuildInfo())
			if a.settings.json {
				return a.printJSON(v)
			}
			return a.print(v.text() + "\n")
		},
	}
}

// versionJSON is what lull version -o json prints.
type versionJSON struct {
	Schema   int    `json:"schema"`
	Version  string `json:"version"`
	Commit   string `json:"commit"` // "": not built from a checkout
	Time     string `json:"time"`   // of the commit
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

func builtFrom(info *debug.BuildInfo, ok bool) versionJSON {
	v := versionJSON{Schema: schema, Version: "(devel)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if !ok {
		return v
	}
	v.Version = first(info.Main.Version, v.Version)
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

func (v versionJSON) text() string {
	text := "lull " + v.Version
	if v.Commit != "" {
		text += fmt.Sprintf(" (commit %.12s", v.Commit)
		if v.Modified {
			text += ", modified"
		}
		text += ")"
	}
	return fmt.Sprintf("%s, %s %s/%s", text, v.Go, v.OS, v.Arch)
}
