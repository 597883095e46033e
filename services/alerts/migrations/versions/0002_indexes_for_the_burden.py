"""What was raised in a time, found without reading all that was ever raised."""

from shared import migrations

revision = "alerts_0002"
down_revision = "alerts_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(INDEXES)


def downgrade() -> None:
    migrations.script("drop index alerts.alert_by_opening; drop index alerts.finding_by_raising;")


INDEXES = """
create index alert_by_opening on alerts.alert (org, unit_id, opened_at);
create index finding_by_raising on alerts.finding (org, raised_at);
"""
