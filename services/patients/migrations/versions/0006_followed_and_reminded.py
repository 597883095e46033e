"""Kinds of pause; whether anybody follows a patient; the number by which he may be reminded."""

from shared import migrations

revision = "patients_0006"
down_revision = "patients_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(PAUSES + FOLLOWED + REMINDED + GRANTS)
    migrations.script(WHOSE)


PAUSES = """
alter table patients.pause
    add column kind text not null default 'other'
        check (kind in ('admission', 'holiday', 'other'));
"""

# Kept by the database, so that no way of enrolling can forget it.
FOLLOWED = """
alter table patients.patient add column followed boolean not null default false;

update patients.patient p set followed = true
where exists (
    select from patients.enrolment e
    where e.org = p.org and e.patient_id = p.id and e.ended_at is null);

create function patients.keep_followed() returns trigger
language plpgsql set search_path = pg_catalog
as $$
begin
    -- The lock first: another enrolment that ends just now is then seen by the next statement.
    perform from patients.patient p where p.org = new.org and p.id = new.patient_id for update;
    update patients.patient p
    set followed = exists (
        select from patients.enrolment e
        where e.org = p.org and e.patient_id = p.id and e.ended_at is null)
    where p.org = new.org and p.id = new.patient_id;
    return null;
end
$$;

revoke all on function patients.keep_followed() from public;
create trigger keep_followed after insert or update of ended_at on patients.enrolment
    for each row execute function patients.keep_followed();
"""

# Sealed as identity numbers are; nobody reads it but the sender of reminders.
REMINDED = """
alter table patients.patient
    add column phone bytea,
    add column sms_reminders boolean not null default false;
"""

GRANTS = """
grant select (followed) on patients.patient to hjv_ingest;
grant select (phone, sms_reminders) on patients.patient to hjv_alerts;
"""

# Whose a reading is, as before, and besides: of somebody whom nobody follows no unit is named, so
# that his receipt can say that nobody watches. Why here: this row of the patient is read for each
# item anyway, so it costs no query, no further table and no memory that could be out of date. A
# query of the intake's own would be one per message on a quiet day; a list of those who are not
# followed grows with every patient a hospital ever had. What is set aside keeps its unit: somebody
# must look at it, whosever it is.
WHOSE = """
create or replace function ledger.whose(
    p_org text, p_cred text, p_system boolean, p_slot text, p_serial text, p_extra jsonb,
    p_at timestamptz, p_clock_good boolean, p_now timestamptz
) returns table (patient_id uuid, unit_id uuid, slot text, code text)
language sql stable as $$
    select
        known.patient_id,
        case when known.followed or known.code is not null or p_extra ? 'code' then known.unit_id
        end,
        known.slot,
        known.code
    from (
        select
            person.id as patient_id,
            person.unit_id,
            person.followed,
            held.slot,
            case
                when p_system and p_extra ? 'subject' then
                    case when person.id is null then 'unknown-subject' end
                when held.patient_id is null then
                    case when p_system then 'unknown-subject' else 'unbound' end
                when p_extra ? 'subject'
                    and subject.patient_id is distinct from held.patient_id then
                    'subject-mismatch'
                -- The former holder's reading, or a clock that fell back into his time? When the
                -- clock is not known to be right, only a person can say. (The binding is nearly
                -- always still in force, and then nobody need ask who holds it now.)
                when not held.valid @> p_now and (
                    not p_clock_good
                    or p_at < p_now - interval '7 days'
                    or (p_extra ->> 'precision' = 'day'
                        and ledger.changes_that_day(p_org, p_cred, held.slot, p_at))
                ) and held.patient_id is distinct from (
                    select b.patient_id from patients.binding b
                    where b.org collate "C" = p_org and b.cred collate "C" = p_cred
                      and b.slot collate "C" = held.slot and (b.valid @> p_now) is true
                    limit 1
                ) then 'whose'
            end as code
        from ledger.holder(p_org, p_cred, p_slot, p_serial, p_at) held
        left join lateral (
            select coalesce(
                (select p.id from patients.patient p
                 where p.org = p_org and p.id = (p_extra #>> '{subject,id}')::uuid),
                (select i.patient_id from patients.identifier i
                 where i.org = p_org and i.hash = decode(p_extra #>> '{subject,hash}', 'hex'))
            ) as patient_id
            where p_extra ? 'subject'
        ) subject on true
        left join lateral (
            select p.id, p.unit_id, p.followed and p.deceased_at is null as followed
            from patients.patient p
            where p.org = p_org and p.id = case
                when p_system and p_extra ? 'subject' then subject.patient_id
                else held.patient_id
            end
            limit 1
        ) person on true
    ) known
$$;

-- The short way of plain readings looks the patient up itself; the rest of it stays as it is.
do $do$
declare
    v_old constant text := 'select p.id, p.unit_id from patients.patient p';
    v_new constant text := 'select p.id, case when p.followed and p.deceased_at is null'
        || ' then p.unit_id end as unit_id from patients.patient p';
    v_append constant text := pg_get_functiondef('ledger.append'::regproc);
begin
    if cardinality(string_to_array(v_append, v_old)) <> 2 then
        raise 'ledger.append is not the one in which the patient is looked up once';
    end if;
    execute replace(v_append, v_old, v_new);
end
$do$;
"""
