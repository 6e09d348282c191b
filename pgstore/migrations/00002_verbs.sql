-- The verbs: one function each, which takes a JSON object and answers with one. A
-- call is one message, so nobody can be cut off between the lock and the commit.
--
-- Each is VOLATILE plpgsql: its statements take their snapshots one by one. The lock
-- is always taken in an earlier statement than what it protects is read in; in one
-- statement, or in a STABLE function, the snapshot would be older than the lock.
--
-- Lock order, everywhere:  gate (advisory)  →  hold  →  gate row  →  pass
--
--   shared     enter, force                         many at once
--   exclusive  close, open, begin, stop, extend, and whoever ends what is over
--   none       poll, poll_all, drain, renew, leave, snapshot  unless they find something over
--
-- The rules are those of package lull, restated: gate.go, sweep.go, pass.go, hold.go.
-- The tests of every store hold the two equal.

-- +goose Up

-- ---------------------------------------------------------------- small change

-- +goose StatementBegin
-- The only clock. now() is when the transaction began, which may be long before its lock.
create function clock() returns timestamptz language sql volatile as
$$ select clock_timestamp() $$;
-- +goose StatementEnd

-- Durations cross the seam as nanoseconds, times as JSON.
create function span(ns bigint) returns interval language sql immutable as
$$ select make_interval(secs => (ns / 1e9)::float8) $$;
create function ns(i interval) returns bigint language sql immutable as
$$ select (extract(epoch from i) * 1000000000)::bigint $$;
create function moment(t timestamptz) returns jsonb language sql stable as
$$ select case when t is not null then jsonb_build_object('wall', t) end $$;

create function same_process(a jsonb, b jsonb) returns boolean language sql immutable as
$$ select coalesce(a->>'user', '') = coalesce(b->>'user', '') and coalesce(a->>'host', '') = coalesce(b->>'host', '')
	and coalesce(a->>'pid', '0') = coalesce(b->>'pid', '0') $$;

-- Who may look at everything sees commands; a job does not.
create function may_look() returns boolean language sql stable as
$$ select has_function_privilege(session_user, 'snapshot(jsonb)', 'execute') $$;

-- +goose StatementBegin
-- Refuses what would be silently wrong: see the top of this file.
create function guard(q jsonb) returns void language plpgsql as $$
begin
	if current_setting('transaction_isolation') <> 'read committed' then
		raise exception 'the transaction is %, and not read committed', current_setting('transaction_isolation')
			using errcode = 'LULL1', hint = 'begin isolation level read committed';
	end if;
	if (q->>'schema')::int > schema_version() then
		raise exception 'the schema has version %, and version % is needed', schema_version(), q->>'schema'
			using errcode = 'LULL2', hint = 'lull migrate';
	end if;
	if (q->>'schema')::int < oldest_client() then
		raise exception 'the schema has version %, and serves clients of version % and later, not %', schema_version(), oldest_client(), q->>'schema'
			using errcode = 'LULL3', hint = 'update lull';
	end if;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- For leave and renew, which do not wait for the disk. If the server crashes within the
-- half second that follows, and nothing else was committed after it, a pass comes back
-- that its owner has left: it ends with its lease. Nobody is let in by that.
create function not_urgent() returns void language plpgsql as $$
begin
	perform set_config('synchronous_commit', 'off', true);
end $$;
-- +goose StatementEnd

-- ---------------------------------------------------------------- who lives

-- How long after its end a lease is still believed in.
create function margin(ttl interval) returns interval language sql immutable as
$$ select least(ttl / 10, interval '2 s') $$;

-- +goose StatementBegin
-- Whether a lease has ended by the clock, a margin later; for a while after a restart
-- nobody's has, because nobody could renew.
create function lapsed(heard_at timestamptz, ttl interval) returns boolean language sql volatile as
$$ select heard_at + ttl + margin(ttl) <= clock() and pg_postmaster_start_time() + ttl <= clock() $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- How long the caller has seen that sign of life not followed by another, by a clock of
-- its own: its watch is a list of [the last sign at some moment, nanoseconds since].
create function unheard(q jsonb, sign bigint) returns interval language sql immutable as
$$ select coalesce(span(max((m->>1)::bigint)), interval '0') from jsonb_array_elements(q->'watch') m where (m->>0)::bigint >= sign $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Whether an owner is dead: its lease has lapsed, and the caller has heard nothing of it
-- for half of that. So a clock that was set forward, or a machine that was suspended,
-- ends nobody's lease. Of a clock that was set back since then the caller's own is left.
create function dead(heard_at timestamptz, ttl interval, sign bigint, q jsonb) returns boolean language sql volatile as
$$ select case when not q ? 'watch' then false
	when lapsed(heard_at, ttl) then ttl / 2 <= unheard(q, sign)
	when heard_at > clock() then ttl + margin(ttl) <= unheard(q, sign)
		and not pg_postmaster_start_time() between clock() - ttl and clock()
	else false end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Whether something at the gate is over, and waits to be made a fact.
create function stale(g int, q jsonb) returns boolean language plpgsql as $$
begin
	return exists (select from hold h where h.gate_id = g and (
		h.state = 'held' and h.ends_at <= clock()
		or h.kind = 'deployment' and dead(h.heard_at, h.ttl, h.sign, q)));
end $$;
-- +goose StatementEnd

-- ---------------------------------------------------------------- telling

