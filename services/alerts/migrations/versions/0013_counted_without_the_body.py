"""What the list counts of its rows, kept beside the body: without it each count reads every body.

Kept by PostgreSQL out of the body itself, so that the two cannot differ.
"""

from shared import migrations

revision = "alerts_0013"
down_revision = "alerts_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(COLUMNS)


def downgrade() -> None:
    migrations.script("alter table alerts.worklist_row drop column paused, drop column clinical;")


COLUMNS = """
alter table alerts.worklist_row
    add column paused boolean
        generated always as (coalesce(body -> 'paused' <> 'null', false)) stored,
    add column clinical boolean
        generated always as (coalesce(
            jsonb_path_exists(body, '$.alerts[*] ? (@.lane == "clinical")'), false)) stored;
"""
