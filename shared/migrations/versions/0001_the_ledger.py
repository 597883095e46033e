"""The ledger: tables of facts, receipts, quarantine and hand-over, and their laws in SQL."""

from pathlib import Path

from shared import migrations

revision = "ledger_0001"
down_revision = None
branch_labels = None
depends_on = None

STEPS = ("tables", "whose", "append", "refile", "release", "take", "partitions", "grants")


def upgrade() -> None:
    # The patients' tables that `whose` reads come with the next history.
    migrations.script("set local check_function_bodies = off")
    for step in STEPS:
        migrations.script((Path(__file__).parent / "0001" / f"{step}.sql").read_text())


def downgrade() -> None:
    raise RuntimeError("Facts are never thrown away: restore a backup instead.")
