"""Units, staff and patients: registered, found, changed."""

from uuid import UUID

import pytest

from shared import identity
from tests.patients.conftest import FNR, HOURS, Record, Ward

SYNTHETIC = "13116900216"  # the allow-set's one
TENOR = "41814065640"
DNR = "urn:oid:2.16.578.1.12.4.1.4.2"


async def test_the_first_unit_makes_the_organisation(record: Record) -> None:
    unit = await record.unit()

    rows = await record.rows("select org from ledger.organisation")
    assert [row["org"] for row in rows] == ["nordland"]
    administrator = await record.administrator()
    found = await administrator.get(f"/v1/units/{unit}")
    assert found["watching"] == HOURS


async def test_two_units_cannot_have_one_name(record: Record) -> None:
    await record.unit("Nyre")
    administrator = await record.administrator()

    body = {"name": "Nyre", "short": "N", "watching": HOURS}
    assert (await administrator.post("/v1/units", body, 409))["code"] == "name-is-taken"
    other = await record.unit("Hjerte")
    changed = await administrator.patch(f"/v1/units/{other}", {"name": "Nyre"}, 409)
    assert changed["code"] == "name-is-taken"


async def test_holidays_and_special_days_are_kept_as_they_were_sent(record: Record) -> None:
    administrator, unit = await record.administrator(), await record.unit()
    hours = {
        **HOURS, "holidays": True,
        "special": [{"date": "2026-12-24", "name": "Julaften",
                     "hours": [{"from": "08:00", "to": "11:00"}]},
                    {"date": "2026-12-31", "hours": []}],
    }  # fmt: skip
    hours["hours"] = [*HOURS["hours"], {"days": ["holiday"], "from": "10:00", "to": "12:00"}]

    changed = await administrator.patch(f"/v1/units/{unit}", {"watching": hours})

    assert changed["watching"] == hours
    del hours["holidays"]
    refused = await administrator.patch(f"/v1/units/{unit}", {"watching": hours}, 422)
    assert refused["code"] == "hours-are-unusable"


async def test_watching_hours_that_cannot_be_read_back_are_refused(record: Record) -> None:
    administrator = await record.administrator()

    for hours in (
        {"zone": "Europe/Nowhere", "hours": []},
        {"hours": [{"days": ["mon"], "from": "25:00", "to": "15:30"}]},
        {"hours": [{"days": [], "from": "07:00", "to": "15:30"}]},
    ):
        body = {"name": "A", "short": "A", "watching": hours}
        await administrator.post("/v1/units", body, 422)


async def test_nobody_changes_his_own_rights(record: Record) -> None:
    unit = await record.unit()
    administrator = await record.administrator()
    made = await administrator.post(
        "/v1/staff", {"name": "Ada", "role": "administrator", "units": []}
    )
    ada = await record.person(staff=made["id"])

    refused = await ada.patch(
        f"/v1/staff/{made['id']}", {"role": "physician", "units": [unit]}, 403
    )
    assert refused["code"] == "own-rights"
    left = await administrator.patch(f"/v1/staff/{made['id']}", {"left": True})
    assert left["left_at"]


async def test_staff_work_in_units_of_their_own_organisation(record: Record) -> None:
    foreign = await record.unit("Fremmed", org="elsewhere")
    await record.unit()
    administrator = await record.administrator()

    body = {"name": "Kari", "role": "nurse", "units": [foreign]}
    assert (await administrator.post("/v1/staff", body, 422))["code"] == "unknown-unit"


