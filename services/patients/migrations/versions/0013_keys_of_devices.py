"""Certificates of devices, the authorities that sign them, and keys that secrets are bound to."""

from shared import migrations

revision = "patients_0013"
down_revision = "patients_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(CERTIFICATES + BOUND + GRANTS)
    migrations.fence("patients", but=("secret",))


CERTIFICATES = """
-- Who signs for an organisation's devices, and its list of withdrawn certificates, for the broker.
-- The authority's key is a file and never here.
create table patients.authority (
    org text primary key,
    certificate text not null,
    withdrawn text not null,
    changed_at timestamptz not null
);

create table patients.certificate (
    org text not null,
    serial text not null,
    cred text not null,
    made_at timestamptz not null,
    until timestamptz not null,
    withdrawn_at timestamptz,
    primary key (org, serial),
    foreign key (org, cred) references patients.credential (org, cred)
);
create unique index one_certificate_per_credential
    on patients.certificate (org, cred) where withdrawn_at is null;
"""

BOUND = """
-- SHA-256 thumbprint (RFC 7638) of the key that a credential's secret is bound to: without a proof
-- made with that key the secret serves for nothing.
alter table patients.credential add column thumbprint text;
"""

GRANTS = """
grant select, insert on patients.authority, patients.certificate to hjv_patients;
grant update (certificate, withdrawn, changed_at) on patients.authority to hjv_patients;
grant update (withdrawn_at) on patients.certificate to hjv_patients;
grant select on patients.authority, patients.certificate to hjv_ingest;
"""
