"""A limit that is kept, though his own values suggest another, is decided from the page too."""

from shared import migrations

revision = "alerts_0015"
down_revision = "alerts_0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(DECIDED)


DECIDED = """
alter policy decided_from_the_page on ledger.decision
    with check (type in ('contact-logged', 'limit-set', 'limit-proposed',
                         'limit-proposal-withdrawn', 'limit-kept'));
"""
