"""What came in of each connection, hour by hour: for whoever looks after it, without patients."""

from shared import migrations

revision = "ledger_0007"
down_revision = "ledger_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(TRAFFIC + GRANTS)
    migrations.fence("ledger", but=("organisation", "handover"))


# Added up by the intake beside its commits, never in them: it may lack the last seconds of a crash.
# `kind` is of the reading ('' where none was read), `code` of the fault.
TRAFFIC = """
create table ledger.traffic (
    org text not null,
    cred text not null,
    hour timestamptz not null,
    kind text not null,
    result text not null check (result in
        ('stored', 'duplicate', 'corrected', 'voided', 'quarantined', 'refused')),
    code text not null,
    number bigint not null,
    last_at timestamptz not null,
    primary key (org, cred, hour, kind, result, code)
);
create index traffic_by_hour on ledger.traffic (org, hour);
"""

GRANTS = """
grant select, insert, update, delete on ledger.traffic to hjv_ingest;
grant select on ledger.traffic to hjv_alerts;
grant select (errors) on ledger.quarantine to hjv_alerts;
"""
