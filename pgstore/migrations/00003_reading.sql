-- What people read: the history, three views, and who may do what.

-- +goose Up

-- The version of this schema, and the oldest one that a client may have been made for.
-- The last step says it: before, no verb works.
create function schema_version() returns int language sql immutable as $$ select 3 $$;
create function oldest_client() returns int language sql immutable as $$ select 3 $$;

-- Where we are now is no promotion.
update setting set timeline = server_timeline();

-- +goose StatementBegin
create function event_json(e event, look boolean) returns jsonb language sql stable as $$
	select (case when look then e.detail else e.detail - 'command' end) || jsonb_strip_nulls(jsonb_build_object(
		'at', moment(e.at), 'gate', e.gate, 'event', e.kind, 'phase', e.phase, 'id', e.ref, 'name', e.name))
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- One page of the history: the events after the one of number `after`, the oldest
-- first; or, with `newest`, the newest so many. `upto` is where the first page found the
-- end, so that later pages stop there.
create function events(q jsonb) returns jsonb language plpgsql security definer set search_path from current set enable_seqscan = off set jit = off as $$
declare
	of_gate text := nullif(q->>'gate', '');
	of_name text := nullif(q->>'name', '');
	kinds text[] := (select array_agg(k) from jsonb_array_elements_text(q->'kinds') k);
	not_before timestamptz := clock() - span((q->>'since')::bigint);
	most int := (q->>'newest')::int;
	after bigint := coalesce((q->>'after')::bigint, 0);
	upto bigint := coalesce((q->>'upto')::bigint, (select max(id) from event), 0);
	page int := coalesce((q->>'page')::int, 2000);
	look boolean := may_look();
	wanted text := '';
	list jsonb;
	first bigint;
	last bigint;
begin
	perform guard(q);
	-- The conditions are put together by what is asked for, so that each question finds
	-- its index.
	if of_gate is not null then wanted := wanted || ' and gate = $1'; end if;
	if of_name is not null then wanted := wanted || ' and name = $2'; end if;
	if kinds is not null then
		wanted := wanted || ' and kind = any($3)';
		if not 'left' = any(kinds) then wanted := wanted || ' and kind <> ''left'''; end if;
	end if;
	if not_before is not null then
		wanted := wanted || ' and at >= $4';
		-- What is young stands at the end: without this the first page would be looked for
		-- from the beginning. The + 0 keeps min from being looked for in that way, too.
		if after = 0 and most is null and of_gate is not null and (kinds is null or 'left' = any(kinds)) then
			after := coalesce((select min(e.id + 0) - 1 from event e where e.gate = of_gate and e.at >= not_before), upto);
		end if;
	end if;
	execute 'select jsonb_agg(event_json(e, $8) order by e.id), min(e.id), max(e.id) from (select * from event where id > $5 and id <= $6' || wanted
		|| ' order by id' || case when most is not null then ' desc' else '' end || ' limit $7) e'
		into list, first, last using of_gate, of_name, kinds, not_before, after, upto, coalesce(most, page), look;
	return jsonb_build_object('events', list, 'first', first, 'last', last, 'upto', upto, 'more', most is null and coalesce(jsonb_array_length(list), 0) = page);
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- For who reads on: the events of transactions that have ended, after a cursor, which is
-- the xid and id of the last one read; '0', 0 is the beginning. Events are numbered before
-- they are committed: who went by the number alone would lose those of a transaction that
-- is slower than a later one. So one that stays open, anywhere on the server, holds back
-- all events after it.
create function events_after(xid xid8, id bigint, most int default 1000) returns table (xid xid8, id bigint, event jsonb)
language sql stable security definer set search_path from current as $$
	select e.xid, e.id, event_json(e, may_look()) from event e
	where (e.xid, e.id) > ($1, $2) and e.xid < pg_snapshot_xmin(pg_current_snapshot())
	order by e.xid, e.id limit $3
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- How long the jobs of a gate usually run, by name, in nanoseconds: the median of their
-- last successful runs, 50 at most and not older than 30 days. Whole rows are compared
-- and ordered by, so that no index serves but the one that has them in that order: it is
-- left after about 50 rows a name, where others would have to be gone through.
create function usual(q jsonb) returns jsonb language plpgsql security definer set search_path from current
	set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off as $$
declare
	of_gate text := q->>'gate';
	not_before timestamptz := clock() - interval '30 days';
