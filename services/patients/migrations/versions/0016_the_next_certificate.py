"""A certificate beside its successor, and who has signed it."""

from shared import migrations

revision = "patients_0016"
down_revision = "patients_0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(CERTIFICATES)


CERTIFICATES = """
-- `authority`: the id of the key that signed it; null before it was written down. `ends_at`: it has
-- a successor, and serves beside it until then.
alter table patients.certificate add column authority text, add column ends_at timestamptz;
drop index patients.one_certificate_per_credential;
create unique index one_certificate_per_credential
    on patients.certificate (org, cred) where withdrawn_at is null and ends_at is null;
create index certificates_of_a_credential on patients.certificate (org, cred, made_at);
grant update (authority, ends_at) on patients.certificate to hjv_patients;
"""
