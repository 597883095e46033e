"""Emergency access is opened from the nurse's page as well, which writes it where it belongs."""

from shared import migrations

revision = "alerts_0006"
down_revision = "alerts_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script("grant insert on patients.emergency to hjv_alerts;")


def downgrade() -> None:
    migrations.script("revoke insert on patients.emergency from hjv_alerts;")
