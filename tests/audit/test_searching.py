"""What an auditor can ask: by person, by patient, by date, as FHIR, and what wants explaining."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from services.patients.fhir_doors import audit_event
from tests.patients.conftest import Ward

SYNTHETIC = "41814065640"


def span() -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "from": (now - timedelta(hours=1)).isoformat(),
        "to": (now + timedelta(hours=1)).isoformat(),
    }


async def test_whose_records_somebody_has_seen(ward: Ward) -> None:
    others = [await ward.record.patient(ward.nurse, ward.unit) for _ in range(3)]
    colleague = await ward.record.staff("nurse", ward.unit)
    await colleague.get(f"/v1/patients/{others[0]}/readings")
    await colleague.get(f"/v1/patients/{others[0]}")
    await colleague.get(f"/v1/patients/{others[1]}")
    auditor = await ward.record.auditor()

    by = ward.record.ids[colleague.token or ""]
    found = (await auditor.get("/v1/access-log/patients", by=by, **span()))["patients"]
    assert [(one["id"], one["times"]) for one in found] == [(others[0], 2), (others[1], 1)]
    assert found[0]["what"] == ["patient", "readings"]
    early = {"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"}
    assert (await auditor.get("/v1/access-log/patients", by=by, **early))["patients"] == []
    await auditor.get(
        "/v1/access-log/patients",
        422,
        by=by,
        **{"from": "2020-01-01T00:00:00", "to": "2020-01-02T00:00:00"},
    )


async def test_acts_page_to_the_end_without_a_gap(ward: Ward) -> None:
    for _ in range(7):
        await ward.nurse.get(ward.path)
    auditor = await ward.record.auditor()
    by = ward.record.ids[ward.nurse.token or ""]

    seen: list[Any] = []
    more: dict[str, str] = {}
    while True:
        page = await auditor.get("/v1/access-log", by=by, limit=3, **more)
        seen += page["acts"]
        if not page["next"]:
            break
        more = {"cursor": page["next"]}
    assert len({act["id"] for act in seen}) == len(seen) == 8  # and the registration
    assert [act["at"] for act in seen] == sorted((act["at"] for act in seen), reverse=True)


async def test_another_organisations_acts_are_not_there(ward: Ward) -> None:
    elsewhere = await ward.record.auditor("elsewhere")
    acts = (await elsewhere.get("/v1/access-log"))["acts"]
    assert {act["org"] for act in acts} <= {"elsewhere"}
    assert (await elsewhere.get("/v1/access-log", patient=ward.patient))["acts"] == []


async def test_an_auditor_searches_audit_events(ward: Ward) -> None:
    other = await ward.record.patient(ward.nurse, ward.unit)
    await ward.nurse.get("/v1/patients")
    await ward.nurse.get(f"{ward.path}/readings")
    auditor = await ward.record.auditor()

    by = ward.record.ids[ward.nurse.token or ""]
    bundle = await auditor.get(
        "/fhir/AuditEvent", patient=ward.patient, agent=f"Practitioner/{by}", _count=2
    )
    read, listed = (entry["resource"] for entry in bundle["entry"])
    assert read["meta"]["profile"] == [
        "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead"
    ]
    assert (read["action"], read["outcome"], read["type"]["code"]) == ("R", "0", "rest")
    assert read["purposeOfEvent"][0]["coding"][0]["code"] == "TREAT"
    user = next(agent for agent in read["agent"] if agent["requestor"])
    assert user["who"]["reference"] == f"Practitioner/{by}"
    assert user["who"]["display"] == "nurse 1"
    # A list names only the patient who was asked for.
    assert listed["meta"]["profile"][0].endswith("PatientQuery")
    assert other not in json.dumps(listed)
    people = [one["what"]["reference"] for one in listed["entity"] if one["type"]["code"] == "1"]
    assert people == [f"Patient/{ward.patient}"]

    one = await auditor.get(f"/fhir/AuditEvent/{read['id']}")
    assert one == read
    links = {link["relation"]: link["url"] for link in bundle["link"]}
    rest = await auditor.get(links["next"].removeprefix("http://record"))
    assert read["id"] not in {entry["resource"]["id"] for entry in rest["entry"]}
    assert await auditor.get("/fhir/AuditEvent", date="lt2020-01-01") == {
        "resourceType": "Bundle", "type": "searchset",
        "link": [{"relation": "self", "url": "http://record/fhir/AuditEvent?date=lt2020-01-01"}],
    }  # fmt: skip


def test_an_id_that_is_not_ours_is_no_place() -> None:
    for text in ("", "-", "1", "x-y", "1-1", "99999999999999999999-" + "0" * 32):
        assert audit_event.place_of(text) is None


async def test_the_report_names_the_own_record_and_a_colleagues(ward: Ward) -> None:
    administrator = await ward.record.administrator()
    body = {
        "name": "Kari Nordmann",
        "role": "nurse",
        "units": [ward.unit],
        "national_number": SYNTHETIC,
    }
    made = await administrator.post("/v1/staff", body)
    kari = await ward.record.person(staff=made["id"])
    patient = await ward.record.patient(
        ward.nurse, ward.unit, identifier={"system": D_NUMBER, "value": SYNTHETIC}
    )
    await kari.get(f"/v1/patients/{patient}/readings")
    await ward.nurse.get(f"/v1/patients/{patient}/readings")
    auditor = await ward.record.auditor()

    found = (await auditor.get("/v1/access-log/suspicions", **span()))["suspicions"]
    told = {(one["rule"], one["by"], one["patient"]) for one in found}
    nurse = ward.record.ids[ward.nurse.token or ""]
    assert ("own-record", made["id"], patient) in told
    assert ("colleague", nurse, patient) in told
    log = (await auditor.get(f"/v1/patients/{patient}/access-log"))["looks"]
    assert log[0]["what"] == "access-log"  # this look
    assert log[1]["what"] == "access-log"  # the report, which named him


D_NUMBER = "urn:oid:2.16.578.1.12.4.1.4.2"
