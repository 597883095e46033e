-- Does it change hands in the course of the day that begins then? Days are Norway's, as the
-- decoders read them: 23 to 25 hours.
create function ledger.changes_that_day(
    p_org text, p_cred text, p_slot text, p_day timestamptz
) returns boolean
language sql stable as $$
    select exists (
        select from patients.binding b, unnest(array[lower(b.valid), upper(b.valid)]) edge
        where b.org = p_org and b.cred = p_cred and b.slot = p_slot
          and edge > p_day
          and edge < (p_day at time zone 'Europe/Oslo' + interval '1 day')
                     at time zone 'Europe/Oslo'
    )
$$;

-- Whose is a reading? The binding valid when it was measured decides; a system names its subject.
-- One rule in one place: a single SELECT in a STABLE function is put in line by the planner, so
-- the append's whole batch is looked up set-wise, and what it says of subjects and dates costs
-- nothing where p_system is false and p_extra null.
create function ledger.whose(
    p_org text, p_cred text, p_system boolean, p_slot text, p_serial text, p_extra jsonb,
    p_at timestamptz, p_clock_good boolean, p_now timestamptz
) returns table (patient_id uuid, unit_id uuid, slot text, code text)
language sql stable as $$
    select
        person.id,
        person.unit_id,
        named.slot,
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
                    and ledger.changes_that_day(p_org, p_cred, named.slot, p_at))
            ) and held.patient_id is distinct from (
                select b.patient_id from patients.binding b
                where b.org collate "C" = p_org and b.cred collate "C" = p_cred
                  and b.slot collate "C" = named.slot and (b.valid @> p_now) is true
                limit 1
            ) then 'whose'
        end
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

-- The same of an item whose slot and serial stand with the rest in extra.
create function ledger.whose(
    p_org text, p_cred text, p_system boolean, p_extra jsonb,
    p_at timestamptz, p_clock_good boolean, p_now timestamptz
) returns table (patient_id uuid, unit_id uuid, slot text, code text)
language sql stable as $$
    select whose.*
    from ledger.whose(p_org, p_cred, p_system, p_extra ->> 'slot', p_extra ->> 'serial', p_extra,
                      p_at, p_clock_good, p_now) whose
$$;
