"""What patients write to their unit: who has seen it, by when it is answered, and who has it."""

from shared import migrations

revision = "alerts_0009"
down_revision = "alerts_0008"
branch_labels = None
depends_on = None

READ = ("message", "conversation")


def upgrade() -> None:
    migrations.script(MESSAGE + CONVERSATION + ANSWER + GRANTS)
    for table in READ:
        migrations.script(FENCE.format(table=table))


def downgrade() -> None:
    raise RuntimeError("What was asked and answered is never thrown away: restore a backup.")


MESSAGE = """
-- One row per message of a patient's, by the fact it became; its words stay in the ledger.
-- `promised_at` is reckoned once, by the unit's hours as they were when it came: null when nobody
-- ever watches. `late_at`: when the unit was told that the promise was not kept.
create table alerts.message (
    org text not null,
    fact_id uuid not null,
    patient_id uuid not null,
    at timestamptz not null,
    received_at timestamptz not null,
    promised_at timestamptz,
    seen_at timestamptz,
    seen_by text,
    seen_by_name text,
    settled_at timestamptz,
    settled_by text,
    settled_by_name text,
    outcome text check (outcome in ('answered', 'closed', 'withdrawn')),
    answer_id uuid,
    late_at timestamptz,
    primary key (org, fact_id)
);
create index message_of_patient on alerts.message (org, patient_id, received_at);
create index message_past_promise on alerts.message (org, promised_at)
    where settled_at is null and late_at is null;
"""

CONVERSATION = """
-- One row per patient who has written or been written to. `version` counts messages and moves, so
-- that an answer covers what was on the screen. `offered_to` is the unit it is handed over to,
-- until that unit answers. `waiting_since`: the oldest message that is not answered; null: none.
-- `history` only grows.
create table alerts.conversation (
    org text not null,
    patient_id uuid not null,
    unit_id uuid not null,
    version integer not null default 1,
    waiting_since timestamptz,
    promised_at timestamptz,
    assignee text,
    assignee_name text,
    assigned_at timestamptz,
    offered_to uuid,
    changed_at timestamptz not null,
    history jsonb not null default '[]',
    primary key (org, patient_id)
);
create index conversation_waiting on alerts.conversation (org, unit_id, waiting_since)
    where waiting_since is not null;
create index conversation_offered on alerts.conversation (org, offered_to)
    where offered_to is not null;
"""

# That an answer has come is told to the patient as a reminder is: without a word of what it says.
ANSWER = """
alter table alerts.notification drop constraint notification_kind_check;
alter table alerts.notification add constraint notification_kind_check
    check (kind in ('alert', 'reminder', 'answer', 'test'));
"""

GRANTS = """
grant select, insert on alerts.message, alerts.conversation to hjv_alerts;
grant update (promised_at, seen_at, seen_by, seen_by_name, settled_at, settled_by, settled_by_name,
              outcome, answer_id, late_at) on alerts.message to hjv_alerts;
grant update (unit_id, version, waiting_since, promised_at, assignee, assignee_name, assigned_at,
              offered_to, changed_at, history) on alerts.conversation to hjv_alerts;
grant select (org, fact_id, patient_id, promised_at, seen_at, seen_by_name, settled_at, outcome,
              answer_id) on alerts.message to hjv_patients;
grant select (org, patient_id, unit_id, waiting_since, promised_at, assignee_name, assigned_at)
    on alerts.conversation to hjv_patients;
"""

FENCE = """
alter table alerts.{table} enable row level security;
create policy own_organisation on alerts.{table} to hjv_patients
    using (org = coalesce(nullif(current_setting('hjemvakt.org', true), ''), org));
create policy not_fenced on alerts.{table} to hjv_alerts using (true) with check (true);
"""