-- +goose StatementBegin
create function hold_json(h hold, gate_name text, look boolean) returns jsonb language plpgsql stable as $$
begin
	return (case when look then h.about else h.about - 'command' end) || jsonb_strip_nulls(jsonb_build_object(
		'id', h.id, 'gate', gate_name, 'kind', h.kind, 'state', case when h.state <> 'loose' then h.state else 'held' end,
		'phase', h.phase, 'since', h.since, 'ends', moment(h.ends_at), 'begun', moment(h.begun_at),
		'heard', moment(h.heard_at), 'stop', case when h.stop then true end));
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- STABLE, like all that tells: it sees what the query that calls it sees, at one moment.
create function gate_json(g gate, look boolean) returns jsonb language plpgsql stable as $$
begin
	return jsonb_build_object('name', g.name, 'phase', g.phase) || coalesce((
		select jsonb_object_agg(case h.state when 'held' then 'holds' when 'queued' then 'queue' else 'loose' end, h.list)
		from (select state, jsonb_agg(hold_json(hold, g.name, look) order by seq) as list from hold where gate_id = g.id group by state) h), '{}');
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function pass_json(p pass, gate_name text, look boolean) returns jsonb language plpgsql stable as $$
begin
	return (case when look then p.job else p.job - 'command' end) || jsonb_strip_nulls(jsonb_build_object(
		'id', p.id, 'gate', gate_name, 'ticket', p.ticket, 'arrived', moment(p.arrived_at), 'started', moment(p.started_at),
		'heard', moment(p.heard_at), 'parent', p.parent, 'part_of', p.part_of));
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Every answer: what was asked for, the gate as it is, and what a watch begins with.
create function answer(gate_name text, more jsonb) returns jsonb language plpgsql stable as $$
begin
	return jsonb_build_object(
		'gate', coalesce((select gate_json(g, may_look()) from gate g where g.name = gate_name), jsonb_build_object('name', gate_name, 'phase', 0)),
		'sign', pg_sequence_last_value('sign_of_life')) || more;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function pass_answer(gate_name text, pass_id text) returns jsonb language plpgsql stable as $$
begin
	return coalesce(
		(select answer(g.name, jsonb_build_object('pass', pass_json(p, g.name, may_look()))) from pass p join gate g on g.id = p.gate_id where g.name = gate_name and p.id = pass_id),
		answer(gate_name, '{"error": "gone"}'));
end $$;
-- +goose StatementEnd

-- ---------------------------------------------------------------- remembering

-- +goose StatementBegin
create function note_hold(h hold, what text, at_phase bigint, more jsonb default '{}') returns void language plpgsql as $$
declare
	gate_name text := (select name from gate where id = h.gate_id);
begin
	insert into event (at, gate, kind, phase, ref, detail)
	values (clock(), gate_name, what, at_phase, h.id, jsonb_strip_nulls(jsonb_build_object(
		'holder', h.about->'holder', 'reason', h.about->'reason', 'hold', h.kind, 'resumes', h.about->'resumes') || more));
	perform pg_notify(current_schema(), gate_name);
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function pass_detail(p pass) returns jsonb language plpgsql immutable as $$
begin
	return jsonb_strip_nulls(p.job - '{name,lease,force}'::text[] || jsonb_build_object('parent', p.parent, 'part_of', p.part_of));
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function note_pass(p pass, gate_name text, what text, at_phase bigint, more jsonb default '{}') returns void language plpgsql as $$
begin
	insert into event (at, gate, kind, phase, ref, name, detail)
	values (clock(), gate_name, what, at_phase, p.id, p.job->>'name', pass_detail(p) || more);
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Forgets what is too old, the oldest first, and not much at once. Only the first so many
-- are looked at, and none is locked that is not too old: this is done as a gate opens.
-- By ctid, since what is deleted by id may be looked for in the whole table.
create function forget(most int) returns void language plpgsql as $$
declare
	not_before timestamptz := clock() - (select keep_events from setting where only_row);
	upto bigint := (select max(f.id) from (select id, at from event order by id limit most) f where f.at < not_before);
begin
	if upto is not null then
		delete from event where ctid = any (array(
			select e.ctid from event e where e.id <= upto and e.at < not_before order by e.id limit most for update skip locked));
	end if;
end $$;
-- +goose StatementEnd

-- ---------------------------------------------------------------- the rules on holds
-- All of these are called under the gate's exclusive lock.

create function deadline(kind text, ns bigint) returns timestamptz language sql volatile as
$$ select case when ns < 0 then null when ns > 0 then clock() + span(ns)
	when kind = 'deployment' then clock() + interval '30 min' else clock() + interval '1 h' end $$;

-- +goose StatementBegin
-- The hold in force that somebody runs in who carries that ID: the one it names, or
-- the deployment's that was closed anew for it.
create function around(g int, ref text) returns hold language plpgsql as $$
declare
	h hold;
begin
	if ref <> '' then
		select * into h from hold where gate_id = g and state = 'held' and id = ref;
		if not found then
			select * into h from hold where gate_id = g and state = 'held' and kind = 'deployment' and about->>'resumes' = ref;
		end if;
	end if;
	return h;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Whether the hold is closed anew for the deployment that lost the other one.
create function resumes(h hold, lost hold) returns boolean language sql immutable as $$
	select h.about->>'resumes' <> '' and h.id <> lost.id and same_process(h.about->'holder', lost.about->'holder')
		and h.about->>'resumes' in (lost.id, lost.about->>'resumes')
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Puts a hold that is queued, or has just come, into force.
create function put_in_force(h hold) returns hold language plpgsql as $$
declare
	closed bigint;
