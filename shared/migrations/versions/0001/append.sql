-- One item's answer, in the order of the items.
create type ledger.answer as (
    position integer,
    result text,
    fact_id uuid,
    patient_id uuid,
    unit_id uuid,
    received_at timestamptz,
    flags text[],
    errors jsonb
);

-- An id made from names, the same wherever and whenever it is made (UUID version 8).
create function ledger.named_id(p_name text) returns uuid
language sql immutable parallel safe
as $$
    select encode(
        set_byte(
            set_byte(substring(h from 1 for 16), 6, (get_byte(h, 6) & 15) | 128),
            8, (get_byte(h, 8) & 63) | 128
        ), 'hex')::uuid
    from (select sha256(convert_to(p_name, 'UTF8')) as h) hashed
$$;

-- Part 0 is the item, 1… what was split from it.
create function ledger.fact_id(
    p_org text, p_cred text, p_message text, p_part bigint, p_reuse text
) returns uuid
language sql immutable parallel safe
as $$
    select ledger.named_id(p_org || '|' || p_cred || '|' || p_message || '|' || p_reuse || '|'
                           || p_part::text)
$$;

-- Not `immutable`, which times and jsonb are not quite: the planner would not put it in line.
create function ledger.flags_of(p_suspect boolean, p_at timestamptz, p_now timestamptz)
returns text[]
language sql stable parallel safe
as $$
    select case when p_at < p_now - interval '7 days' then
                    case when p_suspect then '{clock_suspect,late}'::text[] else '{late}' end
                else case when p_suspect then '{clock_suspect}'::text[] else '{}' end end
$$;

create function ledger.errors_of(p_extra jsonb, p_code text) returns jsonb
language sql stable parallel safe
as $$
    select case
        when p_extra ? 'errors' then p_extra -> 'errors'
        when p_code is not null then jsonb_build_array(jsonb_build_object(
            'path', case when p_code in ('subject-mismatch', 'unknown-subject') then 'subject'
                         else 'device' end,
            'code', p_code))
    end
$$;

-- extra of an item that has nothing in it but the device's serial number.
create function ledger.extra_of(p_serial text) returns jsonb
language sql stable parallel safe
as $$
    select case when p_serial is not null then jsonb_build_object('serial', p_serial) end
$$;

-- Store a batch of one organisation: receipts, facts, corrections, quarantine and hand-over, or
-- nothing. The p_… arrays are items, the f_… arrays their facts, f_item pointing at an item from
-- 1. p_id is the id of an item's first fact; ids are those of the item's first content, unless it
-- has own_id. extra carries what most items lack: slot, serial, subject {id, hash}, until,
-- precision, clock_none, how, own_id, targets, rank, code, errors, media. In a batch of devices'
-- readings that have no more than a serial number p_extra is null.
--
-- Nearly every item is such a reading, of a bound device and seen for the first time: look up,
-- receipt, fact and hand-over, answer. What else may be in a batch has statements of its own, run
-- only when it is there: starting a statement costs as much as storing several items. And arrays
-- are read by subscript, because unnest copies every element of every array for each statement.
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
    p_indivisible boolean default false
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
begin
    -- Statement 1 takes the lock, statement 2 looks the bindings up. In one statement the
    -- snapshot would be older than the lock, and a binding change that committed in between
    -- would misfile the item for ever.
    perform pg_advisory_xact_lock_shared(hashtextextended('bindings:' || p_org, 0));
    v_now := clock_timestamp();

    if p_extra is null then
        select array_agg(told.at), array_agg(told.suspect), array_agg(told.patient_id),
               array_agg(told.unit_id), array_agg(told.slot), array_agg(told.code),
               array_agg(case when told.code is null then 'stored' else 'quarantined' end),
               count(told.code)
        into v_at, v_suspect, v_patient, v_unit, v_slot, v_code, v_result, v_held
        from (
            select item.at, item.suspect, whose.patient_id, whose.unit_id, whose.slot, whose.code
            from (
                select n, p_at[n] > v_now + interval '5 minutes' as suspect,
                       case when p_at[n] > v_now + interval '5 minutes' then v_now
                            else p_at[n] end as at
                from generate_series(1, v_size) as n
            ) item
            cross join lateral ledger.whose(
                p_org, p_cred[item.n], false, null, p_serial[item.n], null, item.at,
                p_clock_good[item.n], v_now
            ) whose
            order by item.n
        ) told;
    else
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
                p_org, p_cred[item.n], p_system[item.n], p_extra[item.n], item.at,
                p_clock_good[item.n], v_now
            ) whose on item.at is not null
            order by item.n
        ) told;
    end if;

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

    -- In key order, so that two batches with the same messages never wait for each other in a ring.
    begin
        insert into ledger.receipt (
            org, cred, message_id, reuse, content, result, fact_id, patient_id, at, received_at,
            flags, errors, system, extra, media_type, raw
        )
        select
            p_org, p_cred[n], p_message[n], coalesce(v_reuse[n], ''), p_content[n], v_result[n],
            case when v_code[n] is null then p_id[n] end, v_patient[n], v_at[n], v_now,
            ledger.flags_of(v_suspect[n], v_at[n], v_now),
            ledger.errors_of(p_extra[n], v_code[n]), p_system[n],
            coalesce(p_extra[n], ledger.extra_of(p_serial[n])), p_extra[n] ->> 'media', p_raw[n]
        from generate_series(1, v_size) as n
        where v_new[n] is not false
        order by p_cred[n], p_message[n], coalesce(v_reuse[n], ''), n;
        get diagnostics v_stored = row_count;
    exception when unique_violation then
        -- Something of it is known. To ask that of each row on its way in costs a quarter of an
        -- append, so it is asked only now. Of a message that is in the batch twice the first is
        -- stored.
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
    end;

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

