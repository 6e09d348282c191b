package cli

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestVersionSaysWhatItWasBuiltFrom(t *testing.T) {
	built := runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
	info := &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef0123"}, {Key: "vcs.modified", Value: "true"},
	}}
	if got, want := builtFrom(info, true).text(), "lull v1.2.3 (commit 0123456789ab, modified), "+built; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := builtFrom(nil, false).text(), "lull (devel), "+built; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
