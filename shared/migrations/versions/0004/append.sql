-- Who held it when it was measured: the binding valid then, of the slot that the item names, or
-- of the one that bears the device's serial number.
create function ledger.holder(
    p_org text, p_cred text, p_slot text, p_serial text, p_at timestamptz
) returns table (patient_id uuid, slot text, valid tstzrange)
language sql stable as $$
    select held.patient_id, named.slot, held.valid
    from (
        select coalesce(
            p_slot,
            -- Ever bound, not bound at that moment: a scale whose binding has ended must not
            -- fall back to the household's main user.
            case when p_serial is not null then (
                select known.slot from patients.binding known
                where known.org collate "C" = p_org and known.cred collate "C" = p_cred
                  and known.slot collate "C" = p_serial
                limit 1
            ) end,
            ''
        ) as slot
        offset 0  -- looked up once, not once for each place that names it
    ) named
    -- By the plain index: the collations and `is true` keep the planner from the exclusion index,
    -- which it would search for all that are valid. Two cannot be valid at one moment.
    left join lateral (
        select b.patient_id, b.valid from patients.binding b
        where b.org collate "C" = p_org and b.cred collate "C" = p_cred
          and b.slot collate "C" = named.slot and (b.valid @> p_at) is true
        limit 1
    ) held on true
$$;

