"""What a second clinician confirms, and which version of a programme an organisation judges by."""

from shared import migrations

revision = "patients_0002"
down_revision = "patients_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(PROPOSALS + ACTIVATIONS + GRANTS)


PROPOSALS = """
-- What would make a red rule speak less waits here until another clinician has confirmed it.
create table patients.proposal (
    org text not null,
    id uuid not null,
    patient_id uuid not null,
    about text not null check (about in ('limit', 'spo2-scale')),
    programme text not null,
    name text not null,
    before numeric,
    value numeric,
    rules text[] not null,
    reason text not null,
    prescriber text,
    wanted_from timestamptz not null,
    proposed_at timestamptz not null,
    by text not null,
    role text not null,
    state text not null default 'awaiting-second'
        check (state in ('awaiting-second', 'confirmed', 'withdrawn')),
    settled_at timestamptz,
    settled_by text,
    settled_why text,
    primary key (org, id),
    foreign key (org, patient_id) references patients.patient (org, id),
    check ((state = 'awaiting-second') = (settled_at is null)),
    check (state <> 'confirmed' or settled_by <> by)
);
create unique index one_proposal_waiting
    on patients.proposal (org, patient_id, about, programme, name)
    where state = 'awaiting-second';
create index proposal_by_patient on patients.proposal (org, patient_id, proposed_at);

alter table patients.personal_limit add column confirmed_by text;
alter table patients.spo2_scale add column confirmed_by text, add column prescriber text;
"""

ACTIVATIONS = """
-- Append-only: the latest row of a programme says which version the organisation judges by.
create table patients.activation (
    org text not null,
    id uuid not null,
    programme text not null,
    version text not null,
    reason text not null,
    at timestamptz not null,
    by text not null,
    primary key (org, id)
);
create index activation_in_force on patients.activation (org, programme, at);
"""

GRANTS = """
grant select, insert on patients.proposal, patients.activation to hjv_patients;
grant update (state, settled_at, settled_by, settled_why) on patients.proposal to hjv_patients;
"""
