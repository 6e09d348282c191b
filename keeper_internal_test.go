package lull

import (
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// sleeper is a keeper whose goroutine the test stands for, so that it can sleep.
func sleeper() (*keeper, *lease) {
	k := newKeeper(nil, Timing{}.withDefaults())
	k.runs = true
	return k, k.keep(LeaseRef{Pass: "p"}, time.Now(), 0)
}

func TestSuspendedProcessAsksBeforeItBelievesTheWorst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, l := sleeper()
		time.Sleep(10 * time.Minute) // and nothing of us runs

		due, next, _ := k.plan(time.Now())
		if len(due) != 1 || k.look(l).untrusted {
			t.Fatalf("%d renewals are due, untrusted is %t; want one, and no judgement before its answer", len(due), k.look(l).untrusted)
		}
		if k.trusted(l) {
			t.Error("a lease that may be lost is trusted")
		}
		if next > k.timing.Margin() {
			t.Errorf("the answer is waited for for %s", next)
		}
		r := k.send(due)
		r.states = []LeaseState{{Live: true}}
		k.note(r)
		if k.look(l).untrusted || !k.trusted(l) {
			t.Error("the lease was not lost, and is not trusted again")
		}
	})
}

func TestSuspendedProcessBelievesTheWorstWhenNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, l := sleeper()
		// A renewal was under way when the machine was suspended; its failure says
		// nothing of the time after.
		before := k.send([]*lease{l})
		time.Sleep(10 * time.Minute)
		k.plan(time.Now())
		before.err = ErrUnavailable
		k.note(before)
		if due, _, _ := k.plan(time.Now()); len(due) != 1 || k.look(l).untrusted {
			t.Fatalf("%d renewals are due, untrusted is %t; want one, and no judgement before its answer", len(due), k.look(l).untrusted)
		}
		time.Sleep(k.timing.Margin())
		k.plan(time.Now())
		if !k.look(l).untrusted {
			t.Error("nobody answers, and the lease is believed in")
		}
	})
}

func TestClockSetForwardCostsOneRenewal(t *testing.T) {
	k, l := sleeper()
	// The wall clock alone says that an hour has passed: in a time with a monotonic
	// reading it is the first word, with its seconds above 30 bits.
	*(*uint64)(unsafe.Pointer(&l.sent)) -= 3600 << 30
	if now := time.Now(); now.Sub(l.sent) > time.Minute || now.Round(0).Sub(l.sent.Round(0)) < time.Hour {
		t.Fatal("package time keeps its clocks in another way than this test knows")
	}
	if due, _, _ := k.plan(time.Now()); len(due) != 1 || k.look(l).untrusted {
		t.Errorf("%d renewals are due, untrusted is %t; want one, and no judgement", len(due), k.look(l).untrusted)
	}
	if k.trusted(l) {
		t.Error("the monotonic clock alone is trusted, which stands still in a suspended machine")
	}
}

func TestNudgeDuringARenewalIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, l := sleeper()
		time.Sleep(k.timing.RenewEvery())
		due, _, _ := k.plan(time.Now())
		r := k.send(due)
		k.nudge(l)
		r.states = []LeaseState{{Live: true}}
		k.note(r)
		if due, _, _ := k.plan(time.Now()); len(due) != 1 {
			t.Error("what happened after the answer was made is not asked about")
		}
	})
}

func TestOlderProofDoesNotShortenTrust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, l := sleeper()
		r := k.send([]*lease{l})
		time.Sleep(10 * time.Second)
		k.proved(l, time.Now())
		r.states = []LeaseState{{Live: true}}
		k.note(r)
		if got, want := time.Until(k.trustedUntil(l)), k.timing.Lease-k.timing.Margin(); got != want {
			t.Errorf("trusted for %s, want %s", got, want)
		}
	})
}
