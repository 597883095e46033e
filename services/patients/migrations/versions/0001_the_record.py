"""The record: people, teams, devices, who holds what when, and who looked at whom."""

from shared import migrations

revision = "patients_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(UNITS + PATIENTS + CARE + DEVICES + LOG + GRANTS)


UNITS = """
create table patients.unit (
    org text not null,
    id uuid not null,
    name text not null,
    short text not null,
    watching jsonb not null,
    created_at timestamptz not null default now(),
    primary key (org, id),
    unique (org, name)
);

create table patients.staff (
    org text not null,
    id uuid not null,
    name text not null,
    role text not null check (role in ('nurse', 'physician', 'administrator', 'auditor')),
    units uuid[] not null,
    hpr text,
    created_at timestamptz not null default now(),
    left_at timestamptz,
    primary key (org, id)
);
"""

PATIENTS = """
create sequence patients.number as bigint start 900001;

create table patients.patient (
    org text not null,
    id uuid not null,
    number text not null,
    name text not null,
    born date not null,
    sex text check (sex in ('female', 'male', 'other')),
    language text not null,
    unit_id uuid not null,
    deceased_at timestamptz,
    created_at timestamptz not null default now(),
    created_by text not null,
    primary key (org, id),
    unique (org, number),
    foreign key (org, unit_id) references patients.unit (org, id)
);
create index patient_by_name on patients.patient (org, lower(name), id);
create index patient_by_unit on patients.patient (org, unit_id);

-- A number is looked up by its keyed hash; the number itself is sealed.
create table patients.identifier (
    org text not null,
    hash bytea not null,
    system text not null,
    sealed bytea not null,
    patient_id uuid not null,
    created_at timestamptz not null default now(),
    primary key (org, hash),
    foreign key (org, patient_id) references patients.patient (org, id)
);
create index identifier_by_patient on patients.identifier (org, patient_id);
"""

CARE = """
create table patients.enrolment (
    org text not null,
    id uuid not null,
    patient_id uuid not null,
    programme text not null,
    unit_id uuid not null,
    plan jsonb,
    started_at timestamptz not null,
    started_by text not null,
    ended_at timestamptz,
    ended_by text,
    end_reason text,
    primary key (org, id),
    foreign key (org, patient_id) references patients.patient (org, id),
    foreign key (org, unit_id) references patients.unit (org, id),
    check (ended_at >= started_at)
);
create unique index one_enrolment_per_programme
    on patients.enrolment (org, patient_id, programme) where ended_at is null;
create index enrolment_by_unit on patients.enrolment (org, unit_id) where ended_at is null;

-- Append-only: the row with the latest valid_from that has come is in force; value null is
-- "back to the programme's default".
create table patients.personal_limit (
    org text not null,
    id uuid not null,
    patient_id uuid not null,
    programme text not null,
    name text not null,
    value numeric,
    reason text not null,
    valid_from timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    by text not null,
    primary key (org, id),
    foreign key (org, patient_id) references patients.patient (org, id)
);
create index personal_limit_in_force
    on patients.personal_limit (org, patient_id, programme, name, valid_from, recorded_at);

create table patients.spo2_scale (
    org text not null,
    id uuid not null,
    patient_id uuid not null,
    scale smallint not null check (scale in (1, 2)),
    reason text not null,
    valid_from timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    by text not null,
    primary key (org, id),
    foreign key (org, patient_id) references patients.patient (org, id)
);
create index spo2_scale_in_force
    on patients.spo2_scale (org, patient_id, valid_from, recorded_at);

create table patients.pause (
    org text not null,
    id uuid not null,
    patient_id uuid not null,
    span tstzrange not null,
    reason text not null,
    by text not null,
    recorded_at timestamptz not null default now(),
    ended_at timestamptz,
    ended_by text,
    primary key (org, id),
    foreign key (org, patient_id) references patients.patient (org, id),
    constraint one_pause_at_a_time exclude using gist (
        org with =, patient_id with =, span with &&)
);
"""

