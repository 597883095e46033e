"""The ledger holds no moment from which nothing can be counted: year 1, or without end."""

from shared import migrations

revision = "ledger_0009"
down_revision = "ledger_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(HEAL)
    migrations.script(GUARD + PARTITIONS)


def downgrade() -> None:
    raise RuntimeError("Facts are never thrown away: restore a backup instead.")


# What was stored before there was a guard: a fact is read at the beginning of the calendar, with a
# doubt about its clock, and what its sender claimed stands in it as ever; what waits for a person
# waits without a moment. An end without end is none.
HEAL = """
update ledger.receipt r set at = '1900-01-01 00:00+00'
from ledger.reading f
where f.at < '1900-01-01 00:00+00' and r.org = f.org and r.cred = f.cred
  and r.message_id = f.message_id and r.at = f.at;

update ledger.reading
set at = '1900-01-01 00:00+00',
    flags = array(select distinct unnest(flags || array['clock_suspect']))
where at < '1900-01-01 00:00+00';

update ledger.reading set until = null
where until >= '9999-01-01 00:00+00' or until < '1900-01-01 00:00+00';

update ledger.handover
set at = least(greatest(at, '1900-01-01 00:00+00'), received_at)
where at < '1900-01-01 00:00+00' or at >= '9999-01-01 00:00+00';

update ledger.quarantine
set at = null, drafts = null, code = 'bad-time',
    errors = '[{"path": "at", "code": "bad-time"}]'
where state in ('waiting', 'replaying')
  and (at < '1900-01-01 00:00+00' or at >= '9999-01-01 00:00+00');
"""

# Not valid: no month is read through while nothing can be stored.
GUARD = """
alter table ledger.reading add constraint reading_at_is_sound check (
    at >= '1900-01-01 00:00+00' and at < '9999-01-01 00:00+00'
    and (until is null or until >= '1900-01-01 00:00+00' and until < '9999-01-01 00:00+00')
) not valid;
alter table ledger.quarantine add constraint quarantine_at_is_sound check (
    state in ('released', 'rejected')
    or at is null or at >= '1900-01-01 00:00+00' and at < '9999-01-01 00:00+00'
) not valid;
"""

# A month's table is attached with the guard that all have.
PARTITIONS = """
create or replace function ledger.ensure_partitions(p_months_ahead integer) returns integer
language plpgsql volatile set search_path = pg_catalog
as $$
declare
    v_made integer := 0;
    v_month date;
    v_name text;
    v_low text;
begin
    for v_month in
        select date '2023-12-01' + make_interval(months => i)
        from generate_series(0, 12 * 200) as i
        where date '2023-12-01' + make_interval(months => i)
              <= date_trunc('month', clock_timestamp()) + make_interval(months => p_months_ahead)
    loop
        v_name := case when v_month < date '2024-01-01' then 'reading_before_2024'
                       else 'reading_' || to_char(v_month, 'YYYY_MM') end;
        continue when to_regclass('ledger.' || v_name) is not null;
        v_low := case when v_month < date '2024-01-01' then 'minvalue'
                      else quote_literal(v_month::text || ' 00:00:00+00') end;
        execute format(
            'create table ledger.%I'
            ' (like ledger.reading including defaults including constraints)', v_name);
        execute format(
            'alter table ledger.reading attach partition ledger.%I for values from (%s) to (%L)',
            v_name, v_low,
            (v_month + interval '1 month')::date::text || ' 00:00:00+00');
        v_made := v_made + 1;
    end loop;
    return v_made;
end
$$;
"""
