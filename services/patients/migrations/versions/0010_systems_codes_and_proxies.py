"""Systems by their client, secrets that overlap, enrolment codes, relatives, researchers."""

from shared import migrations

revision = "patients_0010"
down_revision = "patients_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(SYSTEMS + CODES + PROXIES + RESEARCHERS + GRANTS)
    migrations.fence("patients", but=("secret",))


SYSTEMS = """
-- The name by which an identity provider knows a system; its tokens speak as this credential.
alter table patients.credential add column client_id text;
create unique index one_credential_per_client
    on patients.credential (org, client_id) where client_id is not null and revoked_at is null;

-- Null: as long as the credential is in force. An earlier secret serves until then.
alter table patients.secret add column until timestamptz;
"""

CODES = """
-- By the hash of the code, which is all that whoever redeems it brings.
create table patients.enrolment_code (
    org text not null,
    hash bytea not null,
    cred text not null,
    made_at timestamptz not null,
    made_by text not null,
    until timestamptz not null,
    redeemed_at timestamptz,
    withdrawn_at timestamptz,
    primary key (org, hash),
    foreign key (org, cred) references patients.credential (org, cred)
);
create index enrolment_code_by_hash on patients.enrolment_code (hash);
create index enrolment_code_of_credential on patients.enrolment_code (org, cred);
"""

PROXIES = """
-- Whom a patient lets see what, from when to when.
create table patients.proxy (
    org text not null,
    id uuid not null,
    patient_id uuid not null,
    name text not null,
    relation text not null,
    may text[] not null,
    valid tstzrange not null,
    given_at timestamptz not null,
    given_by text not null,
    given_role text not null,
    ended_at timestamptz,
    ended_by text,
    primary key (org, id),
    foreign key (org, patient_id) references patients.patient (org, id),
    check (not lower_inf(valid) and not upper_inf(valid) and not isempty(valid))
);
create index proxy_of_patient on patients.proxy (org, patient_id);

-- The relative's national number as its keyed hash, under each key; the number itself is not kept.
create table patients.proxy_number (
    org text not null,
    hash bytea not null,
    proxy_id uuid not null,
    key text not null,
    primary key (org, hash, proxy_id),
    foreign key (org, proxy_id) references patients.proxy (org, id)
);
create index number_of_proxy on patients.proxy_number (org, proxy_id);
"""

RESEARCHERS = """
alter table patients.staff drop constraint staff_role_check;
alter table patients.staff add constraint staff_role_check
    check (role in ('nurse', 'physician', 'administrator', 'auditor', 'researcher'));
"""

GRANTS = """
grant select, insert on patients.enrolment_code, patients.proxy, patients.proxy_number
    to hjv_patients;
grant update (redeemed_at, withdrawn_at) on patients.enrolment_code to hjv_patients;
grant update (ended_at, ended_by) on patients.proxy to hjv_patients;
grant update (until) on patients.secret to hjv_patients;
-- Who holds a token is told at every door, also where he then may nothing.
grant select (org, id, patient_id, name, may, valid, given_at, ended_at) on patients.proxy
    to hjv_alerts;
grant select on patients.proxy_number to hjv_alerts;
grant select (org, cred, client_id, kind, label, revoked_at) on patients.credential to hjv_alerts;
"""
