"""What alerts show of facts that were erased by decision is blanked with them."""

from shared import migrations

revision = "alerts_0005"
down_revision = "alerts_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    migrations.script(ERASE)


ERASE = """
-- That an alert was raised and what was done about it stays; the figures in it go. What staff wrote
-- themselves is theirs, and a claim of its own.
create function alerts.erase(p_org text, p_claim uuid, p_facts uuid[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog
as $$
declare
    v_said constant jsonb := '{"nb": "Slettet etter vedtak.", "en": "Erased by decision."}';
    v_alerts uuid[];
begin
    if not exists (
        select from patients.claim
        where claim.org = p_org and claim.id = p_claim and claim.kind = 'erase'
          and claim.state = 'granted' and claim.confirmed_by <> claim.decided_by
    ) then
        raise insufficient_privilege using message = 'no such granted claim';
    end if;
    with blanked as (
        update alerts.finding f
        set body = (f.body - 'sample') || jsonb_build_object(
                'values', '[]'::jsonb, 'limits', '[]'::jsonb, 'reason', v_said,
                'patient_text', null)
        where f.org = p_org and f.facts && p_facts
        returning f.alert_id
    )
    select array_agg(distinct alert_id) into v_alerts from blanked;
    update alerts.alert a
    set body = (a.body - 'sample') || jsonb_build_object(
            'values', '[]'::jsonb, 'limits', '[]'::jsonb, 'reason', v_said, 'patient_text', null)
    where a.org = p_org and a.id = any (v_alerts);
    update alerts.move m set body = m.body - 'says' - 'case'
    where m.org = p_org and m.alert_id = any (v_alerts);
end
$$;
revoke execute on function alerts.erase from public;
grant usage on schema alerts to hjv_patients;
grant execute on function alerts.erase to hjv_patients;
"""
