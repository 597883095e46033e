"""Who has signed a version of a programme for the hospital."""

from shared import migrations

revision = "patients_0015"
down_revision = "patients_0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(TABLES)
    migrations.fence("patients", but=("secret",))


TABLES = """
-- `digest` is of what the version said when it was read: files that are changed afterwards are not
-- what was signed. Nobody signs one version twice.
create table patients.programme_signature (
    org text not null,
    id uuid not null,
    programme text not null,
    version text not null,
    digest text not null,
    seat text not null check (seat in ('clinical-owner', 'nurse', 'second-physician')),
    words text not null,
    at timestamptz not null default clock_timestamp(),
    by text not null,
    by_name text not null,
    hpr text,
    primary key (org, id),
    unique (org, programme, version, digest, by)
);
grant select, insert on patients.programme_signature to hjv_patients;
"""
