"""A patient asks to have something erased: two physicians decide, the law permitting. Then it is
gone from record, alerts, what was sent and the export; who decided it stays."""

import asyncio
import json
import uuid
from typing import Any

import asyncpg
import httpx

from tests.journeys import device, photos
from tests.journeys.hospital import Hospital, Patient, bearer, eventually

CANARY = "Kanarinotat som skal bort"


def everything(hospital: Hospital) -> str:
    """All that the database holds, but for the audit trail and the claim itself."""

    async def run() -> str:
        connection = await asyncpg.connect(hospital.addresses["database"])
        try:
            tables = await connection.fetch(
                """
                select n.nspname || '.' || c.relname as name from pg_class c
                join pg_namespace n on n.oid = c.relnamespace
                where n.nspname in ('ledger', 'patients', 'alerts') and c.relkind = 'r'
                  and c.relname not in ('claim', 'version')
                """
            )
            found = []
            for table in tables:
                rows = await connection.fetch(f"select t::text as row from {table['name']} t")
                found += [row["row"] for row in rows]
            raw = await connection.fetch("select raw from ledger.receipt where raw is not null")
            return "\n".join(found) + "\n".join(repr(bytes(row["raw"])) for row in raw)
        finally:
            await connection.close()

    return asyncio.run(run())


def test_what_two_physicians_have_granted_is_erased_everywhere(
    hospital: Hospital, patient: Patient
) -> None:
    anne, bent = (hospital.log_in("physician", person=str(uuid.uuid4())) for _ in range(2))
    himself = bearer(patient.token)
    path = f"/v1/patients/{patient.id}/claims"
    hospital.send_one(patient, {**device.low_pressure(), "note": CANARY})
    assert eventually(lambda: (hospital.row(patient) or {}).get("colour") == "red")
    (reading,) = [
        one for one in hospital.readings(patient) if CANARY in json.dumps(one, ensure_ascii=False)
    ]
    assert CANARY in everything(hospital)
    systolic = str(reading["values"]["systolic"])
    about = json.dumps({"kind": "photo", "at": "2026-01-01T10:00:00Z", "note": CANARY})
    photo = hospital.patients.post(
        f"/v1/patients/{patient.id}/attachments",
        content=photos.photo(),
        headers={**hospital.nurse, "content-type": "image/jpeg", "hjemvakt-about": about},
    ).json()

    body = {"kind": "erase", "facts": [reading["id"], photo["id"]], "text": "Dette er ikke meg"}
    claim = hospital.made(hospital.patients, path, body, himself)
    assert claim["state"] == "open"

    def ask(verb: str, who: dict[str, str], **body: Any) -> httpx.Response:
        address = f"{path}/{claim['id']}/{verb}"
        return hospital.patients.post(address, json=body or None, headers=who)

    ground = {"reason": "Målt på en annen i huset"}
    nurses = ask("decide", hospital.nurse, granted=True, ground="wrong-patient", **ground)
    assert nurses.status_code == 403
    assert ask("confirm", bent).json()["code"] == "claim-is-not-granted"
    unfit = ask("decide", anne, granted=True, ground="archive", **ground)
    assert unfit.json()["code"] == "ground-does-not-fit"
    granted = ask("decide", anne, granted=True, ground="wrong-patient", **ground)
    assert granted.json()["state"] == "granted", granted.text
    assert CANARY in everything(hospital)  # nothing happens before the second person
    assert ask("confirm", anne).json()["code"] == "needs-a-second-person"
    confirmed = ask("confirm", bent)
    assert confirmed.json()["state"] == "done", confirmed.text
    assert ask("confirm", bent).status_code == 409

    eventually(lambda: CANARY not in everything(hospital))
    assert reading["id"] not in {one["id"] for one in hospital.readings(patient)}
    for page in (
        hospital.alerts.get(f"/patients/{patient.id}", headers=hospital.nurse),
        hospital.alerts.get("/v1/alerts", params={"patient": patient.id}, headers=hospital.nurse),
        hospital.patients.get(f"/v1/patients/{patient.id}/export", headers=himself),
        hospital.patients.get(f"/v1/patients/{patient.id}/attachments", headers=hospital.nurse),
    ):
        assert page.status_code == 200, page.text
        assert CANARY not in page.text
    shown = hospital.patients.get(f"/v1/attachments/{photo['id']}", headers=hospital.nurse)
    assert shown.status_code in (404, 410)
    alerts = hospital.alerts.get(
        "/v1/alerts", params={"patient": patient.id}, headers=hospital.nurse
    ).json()["alerts"]
    assert alerts  # that there was one stays, and whoever closes it is a person
    for one in alerts:
        assert systolic not in json.dumps(one["inputs"] if "inputs" in one else one["evidence"])
    looks = hospital.patients.get(f"/v1/patients/{patient.id}/access-log", headers=himself).json()[
        "looks"
    ]
    assert [look["what"] for look in looks].count("claims") >= 3


def test_what_the_law_forbids_is_refused_with_its_ground(
    hospital: Hospital, patient: Patient
) -> None:
    anne = hospital.log_in("physician", person=str(uuid.uuid4()))
    path = f"/v1/patients/{patient.id}/claims"
    hospital.send_one(patient, device.low_pressure())
    (reading,) = eventually(lambda: hospital.readings(patient))
    body = {"kind": "erase", "facts": [reading["id"]], "text": "Jeg vil ha alt slettet"}
    claim = hospital.made(hospital.patients, path, body, bearer(patient.token))

    stranger = hospital.patient()
    foreign = {**body, "facts": [str(uuid.uuid4())]}
    answer = hospital.patients.post(path, json=foreign, headers=bearer(patient.token))
    assert answer.json()["code"] == "unknown-fact"
    answer = hospital.patients.post(path, json=body, headers=bearer(stranger.token))
    assert answer.status_code == 404
    refused = hospital.patients.post(
        f"{path}/{claim['id']}/decide",
        json={"granted": False, "ground": "duty-to-document", "reason": "Grunnlag for behandling"},
        headers=anne,
    )
    assert refused.json()["state"] == "refused"
    told = hospital.patients.get(path, headers=bearer(patient.token)).json()["claims"]
    assert [(one["state"], one["ground"]) for one in told] == [("refused", "duty-to-document")]
    assert [one["id"] for one in hospital.readings(patient)] == [reading["id"]]
