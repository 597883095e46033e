"""What the patient's own page reads of alerts: what is expected, what is told, what has been seen.

Read, and not reckoned once more by the record: of what is expected and of what is red there is one
truth, the one that the nurse's list shows. The patient's page runs for one organisation at a time,
so these tables get the fence that the record's tables have.
"""

from shared import migrations

revision = "alerts_0008"
down_revision = "alerts_0007"
branch_labels = None
depends_on = None

READ = ("due", "alert", "finding", "move", "review")


def upgrade() -> None:
    migrations.script(GRANTS)
    for table in READ:
        migrations.script(FENCE.format(table=table))


# Of a move and of a review who it was and what was on the screen, never what was noted.
GRANTS = """
grant usage on schema alerts to hjv_patients;
grant select on alerts.due to hjv_patients;
grant select (org, id, patient_id, programme, rule, colour, lane, state, emergency, opened_at,
              changed_at, body) on alerts.alert to hjv_patients;
grant select (org, patient_id, alert_id, id, facts) on alerts.finding to hjv_patients;
grant select (org, alert_id, patient_id, version, move, by, by_name, at, seen)
    on alerts.move to hjv_patients;
grant select (org, patient_id, at, by, by_name, as_of, undone_at) on alerts.review to hjv_patients;
"""

FENCE = """
alter table alerts.{table} enable row level security;
create policy own_organisation on alerts.{table} to hjv_patients
    using (org = coalesce(nullif(current_setting('hjemvakt.org', true), ''), org));
create policy not_fenced on alerts.{table} to hjv_alerts using (true) with check (true);
"""


def downgrade() -> None:
    raise RuntimeError("To take the grants back, restore a backup instead.")
