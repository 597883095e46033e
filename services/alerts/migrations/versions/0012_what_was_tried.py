"""What has been tried on the past: without a trial of it no version of a programme counts."""

from shared import migrations

revision = "alerts_0012"
down_revision = "alerts_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(TABLE)


def downgrade() -> None:
    migrations.script("drop table alerts.trial;")


# `digest` is of what was tried: a version's content, limits or rules. Of one patient nothing but
# that it was one stands here; who looked at whom is in the audit trail.
TABLE = """
create table alerts.trial (
    org text not null,
    id uuid not null default gen_random_uuid(),
    at timestamptz not null default clock_timestamp(),
    by text not null,
    by_name text not null,
    role text not null,
    programme text not null,
    what text not null check (what in ('version', 'limits', 'rules')),
    version text,
    digest text not null,
    scope text not null check (scope in ('patient', 'unit', 'units')),
    unit_id uuid,
    days integer not null,
    patients integer not null,
    before integer not null,
    after integer not null,
    primary key (org, id)
);
create index trials_of_a_version on alerts.trial (org, programme, version, at);
alter table alerts.trial enable row level security;
create policy not_fenced on alerts.trial to hjv_alerts using (true) with check (true);
create policy own_organisation on alerts.trial to hjv_patients
    using (org = coalesce(nullif(current_setting('hjemvakt.org', true), ''), org));
grant select, insert on alerts.trial to hjv_alerts;
grant select on alerts.trial to hjv_patients;
"""
