"""Append: a short way for the plain readings that nearly every batch consists of."""

from pathlib import Path

from shared import migrations

revision = "ledger_0004"
down_revision = "ledger_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The patients' tables that `holder` reads come with the next history.
    migrations.script("set local check_function_bodies = off")
    migrations.script((Path(__file__).parent / "0004" / "append.sql").read_text())


def downgrade() -> None:
    raise RuntimeError("Facts are never thrown away: restore a backup instead.")
