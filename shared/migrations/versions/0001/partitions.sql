-- One partition before 2024, then a month each. A partition is made as a table of its own and
-- attached: CREATE … PARTITION OF waits behind any reader and blocks every append meanwhile.
create function ledger.ensure_partitions(p_months_ahead integer) returns integer
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
        execute format('create table ledger.%I (like ledger.reading including defaults)', v_name);
        execute format(
            'alter table ledger.reading attach partition ledger.%I for values from (%s) to (%L)',
            v_name, v_low,
            (v_month + interval '1 month')::date::text || ' 00:00:00+00');
        v_made := v_made + 1;
    end loop;
    return v_made;
end
$$;

-- How many whole months ahead have their partition; fewer than 3 is a technical alarm.
create function ledger.months_ahead() returns integer
language sql stable security definer set search_path = pg_catalog
as $$
    select count(*)::integer
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'ledger' and c.relkind = 'r' and c.relname ~ '^reading_\d{4}_\d{2}$'
      and substring(c.relname from 9) > to_char(clock_timestamp(), 'YYYY_MM')
$$;
