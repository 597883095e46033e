"""Photos and documents: the files beside the facts that name them."""

from pathlib import Path

from shared import migrations

revision = "ledger_0002"
down_revision = "ledger_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script((Path(__file__).parent / "0002" / "attachments.sql").read_text())


def downgrade() -> None:
    raise RuntimeError("Facts are never thrown away: restore a backup instead.")
