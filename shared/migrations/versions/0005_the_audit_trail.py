"""Who saw and did what: one row per act, that nobody may change, and the chain of its days."""

from shared import migrations

revision = "ledger_0005"
down_revision = "ledger_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(TABLES + PARTITIONS + GRANTS)
    migrations.fence("audit")
    migrations.script(NOBODYS)


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
