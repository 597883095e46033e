"""Who may read what a sensitive programme holds; what alerts must know of forms."""

from shared import migrations

revision = "patients_0004"
down_revision = "patients_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(GROUPS + INDEXES + GRANTS)


GROUPS = """
-- Access groups: the slug of a sensitive programme, or 'sensitive' for all of them.
alter table patients.staff add column groups text[] not null default '{}';
"""

INDEXES = """
create index quarantine_alarms on ledger.quarantine (org)
    where state in ('waiting', 'replaying') and extra ? 'alarm';
-- Forms are compared over more than a year, readings over some weeks.
create index reading_answers on ledger.reading (org, patient_id, at) where type = 'answers';
"""

GRANTS = """
-- Some questionnaires have other bands for women and men.
grant select (org, id, sex) on patients.patient to hjv_alerts;
-- Which answers of a form that waits are red by themselves; the answers themselves stay unread.
grant select (extra) on ledger.quarantine to hjv_alerts;
"""
