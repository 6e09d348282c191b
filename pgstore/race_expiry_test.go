package pgstore

import "testing"

// That a lease has ended is a fact when its row is deleted under the row's lock. Who
// compares times for itself does not see the renewal that is not committed yet.
func TestARenewalInFlightIsHeard(t *testing.T) {
	t.Parallel()
	a := newSession(t, newSchema(t))
	b := newSession(t, a.schema)
	a.enters(here, "j", dying)
	sign := b.closes(here, "d", nil).Sign
	a.silence("pass")

	a.do("begin")
	want(t, "renewed", len(a.call("renew", object{"gate": here, "passes": []string{"j"}}).Live), 1)
	want(t, "jobs whose lease has not run out, by the clock", b.number(`select count(*) from SCHEMA.pass p join SCHEMA.gate g on g.id = p.gate_id
		where p.ticket <= g.phase and p.heard_at + p.ttl > clock_timestamp()`), 0)
	drained := b.call("drain", object{"gate": here, "id": "d", "watch": saw(latest)}) // which does not wait for the renewal
	want(t, "jobs that a drain waits for", drained.Count, 1)
	want(t, "begin", b.call("begin", object{"gate": here, "id": "d", "watch": saw(latest)}).Error, "not drained")
	a.do("commit")
	drained = b.call("drain", object{"gate": here, "id": "d", "watch": saw(sign)})
	want(t, "jobs that a drain waits for after the renewal", drained.Count, 1)

	// And the other way round: what has become a fact stays one.
	a.silence("pass")
	b.do("begin")
	want(t, "jobs left", b.call("drain", object{"gate": here, "id": "d", "watch": saw(latest)}).Count, 0)
	renews := a.starts("renew", object{"gate": here, "passes": []string{"j"}}).blocked(b)
	b.do("commit")
	want(t, "live", len(renews.gives().Live), 0)
	want(t, "events", b.events("j"), "abandoned")
}

// The same of a deployment: while its renewal is in flight, nobody takes its place.
func TestADeploymentsRenewalInFlightIsHeard(t *testing.T) {
	t.Parallel()
	a := newSession(t, newSchema(t))
	b := newSession(t, a.schema)
	a.closes(here, "d", dying)
	a.silence("hold")
	a.do("begin")
	a.call("renew", object{"gate": here, "holds": []string{"d"}})
	q := closing(here, "e", nil)
	q["watch"] = saw(latest)
	want(t, "another deployment", b.call("close", q).Error, "busy")
	want(t, "a job", b.call("enter", entering(here, "j", nil)).Pass.Ticket, 2)
	a.do("commit")
	want(t, "its events", b.events("d"), "closed")

	a.silence("hold")
	want(t, "another deployment, when nothing is in flight", b.call("close", q).Error, "")
	want(t, "its events", b.events("d"), "closed crashed opened")
	want(t, "live", len(a.call("renew", object{"gate": here, "holds": []string{"d"}}).Live), 0)
}

// A reaper that looks first, and deletes afterwards what it has found, deletes who was
// renewed in between.
func TestReapingLooksUnderTheLock(t *testing.T) {
	t.Parallel()
	reaper := newSession(t, newSchema(t))
	owner := newSession(t, reaper.schema)
	owner.enters(here, "j", dying)
	owner.silence("pass")
	reaper.do("begin")
	found := one[string](reaper, "select id from SCHEMA.pass where heard_at + ttl <= clock_timestamp()")
	owner.call("renew", object{"gate": here, "passes": []string{"j"}})
	owner.do("update SCHEMA.pass set ttl = '1 min' where id = 'j'")
	want(t, "passes that the wrong reaper deletes", reaper.number("with d as (delete from SCHEMA.pass where id = $1 returning 1) select count(*) from d", found), 1)
	reaper.do("rollback")

	// Ours is held in the midst of looking, by a clock that waits, and the owner renews.
	reaper.do(`create or replace function SCHEMA.clock() returns timestamptz language plpgsql as $$ begin
		perform pg_advisory_xact_lock_shared(hashtext('SCHEMA'));
		return clock_timestamp();
	end $$; update SCHEMA.pass set ttl = '1 ms'`)
	owner.silence("pass")
	clock := newSession(t, reaper.schema)
	clock.do("begin; select pg_advisory_xact_lock(hashtext('SCHEMA'))")
	looks := reaper.starts("snapshot", object{"gate": here, "watch": saw(latest)}).blocked(clock)
	owner.do("update SCHEMA.pass set heard_at = clock_timestamp(), ttl = '1 min', sign = nextval('SCHEMA.sign_of_life')")
	clock.do("commit")
	want(t, "passes inside", len(looks.gives().Inside), 1)
	want(t, "events", reaper.events("j"), "")

	owner.silence("pass")
	owner.do("update SCHEMA.pass set ttl = '1 ms'")
	want(t, "passes inside, when nobody renews", len(reaper.call("snapshot", object{"gate": here, "watch": saw(latest)}).Inside), 0)
}

