"""Devices on which a patient has asked to be told that something waits for him."""

from shared import migrations

revision = "patients_0011"
down_revision = "patients_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(DEVICES + GRANTS)
    migrations.fence("patients", but=("secret",))


def downgrade() -> None:
    raise RuntimeError("Who asked to be told is not thrown away: restore a backup instead.")


DEVICES = """
-- By the hash of the address that the device's push service gave it: one device is one row, and
-- belongs to whoever asked last, because two people may share a telephone. p256dh and auth are the
-- device's keys: what is sent is encrypted for it, and the push service cannot read it.
create table patients.push_subscription (
    org text not null,
    hash bytea not null,
    patient_id uuid not null,
    endpoint text not null,
    p256dh bytea not null,
    auth bytea not null,
    made_at timestamptz not null,
    primary key (org, hash),
    foreign key (org, patient_id) references patients.patient (org, id)
);
create index push_subscription_of_patient on patients.push_subscription (org, patient_id);
"""

GRANTS = """
grant select, insert, update, delete on patients.push_subscription to hjv_patients;
grant select (org, hash, patient_id, endpoint, p256dh, auth), delete
    on patients.push_subscription to hjv_alerts;
"""
