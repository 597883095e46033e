"""What is expected of one patient and undecided, found without reading all that was ever expected
of him: a page of the list asks it of everybody on it.
"""

from shared import migrations

revision = "alerts_0014"
down_revision = "alerts_0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(INDEX)


def downgrade() -> None:
    migrations.script("drop index alerts.due_undecided_of_patient;")


INDEX = """
create index due_undecided_of_patient on alerts.due (org, patient_id, grace_until)
    where satisfied_by is null and missed_at is null;
"""