// Reapers do not wait: not for a renewal that has come to a standstill, and not for each
// other, which could have them wait in a circle.
func TestReapersSkipWhatIsLocked(t *testing.T) {
	t.Parallel()
	a := newSession(t, newSchema(t))
	b, look := newSession(t, a.schema), newSession(t, a.schema)
	for _, id := range []string{"j", "k", "l"} {
		a.enters(here, id, dying)
	}
	a.closes(here, "d", nil)
	a.silence("pass")
	const variant = "delete from SCHEMA.pass where id = $1 and heard_at + ttl <= clock_timestamp() returning id"

	// Two that wait, and meet in opposite order.
	a.do("begin")
	b.do("begin")
	one[string](a, variant, "j")
	one[string](b, variant, "k")
	deletes := start[string](a, variant, "k").blocked(b)
	_, err := tryOne[string](b, variant, "j")
	_, other := deletes.ends()
	if !isCode(err, "40P01") && !isCode(other, "40P01") {
		t.Errorf("they did not wait in a circle: %v, %v", err, other)
	}
	a.do("rollback")
	b.do("rollback")

	// One that waits for a renewal, whose client may be frozen.
	renewing := newSession(t, a.schema)
	renewing.do("begin")
	renewing.call("renew", object{"gate": here, "passes": []string{"k"}})
	b.do("begin")
	waits := start[string](b, variant, "k").blocked(renewing)

	// Ours, twice at once, beside it.
	drain := object{"gate": here, "id": "d", "watch": saw(latest)}
	a.do("begin")
	want(t, "the first drain waits for", a.call("drain", drain).Count, 1)
	want(t, "the second, until that is committed, for", look.call("drain", drain).Count, 3)
	a.do("commit")
	want(t, "afterwards it is", look.call("drain", drain).Count, 1)
	for id, events := range map[string]string{"j": "abandoned", "k": "", "l": "abandoned"} {
		want(t, "events of "+id, look.events(id), events)
	}
	renewing.do("rollback")
	waits.gives()
	b.do("rollback")
	want(t, "the last one, when the renewal came to nothing", look.call("drain", drain).Count, 0)
	want(t, "events of k", look.events("k"), "abandoned")
}

// Locks are taken in one order, holds before passes, so that nobody waits in a circle.
func TestHoldsAreLockedBeforePasses(t *testing.T) {
	t.Parallel()
	a := newSession(t, newSchema(t))
	b := newSession(t, a.schema)
	a.enters(here, "j", nil)
	a.enters(here, "dying", dying)
	a.closes(here, "d", nil)
	a.silence("pass")
	passIsFree := func(id string) error {
		return a.try("select from SCHEMA.pass where id = '" + id + "' for update nowait")
	}

	for verb, q := range map[string]object{
		"renew": {"gate": here, "passes": []string{"j"}, "holds": []string{"d"}},
		"begin": {"gate": here, "id": "d", "watch": saw(latest)},
	} {
		a.do("begin")
		a.do("select from SCHEMA.hold where id = 'd' for no key update")
		waits := b.starts(verb, q).blocked(a)
		for _, id := range []string{"j", "dying"} {
			if err := passIsFree(id); err != nil {
				t.Errorf("%s has locked the pass %s, and waits for the hold: %v", verb, id, err)
			}
		}
		a.do("rollback")
		waits.gives()
	}
}
