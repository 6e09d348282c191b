package cli

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lull-dev/lull"
	"github.com/lull-dev/lull/filestore"
)

func TestAStoreThatIsDownAtFirstIsOneThatIsDownLater(t *testing.T) {
	dir, asked := t.TempDir()+"/store", 0
	late := &lateStore{url: "file:///x", open: func() (lull.Store, error) {
		if asked++; asked < 3 {
			return nil, lull.ErrUnavailable
		}
		return filestore.Open(dir, filestore.Options{})
	}}
	if got := late.About().URL; got != "file:///x" {
		t.Errorf("before it is open it is called %q", got)
	}
	for range late.Events(t.Context(), lull.Filter{}) {
	}
	c, err := lull.NewClient(late, lull.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pass, err := c.Enter(t.Context(), lull.Job{Name: "import"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pass.Leave(t.Context(), lull.Outcome{}); err != nil {
		t.Fatal(err)
	}
	hold, err := c.Close(t.Context(), lull.Closing{Kind: lull.Deployment})
	if err != nil {
		t.Fatal(err)
	}
	if err := hold.Begin(t.Context(), lull.Draining{}); err != nil {
		t.Fatal(err)
	}
	if _, err := hold.Open(t.Context(), lull.Outcome{}); err != nil {
		t.Fatal(err)
	}
	if asked != 3 {
		t.Errorf("it was opened %d times", asked)
	}
	if got := late.About().URL; got != "file://"+dir {
		t.Errorf("once it is open it is called %q", got)
	}
	if err := late.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestAMistakeInTheStoresNameEndsTheWaitForIt(t *testing.T) {
	asked := 0
	late := &lateStore{open: func() (lull.Store, error) {
		if asked++; asked < 2 {
			return nil, lull.ErrUnavailable
		}
		return nil, &lull.SetupError{What: "not a directory"}
	}}
	c, err := lull.NewClient(late, lull.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Enter(t.Context(), lull.Job{MaxWait: time.Minute})
	if _, setup := errors.AsType[*lull.SetupError](err); !setup {
		t.Errorf("%v", err)
	}
}
