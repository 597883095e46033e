"""Alerts: what was found, what was raised, what people did about it, and the list they see."""

from shared import migrations

revision = "alerts_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(STATE + FINDINGS + ALERTS + DUE + WORKLIST + GRANTS)


def downgrade() -> None:
    raise RuntimeError("What was raised and moved is never thrown away: restore a backup instead.")


STATE = """
-- One row per patient, locked before anything else about the patient is read or written. The
-- patient ...0000 stands for the platform. `version` counts every change, so that a copy in a
-- process's memory knows whether it is still true. judged_at: facts; listened_at: silence too.
-- wakes_at: when time alone will change something.
create table alerts.state (
    org text not null,
    patient_id uuid not null,
    version bigint not null default 0,
    name text,
    born date,
    number text,
    unit_id uuid,
    deceased boolean not null default false,
    judged_at timestamptz,
    listened_at timestamptz,
    wakes_at timestamptz,
    checked_at timestamptz,
    seen_at timestamptz,
    seen_by text,
    crashes integer not null default 0,
    rests_until timestamptz,
    primary key (org, patient_id)
) with (fillfactor = 70);

create index state_to_wake on alerts.state (org, wakes_at) where wakes_at is not null;
create index state_to_check on alerts.state (org, checked_at nulls first);

-- Written by each loop after real work; a loop that stands still is seen by its age.
create table alerts.heartbeat (
    org text not null,
    worker text not null,
    at timestamptz not null,
    body jsonb not null default '{}',
    primary key (org, worker)
) with (fillfactor = 50);
"""

FINDINGS = """
create table alerts.finding (
    org text not null,
    patient_id uuid not null,
    id uuid not null,
    alert_id uuid not null,
    programme text not null,
    rule text not null,
    "group" text not null,
    colour text not null check (colour in ('red', 'yellow')),
    lane text not null check (lane in ('clinical', 'technical')),
    emergency boolean not null,
    at timestamptz not null,
    facts uuid[] not null,
    body jsonb not null,
    late boolean not null,
    raised_at timestamptz not null,
    gone_at timestamptz,
    primary key (org, patient_id, id)
);
create index finding_of_alert on alerts.finding (org, alert_id, raised_at);
create index finding_in_force on alerts.finding (org, patient_id, at) where gone_at is null;
"""

ALERTS = """
create table alerts.alert (
    org text not null,
    id uuid not null,
    patient_id uuid not null,
    unit_id uuid,
    programme text not null,
    "group" text not null,
    lane text not null check (lane in ('clinical', 'technical')),
    rule text not null,
    colour text not null check (colour in ('red', 'yellow')),
    emergency boolean not null default false,
    state text not null check (state in ('open', 'acknowledged', 'closed')),
    version integer not null,
    opened_at timestamptz not null,
    changed_at timestamptz not null,
    notified_at timestamptz not null,
    oldest_unacknowledged timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    acknowledged_until timestamptz,
    snoozed_until timestamptz,
    assignee text,
    assignee_name text,
    assigned_at timestamptz,
    basis_changed boolean not null default false,
    late boolean not null default false,
    retake boolean not null default false,
    cause text,
    closed_at timestamptz,
    body jsonb not null,
    primary key (org, id)
);
create unique index one_open_alert_per_group
    on alerts.alert (org, patient_id, programme, "group") where state <> 'closed';
create index alert_of_patient on alerts.alert (org, patient_id, opened_at desc);
create index alert_not_closed on alerts.alert (org, patient_id) where state <> 'closed';

-- Append-only. Ordered by the version the mover saw, never by time; `seen` are the findings on
-- the screen then. `by` is a member of staff, or 'system'.
create table alerts.move (
    org text not null,
    alert_id uuid not null,
    version integer not null,
    patient_id uuid not null,
    move text not null,
    by text not null,
    by_name text not null,
    at timestamptz not null,
    seen uuid[] not null,
    state text not null,
    colour text not null,
    note text,
    outcome text,
    until timestamptz,
    assignee text,
    body jsonb not null default '{}',
    primary key (org, alert_id, version)
);
create index move_of_patient on alerts.move (org, patient_id);
"""

DUE = """
-- What the plan expects, per local day and slot. Satisfied or missed, never both undecided for
-- longer than its grace.
create table alerts.due (
    org text not null,
    patient_id uuid not null,
    plan text not null,
    local_day date not null,
    slot text not null,
    kind text not null,
    opens_at timestamptz not null,
    due_at timestamptz not null,
    grace_until timestamptz not null,
    satisfied_by uuid,
    missed_at timestamptz,
    primary key (org, patient_id, plan, local_day, slot)
);
create index due_undecided on alerts.due (org, grace_until)
    where satisfied_by is null and missed_at is null;
create index due_by_day on alerts.due (org, due_at);
"""

WORKLIST = """
-- The row a nurse sees, written in the transaction of what it shows. rank: 0 red, 1 yellow,
-- 2 green. An index walks it in the list's own order: what waits unacknowledged longest first,
-- then what has got worse fastest.
create table alerts.worklist_row (
    org text not null,
    unit_id uuid not null,
    patient_id uuid not null,
    rank smallint not null,
    waiting_since timestamptz not null default 'infinity',
    calm smallint not null default 0,
    technical boolean not null,
    programmes text[] not null,
    assignees text[] not null,
    states text[] not null,
    body jsonb not null,
    primary key (org, unit_id, patient_id)
) with (fillfactor = 70);
create index worklist_in_order
    on alerts.worklist_row (org, unit_id, rank, waiting_since, calm, patient_id);
create index worklist_of_patient on alerts.worklist_row (org, patient_id);
"""

GRANTS = """
grant usage on schema alerts to hjv_alerts;
grant select, insert, update on alerts.state, alerts.finding, alerts.alert, alerts.heartbeat
    to hjv_alerts;
grant select, insert, update, delete on alerts.due, alerts.worklist_row to hjv_alerts;
grant select, insert on alerts.move to hjv_alerts;
"""