async def test_a_registered_patient_is_found_by_name_number_and_identifier(ward: Ward) -> None:
    body = {
        "name": "Kari Nordmann Ås",
        "born": "1969-11-13",
        "unit_id": ward.unit,
        "identifiers": [{"system": FNR, "value": "131169 00216"}],
    }
    made = await ward.nurse.post("/v1/patients", body)

    assert made["number"].startswith("S-")
    by_name = await ward.nurse.get("/v1/patients", q="nordmann å")
    assert [one["id"] for one in by_name["patients"]] == [made["id"]]
    by_number = await ward.nurse.get("/v1/patients", q=made["number"].lower())
    assert [one["id"] for one in by_number["patients"]] == [made["id"]]
    wanted = {"identifier": {"system": FNR, "value": SYNTHETIC}}
    by_identifier = await ward.nurse.post("/v1/patients/search", wanted, 200)
    assert [one["id"] for one in by_identifier["patients"]] == [made["id"]]
    whole = await ward.nurse.get(f"/v1/patients/{made['id']}")
    assert whole["identifiers"] == [{"system": FNR, "value": SYNTHETIC}]


async def test_a_national_number_lies_sealed_and_never_in_an_address(ward: Ward) -> None:
    body = {"identifiers": [{"system": FNR, "value": SYNTHETIC}]}
    await ward.record.patient(ward.nurse, ward.unit, **body)

    rows = await ward.record.rows("select hash, sealed, system from patients.identifier")
    assert len(rows[0]["hash"]) == 32
    assert SYNTHETIC.encode() not in rows[0]["sealed"]
    refused = await ward.nurse.get("/v1/patients", 422, q=SYNTHETIC)
    assert refused["code"] == "number-in-address"


async def test_test_mode_takes_synthetic_numbers_only(ward: Ward) -> None:
    async def register(system: str, value: str, status: int) -> str:
        body = {
            "name": "Test",
            "born": "1940-01-01",
            "unit_id": ward.unit,
            "identifiers": [{"system": system, "value": value}],
        }
        answer = await ward.nurse.post("/v1/patients", body, status)
        assert value not in str(answer)
        return str(answer.get("code"))

    await register(DNR, "41814065640", 201)  # Tenor's shifted month
    assert await register(FNR, "01010750160", 422) == "number-is-not-acceptable"
    assert await register(FNR, "11111111111", 422) == "number-is-not-acceptable"
    assert await register("urn:hospital", SYNTHETIC, 422) == "number-needs-its-system"
    assert await register(FNR, "41814065640", 422) == "number-needs-its-system"
    await register("urn:hospital", "pas-4711", 201)


async def test_one_number_belongs_to_one_patient(ward: Ward) -> None:
    body = {"identifiers": [{"system": FNR, "value": SYNTHETIC}]}
    await ward.record.patient(ward.nurse, ward.unit, **body)

    again = {"name": "En annen", "born": "1970-01-01", "unit_id": ward.unit, **body}
    assert (await ward.nurse.post("/v1/patients", again, 409))["code"] == "identifier-is-taken"
    added = await ward.nurse.post(f"{ward.path}/identifiers", body["identifiers"][0], 409)
    assert added["code"] == "identifier-is-taken"
    rows = await ward.record.rows("select count(*) from patients.patient")
    assert rows[0][0] == 2


async def test_a_second_identifier_finds_the_same_patient(ward: Ward) -> None:
    number = {"system": DNR, "value": TENOR}
    await ward.nurse.post(f"{ward.path}/identifiers", number, 204)

    found = await ward.nurse.post("/v1/patients/search", {"identifier": number}, 200)
    assert [one["id"] for one in found["patients"]] == [ward.patient]


async def test_registering_and_changing_are_decisions(ward: Ward) -> None:
    await ward.nurse.patch(ward.path, {"name": "Test Nyttnavn"})
    await ward.nurse.patch(ward.path, {"name": "Test Nyttnavn"})  # says nothing new
    await ward.nurse.patch(ward.path, {"deceased_at": "2026-02-01T10:00:00+01:00"})
    await ward.nurse.patch(ward.path, {"deceased_at": None})

    said = await ward.record.decisions(ward.patient)
    assert [fact.type for fact in said] == ["patient-registered", *["patient-changed"] * 3]
    assert said[1].body["name"] == "Test Nyttnavn"
    assert [fact.body["deceased"] for fact in said] == [False, False, True, False]
    assert said[0].body["born"] == "1969-11-13"
    assert said[0].body["unit_id"] == ward.unit
    assert said[0].body["number"].startswith("S-")


