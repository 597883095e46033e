"""A withdrawal takes every content that came under the id, not only the first."""

from shared import migrations

revision = "ledger_0010"
down_revision = "ledger_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(SUPERSEDE)


# As before, and besides: the targets are made from the message id, under which another content may
# have been stored as well (`id-reused`); who withdraws the message withdraws that too. `of` is the
# id withdrawn where it is not the message's own. Each of these has a name of its own as what it was
# taken away by: whether one stands does not hang on what else aims at another.
SUPERSEDE = """
create or replace function ledger.supersede(
    p_org text, p_cred text, p_message text, p_reuse text, p_patient uuid, p_at timestamptz,
    p_received_at timestamptz, p_extra jsonb
) returns void
language plpgsql volatile set search_path = pg_catalog
as $$
declare
    v_how text := p_extra ->> 'how';
    v_patient uuid := coalesce(p_patient, '00000000-0000-0000-0000-000000000000');
    v_of text := coalesce(p_extra ->> 'of', case when p_extra ? 'own_id' then p_message end);
begin
    with aimed as (
        select target.id::uuid as target_id,
               ledger.fact_id(p_org, p_cred, p_message, target.place - 1, p_reuse) as by_id
        from jsonb_array_elements_text(p_extra -> 'targets') with ordinality target(id, place)
        union all
        select ledger.fact_id(p_org, p_cred, v_of, target.place - 1, other.reuse),
               ledger.fact_id(
                   p_org, p_cred, p_message, target.place - 1, p_reuse || '|' || other.reuse)
        from ledger.receipt other
        cross join jsonb_array_elements_text(p_extra -> 'targets')
                       with ordinality target(id, place)
        where v_how = 'void' and other.org = p_org and other.cred = p_cred
          and other.message_id = v_of and other.reuse <> ''
          -- Versions of the message's own stand or fall with what they correct.
          and other.extra ->> 'how' is null
    ), taken as (
        insert into ledger.superseded (org, patient_id, target_id, by_id, how, rank)
        select p_org, v_patient, target_id, by_id, v_how, p_extra ->> 'rank' from aimed
        on conflict do nothing
    )
    insert into ledger.handover (
        org, consumer, shard, patient_id, fact_id, type, kind, at, received_at
    )
    select p_org, 'alerts', ledger.shard(v_patient), v_patient, by_id, 'void', '',
           coalesce(p_at, p_received_at), p_received_at
    from aimed;
end
$$;
"""
