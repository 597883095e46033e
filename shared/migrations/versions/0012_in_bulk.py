"""Many items of quarantine at once: read again in batches, rejected together, taken back, and told
how far it has come.
"""

from shared import migrations

revision = "ledger_0012"
down_revision = "ledger_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(TABLES + MEND_MANY + ASK + REJECT + DEFER + GRANTS)
    migrations.fence("ledger", but=("organisation", "handover"))


# A run is one act on many: who, when, of which reason, sender and topic. `topic` is where a gateway
# said what no table knows. `past`: what was decided of an item and taken back again.
TABLES = """
create table ledger.run (
    org text not null,
    id uuid not null,
    act text not null check (act in ('replay', 'release', 'reject')),
    by text not null,
    at timestamptz not null default clock_timestamp(),
    code text not null,
    cred text,
    topic text,
    reason text,
    number integer not null default 0,
    undone_at timestamptz,
    undone_by text,
    primary key (org, id)
);
create index run_newest on ledger.run (org, at desc, id);

-- What a gateway said where no table knows stands in the item's extra from now on. Until now it
-- stood in the bytes alone: always their first member, so that none need be parsed whose payload
-- holds what PostgreSQL cannot.
update ledger.quarantine q
set extra = coalesce(q.extra, '{}') || jsonb_build_object('topic', substring(
    convert_from(r.raw, 'UTF8') from '^\\{"topic": ?"([^"\\\\]*)"'))
from ledger.receipt r
where q.code = 'unknown-kind' and r.org = q.org and r.cred = q.cred
  and r.message_id = q.message_id and r.reuse = q.reuse
  and r.media_type = 'application/vnd.hjemvakt.gateway+json';

alter table ledger.quarantine
    add column run uuid, add column past jsonb,
    add column topic text generated always as (extra ->> 'topic') stored;

create index quarantine_read_again on ledger.quarantine (org, received_at, id)
    where state = 'replaying';
-- An item that waits is found by its id; without this, by reading all that wait.
create unique index quarantine_waiting_by_id on ledger.quarantine (org, id)
    where state in ('waiting', 'replaying');
create index quarantine_of_run on ledger.quarantine (org, run) where run is not null;
create index quarantine_of_topic on ledger.quarantine (org, cred, topic, received_at desc, id)
    where topic is not null and state in ('waiting', 'replaying');
"""

# Each as `mend` does one, in the order of their ids, so that who releases one by hand and who
# changes a binding never wait for it in a ring: the lock of the bindings first, then rows. `p_read`
# holds extra, drafts and errors, as far as there are any.
MEND_MANY = """
create function ledger.mend_many(
    p_org text, p_id uuid[], p_at timestamptz[], p_clock_good boolean[], p_code text[],
    p_read jsonb[]
) returns table (id uuid, outcome text)
language plpgsql volatile security definer set search_path = pg_catalog
-- One plan for all items, and never one that reads a table through because it was small at first.
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
    v_n integer;
begin
    for v_n in
        select n from generate_series(1, cardinality(p_id)) as n order by p_id[n]
    loop
        id := p_id[v_n];
        outcome := ledger.mend(
            p_org, id, p_at[v_n], p_clock_good[v_n], p_read[v_n] -> 'extra',
            p_read[v_n] -> 'drafts', p_code[v_n], p_read[v_n] -> 'errors');
        return next;
    end loop;
end
$$;
"""

ASK = """
create function ledger.ask_replay_many(p_org text, p_ids uuid[], p_by text, p_run uuid)
returns integer
language plpgsql volatile security definer set search_path = pg_catalog
as $$
declare
    v_asked integer;
begin
    perform 1 from ledger.quarantine q
    where q.org = p_org and q.id = any (p_ids) and q.state = 'waiting' order by q.id for update;
    update ledger.quarantine q
    set state = 'replaying', decided_by = p_by, run = p_run
    where q.org = p_org and q.id = any (p_ids) and q.state = 'waiting';
    get diagnostics v_asked = row_count;
    if v_asked > 0 then
        perform pg_notify('replay', p_org);
    end if;
    return v_asked;
end
$$;
"""