begin
	if exists (select from hold where gate_id = h.gate_id and state = 'held') then
		select phase into closed from gate where id = h.gate_id;
	else
		update gate set phase = phase + 1 where id = h.gate_id returning phase into closed;
	end if;
	update hold set state = 'held', seq = nextval('hold_seq'), phase = closed, since = clock(),
		ends_at = deadline(kind, coalesce((about->>'limit')::bigint, 0))
	where id = h.id returning * into h;
	perform note_hold(h, 'closed', closed);
	perform end_crash_hold(h);
	return h;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Takes a hold out of the gate or its queue, and opens the gate when it was the last,
-- or hands it to the head of the queue.
create function end_hold(h hold, why text, reason text) returns void language plpgsql as $$
declare
	now_phase bigint := (select phase from gate where id = h.gate_id);
begin
	perform note_hold(h, why, now_phase, jsonb_build_object('reason', coalesce(nullif(reason, ''), h.about->>'reason'),
		'ran', case when why = 'released' then ns(clock() - h.since) end));
	if h.state = 'held' and h.begun_at is not null and why <> 'crashed' then
		update hold set state = 'loose', seq = nextval('hold_seq') where id = h.id;
	else
		delete from hold where id = h.id;
	end if;
	if h.state = 'queued' then
		return;
	end if;
	if not exists (select from hold where gate_id = h.gate_id and state = 'held') then
		update gate set phase = phase + 1 where id = h.gate_id returning phase into now_phase;
		insert into event (at, gate, kind, phase, ref, detail) select clock(), name, 'opened', phase, h.id, '{}' from gate where id = h.gate_id;
	end if;
	perform promote(h.gate_id);
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Lets the head of the queue hold, when no deployment does. If the gate has just
-- opened, it closes in the same step: those who waited are inside and will be drained.
create function promote(g int) returns void language plpgsql as $$
declare
	h hold;
begin
	if not exists (select from hold where gate_id = g and state = 'held' and kind = 'deployment') then
		select * into h from hold where gate_id = g and state = 'queued' order by seq limit 1;
		if found then
			perform put_in_force(h);
		end if;
	end if;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Ends the person's hold that a lost hold left behind when its deployment was taken
-- for dead.
create function end_crash_hold(h hold) returns void language plpgsql as $$
declare
	left_behind hold;
begin
	select o.* into left_behind from hold o
	where o.gate_id = h.gate_id and o.state = 'held' and o.kind = 'person' and resumes(h, o) order by o.seq limit 1;
	if found then
		perform end_hold(left_behind, 'released', 'its deployment goes on');
	end if;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Makes the command that a lost hold left behind, loose, that of the hold which was
-- closed anew for it.
create function take_back(h hold) returns void language sql as $$
	delete from hold o where o.gate_id = h.gate_id and o.state = 'loose' and resumes(h, o)
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Turns a crashed deployment's hold into a person's, the phase unchanged.
create function keep_closed(h hold) returns void language plpgsql as $$
begin
	perform note_hold(h, 'crashed', (select phase from gate where id = h.gate_id));
	update hold set kind = 'person', begun_at = null, stop = false,
		ends_at = heard_at + span((about->>'crash_hold')::bigint),
		about = about - 'crash_hold' || jsonb_build_object('limit', about->'crash_hold', 'reason', 'held after a crash: ' || coalesce(about->>'reason', ''))
	where id = h.id;
	-- The first in the queue cannot wait for what is no deployment any more.
	perform promote(h.gate_id);
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Makes facts of what is over: dead places in the queue first, so that nobody dead is
-- promoted, then loose commands, then the holds in force. A row that a renewal has
-- locked is not dead.
create function sweep(g int, q jsonb) returns void language plpgsql as $$
declare
	h hold;
	crashed boolean;
	over text;
begin
	for h in select * from hold where gate_id = g and state <> 'held' and dead(heard_at, ttl, sign, q)
		order by state = 'queued' desc, seq for update skip locked
	loop
		perform note_hold(h, case when h.state = 'queued' then 'abandoned' else 'crashed' end, (select phase from gate where id = g));
		delete from hold where id = h.id;
	end loop;
	for over, crashed in select id, kind = 'deployment' and dead(heard_at, ttl, sign, q) from hold
		where gate_id = g and state = 'held' and (ends_at <= clock() or kind = 'deployment' and dead(heard_at, ttl, sign, q))
		order by seq for update skip locked
	loop
		select * into h from hold where id = over and state = 'held';
		continue when not found; -- ended by the one that came before
		if crashed and coalesce((h.about->>'crash_hold')::bigint, 0) > 0 then
			perform keep_closed(h);
		else
			perform end_hold(h, case when crashed then 'crashed' when h.kind = 'deployment' then 'overdue' else 'expired' end, null);
		end if;
	end loop;
end $$;
-- +goose StatementEnd

-- ---------------------------------------------------------------- the rules on passes

-- +goose StatementBegin
-- Ends the passes whose owners are dead. A row that a renewal or a leave has locked is
-- left alone. A command is taken to have run until now; who was never told that it is
-- inside never started.
create function bury(g gate, q jsonb, most int, only_pass text default null) returns void language plpgsql as $$
begin
	if not q ? 'watch' then
		return;
	end if;
	with d as (
		delete from pass where id in (
			select p.id from pass p where p.gate_id = g.id and (only_pass is null or p.id = only_pass)
				and dead(p.heard_at, p.ttl, p.sign, q)
			limit most for update skip locked)
		returning *)
	insert into event (at, gate, kind, phase, ref, name, detail)
	select clock(), g.name, 'abandoned', g.phase, d.id, d.job->>'name', pass_detail(d) ||
		case when d.ticket <= g.phase and d.started_at is not null then jsonb_build_object('ran', ns(clock() - d.started_at)) else '{}' end
	from d;
	if found then
		perform pg_notify(current_schema(), g.name);
	end if;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Whether somebody keeps the hold from being drained.
