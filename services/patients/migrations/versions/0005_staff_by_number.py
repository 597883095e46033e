"""Staff by the hash of their national number, for those who have no HPR number."""

from shared import migrations

revision = "patients_0005"
down_revision = "patients_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(NUMBERS + GRANTS)


NUMBERS = """
-- Only the keyed hash: whoever logs in brings the number, and nobody needs to read it here.
create table patients.staff_number (
    org text not null,
    hash bytea not null,
    staff_id uuid not null,
    primary key (org, hash),
    foreign key (org, staff_id) references patients.staff (org, id)
);
create index staff_by_hpr on patients.staff (org, hpr) where hpr is not null;
"""

GRANTS = """
grant select, insert, delete on patients.staff_number to hjv_patients;
grant select on patients.staff_number to hjv_alerts;
grant select (org, hash, patient_id) on patients.identifier to hjv_alerts;
"""
