"""A relative sees what the patient gives him, as long as it is given, and stands in the log."""

from datetime import timedelta
from typing import Any

import pytest

from tests.patients.conftest import NOW, Person, Ward

DAUGHTER = "41814065640"
PATH = "hjemvakt-on-behalf-of"


async def given(ward: Ward, by: Person, status: int = 201, **more: Any) -> Any:
    body = {
        "national_number": DAUGHTER, "name": "Datter Testesen", "relation": "child",
        "may": ["readings"], "until": (NOW + timedelta(days=30)).isoformat(), **more,
    }  # fmt: skip
    return await by.post(f"{ward.path}/proxies", body, status)


async def patient_of(ward: Ward) -> Person:
    return await ward.record.person(patient=ward.patient)


async def daughter_of(ward: Ward, patient: str | None = None) -> Person:
    person = await ward.record.person(citizen=DAUGHTER, org="nordland")
    person.headers = {PATH: patient or ward.patient}
    return person


async def weigh(ward: Ward) -> None:
    body = {"kind": "body_weight", "at": "2026-01-01T10:00:00Z", "values": {"value": 70}}
    await ward.nurse.post(f"{ward.path}/readings", body)


async def test_a_patient_lets_his_daughter_see_his_readings(ward: Ward) -> None:
    await weigh(ward)
    patient = await patient_of(ward)
    made = await given(ward, patient)
    assert "national_number" not in made
    daughter = await daughter_of(ward)

    [whose] = (await daughter.get("/v1/represented"))["represented"]
    readings = (await daughter.get(f"{ward.path}/readings"))["readings"]
    found = await daughter.get("/fhir/Observation", patient=ward.patient)

    assert (whose["id"], whose["may"]) == (ward.patient, ["readings"])
    assert [one["kind"] for one in readings] == ["body_weight"]
    assert found["total"] == 1 if "total" in found else len(found["entry"]) == 1
    refused = await daughter.get(f"{ward.path}/enrolments", 403)
    assert refused["code"] == "not-given"
    for path in (ward.path, f"/fhir/Patient/{ward.patient}", f"{ward.path}/access-log",
                 f"{ward.path}/proxies", "/v1/units", "/v1/staff"):  # fmt: skip
        assert (await daughter.get(path, 403))["code"] in ("not-allowed", "not-given"), path
    await daughter.post(f"{ward.path}/readings", {}, 403)
    await given(ward, daughter, 403, national_number="13116900216")


async def test_the_log_says_who_looked_on_whose_behalf(ward: Ward) -> None:
    patient = await patient_of(ward)
    made = await given(ward, patient)
    await (await daughter_of(ward)).get(f"{ward.path}/readings")
    looks = (await patient.get(f"{ward.path}/access-log"))["looks"]
    [look] = [one for one in looks if one["what"] == "readings"]
    assert (look["role"], look["why"], look["by"]) == ("relative", "on-behalf-of", made["id"])
    assert look["name"] == "Datter Testesen"
    rows = await ward.record.rows("select * from audit.event where role = 'relative' order by at")
    [read] = [row for row in rows if row["what"] == "readings"]
    assert (str(read["on_behalf"]), read["by"]) == (ward.patient, made["id"])
    auditor = await ward.record.auditor()
    [event] = (await auditor.get("/fhir/AuditEvent", agent=made["id"]))["entry"]
    agents = event["resource"]["agent"]
    assert {"reference": f"Patient/{ward.patient}"} in [one["who"] for one in agents]
    assert event["resource"]["purposeOfEvent"][0]["coding"][0]["code"] == "FAMRQT"


async def test_who_lets_whom_in_and_out_is_written_down(ward: Ward) -> None:
    patient = await patient_of(ward)
    made = await given(ward, patient)
    await patient.post(f"{ward.path}/proxies/{made['id']}/end", None, 204)
    rows = await ward.record.rows(
        "select * from audit.event where what = 'proxies' and outcome = 'changed' order by at"
    )
    assert [(row["by"], str(row["patients"][0])) for row in rows] == [
        (ward.patient, ward.patient), (ward.patient, ward.patient),
    ]  # fmt: skip
    assert [row["door"].rpartition("/")[2] for row in rows] == ["proxies", "end"]


async def test_of_what_another_gave_him_a_patient_is_told_no_name(ward: Ward) -> None:
    """By which the relative is known before he names a patient."""
    await given(ward, await patient_of(ward), name="Som far kaller meg")
    other = await ward.record.patient(ward.nurse, ward.unit)
    elsewhere = Ward(ward.record, ward.unit, ward.nurse, other)
    await given(elsewhere, await patient_of(elsewhere), name="Som mor kaller meg")
    daughter = await daughter_of(ward)
    daughter.headers = {}
    await daughter.get("/v1/represented")
    for one in (ward, elsewhere):
        looks = (await (await patient_of(one)).get(f"{one.path}/access-log"))["looks"]
        assert "relative" in [look["role"] for look in looks]
        assert [look["name"] for look in looks if look["role"] == "relative"] == [None]