REJECT = """
create function ledger.reject_many(
    p_org text, p_ids uuid[], p_by text, p_reason text, p_run uuid
) returns integer
language plpgsql volatile security definer set search_path = pg_catalog
as $$
declare
    v_rejected integer;
begin
    perform 1 from ledger.quarantine q
    where q.org = p_org and q.id = any (p_ids) and q.state = 'waiting' order by q.id for update;
    with rejected as (
        update ledger.quarantine q
        set state = 'rejected', decided_at = clock_timestamp(), decided_by = p_by,
            reason = p_reason, run = p_run
        where q.org = p_org and q.id = any (p_ids) and q.state = 'waiting'
        returning q.cred, q.message_id, q.reuse
    ), told as (
        update ledger.receipt r
        set errors = '[{"path": "", "code": "rejected"}]' || coalesce(r.errors, '[]')
        from rejected q
        where r.org = p_org and r.cred = q.cred and r.message_id = q.message_id
          and r.reuse = q.reuse and r.result = 'quarantined'
    )
    select count(*) into v_rejected from rejected;
    return v_rejected;
end
$$;

-- What a person rejected waits again, and its sender is told so when it comes again; who had
-- rejected it, when and why, stays with it.
create function ledger.reopen(p_org text, p_ids uuid[], p_by text) returns integer
language plpgsql volatile security definer set search_path = pg_catalog
as $$
declare
    v_reopened integer;
begin
    perform 1 from ledger.quarantine q
    where q.org = p_org and q.id = any (p_ids) and q.state = 'rejected' order by q.id for update;
    with reopened as (
        update ledger.quarantine q
        set state = 'waiting', decided_at = null, decided_by = null, reason = null,
            past = coalesce(q.past, '[]') || jsonb_build_object(
                'rejected_at', q.decided_at, 'rejected_by', q.decided_by, 'reason', q.reason,
                'reopened_at', clock_timestamp(), 'reopened_by', p_by)
        where q.org = p_org and q.id = any (p_ids) and q.state = 'rejected'
        returning q.cred, q.message_id, q.reuse
    ), told as (
        update ledger.receipt r
        set errors = (
            select jsonb_agg(e.one order by e.place)
            from jsonb_array_elements(r.errors) with ordinality e(one, place)
            where e.one ->> 'code' <> 'rejected')
        from reopened q
        where r.org = p_org and r.cred = q.cred and r.message_id = q.message_id
          and r.reuse = q.reuse and r.result = 'quarantined'
    )
    select count(*) into v_reopened from reopened;
    return v_reopened;
end
$$;
"""

# A binding is changed under a lock that keeps every append out. Of what waits behind the device,
# the newest are released under it; the rest are only asked for, and go in batches afterwards. What
# was filed once before is never among the rest: its facts bear ids of their own.
DEFER = """
create function ledger.defer_release(
    p_org text, p_cred text, p_from timestamptz, p_to timestamptz, p_by text, p_run uuid,
    p_at_once integer
) returns integer
language plpgsql volatile security definer set search_path = pg_catalog
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
    v_ids uuid[];
begin
    select array_agg(q.id) into v_ids
    from (
        select q.id from ledger.quarantine q
        where q.org = p_org and q.cred = p_cred and q.state = 'waiting'
          and q.code in ('unbound', 'whose', 'subject-mismatch') and q.drafts is not null
          and q.drafts #> '{0,origin}' is null
          and ledger.is_within(q.at, q.extra, p_from, p_to)
        order by q.at desc, q.id offset p_at_once
    ) q;
    return case when v_ids is null then 0
                else ledger.ask_replay_many(p_org, v_ids, p_by, p_run) end;
end
$$;
"""

GRANTS = """
revoke execute on function ledger.mend_many, ledger.ask_replay_many, ledger.reject_many,
    ledger.reopen, ledger.defer_release from public;
grant execute on function ledger.mend_many to hjv_ingest;
grant execute on function ledger.ask_replay_many, ledger.reject_many, ledger.reopen,
    ledger.defer_release to hjv_patients;
grant select, insert on ledger.run to hjv_patients;
grant update (number, undone_at, undone_by) on ledger.run to hjv_patients;
"""
