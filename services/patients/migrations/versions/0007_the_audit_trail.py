"""The access log becomes a view of the audit trail; whose keys sealed what; requests about data."""

from shared import migrations

revision = "patients_0007"
down_revision = "patients_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(MOVED + VIEW + KEYS + CLAIMS)
    migrations.fence("patients", but=("secret",))


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

CLAIMS = """
-- What a patient asks to have corrected or erased, and what was decided about it.
create table patients.claim (
    org text not null,
    id uuid not null,
    patient_id uuid not null,
    kind text not null check (kind in ('correct', 'erase')),
    facts uuid[] not null,
    text text not null,
    made_at timestamptz not null,
    made_by text not null,
    state text not null default 'open' check (state in ('open', 'granted', 'refused', 'done')),
    ground text,
    reason text,
    decided_at timestamptz,
    decided_by text,
    confirmed_at timestamptz,
    confirmed_by text,
    primary key (org, id),
    foreign key (org, patient_id) references patients.patient (org, id),
    check (state = 'open' or decided_by is not null)
);
create index claim_of_patient on patients.claim (org, patient_id, made_at);
grant select, insert on patients.claim to hjv_patients;
grant update (state, ground, reason, decided_at, decided_by, confirmed_at, confirmed_by)
    on patients.claim to hjv_patients;
"""
