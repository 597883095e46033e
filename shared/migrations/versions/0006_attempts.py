"""What was tried and did not succeed, so that nobody tries for ever."""

from shared import migrations

revision = "ledger_0006"
down_revision = "ledger_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(ATTEMPTS + GRANTS)


# Not keyed by organisation: who tries is not known. `place` is a hash of what was tried and from
# where; the address itself is not kept.
ATTEMPTS = """
create table access.attempt (
    place bytea primary key,
    number integer not null,
    until timestamptz not null
);
create index attempt_until on access.attempt (until);
"""

GRANTS = """
grant select, insert, update, delete on access.attempt to hjv_patients, hjv_alerts;
"""
