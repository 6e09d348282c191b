-- The tables. Everything is in one schema, which the connection that migrates has
-- made and put into its search_path: no name here says which.

-- +goose Up

-- A gate, by name. It is made by whoever first enters or closes it.
create table gate (
	id            int generated always as identity primary key,
	name          text collate "C" not null unique,
	phase         bigint not null default 0,                 -- even: open, odd: closed; it only grows
	longest_lease interval not null default interval '0'    -- that anybody ever had here
) with (fillfactor = 50);

-- What a lease was last heard with: a number that grows with every sign of life.
-- Unlike a time, it cannot be set forward.
create sequence sign_of_life;

-- One reason why a gate is closed; also who queues for it, and whose command goes on
-- although its hold has ended. Rows change under the gate's exclusive lock, save what
-- a renewal writes: heard_at and sign.
create table hold (
	id       text collate "C" primary key,      -- chosen by the caller
	gate_id  int not null,
	state    text not null check (state in ('held', 'queued', 'loose')),
	seq      bigint not null,                   -- the order of coming into that state
	kind     text not null check (kind in ('deployment', 'person')),
	phase    bigint not null,                   -- the closed phase in which it came into force
	since    timestamptz not null,              -- in force, or queued, since
	ends_at  timestamptz,                       -- its limit; null: none, or still queued
	begun_at timestamptz,                       -- when its command started
	stop     boolean not null default false,    -- everyone inside is asked to stop
	ttl      interval,                          -- its lease; null: a person's, which needs none
	heard_at timestamptz not null,              -- the last sign of life
	sign     bigint not null,                   -- … and its number
	about    jsonb not null                     -- holder, reason, command, and what was asked for
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
create index hold_gate on hold (gate_id, seq);
create sequence hold_seq;
-- A second belt: it is never hit while the rules are right.
create unique index hold_deployment on hold (gate_id) where kind = 'deployment' and state = 'held';

-- One job's right to be inside. The row is the lease, too: that it has ended is a
-- fact when the row is deleted, under its own lock, and not before. Renewals write
-- heard_at and sign, which no index knows, so that they stay within the page.
create table pass (
	id         text collate "C" primary key,    -- chosen by the caller
	gate_id    int not null,
	ticket     bigint not null,                 -- inside ⇔ ticket ≤ the gate's phase
	ttl        interval not null,
	heard_at   timestamptz not null,
	sign       bigint not null,
	arrived_at timestamptz not null,
	started_at timestamptz,                     -- when its owner was first told that it is inside
	parent     text collate "C",                -- the pass that the job runs in
	part_of    text collate "C",                -- the hold that the job is part of
	job        jsonb not null                   -- name, command, job_id, holder, lease, …
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
	autovacuum_vacuum_cost_delay = 0);
create index pass_gate on pass (gate_id, ticket);
create index pass_resumes on pass ((job->>'resumes')) where job->>'resumes' is not null;

-- The history. xid is for who reads on where they stopped: see events_after.
create table event (
	id     bigint generated always as identity primary key,
	xid    xid8 not null default pg_current_xact_id(),
	at     timestamptz not null,
	gate   text collate "C" not null,
	kind   text not null,
	phase  bigint not null,
	ref    text collate "C" not null,           -- the ID of the pass or hold that it is about
	name   text collate "C",                    -- the job's
	detail jsonb not null
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1);
create index event_at on event (gate, at, id);
create index event_name on event (gate, name, id) where name is not null;
-- Nearly all events are jobs that leave: this finds the others among them.
create index event_rare on event (gate, kind, id) where kind <> 'left';
create index event_tail on event (xid, id);

-- What a person may set, and what the store knows of its server. One row.
create table setting (
	only_row       boolean primary key default true check (only_row),
	keep_events    interval not null default interval '90 days' check (keep_events > interval '0'),
	database       oid not null,                -- where it was made: a restored copy finds itself elsewhere
	timeline       int,                         -- of the server; another one after a promotion
	timeline_since timestamptz not null default '-infinity'
);
insert into setting (database) select oid from pg_database where datname = current_database();

-- +goose Down

drop table setting, event, pass, hold, gate;
drop sequence hold_seq, sign_of_life;
