"""What is told to people: how far an alert has climbed its ladder, and messages on their way."""

from shared import migrations

revision = "alerts_0003"
down_revision = "alerts_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(CLIMB + NOTIFICATION + GRANTS)


CLIMB = """
-- One row per alert that somebody should hear of, written in the transaction that raises, worsens
-- or brings back. `planned` false: told anew since it was last looked at. next_at: when the turn of
-- the next step comes; null: nobody further is told, or (step 0) the unit has no ladder. set_at:
-- when next_at was reckoned, so that a clock set back cannot put it off. unit_id 0: no unit's
-- alert, for every unit with a ladder. at_last: the end of the ladder has been reached.
create table alerts.climb (
    org text not null,
    alert_id uuid not null,
    unit_id uuid not null,
    patient_id uuid not null,
    step integer not null default 0,
    planned boolean not null default false,
    ended boolean not null default false,
    at_last boolean not null default false,
    why text not null,
    told_at timestamptz not null,
    stepped_at timestamptz,
    next_at timestamptz,
    set_at timestamptz not null,
    primary key (org, alert_id, unit_id)
) with (fillfactor = 70);
create index climb_due on alerts.climb (org, next_at) where next_at is not null;
create index climb_without_ladder on alerts.climb (org, unit_id)
    where next_at is null and step = 0 and not ended;
"""

NOTIFICATION = """
-- A message to one person or place. `id` is the same in every attempt, by every channel. `routes`
-- are the channels in their order, `place` the one whose turn it is. While a message waits, what
-- else is to be told there joins it. Attempts are kept in `tries`.
create table alerts.notification (
    org text not null,
    id uuid not null,
    kind text not null check (kind in ('alert', 'reminder', 'test')),
    key text not null,
    unit_id uuid not null,
    patient_id uuid,
    alerts uuid[] not null default '{}',
    step integer,
    who text,
    rank smallint not null,
    sensitive boolean not null default false,
    language text not null,
    routes jsonb not null,
    place smallint not null default 0,
    body jsonb not null default '{}',
    state text not null default 'waiting' check (state in
        ('waiting', 'sending', 'delivered', 'failed', 'undeliverable', 'superseded')),
    attempts integer not null default 0,
    tries jsonb not null default '[]',
    made_at timestamptz not null,
    changed_at timestamptz not null,
    next_at timestamptz,
    sent_at timestamptz,
    settled_at timestamptz,
    primary key (org, id)
) with (fillfactor = 70);
create unique index notification_joined on alerts.notification (org, key)
    where state = 'waiting';
create index notification_due on alerts.notification (org, next_at)
    where state in ('waiting', 'sending', 'failed');
create index notification_to_one_place on alerts.notification (org, key, sent_at)
    where sent_at is not null;
create index notification_of_unit on alerts.notification (org, unit_id, made_at desc, id desc);
create index notification_of_alert on alerts.notification using gin (alerts);
"""

GRANTS = """
grant select, insert, update, delete on alerts.climb to hjv_alerts;
grant select, insert, update on alerts.notification to hjv_alerts;
"""