create function blocked(h hold) returns boolean language plpgsql as $$
begin
	return exists (select from pass p join gate g on g.id = p.gate_id
		where p.gate_id = h.gate_id and p.ticket <= g.phase and p.part_of is distinct from h.id);
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- The server's timeline, which a promotion changes; null where it cannot be told.
create function server_timeline() returns int language plpgsql as $$
begin
	return ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int;
exception when others then
	return null; -- some managed services have no such function, and no such promotion
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Whether a gate without anybody inside may be believed to be so. A standby that was
-- promoted may have lost passes that the old primary had: it must first hear from
-- everybody once, who then are recorded anew.
create function settled(g gate) returns boolean language plpgsql as $$
declare
	s setting;
	t int := server_timeline();
begin
	select * into s from setting where only_row;
	if t is distinct from s.timeline and t is not null then
		update setting set timeline = t, timeline_since = case when timeline is null then '-infinity' else clock() end
		where timeline is distinct from t returning * into s;
		if not found then
			select * into s from setting where only_row;
		end if;
	end if;
	return s.timeline_since + g.longest_lease <= clock();
end $$;
-- +goose StatementEnd

-- ---------------------------------------------------------------- the lock

-- +goose StatementBegin
-- Takes the gate's lock, until the end of the transaction. The key is a name, not a row:
-- it excludes before there is one. 1819634796 is 'lull'.
create function lock_gate(gate_name text, exclusive boolean) returns void language plpgsql as $$
begin
	if exclusive then
		perform pg_advisory_xact_lock(1819634796, hashtext(gate_name));
	else
		perform pg_advisory_xact_lock_shared(1819634796, hashtext(gate_name));
	end if;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- The gate's row, made if need be. Who makes one at the same time is waited for.
create function gate_row(gate_name text) returns gate language plpgsql as $$
declare
	g gate;
begin
	select * into g from gate where name = gate_name;
	if not found then
		insert into gate (name) values (gate_name) on conflict do nothing;
		select * into g from gate where name = gate_name;
	end if;
	return g;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Takes the lock and returns the gate's row as it is under it, made if need be, and all
-- that is over made a fact. Who only wants to share the lock takes it exclusively when
-- something is over: sharers who all went on to exclude each other would stand still.
create function meet(q jsonb, exclusive boolean) returns gate language plpgsql as $$
declare
	g gate;
begin
	if not exclusive then
		select * into g from gate where name = q->>'gate';
		exclusive := stale(g.id, q);
	end if;
	perform lock_gate(q->>'gate', exclusive);
	g := gate_row(q->>'gate');
	if exclusive then
		perform sweep(g.id, q);
		select * into g from gate where id = g.id;
	end if;
	return g;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Is meet for those who only look: without a lock unless something is over, and without
-- making a gate.
create function look_at(q jsonb) returns gate language plpgsql as $$
declare
	g gate;
begin
	select * into g from gate where name = q->>'gate';
	if found and stale(g.id, q) then
		perform lock_gate(g.name, true);
		perform sweep(g.id, q);
		select * into g from gate where id = g.id;
	end if;
	return g;
end $$;
-- +goose StatementEnd

-- ---------------------------------------------------------------- the verbs of jobs

-- +goose StatementBegin
-- The ID of the live pass that goes by that one: its own, or that of a lost pass which it
-- resumes. Null if there is none.
create function going(g int, ref text) returns text language sql stable as $$
	select coalesce(
		(select id from pass where gate_id = g and id = ref),
		(select id from pass where gate_id = g and job->>'resumes' = ref and ref <> '' limit 1))
$$;
-- +goose StatementEnd

create function lease_of(asked jsonb) returns interval language sql immutable as
$$ select span(coalesce(nullif((asked->>'lease')::bigint, 0), 60000000000)) $$;
create function job_of(asked jsonb) returns jsonb language sql immutable as
$$ select asked - '{id,gate,ticket,arrived,started,heard,parent,part_of}'::text[] $$;

-- +goose StatementBegin
create function arrive(q jsonb, g gate) returns jsonb language plpgsql as $$
declare
	asked jsonb := q->'pass';
	p pass;
	parent pass;
	h hold;
	forced boolean := coalesce((asked->>'force')::boolean, false);
	placed bigint;