async def test_two_patients_cannot_have_one_local_number(ward: Ward) -> None:
    await ward.record.patient(ward.nurse, ward.unit, number="PAS-1")

    body = {"name": "En annen", "born": "1970-01-01", "unit_id": ward.unit, "number": "PAS-1"}
    assert (await ward.nurse.post("/v1/patients", body, 409))["code"] == "local-number-is-taken"


async def test_the_list_pages_by_name_without_gap_or_repeat(ward: Ward) -> None:
    for n in range(7):
        await ward.record.patient(ward.nurse, ward.unit, name=f"Test {n % 3}")

    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await ward.nurse.get("/v1/patients", limit=3, **cursor)
        assert len(page["patients"]) <= 3
        seen += [one["id"] for one in page["patients"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(seen) == len(set(seen)) == 8


async def test_what_is_not_expected_is_refused_without_being_repeated(ward: Ward) -> None:
    good = {"name": "Test", "born": "1969-11-13", "unit_id": ward.unit}
    for bad in (
        {**good, "role": "nurse-canary"},
        {**good, "name": "a\u0000canary"},
        {**good, "name": "\u202ecanary"},
        {**good, "name": "x" * 201},
        {**good, "born": 19691113},
        {**good, "born": "1969-13-45"},
        {**good, "sex": "canary"},
        {**good, "name": 7},
    ):
        answer = await ward.nurse.client.post(
            "/v1/patients", json=bad, headers={"authorization": f"Bearer {ward.nurse.token}"}
        )
        assert answer.status_code in (400, 422), bad
        assert "canary" not in answer.text


async def test_the_same_key_twice_is_refused(ward: Ward) -> None:
    text = f'{{"name":"A","name":"B","born":"1969-11-13","unit_id":"{ward.unit}"}}'
    await ward.nurse.ask(
        "POST", "/v1/patients", 400, content=text, headers={"content-type": "application/json"}
    )


async def test_a_telephone_number_goes_in_and_never_comes_out(ward: Ward) -> None:
    new = {"name": "Test Testesen", "born": "1960-01-01", "unit_id": ward.unit}
    made = await ward.nurse.post("/v1/patients", {**new, "phone": "900 00 042"})
    path = f"/v1/patients/{made['id']}"
    agreed = await ward.nurse.patch(path, {"sms_reminders": True})
    other = await ward.nurse.patch(path, {"phone": "+46 70 000 00 00"})
    gone = await ward.nurse.patch(path, {"phone": None})
    whole = await ward.nurse.get(path)
    for wrong in ("12", "ring meg", "900000421", "+0123456789"):
        refused = await ward.nurse.patch(path, {"phone": wrong}, 422)
        assert refused["code"] == "phone-is-not-usable"
        assert wrong not in str(refused)

    assert (made["has_phone"], made["sms_reminders"]) == (True, False)
    assert (agreed["has_phone"], agreed["sms_reminders"]) == (True, True)
    assert (other["has_phone"], gone["has_phone"]) == (True, False)
    assert whole["sms_reminders"] is True
    for answer in (made, agreed, other, gone, whole):
        assert "phone" not in answer
        assert "00042" not in str(answer)
    said = [fact.body["sms_reminders"] for fact in await ward.record.decisions(UUID(made["id"]))]
    assert said[:2] == [False, True]
    assert all("phone" not in fact.body for fact in await ward.record.decisions(UUID(made["id"])))


async def test_a_telephone_number_is_kept_sealed_to_the_patient(ward: Ward) -> None:
    await ward.nurse.patch(ward.path, {"phone": "0047 900 00 042"})

    (row,) = await ward.record.rows(
        "select id, phone from patients.patient where phone is not null"
    )
    key = bytes.fromhex("ab" * 32)
    assert b"900" not in row["phone"]
    assert identity.unseal(key, identity.phone_of(row["id"]), row["phone"]) == "+4790000042"
    with pytest.raises(identity.SealIsBroken):
        identity.unseal(key, identity.phone_of(UUID(int=1)), row["phone"])
