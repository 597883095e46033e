"""A session of the patient's own page, beside those of staff."""

from shared import migrations

revision = "patients_0009"
down_revision = "patients_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(SESSION)


SESSION = """
alter table access.session alter column staff_id drop not null;
alter table access.session add column patient_id uuid;
alter table access.session add constraint session_is_of_one_person
    check (num_nonnulls(staff_id, patient_id) = 1);

grant select, insert, delete on access.login, access.session to hjv_patients;
grant update (seen_at, ended_at) on access.session to hjv_patients;
"""