begin
	p.id := asked->>'id';
	p.gate_id := g.id;
	p.ttl := lease_of(asked);
	p.job := job_of(asked);
	p.heard_at := clock();
	p.sign := nextval('sign_of_life');
	p.arrived_at := p.heard_at - span(coalesce((q->>'ran')::bigint, 0));
	p.ticket := g.phase + (g.phase & 1);
	if p.ttl > g.longest_lease then
		update gate set longest_lease = greatest(longest_lease, p.ttl) where id = g.id;
	end if;
	if asked->>'parent' <> '' then
		perform bury(g, q, 1, asked->>'parent');
		-- For key share: it cannot leave before this is on record.
		select * into parent from pass where id = going(g.id, asked->>'parent') and gate_id = g.id for key share;
	end if;
	if parent.id is not null then
		p.parent := parent.id;
		p.ticket := parent.ticket;
		p.part_of := parent.part_of;
	elsif asked->>'part_of' <> '' then
		h := around(g.id, asked->>'part_of');
		if h.kind = 'deployment' then
			p.ticket := g.phase;
			p.part_of := h.id;
		end if;
	end if;
	placed := p.ticket;
	forced := forced and p.ticket > g.phase;
	if forced then
		p.ticket := g.phase;
	end if;
	if p.ticket <= g.phase then
		p.started_at := p.arrived_at;
	end if;
	insert into pass select p.* on conflict (id) do nothing;
	if not found then -- a repeated call
		-- Who waits although what it runs in is inside comes in to it: that was lost, and
		-- has been put on record anew.
		update pass set heard_at = p.heard_at, sign = p.sign,
			started_at = case when started_at is null and least(ticket, placed) <= g.phase then p.heard_at else started_at end,
			ticket = case when called then placed else ticket end,
			parent = case when called then p.parent else pass.parent end,
			part_of = case when called then p.part_of else pass.part_of end
		from (select ticket > g.phase and placed <= g.phase as called from pass where id = p.id) was
		where id = p.id and gate_id = g.id;
	elsif asked->>'resumes' <> '' then
		perform note_pass(p, g.name, 'lost', g.phase);
	elsif forced then
		perform note_pass(p, g.name, 'forced', g.phase);
	elsif p.ticket > g.phase then
		perform note_pass(p, g.name, 'waited', g.phase);
	end if;
	return pass_answer(g.name, p.id);
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Nearly all arrivals are ordinary, at a gate that nobody holds: one statement under the
-- lock. All others are for arrive, which a new connection need not compile for these.
create function enter(q jsonb) returns jsonb language plpgsql security definer set search_path from current set lock_timeout = '10s' set enable_seqscan = off set jit = off as $$
declare
	asked jsonb := q->'pass';
	lease interval := lease_of(asked);
	p pass;
	held boolean;
begin
	perform guard(q);
	select exists (select from hold x where x.gate_id = gate.id) into held from gate where name = q->>'gate';
	if held is distinct from false or asked ?| '{parent,part_of,resumes}' or q ? 'ran' then
		return arrive(q, meet(q, false));
	end if;
	perform lock_gate(q->>'gate', false);
	insert into pass (id, gate_id, ticket, ttl, heard_at, sign, arrived_at, started_at, job)
	select asked->>'id', x.id, x.phase, lease, t, nextval('sign_of_life'), t, t, job_of(asked) from gate x, clock() t
	where x.name = q->>'gate' and x.phase & 1 = 0 and x.longest_lease >= lease and not exists (select from hold y where y.gate_id = x.id)
	on conflict (id) do nothing returning * into p;
	if not found then
		-- A hold that has come just now is not over: the lock may stay shared.
		return arrive(q, gate_row(q->>'gate'));
	end if;
	return jsonb_build_object('gate', jsonb_build_object('name', q->>'gate', 'phase', p.ticket), 'sign', p.sign, 'pass',
		jsonb_build_object('ticket', p.ticket, 'arrived', moment(p.arrived_at), 'started', moment(p.started_at), 'heard', moment(p.heard_at)));
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function poll(q jsonb) returns jsonb language plpgsql security definer set search_path from current set lock_timeout = '10s' set enable_seqscan = off set jit = off as $$
declare
	g gate;
begin
	perform guard(q);
	g := look_at(q);
	perform bury(g, q, 1, q->>'id');
	-- The phase only grows: who is inside now stays so, with or without a lock.
	update pass set started_at = clock() where id = q->>'id' and gate_id = g.id and started_at is null and ticket <= g.phase;
	return pass_answer(q->>'gate', coalesce(going(g.id, q->>'id'), ''));
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Is poll for many passes: whoever waits for thousands asks so as the gate opens. The
-- answer has each under the ID that was asked for.
create function poll_all(q jsonb) returns jsonb language plpgsql security definer set search_path from current set lock_timeout = '10s' set enable_seqscan = off set jit = off as $$
declare
	asked text[] := array(select jsonb_array_elements_text(q->'passes'));
	look boolean := may_look();
	g gate;
	live jsonb;
begin
	perform guard(q);
	g := look_at(q);
	perform bury(g, q, 1, p.id) from pass p where p.id = any (asked) and p.gate_id = g.id and dead(p.heard_at, p.ttl, p.sign, q);
	-- In the order of their IDs, as renew does, so that neither waits for the other in a ring.
	perform from pass where id = any (asked) and gate_id = g.id and started_at is null and ticket <= g.phase order by id for no key update;
	update pass set started_at = clock() where id = any (asked) and gate_id = g.id and started_at is null and ticket <= g.phase;
	select coalesce(jsonb_object_agg(a.id, pass_json(p, g.name, look)), '{}') into live
	from unnest(asked) a(id) join pass p on p.id = a.id and p.gate_id = g.id;
	if (select count(*) from jsonb_object_keys(live)) < cardinality(asked) then
		select live || coalesce(jsonb_object_agg(a.id, pass_json(p, g.name, look)), '{}') into live
		from unnest(asked) a(id) join pass p on p.id = going(g.id, a.id) where not live ? a.id;
	end if;
	return answer(q->>'gate', jsonb_build_object('passes', live));
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function force(q jsonb) returns jsonb language plpgsql security definer set search_path from current set lock_timeout = '10s' set enable_seqscan = off set jit = off as $$
declare
	g gate;
	p pass;