-- Items whose message id is known: the same content is a duplicate; any other content is a
-- reading of its own (a counter that restarts with a new battery must not hide readings).
create function ledger.append_again(
    p_org text,
    p_now timestamptz,
    p_again integer[],
    p_cred text[],
    p_system boolean[],
    p_message text[],
    p_content bytea[],
    p_raw bytea[],
    p_at timestamptz[],
    p_clock_good boolean[],
    p_serial text[],
    p_extra jsonb[],
    f_item integer[],
    f_type text[],
    f_kind text[],
    f_body jsonb[]
) returns ledger.answer[]
language plpgsql volatile set search_path = pg_catalog
as $$
declare
    v_answers ledger.answer[] := '{}';
    v_answer ledger.answer;
    v_known ledger.receipt;
    v_n integer;
    v_reuse text;
    v_extra jsonb;
    v_at timestamptz;
    v_suspect boolean;
    v_whose record;
    v_code text;
    v_how text;
    v_own uuid;
    v_drafts jsonb;
    v_flags text[];
    v_errors jsonb;
    v_result text;
begin
    foreach v_n in array p_again loop
        v_reuse := encode(p_content[v_n], 'hex');
        select * into v_known from ledger.receipt r
        where r.org = p_org and r.cred = p_cred[v_n] and r.message_id = p_message[v_n]
          and r.reuse in ('', v_reuse) and r.content = p_content[v_n]
        order by r.reuse limit 1;

        if found then
            v_answers := v_answers || (
                v_n,
                case when v_known.result = 'quarantined' then 'quarantined' else 'duplicate' end,
                v_known.fact_id, v_known.patient_id,
                (select p.unit_id from patients.patient p
                 where p.org = p_org and p.id = v_known.patient_id),
                v_known.received_at, v_known.flags, v_known.errors
            )::ledger.answer;
            continue;
        end if;

        v_extra := coalesce(p_extra[v_n], ledger.extra_of(p_serial[v_n]));
        v_how := v_extra ->> 'how';
        v_suspect := coalesce(p_at[v_n] > p_now + interval '5 minutes', false)
            or coalesce(v_extra ? 'clock_none', false);
        v_at := case when v_suspect then p_now else p_at[v_n] end;
        select * into v_whose from ledger.whose(
            p_org, p_cred[v_n], p_system[v_n], v_extra, v_at, p_clock_good[v_n], p_now
        );
        v_code := coalesce(
            v_extra ->> 'code',
            case when v_how is distinct from 'void' and v_at is not null then v_whose.code end
        );
        v_flags := array['id-reused'] || ledger.flags_of(v_suspect, v_at, p_now);
        v_errors := ledger.errors_of(v_extra, v_code);
        v_result := case when v_code is not null then 'quarantined' when v_how = 'void' then 'voided'
                         when v_how = 'correction' then 'corrected' else 'stored' end;
        -- Not the ids that came with the batch: these have the content in their name.
        v_own := case when v_n = any (f_item) then
                     ledger.fact_id(p_org, p_cred[v_n], p_message[v_n], 0, v_reuse) end;
        select jsonb_agg(jsonb_build_object(
                   'id', ledger.fact_id(p_org, p_cred[v_n], p_message[v_n], f.place - 1, v_reuse),
                   'type', f.type, 'kind', f.kind, 'body', f.body) order by f.place)
        into v_drafts
        from (
            select row_number() over (order by place) as place, type, kind, body
            from unnest(f_item, f_type, f_kind, f_body)
                     with ordinality as all_of(n, type, kind, body, place)
            where n = v_n
        ) f;

        insert into ledger.receipt (
            org, cred, message_id, reuse, content, result, fact_id, patient_id, at, received_at,
            flags, errors, system, extra, media_type, raw
        ) values (
            p_org, p_cred[v_n], p_message[v_n], v_reuse, p_content[v_n], v_result,
            case when v_code is null then v_own end, v_whose.patient_id, v_at, p_now,
            v_flags, v_errors, p_system[v_n], v_extra, v_extra ->> 'media', p_raw[v_n]
        ) on conflict do nothing;
        if not found then
            -- A simultaneous sender of the same content was quicker by a moment.
            select * into strict v_known from ledger.receipt r
            where r.org = p_org and r.cred = p_cred[v_n] and r.message_id = p_message[v_n]
              and r.reuse = v_reuse;
            v_answers := v_answers || (
                v_n,
                case when v_known.result = 'quarantined' then 'quarantined' else 'duplicate' end,
                v_known.fact_id, v_known.patient_id, v_whose.unit_id, v_known.received_at,
                v_known.flags, v_known.errors
            )::ledger.answer;
            continue;
        end if;

        if v_code is not null then
            insert into ledger.quarantine (
                org, cred, message_id, reuse, code, errors, patient_id, unit_id, at, received_at,
                system, clock_good, extra, drafts
            ) values (
                p_org, p_cred[v_n], p_message[v_n], v_reuse, v_code, v_errors, v_whose.patient_id,
                coalesce(v_whose.unit_id, (select c.unit_id from patients.credential c
                                           where c.org = p_org and c.cred = p_cred[v_n])),
                v_at, p_now, p_system[v_n], p_clock_good[v_n], v_extra, v_drafts
            );
        else
            perform ledger.file(
                p_org, v_whose.patient_id, v_at, p_now, p_cred[v_n], coalesce(v_whose.slot, ''),
                p_message[v_n], v_reuse, v_flags, v_extra,
                v_drafts
            );
        end if;
        v_answers := v_answers || (
            v_n, v_result, case when v_code is null then v_own end, v_whose.patient_id,
            v_whose.unit_id, p_now, v_flags, v_errors
        )::ledger.answer;
    end loop;
    return v_answers;
