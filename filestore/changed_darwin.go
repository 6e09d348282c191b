package filestore

import (
	"errors"
	"time"
)

// watcher would be one of kqueue, which needs a descriptor for each file and says
// nothing of flock. Those who wait on this system ask.
type watcher struct{}

func (r *room) watcher() (*watcher, error) { return nil, errors.ErrUnsupported }

func (*watcher) close() {}

func (*watcher) next(time.Duration) (notice, error) { return nothing, errors.ErrUnsupported }

// canWatch reports why this process could get no notice of changes.
func canWatch() error { return errors.ErrUnsupported }
