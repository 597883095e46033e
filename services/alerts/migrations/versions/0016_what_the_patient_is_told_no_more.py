"""The patient's own page reads whether a finding still stands: what was withdrawn is not told."""

from shared import migrations

revision = "alerts_0016"
down_revision = "alerts_0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script("grant select (gone_at) on alerts.finding to hjv_patients;")


def downgrade() -> None:
    migrations.script("revoke select (gone_at) on alerts.finding from hjv_patients;")
