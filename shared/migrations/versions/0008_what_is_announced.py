"""What devices announce of themselves: suggestions that staff turn into a device and its holder."""

from shared import migrations

revision = "ledger_0008"
down_revision = "ledger_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(SUGGESTIONS + GRANTS)
    migrations.fence("ledger", but=("organisation", "handover"))


# Written by the intake beside its commits; decided by staff. `kinds` is what it can be by its unit,
# `likely` the one that it is called; `read_by` the row of the gateway table that reads the topic
# already. Taken: `kind` is what a person said that it measures, `slot` what it is bound under.
SUGGESTIONS = """
create table ledger.suggestion (
    org text not null,
    id uuid not null,
    cred text not null,
    topic text not null,
    path text not null,
    name text not null,
    unit text not null,
    kinds text[] not null,
    likely text,
    manufacturer text,
    model text,
    serial text not null,
    read_by text,
    first_at timestamptz not null,
    last_at timestamptz not null,
    state text not null default 'open' check (state in ('open', 'taken', 'dismissed')),
    kind text,
    slot text,
    device_id uuid,
    decided_at timestamptz,
    decided_by text,
    primary key (org, id),
    unique (org, cred, topic, path),
    check (state <> 'taken' or (kind is not null and slot is not null))
);
"""

GRANTS = """
grant select, insert, update on ledger.suggestion to hjv_ingest;
grant select on ledger.suggestion to hjv_patients, hjv_alerts;
grant update (state, kind, slot, device_id, decided_at, decided_by) on ledger.suggestion
    to hjv_patients;
"""