begin
	perform guard(q);
	g := meet(q, false);
	perform bury(g, q, 1, q->>'id');
	select * into p from pass where id = q->>'id' and gate_id = g.id for no key update;
	if not found then
		return answer(g.name, '{"error": "gone"}');
	end if;
	update pass set heard_at = clock(), sign = nextval('sign_of_life'), ticket = least(ticket, g.phase), started_at = coalesce(started_at, clock()),
		job = case when ticket > g.phase then job || '{"force": true}' else job end
	where id = p.id;
	if p.ticket > g.phase then
		perform note_pass(p, g.name, 'forced', g.phase, jsonb_build_object('waited', ns(clock() - p.arrived_at)));
	end if;
	return pass_answer(g.name, p.id);
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function leave(q jsonb) returns jsonb language plpgsql security definer set search_path from current set lock_timeout = '10s' set enable_seqscan = off set jit = off as $$
declare
	told jsonb := coalesce(q->'outcome', '{}');
	g gate;
	gone boolean;
	held boolean;
begin
	perform guard(q);
	perform not_urgent();
	with d as (
		delete from pass p using gate x where p.id = q->>'id' and x.name = q->>'gate' and p.gate_id = x.id returning p as pass, x.phase),
	e as (
		insert into event (at, gate, kind, phase, ref, name, detail)
		select clock(), q->>'gate', case when told ? 'timed_out' or (d.pass).ticket > d.phase then 'timed_out' else 'left' end, d.phase, (d.pass).id, (d.pass).job->>'name',
			pass_detail(d.pass) || jsonb_strip_nulls(told - 'timed_out')
		from d)
	select x.id, x.name, x.phase, not exists (select from d), exists (select from hold where gate_id = x.id)
	into g.id, g.name, g.phase, gone, held from gate x where x.name = q->>'gate';
	if not gone and random() < 0.01 then
		perform forget(500);
	end if;
	if not held then
		return jsonb_build_object('gate', jsonb_build_object('name', g.name, 'phase', g.phase));
	end if;
	if not gone then
		perform pg_notify(current_schema(), g.name);
	end if;
	return answer(q->>'gate', '{}');
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Renews passes and holds of one gate. What is not in the answer as live is lost.
create function renew(q jsonb) returns jsonb language plpgsql security definer set search_path from current set lock_timeout = '10s' set enable_seqscan = off set jit = off as $$
declare
	g gate;
	live jsonb := '{}';
begin
	perform guard(q);
	perform not_urgent();
	g := look_at(q);
	if jsonb_array_length(q->'holds') > 0 then
		with renewed as (
			update hold set heard_at = clock(), sign = nextval('sign_of_life')
			where gate_id = g.id and id in (select jsonb_array_elements_text(q->'holds')) returning *)
		-- A person's hold with a lease was a deployment's until that crashed.
		select coalesce(jsonb_object_agg(r.id, jsonb_build_object('left', case when r.ends_at is not null then ns(r.ends_at - clock()) end))
			filter (where r.state <> 'loose' and (r.kind = 'deployment' or r.ttl is null)), '{}')
		into live from renewed r;
	end if;
	if jsonb_array_length(q->'passes') > 1 then -- in an order, for the sake of poll_all
		perform from pass where gate_id = g.id and id in (select jsonb_array_elements_text(q->'passes')) order by id for no key update;
	end if;
	with renewed as (
		update pass set heard_at = clock(), sign = nextval('sign_of_life')
		where gate_id = g.id and id in (select jsonb_array_elements_text(q->'passes')) returning id, ticket, part_of)
	select live || coalesce(jsonb_object_agg(r.id, jsonb_build_object('stop', exists (
		select from hold h where h.gate_id = g.id and h.state = 'held' and h.stop and r.part_of is distinct from h.id
			and r.ticket <= (select phase from gate where id = g.id)))), '{}')
	into live from renewed r;
	if random() < 0.05 then
		perform bury(g, q, 100); -- the dead of an open gate, whom no drain looks for
	end if;
	return jsonb_build_object('live', live, 'sign', pg_sequence_last_value('sign_of_life'));
end $$;
-- +goose StatementEnd

-- ---------------------------------------------------------------- the verbs of deployments

-- +goose StatementBegin
create function close(q jsonb) returns jsonb language plpgsql security definer set search_path from current set lock_timeout = '10s' set enable_seqscan = off set jit = off as $$
declare
	asked jsonb := q->'hold';
	g gate;
	h hold;
	other hold;
	outer_hold hold;
begin
	perform guard(q);
	g := meet(q, true);
	outer_hold := around(g.id, q->>'part_of');
	if outer_hold.id is null and asked->>'kind' = 'deployment' and q->>'parent' <> '' then
		perform bury(g, q, 1, q->>'parent');
		if going(g.id, q->>'parent') is not null then
			return answer(g.name, jsonb_build_object('error', 'inside', 'within', q->>'parent'));
		end if;
	end if;
	update hold set heard_at = clock(), sign = nextval('sign_of_life')
	where id = asked->>'id' and gate_id = g.id and state <> 'loose' returning * into h;
	if found then
		return answer(g.name, jsonb_build_object('hold', hold_json(h, g.name, true))); -- a repeated call
	end if;
	if exists (select from hold where id = asked->>'id' and gate_id = g.id) then
		return answer(g.name, '{"error": "gone"}'); -- it was lost: close anew, with an ID of its own
	end if;
	if outer_hold.id is not null then
		return answer(g.name, jsonb_build_object('hold', hold_json(outer_hold, g.name, may_look())));
	end if;
	h.id := asked->>'id';
	h.gate_id := g.id;
	h.kind := asked->>'kind';
	h.state := 'queued';
	h.seq := nextval('hold_seq');
	h.phase := 0;
	h.since := clock();
	h.stop := false;
	h.heard_at := h.since;
	h.sign := nextval('sign_of_life');
	h.about := asked - '{id,gate,kind,state,phase,since,ends,begun,heard,stop}'::text[];
	if h.kind = 'person' then
		h.about := h.about - 'lease';
	else
		h.ttl := lease_of(asked);
		if h.ttl > g.longest_lease then
			update gate set longest_lease = greatest(longest_lease, h.ttl) where id = g.id;
		end if;
		select * into other from hold where gate_id = g.id and kind = 'deployment' and state <> 'loose' order by state = 'held' desc, seq limit 1;
	end if;
	if other.id is not null and not coalesce((asked->>'queue')::boolean, false) then
		return answer(g.name, jsonb_build_object('error', 'busy', 'hold', hold_json(other, g.name, may_look()), 'silent', lapsed(other.heard_at, other.ttl)));
	end if;
	insert into hold select h.*;
	if other.id is not null then
		perform note_hold(h, 'queued', g.phase);
	else
		h := put_in_force(h);
	end if;
	return answer(g.name, jsonb_build_object('hold', hold_json(h, g.name, true)));
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function drain(q jsonb) returns jsonb language plpgsql security definer set search_path from current set lock_timeout = '10s' set enable_seqscan = off set jit = off as $$
declare
	g gate;
	subject text;
	told jsonb;
