"""What a patient's own values say of his limits when the trial weeks are over."""

from shared import migrations

revision = "patients_0017"
down_revision = "patients_0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(SUGGESTED)
    migrations.fence("patients", but=("secret",))


SUGGESTED = """
-- When the readings of an enrolment are next looked at, and how long after that again; null: they
-- have said what they can.
alter table patients.enrolment
    add column look_at timestamptz default now(),
    add column look_every interval not null default interval '1 minute';
create index enrolments_to_look_at on patients.enrolment (org, look_at)
    where ended_at is null and look_at is not null;
grant update (look_at, look_every) on patients.enrolment to hjv_patients;

-- One limit of one patient. `waiting` for a clinician's word since `since`; `kept`: the number in
-- force was kept, and `value` is asked about again at `again_at`; `decided`: there is a decision,
-- or one waits for a second clinician.
create table patients.suggested_limit (
    org text not null,
    patient_id uuid not null,
    programme text not null,
    name text not null,
    state text not null check (state in ('waiting', 'kept', 'decided')),
    since timestamptz not null,
    value numeric not null,
    median numeric not null,
    spread numeric not null,
    n integer not null,
    first date not null,
    last date not null,
    settled_at timestamptz,
    settled_by text,
    why text,
    again_at timestamptz,
    primary key (org, patient_id, programme, name),
    foreign key (org, patient_id) references patients.patient (org, id)
);
create index suggested_limits_waiting on patients.suggested_limit (org, since, patient_id)
    where state = 'waiting';
grant select, insert on patients.suggested_limit to hjv_patients;
grant update (state, since, value, median, spread, n, first, last, settled_at, settled_by, why,
    again_at) on patients.suggested_limit to hjv_patients;
grant delete on patients.suggested_limit to hjv_patients;
grant select on patients.suggested_limit to hjv_alerts;
grant update (state, since, settled_at, settled_by, why, again_at) on patients.suggested_limit
    to hjv_alerts;
"""
