-- Facts, what became of each message, and who must still be told. Every key starts with org, so
-- that an organisation's data can live on one node.
create schema if not exists ledger;

create table ledger.organisation (
    org text primary key check (org ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    created_at timestamptz not null default clock_timestamp()
);

-- Facts from outside. Partitioned by the month they were measured in.
create table ledger.reading (
    org text not null,
    id uuid not null,
    at timestamptz not null,
    patient_id uuid not null,
    type text not null,
    kind text not null,
    until timestamptz,
    day_only boolean not null,
    received_at timestamptz not null,
    cred text not null,
    slot text not null,
    message_id text not null,
    flags text[] not null,
    body jsonb not null,
    origin uuid not null,
    replaces uuid,
    rank text collate "C",
    primary key (org, id, at)
) partition by range (at);

create index reading_of_patient on ledger.reading (org, patient_id, at);

-- What staff decided. Not partitioned: dropping an old month must never drop a limit in force.
create table ledger.decision (
    org text not null,
    id uuid not null,
    patient_id uuid not null,
    type text not null,
    at timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    by text not null,
    body jsonb not null,
    primary key (org, id)
);

create index decision_of_patient on ledger.decision (org, patient_id, at);

-- A sender's correction or void aims at the origin of a fact, a re-filing at one filing of it.
-- by_id is the id of the same part of the correcting item, there or not: so a chain of corrections
-- can be followed up, and down, part by part.
create table ledger.superseded (
    org text not null,
    patient_id uuid not null,
    target_id uuid not null,
    by_id uuid not null,
    how text not null check (how in ('correction', 'void', 'refiled')),
    rank text collate "C" not null,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (org, target_id, by_id)
);

create index superseded_by on ledger.superseded (org, by_id);

-- What became of each message. reuse is '' for the first content under an id, else the content
-- hash in hex. The raw bytes share the receipt's key and life, so they are a column of it.
create table ledger.receipt (
    org text not null,
    cred text not null,
    message_id text not null,
    reuse text not null,
    content bytea not null,
    result text not null check (result in ('stored', 'corrected', 'voided', 'quarantined')),
    fact_id uuid,
    patient_id uuid,
    at timestamptz,
    received_at timestamptz not null,
    flags text[] not null,
    errors jsonb,
    system boolean not null,
    extra jsonb,  -- slot, serial, subject …: asked again when a binding changes
    media_type text,
    raw bytea,
    primary key (org, cred, message_id, reuse)
);

create table ledger.quarantine (
    org text not null,
    cred text not null,
    message_id text not null,
    reuse text not null,
    id uuid not null default gen_random_uuid(),
    code text not null,
    errors jsonb not null,
    state text not null default 'waiting'
        check (state in ('waiting', 'replaying', 'released', 'rejected')),
    patient_id uuid,
    unit_id uuid,
    at timestamptz,
    received_at timestamptz not null,
    system boolean not null,
    clock_good boolean not null,
    extra jsonb,
    drafts jsonb,
    decided_at timestamptz,
    decided_by text,
    reason text,
    primary key (org, cred, message_id, reuse),
    unique (org, id)
);

create index quarantine_waiting on ledger.quarantine (org, received_at desc, id)
    where state in ('waiting', 'replaying');
create index quarantine_of_credential on ledger.quarantine (org, cred, at)
    where state = 'waiting';

-- One row per (consumer, fact) until the consumer has committed its effects. Never partitioned:
-- the take uses ctid, which repeats between partitions.
create table ledger.handover (
    org text not null,
    consumer text not null,
    seq bigint not null generated always as identity,
    shard smallint not null,
    patient_id uuid not null,
    fact_id uuid not null,
    type text not null,
    kind text not null,
    at timestamptz not null,
    received_at timestamptz not null,
    primary key (org, consumer, seq)
) with (
    fillfactor = 90,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_threshold = -1,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 100000,
    autovacuum_vacuum_cost_delay = 0
);

-- A slow check "does this patient have rows waiting" reads this; the take never does.
create index handover_of_patient on ledger.handover (org, patient_id);

-- 0..63, by patient.
create function ledger.shard(p_patient uuid) returns smallint
    language sql immutable parallel safe
    as $$ select (hashtextextended(p_patient::text, 0) & 63)::smallint $$;

-- Does a correction hold its place? Not if a stronger one (void, then version, then message id)
-- has the same target, or the target's own place is lost so: who withdraws the first reading
-- withdraws what was made of it, and two branches of corrections never both stand.
create function ledger.stands(p_org text, p_target uuid, p_rank text) returns boolean
    language sql stable parallel safe
    as $$
        with recursive place as (
            select p_target as target_id, p_rank collate "C" as rank
            union
            select s.target_id, s.rank
            from place
            join ledger.superseded s
                on s.org = p_org and s.by_id = place.target_id and s.how <> 'refiled'
        )
        select not exists (
            select from place
            join ledger.superseded stronger
                on stronger.org = p_org and stronger.target_id = place.target_id
                and stronger.how <> 'refiled' and stronger.rank > place.rank
        )
    $$;

-- The facts in force: not withdrawn or corrected, not filed again elsewhere, and a correction only
-- where it stands. (A scalar subquery, because NOT EXISTS would be hashed: every correction of the
-- organisation read for one patient, or, before it is analysed, once for each of his facts.)
create view ledger.current as
    select r.*
    from ledger.reading r
    where (
        select true from ledger.superseded s
        where s.org = r.org and s.target_id = any (array[r.origin, r.id])
          and s.target_id = case s.how when 'refiled' then r.id else r.origin end
        limit 1
    ) is null
    and (r.replaces is null or ledger.stands(r.org, r.replaces, r.rank));
