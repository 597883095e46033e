"""What a person rejected says so to its sender, and what was filed once can be filed again."""

from shared import migrations

revision = "ledger_0011"
down_revision = "ledger_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(REJECT + HEAL + RELEASE)


# The receipt stays `quarantined`, which every sender knows, and says why first of all: nobody will
# look at it again, and to send it again is of no use. `append_again` answers what the receipt says.
REJECT = """
create or replace function ledger.reject(p_org text, p_id uuid, p_by text, p_reason text)
returns void
language plpgsql volatile security definer set search_path = pg_catalog
as $$
declare
    v_held ledger.quarantine;
begin
    update ledger.quarantine q
    set state = 'rejected', decided_at = clock_timestamp(), decided_by = p_by, reason = p_reason
    where q.org = p_org and q.id = p_id and q.state in ('waiting', 'replaying')
    returning * into v_held;
    if not found then
        raise exception using errcode = 'HJ002', message = 'not waiting in quarantine';
    end if;
    update ledger.receipt r
    set errors = '[{"path": "", "code": "rejected"}]' || coalesce(r.errors, '[]')
    where r.org = p_org and r.cred = v_held.cred and r.message_id = v_held.message_id
      and r.reuse = v_held.reuse and r.result = 'quarantined';
end
$$;
"""

# Those that were rejected before.
HEAL = """
update ledger.receipt r
set errors = '[{"path": "", "code": "rejected"}]' || coalesce(r.errors, '[]')
from ledger.quarantine q
where q.state = 'rejected' and r.org = q.org and r.cred = q.cred and r.message_id = q.message_id
  and r.reuse = q.reuse and r.result = 'quarantined'
  and not coalesce(r.errors @> '[{"code": "rejected"}]', false);
"""

# As before, but for the ids of what was filed once already.
RELEASE = """
create or replace function ledger.release_one(
    p_org text, p_id uuid, p_patient uuid, p_slot text, p_by text, p_by_hand boolean
) returns uuid
language plpgsql volatile set search_path = pg_catalog
as $$
declare
    v_held ledger.quarantine;
    v_now timestamptz := clock_timestamp();
    v_flags text[];
    v_own uuid;
begin
    select * into v_held from ledger.quarantine q
    where q.org = p_org and q.id = p_id and q.state in ('waiting', 'replaying') for update;
    if not found then
        raise exception using errcode = 'HJ002', message = 'not waiting in quarantine';
    end if;
    if v_held.drafts is null or v_held.at is null or p_patient is null then
        raise exception using errcode = 'HJ003', message = 'cannot be released as it is';
    end if;

    -- What was filed once, taken back and then read anew has the ids of its first filing, which is
    -- still there: it is filed again under ids of its own, and keeps the first as its origin.
    select jsonb_agg(case when taken.id is null then e.d else e.d || jsonb_build_object(
               'id', ledger.named_id(concat_ws('|', p_org, taken.id, 'again', gen_random_uuid())),
               'origin', coalesce(e.d ->> 'origin', e.d ->> 'id')) end order by e.place)
    into v_held.drafts
    from jsonb_array_elements(v_held.drafts) with ordinality e(d, place)
    left join lateral (
        select f.id from ledger.reading f
        where f.org = p_org and f.id = (e.d ->> 'id')::uuid limit 1
    ) taken on true;
    v_own := (v_held.drafts #>> '{0,id}')::uuid;
    -- The doubts of the intake remain.
    select array_agg(distinct flag) into v_flags
    from (
        select unnest(r.flags) as flag from ledger.receipt r
        where r.org = p_org and r.cred = v_held.cred and r.message_id = v_held.message_id
          and r.reuse = v_held.reuse
        union all select 'late' where v_now - v_held.at > interval '1 hour'
        union all select 'clock_suspect' where v_held.extra ? 'clock_none'
    ) doubts;
    v_flags := coalesce(v_flags, '{}');

    update ledger.receipt r
    set result = case v_held.extra ->> 'how' when 'correction' then 'corrected'
                      when 'void' then 'voided' else 'stored' end,
        fact_id = v_own, patient_id = p_patient, errors = null, flags = v_flags,
        at = v_held.at, extra = v_held.extra
    where r.org = p_org and r.cred = v_held.cred and r.message_id = v_held.message_id
      and r.reuse = v_held.reuse and r.result = 'quarantined';
    if not found then
        raise exception using errcode = 'HJ002', message = 'not waiting in quarantine';
    end if;

    update ledger.quarantine q
    set state = 'released', decided_at = v_now, decided_by = p_by, patient_id = p_patient,
        extra = case when p_by_hand then coalesce(q.extra, '{}') || '{"by_hand": true}'
                     else q.extra end
    where q.org = p_org and q.id = p_id;

    perform ledger.file(
        p_org, p_patient, v_held.at, v_held.received_at, v_held.cred, coalesce(p_slot, ''),
        v_held.message_id, v_held.reuse, v_flags, v_held.extra, v_held.drafts);
    return v_own;
end
$$;
"""


def downgrade() -> None:
    raise RuntimeError("Facts are never thrown away: restore a backup instead.")