begin
	perform guard(q);
	g := look_at(q);
	perform bury(g, q, 1000);
	subject := coalesce((around(g.id, q->>'id')).id, q->>'id');
	select case h.state when 'held' then jsonb_build_object(
			'count', (select count(*) from (select from pass p where p.gate_id = x.id and p.ticket <= x.phase and p.part_of is distinct from h.id limit 1000) c),
			'inside', (select jsonb_agg(pass_json(f, x.name, may_look()) order by f.arrived_at) from
				(select * from pass p where p.gate_id = x.id and p.ticket <= x.phase and p.part_of is distinct from h.id order by p.ticket limit 8) f))
		when 'queued' then '{"queued": true}'::jsonb end
		|| answer(x.name, '{}')
	into told from hold h join gate x on x.id = h.gate_id
	where h.id = subject and h.gate_id = g.id and h.state <> 'loose';
	if not found then
		return answer(q->>'gate', '{"error": "gone"}');
	end if;
	if (told->>'count')::int = 0 and not settled(g) then
		told := told || '{"unsettled": true}';
	end if;
	return told;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function begin(q jsonb) returns jsonb language plpgsql security definer set search_path from current set lock_timeout = '10s' set enable_seqscan = off set jit = off as $$
declare
	g gate;
	h hold;
	ran bigint := coalesce((q->>'ran')::bigint, 0);
begin
	perform guard(q);
	g := meet(q, true);
	-- For no key update: a renewal may hold the row, and want passes; they come after it.
	select * into h from hold where id = q->>'id' and gate_id = g.id and state = 'held' and kind = 'deployment' and (ends_at is null or ends_at > clock())
	for no key update;
	if not found then
		return answer(g.name, '{"error": "gone"}');
	end if;
	if h.begun_at is null then
		if not coalesce((q->>'undrained')::boolean, false) then
			if blocked(h) then
				perform bury(g, q, 1000);
			end if;
			if blocked(h) or not settled(g) then
				return answer(g.name, '{"error": "not drained"}');
			end if;
		end if;
		perform take_back(h);
		perform note_hold(h, 'begun', g.phase, case when ran > 0 then jsonb_build_object('ran', ran) else '{}' end);
	end if;
	update hold set begun_at = coalesce(begun_at, clock() - span(ran)), heard_at = clock(), sign = nextval('sign_of_life') where id = h.id;
	return answer(g.name, '{}');
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function stop(q jsonb) returns jsonb language plpgsql security definer set search_path from current set lock_timeout = '10s' set enable_seqscan = off set jit = off as $$
declare
	g gate;
begin
	perform guard(q);
	g := meet(q, true);
	update hold set stop = true where id = q->>'id' and gate_id = g.id and state = 'held';
	return answer(g.name, case when found then '{}' else '{"error": "gone"}' end::jsonb);
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Whose hold it is: of a person's the same user's on the same host, of a deployment's
-- the very process's.
create function owned_by(h hold, who jsonb) returns boolean language sql immutable as $$
	select case when h.kind = 'person' then h.about->'holder'->>'user' is not distinct from who->>'user' and h.about->'holder'->>'host' is not distinct from who->>'host'
		else same_process(h.about->'holder', who) end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function extend(q jsonb) returns jsonb language plpgsql security definer set search_path from current set lock_timeout = '10s' set enable_seqscan = off set jit = off as $$
declare
	g gate;
	h hold;
begin
	perform guard(q);
	g := meet(q, true);
	select * into h from hold where id = q->>'id' and gate_id = g.id and state = 'held' and (ends_at is null or ends_at > clock());
	if not found then
		return answer(g.name, '{"error": "gone"}');
	end if;
	if not owned_by(h, q->'by') and not coalesce((q->>'force')::boolean, false) then
		return answer(g.name, jsonb_build_object('error', 'not yours', 'hold', hold_json(h, g.name, may_look())));
	end if;
	update hold set ends_at = deadline(kind, (q->>'limit')::bigint), about = about || jsonb_build_object('limit', q->'limit')
	where id = h.id returning * into h;
	perform note_hold(h, 'extended', g.phase, jsonb_build_object('holder', q->'by'));
	return answer(g.name, jsonb_build_object('hold', hold_json(h, g.name, may_look())));
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function open(q jsonb) returns jsonb language plpgsql security definer set search_path from current set lock_timeout = '10s' set enable_seqscan = off set jit = off as $$
declare
	g gate;
	h hold;
	by_whom jsonb := q->'by';
	told jsonb := jsonb_build_object('hold', 'deployment', 'exit_code', q->'exit_code', 'ran', nullif(coalesce((q->>'ran')::bigint, 0), 0));
