"""Which units have a patient on their lists, where that is not his own unit alone.

Alerts go to the unit of the enrolment, so that unit's hours are the ones to tell him. Kept by the
database, as `followed` is, so that the intake need not read enrolments for its receipts.
"""

from shared import migrations

revision = "patients_0019"
down_revision = "patients_0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(COLUMN)
    migrations.script(KEPT)


def downgrade() -> None:
    raise RuntimeError("To take the column back, restore a backup instead.")


# Null of nearly everybody: followed by his own unit and no other, or by nobody.
COLUMN = """
alter table patients.patient add column followed_by uuid[];
update patients.patient p set followed_by = units.ids
from (
    select e.org, e.patient_id, array_agg(distinct e.unit_id) as ids from patients.enrolment e
    where e.ended_at is null group by e.org, e.patient_id
) units
where p.org = units.org and p.id = units.patient_id and units.ids <> array[p.unit_id];
create index patient_followed_elsewhere on patients.patient (org, id) include (followed_by)
    where followed_by is not null;
grant select (followed_by) on patients.patient to hjv_ingest;
"""

KEPT = """
create or replace function patients.keep_followed() returns trigger
language plpgsql set search_path = pg_catalog
as $$
begin
    -- The lock first: another enrolment that ends just now is then seen by the next statement.
    perform from patients.patient p where p.org = new.org and p.id = new.patient_id for update;
    update patients.patient p
    set followed = units.ids is not null,
        followed_by = case when units.ids <> array[p.unit_id] then units.ids end
    from (
        select array_agg(distinct e.unit_id) as ids from patients.enrolment e
        where e.org = new.org and e.patient_id = new.patient_id and e.ended_at is null
    ) units
    where p.org = new.org and p.id = new.patient_id;
    return null;
end
$$;

create function patients.keep_followed_by() returns trigger
language plpgsql set search_path = pg_catalog
as $$
begin
    select case when array_agg(distinct e.unit_id) <> array[new.unit_id]
                then array_agg(distinct e.unit_id) end
    into new.followed_by
    from patients.enrolment e
    where e.org = new.org and e.patient_id = new.id and e.ended_at is null;
    return new;
end
$$;

revoke all on function patients.keep_followed_by() from public;
create trigger keep_followed_by before update of unit_id on patients.patient
    for each row execute function patients.keep_followed_by();
"""
