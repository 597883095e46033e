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

-- Store a batch of one organisation: receipts, facts, corrections, quarantine and hand-over, or
-- nothing. The p_… arrays are items; the f_… arrays are their facts, f_item pointing at an item
-- from 1. extra carries what most items lack: slot, serial, subject {id, hash}, until, precision,
-- clock_none, how, own_id, targets, rank, code, errors, media.
create function ledger.append(
    p_org text,
    p_cred text[],
    p_system boolean[],
    p_message text[],
    p_content bytea[],
    p_raw bytea[],
    p_at timestamptz[],
    p_clock_good boolean[],
    p_extra jsonb[],
    f_item integer[],
    f_id uuid[],
    f_id_reused uuid[],
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
    v_answers ledger.answer[];
    v_answered integer[];
    v_again integer[];
begin
    -- Statement 1 takes the lock, statement 2 looks the bindings up. In one statement the
    -- snapshot would be older than the lock, and a binding change that committed in between
    -- would misfile the item for ever.
    perform pg_advisory_xact_lock_shared(hashtextextended('bindings:' || p_org, 0));
    v_now := clock_timestamp();

    with item as materialized (
        select
            i.n::integer as n, i.cred, i.system, i.message, i.content, i.raw, i.clock_good, i.extra,
            i.at > v_now + interval '5 minutes' or i.extra ? 'clock_none' as suspect,
            case
                when i.at > v_now + interval '5 minutes' or i.extra ? 'clock_none' then v_now
                else i.at
            end as at,
            case when i.extra ? 'own_id' then encode(i.content, 'hex') else '' end as reuse,
            i.extra ->> 'how' as how
        from unnest(p_cred, p_system, p_message, p_content, p_raw, p_at, p_clock_good, p_extra)
            with ordinality as i(cred, system, message, content, raw, at, clock_good, extra, n)
    ),
    decided as materialized (
        select
            item.*, whose.patient_id, whose.unit_id, coalesce(whose.slot, '') as slot,
            coalesce(
                item.extra ->> 'code',
                -- A withdrawal needs no holder: it aims at the sender's own earlier message.
                case when item.how is distinct from 'void' then whose.code end
            ) as code,
            case when item.suspect then array['clock_suspect'] else '{}' end
                || case when item.at < v_now - interval '7 days' then array['late'] else '{}' end
                as flags,
            row_number() over (
                partition by item.cred, item.message, item.reuse order by item.n
            ) = 1 and case
                -- A PUT of what was posted with the same content is no correction.
                when item.extra ? 'own_id' then (
                    select true from ledger.receipt earlier
                    where earlier.org = p_org and earlier.cred = item.cred
                      and earlier.message_id = item.message and earlier.reuse = ''
                      and earlier.content = item.content
                    limit 1
                ) is null
                else true
            end as first
        from item
        left join lateral ledger.whose(
            p_org, item.cred, item.system, item.extra, item.at, item.clock_good, v_now
        ) whose on item.at is not null
    ),
    part as materialized (
        select f.*, (row_number() over (partition by f.n order by f.ord) - 1)::integer as place
        from unnest(f_item, f_id, f_id_reused, f_type, f_kind, f_body)
            with ordinality as f(n, id, id_reused, type, kind, body, ord)
    ),
    -- The item's own id is its first fact's; a withdrawal brings one without a fact.
    own as materialized (
        select distinct on (n) n, id, id_reused from part order by n, place
    ),
    settled as materialized (
        select
            decided.*, case when decided.reuse = '' then own.id else own.id_reused end as own_id,
            case
                when code is not null then 'quarantined'
                when how = 'void' then 'voided'
                -- A PUT of what was never there is a first storing. (A scalar subquery, because
                -- NOT EXISTS would be hashed: every receipt of the organisation read per batch.)
                when how = 'correction' and not (extra ? 'own_id' and (
                    select true from ledger.receipt earlier
                    where earlier.org = p_org and earlier.cred = decided.cred
                      and earlier.message_id = decided.message
                    limit 1
                ) is null) then 'corrected'
                else 'stored'
            end as result,
            coalesce(
                extra -> 'errors',
                case when code is not null then jsonb_build_array(
                    jsonb_build_object('path', case
                        when code in ('subject-mismatch', 'unknown-subject') then 'subject'
                        else 'device' end, 'code', code)
                ) end
            ) as errors
        from decided left join own using (n)
    ),
    fresh as (
        -- In key order, so that two batches with the same messages never wait for each other in
        -- a ring.
        insert into ledger.receipt (
            org, cred, message_id, reuse, content, result, fact_id, patient_id, at, received_at,
            flags, errors, system, extra, media_type, raw
        )
        select
            p_org, cred, message, reuse, content, result,
            case when code is null then own_id end, patient_id, at, v_now,
            flags, errors, system, extra, extra ->> 'media', raw
        from settled
        where first
        order by cred, message, reuse
        on conflict do nothing
        returning cred, message_id, reuse
    ),
    new as materialized (
        select settled.*
        from settled
        join fresh
            on fresh.cred = settled.cred and fresh.message_id = settled.message
            and fresh.reuse = settled.reuse
        where settled.first
    ),
    filed as (
        insert into ledger.reading (
            org, id, at, patient_id, type, kind, until, day_only, received_at, cred, slot,
            message_id, flags, body, origin, replaces, rank
        )
        select
            p_org, case when new.reuse = '' then part.id else part.id_reused end, new.at,
            new.patient_id, part.type, part.kind, (new.extra ->> 'until')::timestamptz,
            coalesce(new.extra ->> 'precision' = 'day', false), v_now, new.cred, new.slot,
            new.message, new.flags, part.body,
            case when new.reuse = '' then part.id else part.id_reused end,
            coalesce(new.extra -> 'targets' ->> part.place, new.extra #>> '{targets,0}')::uuid,
            new.extra ->> 'rank'
        from part join new using (n)
        where new.code is null and new.how is distinct from 'void'
    ),
    against as materialized (
        select
            new.n, coalesce(new.patient_id, '00000000-0000-0000-0000-000000000000') as patient_id,
            new.at, target.id::uuid as target_id,
            ledger.fact_id(p_org, new.cred, new.message, target.place - 1, new.reuse) as by_id,
            new.how, new.extra ->> 'rank' as rank
        from new,
            jsonb_array_elements_text(new.extra -> 'targets') with ordinality target(id, place)
        where new.code is null and new.how is not null
    ),
    replaced as (
        insert into ledger.superseded (org, patient_id, target_id, by_id, how, rank)
        select p_org, patient_id, target_id, by_id, how, rank from against
        on conflict do nothing
    ),
    held as (
        insert into ledger.quarantine (
            org, cred, message_id, reuse, code, errors, patient_id, unit_id, at, received_at,
            system, clock_good, extra, drafts
        )
        select
            p_org, new.cred, new.message, new.reuse, new.code, new.errors, new.patient_id,
            coalesce(new.unit_id, (
                select credential.unit_id from patients.credential
                where credential.org = p_org and credential.cred = new.cred
            )),
            new.at, v_now, new.system, new.clock_good, new.extra,
            (select jsonb_agg(jsonb_build_object(
                'id', case when new.reuse = '' then part.id else part.id_reused end,
                'type', part.type, 'kind', part.kind, 'body', part.body))
             from part where part.n = new.n)
        from new
        where new.code is not null
    ),
    handed as (
        insert into ledger.handover (
            org, consumer, shard, patient_id, fact_id, type, kind, at, received_at
        )
        select p_org, 'alerts', ledger.shard(told.patient_id), told.patient_id, told.fact_id,
               told.type, told.kind, told.at, v_now
        from (
            select new.n, new.patient_id,
                   case when new.reuse = '' then part.id else part.id_reused end as fact_id,
                   part.type, part.kind, new.at
            from part join new using (n)
            where new.code is null and new.how is distinct from 'void'
            union all
            -- What a correction or withdrawal takes away may be another patient's: the take
            -- finds out whose when both sides have committed.
            select n, patient_id, by_id, 'void', '', coalesce(at, v_now)
            from against
        ) told
        order by told.n
    )
    select array_agg((
        n, result, case when code is null then own_id end, patient_id, unit_id, v_now, flags,
        errors)::ledger.answer)
    into v_answers
    from new;

    -- What was already there is answered by statements of their own: in the first one, the loser
    -- of two simultaneous senders would see neither his row nor the winner's.
    if coalesce(cardinality(v_answers), 0) < cardinality(p_cred) then
        v_answered := array(select a.position from unnest(v_answers) a);
        select array_agg(i.n order by i.cred, i.message, i.n) into v_again
        from unnest(p_cred, p_message) with ordinality as i(cred, message, n)
        where i.n <> all (v_answered);
        v_answers := v_answers || ledger.append_again(
            p_org, v_now, v_again, p_cred, p_system, p_message, p_content, p_raw, p_at,
            p_clock_good, p_extra, f_item, f_id, f_id_reused, f_type, f_kind, f_body
        );
    end if;

    if p_indivisible and exists (select from unnest(v_answers) a where a.result = 'quarantined')
    then
        raise exception using errcode = 'HJ001', message = 'not indivisible',
            detail = (select jsonb_agg(to_jsonb(a))::text from unnest(v_answers) a
                      where a.result = 'quarantined');
    end if;

    return query select * from unnest(v_answers) a order by a.position;
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
    p_extra jsonb[],
    f_item integer[],
    f_id uuid[],
    f_id_reused uuid[],
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
    v_at timestamptz;
    v_suspect boolean;
    v_whose record;
    v_code text;
    v_how text;
    v_own uuid;
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

        v_how := p_extra[v_n] ->> 'how';
        v_suspect := p_at[v_n] > p_now + interval '5 minutes' or coalesce(p_extra[v_n] ? 'clock_none', false);
        v_at := case when v_suspect then p_now else p_at[v_n] end;
        select * into v_whose from ledger.whose(
            p_org, p_cred[v_n], p_system[v_n], p_extra[v_n], v_at, p_clock_good[v_n], p_now
        );
        v_code := coalesce(
            p_extra[v_n] ->> 'code',
            case when v_how is distinct from 'void' and v_at is not null then v_whose.code end
        );
        v_flags := array['id-reused']
            || case when v_suspect then array['clock_suspect'] else '{}' end
            || case when v_at < p_now - interval '7 days' then array['late'] else '{}' end;
        v_errors := coalesce(
            p_extra[v_n] -> 'errors',
            case when v_code is not null then jsonb_build_array(jsonb_build_object(
                'path', case when v_code in ('subject-mismatch', 'unknown-subject') then 'subject'
                             else 'device' end, 'code', v_code)) end
        );
        v_result := case when v_code is not null then 'quarantined' when v_how = 'void' then 'voided'
                         when v_how = 'correction' then 'corrected' else 'stored' end;
        select f.id_reused into v_own
        from unnest(f_item, f_id_reused) with ordinality as f(n, id_reused, place)
        where f.n = v_n order by f.place limit 1;

        insert into ledger.receipt (
            org, cred, message_id, reuse, content, result, fact_id, patient_id, at, received_at,
            flags, errors, system, extra, media_type, raw
        ) values (
            p_org, p_cred[v_n], p_message[v_n], v_reuse, p_content[v_n], v_result,
            case when v_code is null then v_own end, v_whose.patient_id, v_at, p_now,
            v_flags, v_errors, p_system[v_n], p_extra[v_n], p_extra[v_n] ->> 'media', p_raw[v_n]
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
                v_at, p_now, p_system[v_n], p_clock_good[v_n], p_extra[v_n],
                (select jsonb_agg(jsonb_build_object(
                    'id', f.id, 'type', f.type, 'kind', f.kind, 'body', f.body))
                 from unnest(f_item, f_id_reused, f_type, f_kind, f_body)
                     as f(n, id, type, kind, body)
                 where f.n = v_n)
            );
        else
            perform ledger.file(
                p_org, v_whose.patient_id, v_at, p_now, p_cred[v_n], coalesce(v_whose.slot, ''),
                p_message[v_n], v_reuse, v_flags, p_extra[v_n],
                (select jsonb_agg(jsonb_build_object(
                    'id', f.id, 'type', f.type, 'kind', f.kind, 'body', f.body))
                 from unnest(f_item, f_id_reused, f_type, f_kind, f_body)
                     as f(n, id, type, kind, body)
                 where f.n = v_n)
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
    v_nobody constant uuid := '00000000-0000-0000-0000-000000000000';
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
        insert into ledger.superseded (org, patient_id, target_id, by_id, how, rank)
        select p_org, coalesce(p_patient, v_nobody), target.id::uuid,
               ledger.fact_id(p_org, p_cred, p_message, target.place - 1, p_reuse), v_how,
               p_extra ->> 'rank'
        from jsonb_array_elements_text(p_extra -> 'targets') with ordinality target(id, place)
        on conflict do nothing;

        insert into ledger.handover (
            org, consumer, shard, patient_id, fact_id, type, kind, at, received_at
        )
        select p_org, 'alerts', ledger.shard(coalesce(p_patient, v_nobody)),
               coalesce(p_patient, v_nobody),
               ledger.fact_id(p_org, p_cred, p_message, target.place - 1, p_reuse), 'void', '',
               coalesce(p_at, p_received_at), p_received_at
        from jsonb_array_elements_text(p_extra -> 'targets') with ordinality target(id, place);
    end if;
end
$$;
