"""What is sent to other systems: to whom, and each thing on its way."""

from shared import migrations

revision = "alerts_0007"
down_revision = "alerts_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(CONNECTION + OUTGOING + ALERTS + NUMBERS + GRANTS)


CONNECTION = """
-- pmd: readings as FHIR batches. dho: a document when an alert is closed. webhook: that an alert
-- has changed. unit_id null: of every unit. receiver: an organisation number.
create table alerts.connection (
    org text not null,
    id uuid not null,
    kind text not null check (kind in ('pmd', 'dho', 'webhook')),
    name text not null,
    url text not null,
    unit_id uuid,
    receiver text,
    made_at timestamptz not null default clock_timestamp(),
    made_by text not null,
    ended_at timestamptz,
    ended_by text,
    primary key (org, id)
);
create index connection_in_force on alerts.connection (org, kind) where ended_at is null;
"""

OUTGOING = """
-- One row per connection and thing, written in the transaction of what it tells of. `id` is the
-- same in every attempt.
create table alerts.outgoing (
    org text not null,
    id uuid not null default gen_random_uuid(),
    connection_id uuid not null,
    event text not null,
    about uuid not null,
    version integer not null default 0,
    patient_id uuid not null,
    state text not null default 'waiting' check (state in
        ('waiting', 'sending', 'delivered', 'failed', 'undeliverable')),
    attempts integer not null default 0,
    why text,
    made_at timestamptz not null default clock_timestamp(),
    next_at timestamptz default clock_timestamp(),
    settled_at timestamptz,
    primary key (org, id),
    foreign key (org, connection_id) references alerts.connection (org, id),
    unique (org, connection_id, about, event, version)
) with (fillfactor = 70);
create index outgoing_due on alerts.outgoing (org, next_at)
    where state in ('waiting', 'sending', 'failed');
create index outgoing_of_connection on alerts.outgoing (org, connection_id, made_at desc, id desc);
"""

# By the database itself: whatever statement opens, worsens or closes an alert, it is told.
ALERTS = """
create function alerts.note_outgoing() returns trigger
language plpgsql set search_path = pg_catalog
as $$
begin
    insert into alerts.outgoing (org, connection_id, event, about, version, patient_id)
    select new.org, c.id, new.state, new.id, new.version, new.patient_id
    from alerts.connection c
    where c.org = new.org and c.ended_at is null
      and new.patient_id <> '00000000-0000-0000-0000-000000000000'
      and (c.unit_id is null or c.unit_id = new.unit_id)
      and (c.kind = 'webhook' or (c.kind = 'dho' and new.state = 'closed'))
    on conflict do nothing;
    return null;
end
$$;

create trigger note_outgoing_new after insert on alerts.alert
    for each row execute function alerts.note_outgoing();
create trigger note_outgoing_changed after update on alerts.alert
    for each row
    when ((old.state, old.colour) is distinct from (new.state, new.colour))
    execute function alerts.note_outgoing();
"""

# The table of numbers itself stays closed to the role.
NUMBERS = """
-- Another system knows a patient by his number, sealed here: told only where somebody is sent any.
create function alerts.numbers_of(p_org text, p_patients uuid[])
returns table (patient_id uuid, system text, sealed bytea)
language sql stable security definer set search_path = pg_catalog
as $$
    select i.patient_id, i.system, i.sealed from patients.identifier i
    where i.org = p_org and i.patient_id = any(p_patients)
      and exists (
          select from alerts.connection c
          where c.org = p_org and c.kind in ('pmd', 'dho') and c.ended_at is null)
    order by i.created_at
$$;
"""

GRANTS = """
revoke execute on function alerts.note_outgoing from public;
grant execute on function alerts.note_outgoing to hjv_alerts;
grant select, insert on alerts.connection to hjv_alerts;
grant update (ended_at, ended_by) on alerts.connection to hjv_alerts;
grant select, insert, update on alerts.outgoing to hjv_alerts;
revoke execute on function alerts.numbers_of from public;
grant execute on function alerts.numbers_of to hjv_alerts;
"""
