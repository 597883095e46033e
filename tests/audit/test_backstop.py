"""Each answered request is in the audit trail, whatever its verb wrote; no other is answered."""

from typing import Any

import pytest

from services.patients.app import create
from shared.audit.backstop import outcome_of, patients_of
from shared.audit.event import Who
from shared.audit.trail import Trail
from tests.patients.conftest import HOURS, Record, Ward

READS = (
    "/v1/units", "/v1/staff", "/v1/devices", "/v1/credentials", "/v1/programmes", "/v1/quarantine",
    "/v1/patients", "/fhir/Patient",
)  # fmt: skip


async def rows(record: Record, request_id: str) -> list[Any]:
    return await record.rows("select * from audit.event where request_id = $1", request_id)


async def test_also_what_is_about_no_patient_is_written(ward: Ward) -> None:
    for path in READS:
        answer = await ward.record.client.get(
            path, headers={"authorization": f"Bearer {ward.nurse.token}"}
        )
        assert answer.status_code == 200, path
        (row,) = await rows(ward.record, answer.headers["x-request-id"])
        assert (row["outcome"], row["by"]) == ("shown", ward.record.ids[ward.nurse.token or ""])
        assert row["door"] == f"GET {path}"


async def test_who_from_where_and_with_which_rights(ward: Ward) -> None:
    await ward.nurse.get(ward.path)
    row = (await ward.record.rows("select * from audit.event order by at desc limit 1"))[0]

    assert (row["role"], row["what"], row["why"]) == ("nurse", "patient", "treatment")
    assert [str(one) for one in row["units"]] == [ward.unit]
    assert row["address"] == "127.0.0.1"
    assert row["door"] == "GET /v1/patients/{patient_id}"


async def test_behind_our_front_door_the_address_is_what_it_wrote(ward: Ward) -> None:
    app = ward.record.client._transport.app  # type: ignore[attr-defined]  # the application
    app.state.behind_proxy = True
    ward.nurse.headers = {"x-forwarded-for": "6.6.6.6, 10.1.2.3"}
    await ward.nurse.get(ward.path)
    row = (await ward.record.rows("select address from audit.event order by at desc limit 1"))[0]
    assert row["address"] == "10.1.2.3"


@pytest.mark.parametrize(
    ("status", "path", "outcome"),
    [(403, "/access-log", "refused"), (422, "/readings?limit=x", "failed")],
)
async def test_what_was_refused_or_failed_names_the_patient(
    ward: Ward, status: int, path: str, outcome: str
) -> None:
    await ward.nurse.get(f"{ward.path}{path}", status)
    row = (await ward.record.rows("select * from audit.event order by at desc limit 1"))[0]
    assert (row["outcome"], [str(one) for one in row["patients"]]) == (outcome, [ward.patient])


async def test_changes_of_the_house_say_what_was_changed(record: Record) -> None:
    administrator = await record.administrator()
    unit = await administrator.post(
        "/v1/units", {"name": "Nyre", "short": "NYRE", "watching": HOURS}
    )
    staff = await administrator.post(
        "/v1/staff", {"name": "Kari", "role": "nurse", "units": [unit["id"]]}
    )
    cred = await administrator.post(
        "/v1/credentials", {"kind": "device", "label": "Vekt", "unit_id": unit["id"]}
    )
    await administrator.post(f"/v1/credentials/{cred['cred']}/revoke", None, 200)

    found = await record.rows("select what, about, outcome from audit.event order by at")
    assert [tuple(row) for row in found] == [
        ("units", unit["id"], "changed"),
        ("staff", staff["id"], "changed"),
        ("credentials", cred["cred"], "changed"),
        ("credentials", cred["cred"], "changed"),
    ]


async def test_a_change_of_the_house_that_cannot_be_written_is_not_made(record: Record) -> None:
    administrator = await record.administrator()
    await record.rows("revoke insert on audit.event from hjv_patients")
    body = {"name": "Nyre", "short": "NYRE", "watching": HOURS}
    answer = await administrator.ask("POST", "/v1/units", 503, json=body)

    assert answer["code"] == "look-cannot-be-logged"
    assert await record.rows("select from patients.unit") == []


async def test_what_cannot_be_written_is_not_shown_even_if_it_is_about_no_patient(
    ward: Ward,
) -> None:
    await ward.record.rows("revoke insert on audit.event from hjv_patients")
    for path in READS:
        answer = await ward.nurse.get(path, 503)
        assert answer["code"] == "look-cannot-be-logged", path


async def test_strangers_are_counted_and_written_together(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(50):
        await record.client.get("/v1/units", headers={"authorization": "Bearer wrong"})
    await record.client.get("/v1/staff")
    app: Any = record.client._transport.app  # type: ignore[attr-defined]  # the running record
    assert isinstance(app, type(create()))
    await app.state.backstop._write_strangers()

    found = await record.rows("select org, by, door, times, outcome from audit.event order by door")
    assert [tuple(row) for row in found] == [
        ("", "", "GET /v1/staff", 1, "refused"),
        ("", "", "GET /v1/units", 50, "refused"),
    ]
    auditor = await record.auditor()
    told = (await auditor.get("/v1/access-log", strangers=True))["acts"]
    assert {act["times"] for act in told} == {1, 50}


def trail(*written: str) -> Trail:
    return Trail(Who("nordland", "anne", "nurse"), "readings", "treatment", set(written))  # type: ignore[arg-type]  # short


@pytest.mark.parametrize(
    ("method", "path", "status", "written", "missing"),
    [
        ("GET", "/v1/units", 200, (), "shown"),
        ("GET", "/v1/patients/1", 200, ("shown",), None),
        ("POST", "/v1/units", 201, (), "changed"),
        ("POST", "/v1/patients/search", 200, (), "shown"),
        ("POST", "/fhir/Patient/_search", 200, (), "shown"),
        ("POST", "/v1/what-if", 200, (), "shown"),
        ("GET", "/v1/patients/1", 403, ("refused",), None),
        ("GET", "/v1/patients/1", 403, ("shown",), "refused"),  # what was written was rolled back
        ("GET", "/v1/patients/1", 404, (), "refused"),
        ("POST", "/v1/alerts/1/moves", 409, ("shown",), "failed"),
        ("GET", "/v1/units", 503, (), "failed"),
    ],
)
def test_what_is_missing_in_the_trail_of_an_answer(
    method: str, path: str, status: int, written: tuple[str, ...], missing: str | None
) -> None:
    assert outcome_of(trail(*written), {"method": method, "path": path}, status) == missing


@pytest.mark.parametrize(
    ("params", "query", "count"),
    [
        ({"patient_id": "5f2d8c5e-2f4a-4a51-9b1c-0d7a1c1f0a11"}, b"", 1),
        ({}, b"patient=Patient/5f2d8c5e-2f4a-4a51-9b1c-0d7a1c1f0a11", 1),
        ({}, b"patient=5f2d8c5e-2f4a-4a51-9b1c-0d7a1c1f0a11&patient=x", 1),
        ({"patient_id": "../etc"}, b"patient=%ff", 0),
        ({}, "patient=ø".encode(), 0),
        ({}, b"&".join([b"a=b"] * 100), 0),
    ],
)
def test_about_whom_a_request_was(params: dict[str, str], query: bytes, count: int) -> None:
    assert len(patients_of({"path_params": params, "query_string": query})) == count