DEVICES = """
create table patients.device (
    org text not null,
    id uuid not null,
    manufacturer text not null,
    model text not null,
    serial text,
    unit_id uuid not null,
    note text,
    created_at timestamptz not null default now(),
    retired_at timestamptz,
    primary key (org, id),
    foreign key (org, unit_id) references patients.unit (org, id),
    unique (org, manufacturer, model, serial)
);

create table patients.credential (
    org text not null,
    cred text not null,
    kind text not null check (kind in ('device', 'app', 'system')),
    secret_hash bytea not null,
    mqtt_hash text not null,
    label text not null,
    unit_id uuid,
    device_id uuid,
    created_at timestamptz not null default now(),
    created_by text not null,
    rotated_at timestamptz,
    revoked_at timestamptz,
    primary key (org, cred),
    foreign key (org, unit_id) references patients.unit (org, id),
    foreign key (org, device_id) references patients.device (org, id),
    check (kind = 'system' or unit_id is not null)
);

-- Which organisation a bearer secret belongs to is not known before it is looked up, so this one
-- table is not keyed by organisation: a reference table. It holds only secrets in force.
create table patients.secret (
    secret_hash bytea primary key,
    org text not null,
    cred text not null
);

-- Two holders at one moment cannot exist. A withdrawn binding keeps its row with an empty range;
-- `was` says what it had been.
create table patients.binding (
    org text not null,
    id uuid not null,
    cred text not null,
    slot text not null default '',
    device_id uuid,
    patient_id uuid not null,
    valid tstzrange not null,
    recorded_at timestamptz not null default now(),
    recorded_by text not null,
    changed_at timestamptz,
    changed_by text,
    withdrawn_at timestamptz,
    was tstzrange,
    primary key (org, id),
    foreign key (org, cred) references patients.credential (org, cred),
    foreign key (org, device_id) references patients.device (org, id),
    foreign key (org, patient_id) references patients.patient (org, id),
    check (isempty(valid) or not lower_inf(valid)),
    constraint one_holder_at_a_time exclude using gist (
        org with =, cred with =, slot with =, valid with &&)
);
-- The intake's look-up, many times a second: the exclusion index would be ten times slower.
create index binding_by_holder on patients.binding (
    org collate "C", cred collate "C", slot collate "C") include (patient_id, valid);
create index binding_by_patient on patients.binding (org, patient_id);
"""

LOG = """
-- Append-only: no role may update or delete.
create table patients.access_log (
    org text not null,
    id uuid not null default gen_random_uuid(),
    at timestamptz not null default clock_timestamp(),
    by text not null,
    role text not null,
    patient_id uuid not null,
    what text not null,
    why text not null,
    request_id text,
    outcome text not null default 'shown' check (outcome in ('shown', 'changed', 'refused')),
    primary key (org, id)
);
create index access_log_by_patient on patients.access_log (org, patient_id, at desc, id desc);
"""

GRANTS = """
grant usage on schema patients to hjv_patients, hjv_ingest, hjv_alerts;

grant select, insert, update on patients.unit, patients.staff, patients.patient,
    patients.enrolment, patients.pause, patients.device, patients.credential, patients.binding
    to hjv_patients;
grant select, insert on patients.identifier, patients.personal_limit, patients.spo2_scale,
    patients.access_log to hjv_patients;
grant select, insert, delete on patients.secret to hjv_patients;
grant usage on sequence patients.number to hjv_patients;

grant select on patients.unit, patients.credential, patients.secret, patients.binding
    to hjv_ingest;
grant select (org, id, unit_id, deceased_at) on patients.patient to hjv_ingest;
grant select (org, hash, patient_id) on patients.identifier to hjv_ingest;

grant select on patients.unit, patients.staff to hjv_alerts;
grant insert on patients.access_log to hjv_alerts;
"""
