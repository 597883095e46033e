"""What people owe each other about a patient, and which greens a nurse has looked at."""

from shared import migrations

revision = "alerts_0004"
down_revision = "alerts_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(TASK + REVIEW + GRANTS)


def downgrade() -> None:
    raise RuntimeError("What was asked and looked at is never thrown away: restore a backup.")


TASK = """
-- A reminder, or a task between teams: due at a moment, told then once, and there until it is done.
-- `offered_to` is the unit it is handed over to, until that unit answers. `history` only grows.
create table alerts.task (
    org text not null,
    id uuid not null,
    patient_id uuid not null,
    unit_id uuid not null,
    alert_id uuid,
    text text not null,
    due_at timestamptz not null,
    version integer not null default 1,
    made_at timestamptz not null,
    made_by text not null,
    made_by_name text not null,
    told_at timestamptz,
    offered_to uuid,
    done_at timestamptz,
    done_by text,
    done_by_name text,
    history jsonb not null default '[]',
    primary key (org, id)
);
create index task_not_told on alerts.task (org, due_at) where told_at is null and done_at is null;
create index task_of_patient on alerts.task (org, patient_id);
create index task_not_done on alerts.task (org, unit_id, due_at) where done_at is null;
create index task_offered on alerts.task (org, offered_to)
    where offered_to is not null and done_at is null;
"""

REVIEW = """
-- A green that a nurse has looked at. Never changed but to say that she took it back.
create table alerts.review (
    org text not null,
    patient_id uuid not null,
    at timestamptz not null,
    unit_id uuid not null,
    by text not null,
    by_name text not null,
    as_of timestamptz not null,
    undone_at timestamptz,
    undone_by text,
    primary key (org, patient_id, at)
);
"""

GRANTS = """
grant select, insert on alerts.task, alerts.review to hjv_alerts;
grant update (unit_id, due_at, version, told_at, offered_to, done_at, done_by, done_by_name,
              history) on alerts.task to hjv_alerts;
grant update (undone_at, undone_by) on alerts.review to hjv_alerts;
"""
