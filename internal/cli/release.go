package cli

import (
	"os"
	"path/filepath"
)

// warnOldRelease warns a job that waited, and is about to run in a directory inside
// a release other than the one that "current" names now: it came by a physical
// path, and would run the old code. The layout is Capistrano's: releases/NAME
// beside a symlink current.
func (a *app) warnOldRelease(dir string) {
	physical, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return // whoever enters it will say so
	}
	for path := physical; path != filepath.Dir(path); path = filepath.Dir(path) {
		releases := filepath.Dir(path)
		if filepath.Base(releases) != "releases" {
			continue
		}
		current := filepath.Join(filepath.Dir(releases), "current")
		if link, err := os.Lstat(current); err != nil || link.Mode()&os.ModeSymlink == 0 {
			return
		}
		if now, err := filepath.EvalSymlinks(current); err == nil && now != path {
			a.fail("WARNING: %s lies in an older release than %s, which is %s now; start the job with --chdir %s", dir, current, now, current)
		}
		return
	}
}