end
$$;

-- Make the facts of one item: readings, what they take away, and the hand-over.
create function ledger.file(
    p_org text, p_patient uuid, p_at timestamptz, p_received_at timestamptz, p_cred text,
    p_slot text, p_message text, p_reuse text, p_flags text[], p_extra jsonb, p_drafts jsonb
) returns void
language plpgsql volatile set search_path = pg_catalog
as $$
declare
    v_how text := p_extra ->> 'how';
begin
    if v_how is distinct from 'void' then
        insert into ledger.reading (
            org, id, at, patient_id, type, kind, until, day_only, received_at, cred, slot,
            message_id, flags, body, origin, replaces, rank
        )
        select
            p_org, (d ->> 'id')::uuid, p_at, p_patient, d ->> 'type', d ->> 'kind',
            (p_extra ->> 'until')::timestamptz, coalesce(p_extra ->> 'precision' = 'day', false),
            p_received_at, p_cred, p_slot, p_message, p_flags, d -> 'body',
            coalesce(d ->> 'origin', d ->> 'id')::uuid,
            coalesce(p_extra -> 'targets' ->> (place - 1)::integer,
                     p_extra #>> '{targets,0}')::uuid,
            p_extra ->> 'rank'
        from jsonb_array_elements(p_drafts) with ordinality e(d, place);

        insert into ledger.handover (
            org, consumer, shard, patient_id, fact_id, type, kind, at, received_at
        )
        select p_org, 'alerts', ledger.shard(p_patient), p_patient, (d ->> 'id')::uuid,
               d ->> 'type', d ->> 'kind', p_at, p_received_at
        from jsonb_array_elements(p_drafts) d;
    end if;

    if v_how is not null then
        perform ledger.supersede(
            p_org, p_cred, p_message, p_reuse, p_patient, p_at, p_received_at, p_extra);
    end if;
end
$$;

-- What a correction or withdrawal takes away may be another patient's: the take finds out whose
-- when both sides have committed.
create function ledger.supersede(
    p_org text, p_cred text, p_message text, p_reuse text, p_patient uuid, p_at timestamptz,
    p_received_at timestamptz, p_extra jsonb
) returns void
language plpgsql volatile set search_path = pg_catalog
as $$
declare
    v_how text := p_extra ->> 'how';
    v_patient uuid := coalesce(p_patient, '00000000-0000-0000-0000-000000000000');
begin
    insert into ledger.superseded (org, patient_id, target_id, by_id, how, rank)
    select p_org, v_patient, target.id::uuid,
           ledger.fact_id(p_org, p_cred, p_message, target.place - 1, p_reuse), v_how,
           p_extra ->> 'rank'
    from jsonb_array_elements_text(p_extra -> 'targets') with ordinality target(id, place)
    on conflict do nothing;

    insert into ledger.handover (
        org, consumer, shard, patient_id, fact_id, type, kind, at, received_at
    )
    select p_org, 'alerts', ledger.shard(v_patient), v_patient,
           ledger.fact_id(p_org, p_cred, p_message, target.place - 1, p_reuse), 'void', '',
           coalesce(p_at, p_received_at), p_received_at
    from jsonb_array_elements_text(p_extra -> 'targets') with ordinality target(id, place);
end
$$;
