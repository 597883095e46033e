"""The record's set-up pages say when a device was last heard: the intake has counted it."""

from shared import migrations

revision = "patients_0014"
down_revision = "patients_0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script("grant select on ledger.traffic to hjv_patients;")


def downgrade() -> None:
    raise RuntimeError("To take the grant back, restore a backup instead.")
