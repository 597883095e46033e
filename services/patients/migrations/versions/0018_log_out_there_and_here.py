"""How an identity provider names a session of ours, so that log-out there is log-out here."""

from shared import migrations

revision = "patients_0018"
down_revision = "patients_0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(SESSION)


SESSION = """
-- `sid`, `subject`: hashes of what the issuer calls the session and the person. `hint`: the id
-- token, sealed, by which the issuer knows the session; null where it holds a national number.
alter table access.session add column sid bytea, add column subject bytea, add column hint bytea;
"""
