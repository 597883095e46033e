"""The nurse's page writes down contacts, and sets limits by the record's rules."""

from shared import migrations

revision = "alerts_0010"
down_revision = "alerts_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(GRANTS)


def downgrade() -> None:
    raise RuntimeError("To take the grants back, restore a backup instead.")


# Of all that can be decided about a patient only this is decided from the page.
GRANTS = """
grant insert on ledger.decision to hjv_alerts;
create policy decided_from_the_page on ledger.decision as restrictive for insert to hjv_alerts
    with check (type in ('contact-logged', 'limit-set', 'limit-proposed',
                         'limit-proposal-withdrawn'));
grant select, insert on patients.personal_limit, patients.proposal to hjv_alerts;
grant update (state, settled_at, settled_by, settled_why) on patients.proposal to hjv_alerts;
"""
