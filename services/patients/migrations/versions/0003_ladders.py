"""Whom a unit's alerts are told to, hour by hour, and who is next when nobody answers."""

from shared import migrations

revision = "patients_0003"
down_revision = "patients_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(LADDERS + GRANTS)


LADDERS = """
-- Append-only: of those whose valid_from has come, the one of the highest version is in force.
-- body null: from then on nobody is told.
create table patients.ladder (
    org text not null,
    unit_id uuid not null,
    version integer not null,
    body jsonb,
    reason text not null,
    valid_from timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    by text not null,
    primary key (org, unit_id, version),
    foreign key (org, unit_id) references patients.unit (org, id)
);
"""

GRANTS = """
grant select, insert on patients.ladder to hjv_patients;
grant select on patients.ladder to hjv_alerts;
-- The language of a reminder, and nothing else of the person.
grant select (org, id, language) on patients.patient to hjv_alerts;
"""
