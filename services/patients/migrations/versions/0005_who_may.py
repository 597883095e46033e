"""Staff by number; what a patient has shut for whom; what was opened in an emergency."""

from shared import migrations

revision = "patients_0005"
down_revision = "patients_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(NUMBERS + SHIELDS + EMERGENCY + GRANTS)
    # Whose a secret is is not known before it has been looked up.
    migrations.fence("patients", but=("secret",))


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

SHIELDS = """
-- With a member of staff: a block against that person. Without: a lock of the whole record.
create table patients.shield (
    org text not null,
    id uuid not null,
    patient_id uuid not null,
    staff_id text,
    at timestamptz not null,
    by text not null,
    ended_at timestamptz,
    ended_by text,
    primary key (org, id),
    foreign key (org, patient_id) references patients.patient (org, id)
);
create unique index one_shield_of_a_kind
    on patients.shield (org, patient_id, staff_id) nulls not distinct where ended_at is null;
"""

EMERGENCY = """
-- Append-only.
create table patients.emergency (
    org text not null,
    id uuid not null,
    patient_id uuid not null,
    staff_id text not null,
    role text not null,
    reason text not null,
    text text not null,
    at timestamptz not null,
    until timestamptz not null,
    primary key (org, id),
    foreign key (org, patient_id) references patients.patient (org, id)
);
create index emergency_of_staff on patients.emergency (org, patient_id, staff_id, until);
create index emergency_by_time on patients.emergency (org, at);
"""

GRANTS = """
grant select, insert, delete on patients.staff_number to hjv_patients;
grant select on patients.staff_number to hjv_alerts;
grant select (org, hash, patient_id) on patients.identifier to hjv_alerts;

grant select, insert on patients.shield, patients.emergency to hjv_patients;
grant update (ended_at, ended_by) on patients.shield to hjv_patients;
grant select on patients.shield, patients.emergency to hjv_alerts;
"""
