"""The access log becomes a view of the audit trail; whose keys sealed what; requests about data."""

from shared import migrations

revision = "patients_0007"
down_revision = "patients_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(MOVED + VIEW + KEYS)


MOVED = """
insert into audit.event (
    org, at, id, by, role, units, patients, what, why, outcome, request_id
)
select org, at, id, by, role, '{}', array[patient_id], what, why, outcome, request_id
from patients.access_log;
drop table patients.access_log;
"""

VIEW = """
-- For services of the release before, which write a row per patient. With their rights, not ours.
create view patients.access_log with (security_invoker = true) as
    select org, id, at, by, role, patient_id, what, why, request_id, outcome
    from audit.event, unnest(patients) as patient_id;

create function patients.log_access() returns trigger
language plpgsql volatile set search_path = pg_catalog
as $$
begin
    insert into audit.event (org, by, role, units, patients, what, why, outcome, request_id)
    values (new.org, new."by", new.role, '{}', array[new.patient_id], new.what, new.why,
            coalesce(new.outcome, 'shown'), new.request_id);
    return new;
end
$$;
create trigger log_access instead of insert on patients.access_log
    for each row execute function patients.log_access();

revoke execute on function patients.log_access from public;
grant select, insert on patients.access_log to hjv_patients;
grant insert on patients.access_log to hjv_alerts;
"""

KEYS = """
-- Under which key a number is kept (null: before keys had names), so that they can be exchanged.
alter table patients.identifier add column key text;
alter table patients.staff_number add column key text;
"""