-- Whose is a reading? The binding valid when it was measured decides; a system names its subject.
-- One rule in one place: a single SELECT in a STABLE function is put in line by the planner, so
-- the append's whole batch is looked up set-wise, and what it says of subjects and dates costs
-- nothing where p_system is false and p_extra null.
create or replace function ledger.whose(
    p_org text, p_cred text, p_system boolean, p_slot text, p_serial text, p_extra jsonb,
    p_at timestamptz, p_clock_good boolean, p_now timestamptz
) returns table (patient_id uuid, unit_id uuid, slot text, code text)
language sql stable as $$
    select
        person.id,
        person.unit_id,
        held.slot,
        case
            when p_system and p_extra ? 'subject' then
                case when person.id is null then 'unknown-subject' end
            when held.patient_id is null then
                case when p_system then 'unknown-subject' else 'unbound' end
            when p_extra ? 'subject' and subject.patient_id is distinct from held.patient_id then
                'subject-mismatch'
            -- The former holder's reading, or a clock that fell back into his time? When the
            -- clock is not known to be right, only a person can say. (The binding is nearly
            -- always still in force, and then nobody need ask who holds it now.)
            when not held.valid @> p_now and (
                not p_clock_good
                or p_at < p_now - interval '7 days'
                or (p_extra ->> 'precision' = 'day'
                    and ledger.changes_that_day(p_org, p_cred, held.slot, p_at))
            ) and held.patient_id is distinct from (
                select b.patient_id from patients.binding b
                where b.org collate "C" = p_org and b.cred collate "C" = p_cred
                  and b.slot collate "C" = held.slot and (b.valid @> p_now) is true
                limit 1
            ) then 'whose'
        end
    from ledger.holder(p_org, p_cred, p_slot, p_serial, p_at) held
    left join lateral (
        select coalesce(
            (select p.id from patients.patient p
             where p.org = p_org and p.id = (p_extra #>> '{subject,id}')::uuid),
            (select i.patient_id from patients.identifier i
             where i.org = p_org and i.hash = decode(p_extra #>> '{subject,hash}', 'hex'))
        ) as patient_id
        where p_extra ? 'subject'
    ) subject on true
    left join lateral (
        select p.id, p.unit_id from patients.patient p
        where p.org = p_org and p.id = case
            when p_system and p_extra ? 'subject' then subject.patient_id
            else held.patient_id
        end
        limit 1
    ) person on true
$$;

-- One more argument makes it another function.
drop function ledger.append;

-- Store a batch of one organisation: receipts, facts, corrections, quarantine and hand-over, or
-- nothing. The p_… arrays are items, the f_… arrays their facts, f_item pointing at an item from
-- 1. p_id is the id of an item's first fact; ids are those of the item's first content, unless it
-- has own_id. extra carries what most items lack: slot, serial, subject {id, hash}, until,
-- precision, clock_none, how, own_id, targets, rank, code, errors, media. In a batch of devices'
-- readings that have no more than a serial number p_extra is null.
--
-- Nearly every batch is plain: devices' readings with no more than a serial number, their binding
-- still in force, seen for the first time. Then there is little to ask and to write down, and
-- starting a statement costs as much as storing several items. All else goes the careful way,
-- where what may be in a batch has statements of its own, run only when it is there. Arrays are
-- read by subscript, because unnest copies every element of every array for each statement.
--
-- p_wake tells the consumers in the same commit. Not in each of many: they would wait for each
-- other in the whole database.
create function ledger.append(
    p_org text,
    p_cred text[],
    p_system boolean[],
    p_message text[],
    p_content bytea[],
    p_raw bytea[],
    p_at timestamptz[],
    p_clock_good boolean[],
    p_id uuid[],
    p_serial text[],
    p_extra jsonb[],
    f_item integer[],
    f_id uuid[],
    f_type text[],
    f_kind text[],
    f_body jsonb[],
    p_indivisible boolean default false,
    p_wake boolean default false
) returns setof ledger.answer
language plpgsql volatile security definer set search_path = pg_catalog
-- One plan for all batches, and never one that reads a table through because it was small at first.
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
    v_now timestamptz;
    v_size constant integer := cardinality(p_cred);
    -- What is found out of each item, by its place in the batch.
    v_at timestamptz[];
    v_suspect boolean[];
    v_patient uuid[];
    v_unit uuid[];
    v_slot text[];
    v_code text[];  -- why it is quarantined
    v_result text[];
    v_reuse text[];  -- null: '' for all
    v_new boolean[];  -- false: known already, or in this batch before; null: all are new
    v_held bigint;
    v_corrections bigint := 0;
    v_own integer[];
    v_n integer;
    v_stored bigint;
    v_stored_cred text[];
    v_stored_message text[];
    v_stored_reuse text[];
    v_again integer[];
    v_answers ledger.answer[];
    v_refused jsonb;
    v_plain boolean;
begin
    -- Statement 1 takes the lock, statement 2 looks the bindings up. In one statement the
    -- snapshot would be older than the lock, and a binding change that committed in between
    -- would misfile the item for ever.
    perform pg_advisory_xact_lock_shared(hashtextextended('bindings:' || p_org, 0));
    v_now := clock_timestamp();

    if p_wake then
        perform pg_notify('ledger', p_org);
    end if;

    if p_extra is null then
        -- Who held it then and holds it still: `whose` has no doubt about such a reading.
        select array_agg(told.id), array_agg(told.unit_id), array_agg(told.slot),
               bool_and(told.id is not null and told.valid @> v_now and not p_system[told.n]
                        and p_at[told.n] <= v_now + interval '5 minutes')
        into v_patient, v_unit, v_slot, v_plain
        from (
            select item.n, person.id, person.unit_id, held.slot, held.valid
            from unnest(p_cred) with ordinality as item(cred, n)
            cross join lateral ledger.holder(
                p_org, item.cred, null, p_serial[item.n], p_at[item.n]
            ) held
            left join lateral (
                select p.id, p.unit_id from patients.patient p
                where p.org = p_org and p.id = held.patient_id
                limit 1
            ) person on true
            order by item.n
        ) told;
    end if;

    if v_plain then
        begin
            -- In key order, so that two batches with the same messages never wait for each other
            -- in a ring.
            insert into ledger.receipt (
                org, cred, message_id, reuse, content, result, fact_id, patient_id, at,
                received_at, flags, system, extra, raw
            )
            select p_org, p_cred[n], p_message[n], '', p_content[n], 'stored', p_id[n],
                   v_patient[n], p_at[n], v_now, ledger.flags_of(false, p_at[n], v_now), false,
                   ledger.extra_of(p_serial[n]), p_raw[n]
            from (
                select n from generate_series(1, v_size) as n
                order by p_cred[n], p_message[n], n
            ) item;

            with filed as (
                insert into ledger.reading (
                    org, id, at, patient_id, type, kind, day_only, received_at, cred, slot,
                    message_id, flags, body, origin
                )
                select p_org, f_id[f], p_at[n], v_patient[n], f_type[f], f_kind[f], false, v_now,
                       p_cred[n], v_slot[n], p_message[n],
                       ledger.flags_of(false, p_at[n], v_now), f_body[f], f_id[f]
                from unnest(f_item) with ordinality as fact(n, f)
            )
            insert into ledger.handover (
                org, consumer, shard, patient_id, fact_id, type, kind, at, received_at
            )
            select p_org, 'alerts', ledger.shard(v_patient[n]), v_patient[n], f_id[f], f_type[f],
                   f_kind[f], p_at[n], v_now
            from unnest(f_item) with ordinality as fact(n, f);

            return query
                select n, 'stored', p_id[n], v_patient[n], v_unit[n], v_now,
                       ledger.flags_of(false, p_at[n], v_now), null::jsonb
                from generate_series(1, v_size) as n;
            return;
        exception when unique_violation then
            -- Some message is known, or in the batch twice: of that the first is stored.
            null;
        end;
    end if;

    select array_agg(told.at), array_agg(told.suspect), array_agg(told.patient_id),
           array_agg(told.unit_id), array_agg(coalesce(told.slot, '')), array_agg(told.code),
           array_agg(case when told.code is not null then 'quarantined'
                          when told.how = 'void' then 'voided'
                          when told.how = 'correction' then 'corrected'
                          else 'stored' end),
           count(told.code), count(told.how), array_agg(told.n) filter (where told.own)
    into v_at, v_suspect, v_patient, v_unit, v_slot, v_code, v_result, v_held, v_corrections,
         v_own
    from (
        select item.n, item.at, item.suspect, item.how, item.own,
               whose.patient_id, whose.unit_id, whose.slot,
               coalesce(
                   p_extra[item.n] ->> 'code',
                   -- A withdrawal needs no holder: it aims at the sender's own earlier message.
                   case when item.how is distinct from 'void' then whose.code end
               ) as code
        from (
            select clock.*, case when clock.suspect then v_now else p_at[clock.n] end as at
            from (
                select n, p_extra[n] ->> 'how' as how, p_extra[n] ? 'own_id' as own,
                       coalesce(p_at[n] > v_now + interval '5 minutes', false)
                           or coalesce(p_extra[n] ? 'clock_none', false) as suspect
                from generate_series(1, v_size) as n
            ) clock
        ) item
        left join lateral ledger.whose(
            p_org, p_cred[item.n], p_system[item.n], p_extra[item.n] ->> 'slot',
            coalesce(p_extra[item.n] ->> 'serial', p_serial[item.n]), p_extra[item.n], item.at,
            p_clock_good[item.n], v_now
        ) whose on item.at is not null
        order by item.n
    ) told;

    if v_own is not null then
        v_reuse := array_fill(''::text, array[v_size]);
        v_new := array_fill(true, array[v_size]);
        foreach v_n in array v_own loop
            v_reuse[v_n] := encode(p_content[v_n], 'hex');
            if exists (
                select from ledger.receipt earlier
                where earlier.org = p_org and earlier.cred = p_cred[v_n]
                  and earlier.message_id = p_message[v_n] and earlier.reuse = ''
                  and earlier.content = p_content[v_n]
            ) then
                -- A PUT of what was posted with the same content is no correction.
                v_new[v_n] := false;
            elsif v_result[v_n] = 'corrected' and not exists (
                select from ledger.receipt earlier
                where earlier.org = p_org and earlier.cred = p_cred[v_n]
                  and earlier.message_id = p_message[v_n]
            ) then
                -- A PUT of what was never there is a first storing.
                v_result[v_n] := 'stored';
            end if;
        end loop;
    end if;

    -- In key order here too.
    with stored as (
        insert into ledger.receipt (
            org, cred, message_id, reuse, content, result, fact_id, patient_id, at,
            received_at, flags, errors, system, extra, media_type, raw
        )
        select
            p_org, p_cred[n], p_message[n], coalesce(v_reuse[n], ''), p_content[n],
            v_result[n], case when v_code[n] is null then p_id[n] end, v_patient[n], v_at[n],
            v_now, ledger.flags_of(v_suspect[n], v_at[n], v_now),
            ledger.errors_of(p_extra[n], v_code[n]), p_system[n],
            coalesce(p_extra[n], ledger.extra_of(p_serial[n])), p_extra[n] ->> 'media',
            p_raw[n]
        from generate_series(1, v_size) as n
        where v_new[n] is not false
        order by p_cred[n], p_message[n], coalesce(v_reuse[n], ''), n
        on conflict do nothing
        returning cred, message_id, reuse
    )
    select count(*), array_agg(cred), array_agg(message_id), array_agg(reuse)
    into v_stored, v_stored_cred, v_stored_message, v_stored_reuse
    from stored;

    if v_stored < v_size then
        select array_agg(mine.cred is not null order by item.n),
               array_agg(item.n order by item.cred, item.message, item.n)
                   filter (where mine.cred is null)
        into v_new, v_again
        from (
            select key.*, row_number() over (
                       partition by key.cred, key.message, key.reuse order by key.n) = 1 as first
            from (
                select n, p_cred[n] as cred, p_message[n] as message,
                       coalesce(v_reuse[n], '') as reuse
                from generate_series(1, v_size) as n
            ) key
        ) item
        left join unnest(v_stored_cred, v_stored_message, v_stored_reuse)
                as mine(cred, message, reuse)
            on item.first and mine.cred = item.cred and mine.message = item.message
            and mine.reuse = item.reuse;
    end if;

    with filed as (
        insert into ledger.reading (
            org, id, at, patient_id, type, kind, until, day_only, received_at, cred, slot,
            message_id, flags, body, origin, replaces, rank
        )
        select
            p_org, f_id[f], v_at[n], v_patient[n], f_type[f], f_kind[f],
            (p_extra[n] ->> 'until')::timestamptz,
            coalesce(p_extra[n] ->> 'precision' = 'day', false), v_now, p_cred[n], v_slot[n],
            p_message[n], ledger.flags_of(v_suspect[n], v_at[n], v_now), f_body[f], f_id[f],
            case when p_extra[n] ? 'targets' then coalesce(
                -- An item's facts stand together: this is the fact's place among them.
                p_extra[n] -> 'targets' ->> (f - array_position(f_item, n))::integer,
                p_extra[n] #>> '{targets,0}')::uuid end,
            p_extra[n] ->> 'rank'
        from unnest(f_item) with ordinality as fact(n, f)
        where v_new[n] is not false and v_code[n] is null
          and p_extra[n] ->> 'how' is distinct from 'void'
        returning id, patient_id, type, kind, at
    )
    insert into ledger.handover (
        org, consumer, shard, patient_id, fact_id, type, kind, at, received_at
    )
    select p_org, 'alerts', ledger.shard(filed.patient_id), filed.patient_id, filed.id,
           filed.type, filed.kind, filed.at, v_now
    from filed;

    if v_corrections > 0 then
        perform ledger.supersede(
            p_org, p_cred[n], p_message[n], coalesce(v_reuse[n], ''), v_patient[n], v_at[n], v_now,
            p_extra[n])
        from generate_series(1, v_size) as n
        where v_new[n] is not false and v_code[n] is null and p_extra[n] ? 'how';
    end if;

    if v_held > 0 then
        insert into ledger.quarantine (
            org, cred, message_id, reuse, code, errors, patient_id, unit_id, at, received_at,
            system, clock_good, extra, drafts
        )
        select
            p_org, p_cred[n], p_message[n], coalesce(v_reuse[n], ''), v_code[n],
            ledger.errors_of(p_extra[n], v_code[n]), v_patient[n],
            coalesce(v_unit[n], (
                select credential.unit_id from patients.credential
                where credential.org = p_org and credential.cred = p_cred[n]
            )),
            v_at[n], v_now, p_system[n], p_clock_good[n],
            coalesce(p_extra[n], ledger.extra_of(p_serial[n])), draft.drafts
        from generate_series(1, v_size) as n
        left join (
            select fact.n, jsonb_agg(jsonb_build_object(
                       'id', f_id[f], 'type', f_type[f], 'kind', f_kind[f], 'body', f_body[f])
                       order by f) as drafts
            from unnest(f_item) with ordinality as fact(n, f)
            where v_code[fact.n] is not null
            group by fact.n
        ) draft using (n)
        where v_new[n] is not false and v_code[n] is not null;
    end if;

    return query
        select n, v_result[n], case when v_code[n] is null then p_id[n] end, v_patient[n],
               v_unit[n], v_now, ledger.flags_of(v_suspect[n], v_at[n], v_now),
               ledger.errors_of(p_extra[n], v_code[n])
        from generate_series(1, v_size) as n
        where v_new[n] is not false;

    -- What was already there is answered by statements of their own: in the first one, the loser
    -- of two simultaneous senders would see neither his row nor the winner's.
    if v_again is not null then
        v_answers := ledger.append_again(
            p_org, v_now, v_again, p_cred, p_system, p_message, p_content, p_raw, p_at,
            p_clock_good, p_serial, p_extra, f_item, f_type, f_kind, f_body
        );
        return query select * from unnest(v_answers);
    end if;

    if p_indivisible then
        select jsonb_agg(jsonb_build_object('position', held.n, 'errors', held.errors))
        into v_refused
        from (
            select n, ledger.errors_of(p_extra[n], v_code[n]) as errors
            from generate_series(1, v_size) as n
            where v_new[n] is not false and v_code[n] is not null
            union all
            select a.position, a.errors from unnest(v_answers) a where a.result = 'quarantined'
        ) held;
        if v_refused is not null then
            raise exception using errcode = 'HJ001', message = 'not indivisible',
                detail = v_refused::text;
        end if;
    end if;
end
$$;

revoke execute on function ledger.append, ledger.holder from public;
grant execute on function ledger.append to hjv_ingest, hjv_patients, hjv_alerts;
