"""Each nurse's own filters of the list, by name."""

from shared import migrations

revision = "alerts_0011"
down_revision = "alerts_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(TABLE)


def downgrade() -> None:
    migrations.script("drop table alerts.saved_filter;")


# What the address of a filtered list carries; nothing of a patient.
TABLE = """
create table alerts.saved_filter (
    org text not null,
    staff_id text not null,
    name text not null,
    query jsonb not null,
    made_at timestamptz not null default clock_timestamp(),
    primary key (org, staff_id, name)
);
alter table alerts.saved_filter enable row level security;
create policy not_fenced on alerts.saved_filter to hjv_alerts using (true) with check (true);
grant select, insert, delete on alerts.saved_filter to hjv_alerts;
grant update (query) on alerts.saved_filter to hjv_alerts;
"""
