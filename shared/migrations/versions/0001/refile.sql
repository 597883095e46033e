-- File again what a changed binding changes. The caller holds the organisation's binding lock
-- exclusively and has changed the binding rows in this transaction. Returns how many readings
-- moved to another patient, how many left quarantine and how many went there.
create function ledger.refile(
    p_org text, p_cred text, p_from timestamptz, p_to timestamptz, p_by text, p_decision uuid,
    out moved integer, out released integer, out quarantined integer
)
language plpgsql volatile security definer set search_path = pg_catalog
-- One plan for all items, and never one that reads a table through because it was small at first.
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
    v_now timestamptz := clock_timestamp();
    v_item record;
    v_fact record;
    v_whose record;
    v_code text;
    v_patient uuid;
    v_origins uuid[];
    v_drafts jsonb;
    v_new uuid;
begin
    moved := 0; released := 0; quarantined := 0;

    for v_item in
        select r.cred, r.message_id, r.reuse, r.patient_id, r.at, r.system, r.extra
        from ledger.receipt r
        where r.org = p_org and r.cred = p_cred and r.result in ('stored', 'corrected')
          and ledger.is_within(r.at, r.extra, p_from, p_to)
          and not exists (
              -- What a person has filed by hand stays where the person put it.
              select from ledger.quarantine q
              where q.org = r.org and q.cred = r.cred and q.message_id = r.message_id
                and q.reuse = r.reuse and q.extra ? 'by_hand'
          )
        order by r.message_id, r.reuse
        for update
    loop
        -- Filed again, not judged again: whether the clock was right was settled at intake. But a
        -- subject the sender named still counts, and a date on what is now a day of change.
        select * into v_whose from ledger.whose(
            p_org, p_cred, v_item.system, v_item.extra, v_item.at, true,
            greatest(v_now, v_item.at)
        );
        v_code := v_whose.code;
        if v_code = 'whose' and not (
            coalesce(v_item.extra ->> 'precision' = 'day', false)
            and ledger.changes_that_day(p_org, p_cred, v_whose.slot, v_item.at)
        ) then
            v_code := null;
        end if;
        v_patient := case when v_code is null then v_whose.patient_id end;
        continue when v_patient is not distinct from v_item.patient_id;

        -- Of this item only: a reused message id may have others at the same moment.
        v_origins := array(
            select ledger.fact_id(p_org, p_cred, v_item.message_id, part, v_item.reuse)
            from generate_series(0, 7) part);
        v_drafts := '[]';
        for v_fact in
            select f.* from ledger.reading f
            where f.org = p_org and f.patient_id = v_item.patient_id and f.at = v_item.at
              and f.origin = any (v_origins)
              and (select true from ledger.superseded s
                   where s.org = p_org and s.target_id = f.id and s.how = 'refiled'
                   limit 1) is null
            order by array_position(v_origins, f.origin)
        loop
            v_new := ledger.named_id(concat_ws(
                '|', p_org, v_fact.origin, coalesce(v_patient::text, 'nobody'), p_decision));
            insert into ledger.superseded (org, patient_id, target_id, by_id, how, rank)
            values (p_org, v_fact.patient_id, v_fact.id, v_new, 'refiled', '');
            insert into ledger.handover (
                org, consumer, shard, patient_id, fact_id, type, kind, at, received_at)
            values (p_org, 'alerts', ledger.shard(v_fact.patient_id), v_fact.patient_id,
                    v_fact.id, 'gone', '', v_fact.at, v_fact.received_at);
            if v_patient is not null then
                insert into ledger.reading (
                    org, id, at, patient_id, type, kind, until, day_only, received_at, cred, slot,
                    message_id, flags, body, origin, replaces, rank)
                values (
                    p_org, v_new, v_fact.at, v_patient, v_fact.type, v_fact.kind,
                    v_fact.until, v_fact.day_only, v_fact.received_at, v_fact.cred, v_whose.slot,
                    v_fact.message_id, v_fact.flags, v_fact.body, v_fact.origin,
                    v_fact.replaces, v_fact.rank);
                insert into ledger.handover (
                    org, consumer, shard, patient_id, fact_id, type, kind, at, received_at)
                values (p_org, 'alerts', ledger.shard(v_patient), v_patient, v_new,
                        v_fact.type, v_fact.kind, v_fact.at, v_fact.received_at);
            else
                v_drafts := v_drafts || jsonb_build_object(
                    'id', v_new, 'origin', v_fact.origin, 'type', v_fact.type,
                    'kind', v_fact.kind, 'body', v_fact.body);
            end if;
        end loop;

        if v_patient is not null then
            update ledger.receipt r set patient_id = v_patient
            where r.org = p_org and r.cred = v_item.cred and r.message_id = v_item.message_id
              and r.reuse = v_item.reuse;
            moved := moved + 1;
        else
            perform ledger.back_to_quarantine(
                p_org, v_item.cred, v_item.message_id, v_item.reuse, v_item.patient_id, v_code,
                v_drafts);
            quarantined := quarantined + 1;
        end if;
    end loop;

    for v_item in
        select q.* from ledger.quarantine q
        where q.org = p_org and q.cred = p_cred and q.state = 'waiting'
          and q.code in ('unbound', 'whose', 'subject-mismatch')
          and q.drafts is not null
          and ledger.is_within(q.at, q.extra, p_from, p_to)
        order by q.message_id, q.reuse
        for update
    loop
        select * into v_whose from ledger.whose(
            p_org, p_cred, v_item.system, v_item.extra, v_item.at, v_item.clock_good, v_now);
        continue when v_whose.code is not null;
        perform ledger.release_one(p_org, v_item.id, v_whose.patient_id, v_whose.slot, p_by, false);
        released := released + 1;
    end loop;
