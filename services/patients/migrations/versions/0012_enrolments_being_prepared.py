"""What a nurse has filled in of an enrolment that has not begun yet."""

from shared import migrations

revision = "patients_0012"
down_revision = "patients_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(DRAFTS)
    migrations.fence("patients", but=("secret",))


DRAFTS = """
-- `typed` is what stands in the five steps as it was typed; nothing of it counts before the
-- enrolment begins. `began_at` null: it can be gone on with. `cred`: what was made for the patient.
create table patients.enrolment_draft (
    org text not null,
    id uuid not null,
    patient_id uuid not null,
    typed jsonb not null,
    by text not null,
    changed_at timestamptz not null,
    began_at timestamptz,
    enrolment_id uuid,
    cred text,
    primary key (org, id),
    foreign key (org, patient_id) references patients.patient (org, id)
);
create unique index one_open_draft_per_patient
    on patients.enrolment_draft (org, patient_id) where began_at is null;
grant select, insert, delete on patients.enrolment_draft to hjv_patients;
grant update (typed, by, changed_at, began_at, enrolment_id, cred)
    on patients.enrolment_draft to hjv_patients;
"""