begin
	perform guard(q);
	g := meet(q, true);
	select * into h from hold where id = q->>'id' and gate_id = g.id;
	if not found or h.state = 'loose' then
		-- The end of a command whose hold had ended before it: without it the jobs that
		-- met the command would not be known as casualties. A repeated call ends nothing.
		if not found and (q->>'ran')::bigint > 0 and not exists (
			select from event where gate = g.name and kind = 'ended' and kind <> 'left' and ref = q->>'id') then
			h.id := q->>'id';
			h.gate_id := g.id;
			h.about := jsonb_build_object('holder', by_whom);
			perform note_hold(h, 'ended', g.phase, told);
		elsif h.state = 'loose' and owned_by(h, by_whom) then
			delete from hold where id = h.id;
			perform note_hold(h, 'ended', g.phase, told);
		end if;
		return answer(g.name, '{"gone": true}');
	end if;
	if not owned_by(h, by_whom) then
		if not coalesce((q->>'force')::boolean, false) then
			return answer(g.name, jsonb_build_object('error', 'not yours', 'hold', hold_json(h, g.name, may_look())));
		end if;
		perform note_hold(h, 'forced', g.phase, jsonb_build_object('holder', by_whom, 'reason', q->'reason'));
	elsif same_process(h.about->'holder', by_whom) and (h.begun_at is not null or (q->>'ran')::bigint > 0) then
		update hold set begun_at = null where id = h.id;
		h.begun_at := null;
		perform take_back(h);
		perform note_hold(h, 'ended', g.phase, told);
		perform end_crash_hold(h);
	end if;
	perform end_hold(h, 'released', q->>'reason');
	perform forget(100);
	return answer(g.name, '{}');
end $$;
-- +goose StatementEnd

-- ---------------------------------------------------------------- for people

-- +goose StatementBegin
create function snapshot(q jsonb) returns jsonb language plpgsql security definer set search_path from current set lock_timeout = '10s' set enable_seqscan = off set jit = off as $$
declare
	g gate;
begin
	perform guard(q);
	g := look_at(q);
	perform bury(g, q, 1000);
	return answer(q->>'gate', jsonb_build_object('now', moment(clock()))) || coalesce((
		select jsonb_build_object(
			'inside', (select jsonb_agg(pass_json(p, x.name, may_look()) order by p.arrived_at, p.id) from pass p where p.gate_id = x.id and p.ticket <= x.phase),
			'waiting', (select jsonb_agg(pass_json(p, x.name, may_look()) order by p.arrived_at, p.id) from pass p where p.gate_id = x.id and p.ticket > x.phase),
			'drained', x.phase & 1 = 1 and not exists (select from pass p where p.gate_id = x.id and p.ticket <= x.phase and p.part_of is distinct from
				coalesce((select h.id from hold h where h.gate_id = x.id and h.state = 'held' and h.kind = 'deployment'), '')))
			|| answer(x.name, '{}')
		from gate x where x.name = q->>'gate'), '{}');
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Every gate that was ever used, and whether something at it is over.
create function gates(q jsonb) returns jsonb language plpgsql security definer set search_path from current as $$
begin
	perform guard(q);
	return jsonb_build_object('gates', (select jsonb_agg(gate_json(g, may_look()) || case when stale(g.id, q) then '{"stale": true}' else '{}' end::jsonb order by g.name) from gate g));
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function record(q jsonb) returns jsonb language plpgsql security definer set search_path from current as $$
declare
	e jsonb := q->'event';
begin
	perform guard(q);
	insert into event (at, gate, kind, phase, ref, name, detail)
	values (clock(), e->>'gate', e->>'event', coalesce((e->>'phase')::bigint, 0), e->>'id', e->>'name',
		e - '{at,gate,event,phase,id,name}'::text[]);
	return '{}';
end $$;
-- +goose StatementEnd

-- +goose Down

drop function record(jsonb), gates(jsonb), snapshot(jsonb), open(jsonb), extend(jsonb), owned_by(hold, jsonb), stop(jsonb), begin(jsonb),
	drain(jsonb), close(jsonb), renew(jsonb), leave(jsonb), force(jsonb), poll_all(jsonb), poll(jsonb), enter(jsonb), arrive(jsonb, gate), going(int, text), job_of(jsonb), lease_of(jsonb), look_at(jsonb), meet(jsonb, boolean), gate_row(text),
	lock_gate(text, boolean), settled(gate), server_timeline(), blocked(hold), bury(gate, jsonb, int, text), sweep(int, jsonb), keep_closed(hold),
	take_back(hold), end_crash_hold(hold), promote(int), end_hold(hold, text, text), put_in_force(hold), resumes(hold, hold), around(int, text),
	deadline(text, bigint), forget(int), note_pass(pass, text, text, bigint, jsonb), pass_detail(pass), note_hold(hold, text, bigint, jsonb),
	pass_answer(text, text), answer(text, jsonb), pass_json(pass, text, boolean), gate_json(gate, boolean),
	hold_json(hold, text, boolean), stale(int, jsonb), dead(timestamptz, interval, bigint, jsonb), unheard(jsonb, bigint),
	lapsed(timestamptz, interval), margin(interval), not_urgent(), guard(jsonb), may_look(), same_process(jsonb, jsonb), moment(timestamptz),
	ns(interval), span(bigint), clock();
