"""Who is asking: proofs that were used, log-ins under way, the pages' sessions."""

from shared import migrations

revision = "ledger_0003"
down_revision = "ledger_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(TABLES + GRANTS)
    # Not the hand-over: its rows are taken, many times a second, and name no person.
    migrations.fence("ledger", but=("organisation", "handover"))
    migrations.script("alter view ledger.current set (security_invoker = true)")


# Not keyed by organisation: who somebody is, and so where he belongs, is not known before these
# have been read. Nothing here is about a patient.
TABLES = """
create schema if not exists access;

create table access.proof (
    id bytea primary key,
    until timestamptz not null
);
create index proof_until on access.proof (until);

create table access.login (
    browser bytea primary key,
    kept jsonb not null,
    until timestamptz not null
);

create table access.session (
    id bytea primary key,
    org text not null,
    staff_id uuid not null,
    issuer text not null,
    hpr text,
    began_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp(),
    until timestamptz not null,
    ended_at timestamptz
);
create index session_until on access.session (until);
"""

GRANTS = """
grant usage on schema access to hjv_ingest, hjv_patients, hjv_alerts;
grant select, insert, delete on access.proof to hjv_ingest, hjv_patients, hjv_alerts;
grant select, insert, delete on access.login to hjv_alerts;
grant select, insert, delete on access.session to hjv_alerts;
grant update (seen_at, ended_at) on access.session to hjv_alerts;
"""
