-- Whose facts do these corrections and withdrawals take away? Asked when both sides have
-- committed: looked up earlier, an original still uncommitted would not be found.
create function ledger.route(p_org text, p_by uuid[])
returns table (by_id uuid, patient_id uuid)
language sql stable security definer set search_path = pg_catalog
as $$
    -- The target, where it was filed again, and what corrected it: of two corrections of one
    -- fact the weaker may lie with a third patient.
    with recursive filing as (
        select s.by_id, s.target_id as id
        from ledger.superseded s
        where s.org = p_org and s.by_id = any(p_by) and s.how <> 'refiled'
        union
        select filing.by_id, further.by_id
        from filing
        join ledger.superseded further on further.org = p_org and further.target_id = filing.id
    )
    select distinct filing.by_id, r.patient_id
    from filing
    join ledger.reading r on r.org = p_org and r.id = filing.id
$$;
