package access

import (
	"fmt"
	"testing"
)

func TestAddressesThatAreRememberedAreBounded(t *testing.T) {
	s := newSlow()
	for range triesAtOnce {
		s.wrong("192.0.2.1")
	}
	for i := range addressesMost - 1 {
		s.wrong(fmt.Sprintf("10.%d.%d.1", i/250, i%250))
	}
	if wait, _ := s.wrong("192.0.2.1"); wait == 0 {
		t.Error("it was forgotten while there was room")
	}
	for i := range 2 * addressesMost {
		s.wrong(fmt.Sprintf("172.%d.%d.1", i/250, i%250))
	}
	if len(s.byName) != addressesMost || s.oldest.Len() != addressesMost {
		t.Errorf("%d addresses are remembered, %d in order", len(s.byName), s.oldest.Len())
	}
	if wait, _ := s.wrong("192.0.2.1"); wait > 0 {
		t.Error("the oldest was not forgotten")
	}
}

func TestSessionsAreBounded(t *testing.T) {
	s := newSessions()
	first := s.begin("token 0")
	for i := range sessionsMost {
		s.begin(fmt.Sprintf("token %d", i/50+1))
	}
	if len(s.byHash) != sessionsMost || s.oldest.Len() != sessionsMost {
		t.Errorf("there are %d sessions, %d in order", len(s.byHash), s.oldest.Len())
	}
	if _, err := s.find(first); err == nil {
		t.Error("the oldest has not ended")
	}
	if n := len(s.byToken); n != sessionsMost/50 {
		t.Errorf("%d tokens are remembered", n)
	}
}
