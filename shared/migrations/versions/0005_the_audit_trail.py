"""Who saw and did what: one row per act, that nobody may change, and the chain of its days. The one
way in which what was stored is ever blanked."""

from shared import migrations

revision = "ledger_0005"
down_revision = "ledger_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(TABLES + PARTITIONS + GRANTS)
    migrations.fence("audit")
    migrations.script(NOBODYS + ERASE)


TABLES = """
create schema audit;

-- One row per act, with every patient it showed. A list of a hundred patients as a hundred rows
-- cost ten times the time and the space.
create table audit.event (
    org text not null,  -- '' for who is nobody we know
    at timestamptz not null default clock_timestamp(),
    id uuid not null default gen_random_uuid(),
    by text not null,
    role text not null,
    hpr text,
    units uuid[] not null,
    on_behalf uuid,
    patients uuid[] not null,
    what text not null,
    why text not null,
    outcome text not null check (outcome in ('shown', 'changed', 'refused', 'failed')),
    about text,
    address text,
    door text,
    request_id text,
    times integer not null default 1,
    primary key (org, at, id)
) partition by range (at);

-- "Whose records has X seen between then and then?"
create index event_by_whom on audit.event (org, by, at);
-- "Who has seen P's record?" Each month is an index of its own, so the newest page reads one month.
create index event_of_patient on audit.event using gin (patients);

-- A day that is over: a digest of each of its rows, and the chain from day to day.
create table audit.day (
    org text not null,
    day date not null,
    rows integer not null,
    leaves bytea,  -- per row its id and half a digest, 32 bytes; null once the rows have expired
    root bytea not null,
    previous bytea not null,
    digest bytea not null,
    sealed_at timestamptz not null default clock_timestamp(),
    primary key (org, day)
);
"""

PARTITIONS = """
-- A month each, made ahead by `hjemvakt migrate`. What has no month lands in the last one: to be
-- without a partition must never mean that nobody can read a record.
create table audit.event_other partition of audit.event default;

create function audit.ensure_partitions(p_months_ahead integer) returns integer
language plpgsql volatile set search_path = pg_catalog
as $$
declare
    v_made integer := 0;
    v_month timestamptz;
    v_name text;
begin
    for v_month in
        select date_trunc('month', clock_timestamp(), 'UTC') + make_interval(months => i)
        from generate_series(0, p_months_ahead) as i
    loop
        v_name := 'event_' || to_char(v_month at time zone 'UTC', 'YYYY_MM');
        continue when to_regclass('audit.' || v_name) is not null;
        -- Rows that came before their month was made stay where they are, and so does the month.
        continue when exists (
            select from audit.event_other
            where at >= v_month and at < v_month + interval '1 month'
        );
        -- Made apart and attached, which no insert waits for.
        execute format(
            'create table audit.%I (like audit.event including defaults including constraints)',
            v_name);
        execute format(
            'alter table audit.event attach partition audit.%I for values from (%L) to (%L)',
            v_name, v_month, v_month + interval '1 month');
        v_made := v_made + 1;
    end loop;
    return v_made;
end
$$;
"""

# Neither moment nor id is a service's to choose, so none can write into the past.
GRANTS = """
grant usage on schema audit to hjv_ingest, hjv_patients, hjv_alerts;
grant insert (org, by, role, hpr, units, on_behalf, patients, what, why, outcome, about, address,
              door, request_id, times)
    on audit.event to hjv_ingest, hjv_patients, hjv_alerts;
grant select on audit.event, audit.day to hjv_patients;
grant insert (org, day, rows, leaves, root, previous, digest) on audit.day to hjv_patients;
revoke execute on function audit.ensure_partitions from public;
-- Before the rows of an older log come, so that this month's have their place.
select audit.ensure_partitions(1);
"""

NOBODYS = """
create policy of_nobody_we_know on audit.event for select to hjv_patients using (org = '');
"""

ERASE = """
-- Blank facts by a claim that two people have granted: their values, what was sent, the files.
-- That there was something, when, from which device, and who decided, stays. Every version goes:
-- what was corrected, and what was filed elsewhere first. Returns the ids that were blanked.
create function ledger.erase(p_org text, p_claim uuid) returns uuid[]
language plpgsql volatile security definer set search_path = pg_catalog
as $$
declare
    v_known uuid[];
    v_more uuid[];
    v_ids uuid[];
    v_files bytea[];
begin
    select claim.facts into v_known from patients.claim
    where claim.org = p_org and claim.id = p_claim and claim.kind = 'erase'
      and claim.state = 'granted' and claim.confirmed_by is not null
      and claim.confirmed_by <> claim.decided_by;
    if not found then
        raise insufficient_privilege using message = 'no such granted claim';
    end if;
    if exists (
        select from unnest(v_known) as fact(id) where not exists (
            select from ledger.reading r join patients.claim
                on claim.org = p_org and claim.id = p_claim and claim.patient_id = r.patient_id
            where r.org = p_org and r.id = fact.id)
    ) then
        raise insufficient_privilege using message = 'a fact is not the claimant''s';
    end if;
    loop
        select array_agg(distinct id) into v_more
        from (
            select unnest(array[r.id, r.origin, r.replaces]) as id from ledger.reading r
            where r.org = p_org and (
                r.id = any (v_known) or r.origin = any (v_known) or r.replaces = any (v_known))
            union
            select unnest(array[s.target_id, s.by_id]) from ledger.superseded s
            where s.org = p_org and (s.target_id = any (v_known) or s.by_id = any (v_known))
        ) found
        where id is not null;
        exit when v_more <@ v_known;
        v_known := v_known || v_more;
    end loop;
    select array_agg(r.id),
           array_agg(decode(r.body #>> '{file,sha256}', 'hex'))
               filter (where r.type = 'attachment' and r.body ? 'file')
    into v_ids, v_files
    from ledger.reading r where r.org = p_org and r.id = any (v_known);
    update ledger.receipt receipt set raw = null
    from ledger.reading r
    where r.org = p_org and r.id = any (v_ids) and receipt.org = r.org and receipt.cred = r.cred
      and receipt.message_id = r.message_id;
    update ledger.quarantine held set drafts = null
    from ledger.reading r
    where r.org = p_org and r.id = any (v_ids) and held.org = r.org and held.cred = r.cred
      and held.message_id = r.message_id;
    update ledger.reading r
    set body = jsonb_strip_nulls(jsonb_build_object(
            'v', 1, 'erased', p_claim, 'values', '{}'::jsonb, 'message', r.body -> 'message',
            'questionnaire', r.body -> 'questionnaire', 'answers',
            case when r.type = 'answers' then '{}'::jsonb end, 'file',
            case when r.type = 'attachment' then (r.body -> 'file') - 'sha256'
                      || jsonb_build_object('sha256', repeat('0', 64)) end))
    where r.org = p_org and r.id = any (v_ids);
    update ledger.attachment a
    set original = '', shown = null, shown_type = null, thumbnail = null, fault = 'unreadable'
    where a.org = p_org and a.sha256 = any (v_files) and not exists (
        select from ledger.reading r
        where r.org = p_org and r.type = 'attachment'
          and r.body #>> '{file,sha256}' = encode(a.sha256, 'hex'));
    return v_ids;
end
$$;
revoke execute on function ledger.erase from public;
grant execute on function ledger.erase to hjv_patients;
"""
