-- Take one item out of quarantine: the receipt leaves 'quarantined' and the facts are made, with
-- their first times, in one transaction. Through the ordinary append the receipt would already be
-- there and the facts would silently not be made.
create function ledger.release_one(
    p_org text, p_id uuid, p_patient uuid, p_slot text, p_by text, p_by_hand boolean
) returns uuid
language plpgsql volatile set search_path = pg_catalog
as $$
declare
    v_held ledger.quarantine;
    v_now timestamptz := clock_timestamp();
    v_flags text[];
    v_own uuid;
begin
    select * into v_held from ledger.quarantine q
    where q.org = p_org and q.id = p_id and q.state in ('waiting', 'replaying') for update;
    if not found then
        raise exception using errcode = 'HJ002', message = 'not waiting in quarantine';
    end if;
    if v_held.drafts is null or v_held.at is null or p_patient is null then
        raise exception using errcode = 'HJ003', message = 'cannot be released as it is';
    end if;

    v_own := (v_held.drafts #>> '{0,id}')::uuid;
    -- The doubts of the intake remain.
    select array_agg(distinct flag) into v_flags
    from (
        select unnest(r.flags) as flag from ledger.receipt r
        where r.org = p_org and r.cred = v_held.cred and r.message_id = v_held.message_id
          and r.reuse = v_held.reuse
        union all select 'late' where v_now - v_held.at > interval '1 hour'
        union all select 'clock_suspect' where v_held.extra ? 'clock_none'
    ) doubts;
    v_flags := coalesce(v_flags, '{}');

    update ledger.receipt r
    set result = case v_held.extra ->> 'how' when 'correction' then 'corrected'
                      when 'void' then 'voided' else 'stored' end,
        fact_id = v_own, patient_id = p_patient, errors = null, flags = v_flags,
        at = v_held.at, extra = v_held.extra
    where r.org = p_org and r.cred = v_held.cred and r.message_id = v_held.message_id
      and r.reuse = v_held.reuse and r.result = 'quarantined';
    if not found then
        raise exception using errcode = 'HJ002', message = 'not waiting in quarantine';
    end if;

    update ledger.quarantine q
    set state = 'released', decided_at = v_now, decided_by = p_by, patient_id = p_patient,
        extra = case when p_by_hand then coalesce(q.extra, '{}') || '{"by_hand": true}'
                     else q.extra end
    where q.org = p_org and q.id = p_id;

    perform ledger.file(
        p_org, p_patient, v_held.at, v_held.received_at, v_held.cred, coalesce(p_slot, ''),
        v_held.message_id, v_held.reuse, v_flags, v_held.extra, v_held.drafts);
    return v_own;
end
$$;

-- Release to the patient a person names, or to whoever the bindings now say had it when it was
-- measured. The doubt about the clock is not raised again: a person has looked.
create function ledger.release(p_org text, p_id uuid, p_patient uuid, p_by text)
returns ledger.answer
language plpgsql volatile security definer set search_path = pg_catalog
as $$
declare
    v_held ledger.quarantine;
    v_whose record;
    v_patient uuid;
    v_unit uuid;
    v_answer ledger.answer;
begin
    perform pg_advisory_xact_lock_shared(hashtextextended('bindings:' || p_org, 0));
    select * into v_held from ledger.quarantine q where q.org = p_org and q.id = p_id;
    if not found or v_held.state not in ('waiting', 'replaying') then
        raise exception using errcode = 'HJ002', message = 'not waiting in quarantine';
    end if;
    select * into v_whose from ledger.whose(
        p_org, v_held.cred, v_held.system, v_held.extra, v_held.at, true,
        greatest(v_held.at, clock_timestamp()));
    if p_patient is not null then
        select p.id, p.unit_id into v_patient, v_unit from patients.patient p
        where p.org = p_org and p.id = p_patient;
    elsif v_whose.code is distinct from 'subject-mismatch' then
        v_patient := v_whose.patient_id;
        v_unit := v_whose.unit_id;
    end if;
    perform ledger.release_one(
        p_org, p_id, v_patient, coalesce(v_whose.slot, ''), p_by, p_patient is not null);
    select 1, r.result, r.fact_id, r.patient_id, v_unit, r.received_at, r.flags, r.errors
    into v_answer
    from ledger.receipt r
    where r.org = p_org and r.cred = v_held.cred and r.message_id = v_held.message_id
      and r.reuse = v_held.reuse;
    return v_answer;
end
$$;

create function ledger.reject(p_org text, p_id uuid, p_by text, p_reason text) returns void
language plpgsql volatile security definer set search_path = pg_catalog
as $$
begin
    update ledger.quarantine q
    set state = 'rejected', decided_at = clock_timestamp(), decided_by = p_by, reason = p_reason
    where q.org = p_org and q.id = p_id and q.state in ('waiting', 'replaying');
    if not found then
        raise exception using errcode = 'HJ002', message = 'not waiting in quarantine';
    end if;
end
$$;

-- Ask ingest, which alone knows the protocols, to read the raw bytes again.
create function ledger.ask_replay(p_org text, p_id uuid, p_by text) returns void
language plpgsql volatile security definer set search_path = pg_catalog
as $$
begin
    update ledger.quarantine q
    set state = 'replaying', decided_by = p_by
    where q.org = p_org and q.id = p_id and q.state in ('waiting', 'replaying');
    if not found then
        raise exception using errcode = 'HJ002', message = 'not waiting in quarantine';
    end if;
    perform pg_notify('replay', p_org);
end
$$;

-- What ingest made of the bytes the second time: facts, which then find their holder, or a
-- reason to go on waiting.
create function ledger.mend(
    p_org text, p_id uuid, p_at timestamptz, p_clock_good boolean, p_extra jsonb, p_drafts jsonb,
    p_code text, p_errors jsonb
) returns text
language plpgsql volatile security definer set search_path = pg_catalog
as $$
declare
    v_held ledger.quarantine;
    v_whose record;
    v_code text := p_code;
    v_errors jsonb := p_errors;
    v_at timestamptz := p_at;
    v_extra jsonb := p_extra;
    v_drafts jsonb;
begin
    perform pg_advisory_xact_lock_shared(hashtextextended('bindings:' || p_org, 0));
    select * into v_held from ledger.quarantine q
    where q.org = p_org and q.id = p_id and q.state = 'replaying' for update;
    if not found then
        return 'gone';
    end if;
    if p_at > v_held.received_at + interval '5 minutes' or coalesce(p_extra ? 'clock_none', false)
    then
        v_at := v_held.received_at;
        v_extra := coalesce(p_extra, '{}') || '{"clock_none": true}';
    end if;
    -- The ids are those of the message that was received, whatever it is called when read again.
    select jsonb_agg(d || jsonb_build_object('id', ledger.fact_id(
               p_org, v_held.cred, v_held.message_id, place - 1, v_held.reuse)) order by place)
    into v_drafts
    from jsonb_array_elements(p_drafts) with ordinality e(d, place);
    if v_code is null then
        select * into v_whose from ledger.whose(
            p_org, v_held.cred, v_held.system, v_extra, v_at, p_clock_good,
            greatest(v_at, clock_timestamp()));
        v_code := v_whose.code;
        v_errors := jsonb_build_array(jsonb_build_object('path', 'device', 'code', v_code));
    end if;
    update ledger.quarantine q
    set at = v_at, clock_good = p_clock_good, extra = v_extra, drafts = v_drafts,
        code = coalesce(v_code, q.code), errors = coalesce(v_errors, q.errors), state = 'waiting'
    where q.org = p_org and q.id = p_id;
    if v_code is null then
        perform ledger.release_one(
            p_org, p_id, v_whose.patient_id, v_whose.slot, v_held.decided_by, false);
        return 'released';
    end if;
    return 'waiting';
end
$$;