begin
	perform guard(q);
	return jsonb_build_object('usual', (
		with recursive names as (
			(select name from event where gate = of_gate and name is not null order by name limit 1)
			union all
			select (select e.name from event e where e.gate = of_gate and e.name > n.name order by e.name limit 1) from names n where n.name is not null)
		select jsonb_object_agg(n.name, u.ran) from names n cross join lateral (
			select (array_agg(ran order by ran))[count(*) / 2 + 1] as ran from (
				select coalesce((e.detail->>'ran')::bigint, 0) as ran from event e
				where e.name is not null and (e.gate, e.name, e.id) > (of_gate, n.name, 0) and (e.gate, e.name, e.id) <= (of_gate, n.name, 9223372036854775807)
					and e.kind = 'left' and e.at >= not_before and e.detail->>'exit_code' = '0'
				order by e.gate desc, e.name desc, e.id desc limit 50) last) u
		where n.name is not null and u.ran is not null));
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- How a gate was used: the jobs that came to it by themselves, how many lately, up to
-- 10,000, and the last one, and the last closing.
create function traffic(q jsonb) returns jsonb language plpgsql security definer set search_path from current set enable_seqscan = off set jit = off as $$
declare
	look boolean := may_look();
	not_before timestamptz := coalesce(clock() - span((q->>'since')::bigint), '-infinity');
begin
	perform guard(q);
	return jsonb_build_object(
		'lately', (select count(*) from (select from event e where gate = q->>'gate' and at >= not_before
			and kind in ('left', 'abandoned', 'timed_out') and not detail ?| '{part_of,hold}' limit 10000) c),
		'last_job', (select event_json(e, look) from event e where gate = q->>'gate'
			and kind in ('left', 'abandoned', 'timed_out') and not detail ?| '{part_of,hold}' order by at desc, id desc limit 1),
		'last_closing', (select event_json(e, look) from event e where gate = q->>'gate' and kind = 'closed' and kind <> 'left' order by id desc limit 1));
end $$;
-- +goose StatementEnd

-- Whether a lease lapsed so long ago that somebody should have met it.
create function long_silent(heard_at timestamptz, ttl interval) returns boolean language sql volatile as
$$ select heard_at + 2 * ttl + interval '1 min' <= clock() $$;

-- +goose StatementBegin
-- What who doubts the store should know of it, and only its owner can look up: no names
-- but the gates'. It is asked by every kind of role, at whatever version and isolation.
create function inspect(q jsonb) returns jsonb language plpgsql security definer set search_path from current as $$
begin
	return jsonb_build_object(
		'version', schema_version(), 'oldest_client', oldest_client(),
		'is_in', (select oid::bigint from pg_database where datname = current_database()),
		'events', (select reltuples::bigint from pg_class where oid = 'event'::regclass),
		'bytes', pg_total_relation_size('event'),
		'oldest', (select at from event order by id limit 1),
		'longest_lease', (select ns(max(longest_lease)) from gate),
		'left', (select jsonb_agg(l) from (
			select g.name as gate,
				(select count(*) from pass p where p.gate_id = g.id and long_silent(p.heard_at, p.ttl)) as passes,
				(select count(*) from hold h where h.gate_id = g.id and h.kind = 'deployment' and long_silent(h.heard_at, h.ttl)) as holds
			from gate g order by g.name) l where l.passes + l.holds > 0))
		|| (select jsonb_build_object('made_in', database::bigint, 'keep_events', ns(keep_events),
			'promoted', case when timeline_since > '-infinity' then ns(clock() - timeline_since) end) from setting where only_row);
end $$;
-- +goose StatementEnd

-- ---------------------------------------------------------------- views
-- For people with psql or a BI tool. They show what is on record; that a lease has
-- lapsed is told, and becomes a fact when somebody who waits makes it one.

create view status as
select g.name as gate,
	case when g.phase & 1 = 0 then 'open' else 'closed' end as state,
	g.phase,
	g.phase & 1 = 1 and not exists (select from pass p where p.gate_id = g.id and p.ticket <= g.phase
		and p.part_of is distinct from coalesce((select h.id from hold h where h.gate_id = g.id and h.state = 'held' and h.kind = 'deployment'), '')) as drained,
	h.id as hold,
	h.kind,
	(h.about->'holder'->>'user') || '@' || (h.about->'holder'->>'host') as holder,
	h.about->>'reason' as reason,
	h.since,
	h.ends_at,
	h.begun_at,
	h.heard_at + h.ttl <= clock_timestamp() as lapsed,
	(select count(*) from hold o where o.gate_id = g.id and o.state = 'held') as holds,
	(select count(*) from hold o where o.gate_id = g.id and o.state = 'queued') as queued,
	(select count(*) from pass p where p.gate_id = g.id and p.ticket <= g.phase) as inside,
	(select count(*) from pass p where p.gate_id = g.id and p.ticket > g.phase) as waiting