end
$$;

-- Does a change of bindings in that time concern the item? A date covers its day.
create function ledger.is_within(
    p_at timestamptz, p_extra jsonb, p_from timestamptz, p_to timestamptz
) returns boolean
language sql stable parallel safe
as $$
    select (p_to is null or p_at < p_to)
       and (p_at >= p_from
            or p_extra ->> 'precision' = 'day' and p_at > p_from - interval '25 hours')
$$;

-- A stored item that turns out to be nobody's for certain: held with its facts, to be released
-- when the binding is mended again. The held facts bear the ids that the re-filing gave them.
create function ledger.back_to_quarantine(
    p_org text, p_cred text, p_message text, p_reuse text, p_patient uuid, p_code text,
    p_drafts jsonb
) returns void
language plpgsql volatile set search_path = pg_catalog
as $$
declare
    v_errors constant jsonb := jsonb_build_array(jsonb_build_object(
        'path', case p_code when 'subject-mismatch' then 'subject' else 'device' end,
        'code', p_code));
begin
    insert into ledger.quarantine (
        org, cred, message_id, reuse, code, errors, unit_id, at, received_at, system, clock_good,
        extra, drafts
    )
    select
        p_org, p_cred, p_message, p_reuse, p_code, v_errors,
        (select p.unit_id from patients.patient p where p.org = p_org and p.id = p_patient),
        r.at, r.received_at, r.system, true, r.extra, p_drafts
    from ledger.receipt r
    where r.org = p_org and r.cred = p_cred and r.message_id = p_message and r.reuse = p_reuse
    on conflict (org, cred, message_id, reuse) do update
    set state = 'waiting', code = excluded.code, errors = excluded.errors,
        unit_id = excluded.unit_id, patient_id = null, at = excluded.at, system = excluded.system,
        clock_good = true, drafts = excluded.drafts, extra = excluded.extra, decided_at = null,
        decided_by = null, reason = null;

    update ledger.receipt r
    set result = 'quarantined', fact_id = null, patient_id = null, errors = v_errors
    where r.org = p_org and r.cred = p_cred and r.message_id = p_message and r.reuse = p_reuse;
end
$$;