@pytest.mark.parametrize("how", ["ended", "run out", "not begun"])
async def test_it_ends_by_itself_or_at_once(ward: Ward, how: str) -> None:
    patient = await patient_of(ward)
    later = {"from": (NOW + timedelta(days=1)).isoformat()} if how == "not begun" else {}
    other = await ward.record.patient(ward.nurse, ward.unit)
    made = await given(ward, patient, **later)
    # Another patient lets her in too, so she is somebody.
    await given(Ward(ward.record, ward.unit, ward.nurse, other), await ward.record.administrator())
    daughter = await daughter_of(ward)
    if how != "not begun":
        await daughter.get(f"{ward.path}/readings")
    if how == "ended":
        await patient.post(f"{ward.path}/proxies/{made['id']}/end", None, 204)
        await patient.post(f"{ward.path}/proxies/{made['id']}/end", None, 404)
    if how == "run out":
        await ward.record.rows(
            "update patients.proxy set valid = tstzrange(lower(valid), now())"
            " where id = $1::text::uuid returning 1",
            made["id"],
        )
    shut = await daughter.get(f"{ward.path}/readings", 404)
    daughter.headers = {PATH: "0d9b1f3e-5a0c-4f6e-9a57-1f0a5b1c2d3e"}
    assert shut == await daughter.get(f"{ward.path}/readings", 404), "as if nobody were there"
    daughter.headers = {}
    names = (await daughter.get("/v1/represented"))["represented"]
    assert [one["id"] for one in names] == [other]


async def test_of_another_patient_she_sees_nothing(ward: Ward) -> None:
    await given(ward, await patient_of(ward))
    other = await ward.record.patient(ward.nurse, ward.unit)
    daughter = await daughter_of(ward)
    assert (await daughter.get(f"/v1/patients/{other}/readings", 404))["code"] == "no-such-patient"
    await daughter.get("/fhir/Observation", 404, patient=other)
    daughter.headers = {PATH: other}
    assert (await daughter.get(f"/v1/patients/{other}/readings", 404))["code"] == "nobodys-proxy"
    daughter.headers = {}
    assert (await daughter.get(f"{ward.path}/readings", 403))["code"] == "not-given"
    for wrong in ("x", "", f"{ward.patient},{other}"):
        daughter.headers = {PATH: wrong}
        await daughter.get(f"{ward.path}/readings", 404)


async def test_who_is_a_patient_too_is_both(ward: Ward) -> None:
    identifier = {"system": "urn:oid:2.16.578.1.12.4.1.4.2", "value": DAUGHTER}
    herself = await ward.record.patient(ward.nurse, ward.unit, identifiers=[identifier])
    await given(ward, await patient_of(ward))
    daughter = await daughter_of(ward)
    await daughter.get(f"{ward.path}/readings")
    await daughter.get(f"/v1/patients/{herself}/readings", 404)
    daughter.headers = {}
    await daughter.get(f"/v1/patients/{herself}/readings")
    await daughter.get(f"{ward.path}/readings", 404)
    daughter.headers = {PATH: herself}
    await daughter.get(f"/v1/patients/{herself}/readings")


async def test_nobody_else_asks_on_behalf_of_anybody(ward: Ward) -> None:
    await given(ward, await patient_of(ward))
    ward.nurse.headers = {PATH: ward.patient}
    assert (await ward.nurse.get(f"{ward.path}/readings", 403))["code"] == "not-allowed"
    unknown = {"citizen": "49680699185", "org": "nordland"}
    answer = await ward.record.client.post("/development/token", json=unknown)
    assert (answer.status_code, answer.json()["code"]) == (403, "not-registered-here")


async def test_what_is_given_has_an_end_and_is_not_ones_own(ward: Ward) -> None:
    patient = await patient_of(ward)
    for until, code in (
        ((NOW - timedelta(days=1)).isoformat(), "not-a-proxy-period"),
        ((NOW + timedelta(days=20 * 366)).isoformat(), "not-a-proxy-period"),
    ):
        assert (await given(ward, patient, 422, until=until))["code"] == code
    await given(ward, patient, 422, until=None)
    await given(ward, patient, 422, may=[])
    await given(ward, patient, 422, may=["alerts"])
    await given(ward, patient, 422, national_number="12345678901")
    identifier = {"system": "urn:oid:2.16.578.1.12.4.1.4.2", "value": DAUGHTER}
    await ward.nurse.post(f"{ward.path}/identifiers", identifier, 204)
    assert (await given(ward, patient, 409))["code"] == "proxy-of-himself"


async def test_on_paper_the_administrator_gives_and_nobody_else(ward: Ward) -> None:
    await given(ward, ward.nurse, 403)
    await given(ward, await ward.record.auditor(), 403)
    other = await ward.record.patient(ward.nurse, ward.unit)
    await given(ward, await ward.record.person(patient=other), 404)
    made = await given(ward, await ward.record.administrator())
    assert made["given_role"] == "administrator"
    listed = (await (await patient_of(ward)).get(f"{ward.path}/proxies"))["proxies"]
    assert [one["id"] for one in listed] == [made["id"]]
    rows = await ward.record.rows("select hash from patients.proxy_number")
    assert DAUGHTER.encode() not in bytes(rows[0]["hash"])
