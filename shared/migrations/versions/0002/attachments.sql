-- Files that were sent: photos and documents. A file is named by its content, so that a resend or
-- a re-filing moves no bytes; whose it is, and whether it may be seen, only the facts say.
create table ledger.attachment (
    org text not null,
    sha256 bytea not null check (octet_length(sha256) = 32),
    cred text not null,  -- who sent it first: what one sender may send in a day is counted
    received_at timestamptz not null default clock_timestamp(),
    media_type text not null,  -- of what was sent, found in its bytes
    size integer not null,
    width integer,
    height integer,
    fault text,  -- why nothing of it can be shown
    original bytea not null,  -- as sent, with place and camera; no service shows it
    shown_type text,
    shown bytea,  -- painted anew; null where the original itself is shown
    thumbnail bytea,
    primary key (org, sha256)
);

-- Pictures are compressed already.
alter table ledger.attachment
    alter column original set storage external,
    alter column shown set storage external,
    alter column thumbnail set storage external;

create index attachment_of_sender on ledger.attachment (org, cred, received_at);

-- What may be shown of a file: for documents the file itself, for photos never the original.
create function ledger.shown_file(p_org text, p_sha256 bytea, p_thumbnail boolean)
returns table (media_type text, file bytea)
language sql stable security definer set search_path = pg_catalog
as $$
    select case when p_thumbnail then 'image/jpeg' else a.shown_type end,
           case when p_thumbnail then a.thumbnail
                when a.shown is not null then a.shown
                when a.shown_type = 'application/pdf' then a.original end
    from ledger.attachment a
    where a.org = p_org and a.sha256 = p_sha256 and a.fault is null
$$;

-- The programmes a patient is in: the receipt of a photo tells when they promise an answer.
create function ledger.programmes_of(p_org text, p_patient uuid) returns text[]
language sql stable security definer set search_path = pg_catalog
as $$
    select coalesce(array_agg(distinct d.body ->> 'programme'), '{}')
    from ledger.decision d
    where d.org = p_org and d.patient_id = p_patient and d.type = 'enrolled'
      and d.at <= clock_timestamp()
      and not exists (
          select from ledger.decision ended
          where ended.org = p_org and ended.patient_id = p_patient
            and ended.type = 'enrolment-ended' and ended.at <= clock_timestamp()
            and ended.body ->> 'enrolment_id' = d.body ->> 'enrolment_id'
      )
$$;

-- Staff answer what a patient sent: a decision. It covers that one and those of its kind that had
-- come before it, since whoever looks at the last one sees what led there; never one that came
-- while the answer was written. Returns when, or null if there is no such thing in force.
create function ledger.answer(
    p_org text, p_patient uuid, p_about uuid, p_text text, p_by text
) returns timestamptz
language plpgsql volatile security definer set search_path = pg_catalog
as $$
declare
    v_about record;
    v_id constant uuid := gen_random_uuid();
    v_now constant timestamptz := clock_timestamp();
    v_facts jsonb;
begin
    select c.kind, c.received_at into v_about from ledger.current c
    where c.org = p_org and c.patient_id = p_patient and c.id = p_about and c.type = 'attachment';
    if not found then
        return null;
    end if;
    select jsonb_agg(distinct origin) into v_facts
    from (
        select unnest(array[c.origin::text, c.body ->> 'corrects']) as origin
        from ledger.current c
        where c.org = p_org and c.patient_id = p_patient and c.type = 'attachment'
          and c.kind = v_about.kind and c.received_at <= v_about.received_at
    ) covered
    where origin is not null;
    insert into ledger.decision (org, id, patient_id, type, at, by, body)
    values (p_org, v_id, p_patient, 'answered', v_now, p_by, jsonb_build_object(
        'about', p_about, 'facts', v_facts, 'text', p_text, 'by', p_by));
    insert into ledger.handover (
        org, consumer, shard, patient_id, fact_id, type, kind, at, received_at
    ) values (
        p_org, 'alerts', ledger.shard(p_patient), p_patient, v_id, 'answered', '', v_now, v_now
    );
    return v_now;
end
$$;

revoke execute on function ledger.shown_file, ledger.programmes_of, ledger.answer from public;
grant execute on function ledger.shown_file, ledger.answer to hjv_patients, hjv_alerts;
grant execute on function ledger.programmes_of to hjv_ingest, hjv_patients;

-- Ingest reads the original again when a quarantined file is to be looked at anew.
grant select, insert on ledger.attachment to hjv_ingest;
grant update (width, height, fault, shown_type, shown, thumbnail) on ledger.attachment
    to hjv_ingest;
grant insert on ledger.attachment to hjv_patients;
grant select (org, sha256, cred, received_at, media_type, size, width, height, fault)
    on ledger.attachment to hjv_patients;
