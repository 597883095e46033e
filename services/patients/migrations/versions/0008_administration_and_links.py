"""What the hospital's own register says of a person waits here to be acted on; two patients who
are one person are linked."""

from shared import migrations

revision = "patients_0008"
down_revision = "patients_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(ADMINISTRATION + STAYS + LINKS + GRANTS)
    migrations.fence("patients", but=("secret",))


# Intake only appends facts and decides nothing. A fact of this type is noted here by the database
# itself, in the transaction that stores it: at intake, at its release from quarantine, whichever
# statement wrote it. So none can be stored and not acted on.
ADMINISTRATION = """
create table patients.administration (
    org text not null,
    fact_id uuid not null,
    seq bigint not null generated always as identity,
    patient_id uuid not null,
    at timestamptz not null,
    received_at timestamptz not null,
    cred text not null,
    event text not null,
    state text not null default 'waiting' check (state in ('waiting', 'done', 'failed')),
    outcome text,
    tries smallint not null default 0,
    applied_at timestamptz,
    primary key (org, fact_id),
    foreign key (org, patient_id) references patients.patient (org, id)
);
create index administration_waiting on patients.administration (org, seq) where state = 'waiting';
create index administration_of_sender
    on patients.administration (org, cred, received_at desc, fact_id);

create function patients.note_administration() returns trigger
language plpgsql security definer set search_path = pg_catalog
as $$
begin
    insert into patients.administration
        (org, fact_id, patient_id, at, received_at, cred, event)
    values (new.org, new.id, new.patient_id, new.at, new.received_at, new.cred, new.kind)
    on conflict do nothing;
    return null;
end
$$;

create trigger note_administration after insert on ledger.reading
    for each row when (new.type = 'administration')
    execute function patients.note_administration();
"""

STAYS = """
-- The pause that a stay in hospital made. A stay is what the facts of its visit say; this names
-- the pause that follows it.
create table patients.stay (
    org text not null,
    patient_id uuid not null,
    visit text not null,
    since timestamptz not null,
    left_at timestamptz,
    pause_id uuid not null,
    primary key (org, patient_id, visit),
    foreign key (org, pause_id) references patients.pause (org, id)
);
"""

LINKS = """
-- Two patients who are one person. Nothing moves: facts and alerts keep their patient, and a link
-- that is undone leaves both as they were.
create table patients.link (
    org text not null,
    id uuid not null,
    kept_id uuid not null,
    other_id uuid not null,
    reason text not null,
    at timestamptz not null,
    by text not null,
    undone_at timestamptz,
    undone_by text,
    undone_why text,
    primary key (org, id),
    foreign key (org, kept_id) references patients.patient (org, id),
    foreign key (org, other_id) references patients.patient (org, id),
    check (kept_id <> other_id),
    check ((undone_at is null) = (undone_by is null))
);
create unique index one_link_in_force on patients.link (org, other_id) where undone_at is null;
create index link_of_kept on patients.link (org, kept_id) where undone_at is null;

-- All who are this person, himself included.
create function patients.same_person(p_org text, p_patient uuid) returns setof uuid
language sql stable parallel safe set search_path = pg_catalog
as $$
    with recursive person(id) as (
        select p_patient
        union
        select case when l.kept_id = person.id then l.other_id else l.kept_id end
        from person
        join patients.link l on l.org = p_org and l.undone_at is null
            and person.id in (l.kept_id, l.other_id)
    )
    select id from person
$$;
"""

GRANTS = """
revoke execute on function patients.note_administration, patients.same_person from public;
grant execute on function patients.same_person to hjv_patients, hjv_alerts;
grant select on patients.administration to hjv_patients;
grant update (state, outcome, tries, applied_at) on patients.administration to hjv_patients;
grant select, insert, update on patients.stay to hjv_patients;
grant select, insert on patients.link to hjv_patients;
grant update (undone_at, undone_by, undone_why) on patients.link to hjv_patients;
grant select on patients.link to hjv_alerts;
"""