from gate g left join lateral (
	select * from hold o where o.gate_id = g.id and o.state = 'held' order by o.kind = 'deployment' desc, o.seq limit 1) h on true;
comment on view status is 'One line a gate: whether it is open, and if not, who holds it (the deployment, else the oldest person), why, since and until when; how many jobs are inside and wait. lapsed: nothing was heard of the holder for longer than its lease.';

create view job as
select g.name as gate,
	case when p.ticket <= g.phase then 'inside' else 'waiting' end as state,
	p.id,
	p.job->>'name' as name,
	p.job->>'job_id' as job_id,
	(p.job->'holder'->>'user') || '@' || (p.job->'holder'->>'host') as holder,
	(p.job->'holder'->>'pid')::int as pid,
	p.job->'command' as command,
	p.arrived_at,
	p.started_at,
	p.part_of,
	p.heard_at,
	p.heard_at + p.ttl <= clock_timestamp() as lapsed
from pass p join gate g on g.id = p.gate_id;
comment on view job is 'One line a job that is inside a gate or waits for it. lapsed: nothing was heard of it for longer than its lease.';

create view history as
select e.id as number,
	e.at,
	e.gate,
	e.kind as event,
	e.phase,
	e.ref as id,
	e.name,
	(e.detail->'holder'->>'user') || '@' || (e.detail->'holder'->>'host') as holder,
	e.detail->>'reason' as reason,
	(e.detail->>'exit_code')::int as exit_code,
	(e.detail->>'waited')::bigint / 1e9 as waited_seconds,
	(e.detail->>'ran')::bigint / 1e9 as ran_seconds,
	e.detail->'command' as command,
	e.detail->>'job_id' as job_id
from event e;
comment on view history is 'One line an event, as lull history prints them; number is the order in which they were kept.';

-- ---------------------------------------------------------------- who may do what
-- Nobody has rights on the tables; the verbs have the owner's. What a role may do is
-- which of them it may call.

-- +goose StatementBegin
do $$ begin
	execute format('revoke all on all tables in schema %1$I from public; revoke all on all sequences in schema %1$I from public; '
		'revoke all on all functions in schema %1$I from public', current_schema());
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function grant_execute(to_role regrole, verbs text[]) returns void language plpgsql set search_path from current as $$
declare
	f regprocedure;
begin
	execute format('grant usage on schema %I to %s', current_schema(), to_role);
	for f in select p.oid from pg_proc p where p.pronamespace = current_schema()::regnamespace and p.proname = any(verbs) loop
		execute format('grant execute on function %s to %s', f, to_role);
	end loop;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- A job enters, waits and leaves. It reads no command lines, and closes and opens nothing.
create function grant_job(to_role regrole) returns void language sql set search_path from current as
$$ select grant_execute(to_role, '{enter,poll,poll_all,force,leave,renew,events,usual,traffic,gates,inspect}') $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Who looks sees everything, commands too, also in the views, and changes nothing.
create function grant_view(to_role regrole) returns void language plpgsql set search_path from current as $$
begin
	perform grant_execute(to_role, '{snapshot,gates,events,events_after,usual,traffic,inspect}');
	execute format('grant select on status, job, history to %s', to_role);
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- A deployment closes and opens, and what a job and who looks may do.
create function grant_deploy(to_role regrole) returns void language sql set search_path from current as $$
	select grant_job(to_role);
	select grant_view(to_role);
	select grant_execute(to_role, '{close,drain,begin,stop,extend,open,record}');
$$;
-- +goose StatementEnd

-- A call where the server's usual isolation is another one: it ends the transaction that
-- the server has begun for it, and calls the verb in one that is read committed. Still
-- one message. It has the caller's rights, as transaction control demands.
-- +goose StatementBegin
create procedure read_committed(verb text, q jsonb, inout answer jsonb default null) language plpgsql as $$
begin
	rollback;
	set transaction isolation level read committed;
	execute 'select ' || verb || '($1)' into answer using q;
end $$;
-- +goose StatementEnd

revoke all on function grant_execute(regrole, text[]), grant_job(regrole), grant_view(regrole), grant_deploy(regrole) from public;
grant execute on procedure read_committed(text, jsonb, jsonb) to public;

-- +goose Down

drop procedure read_committed(text, jsonb, jsonb);
drop function grant_deploy(regrole), grant_view(regrole), grant_job(regrole), grant_execute(regrole, text[]);
drop view history, job, status;
drop function oldest_client(), schema_version(), inspect(jsonb), long_silent(timestamptz, interval), traffic(jsonb), usual(jsonb), events_after(xid8, bigint, int), events(jsonb), event_json(event, boolean);
