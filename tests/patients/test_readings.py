"""Readings: read newest first, phoned in, corrected, withdrawn."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.patients.conftest import NOW, Ward

AT = "2026-02-03T07:12:00+01:00"
PRESSURE = {"kind": "blood_pressure", "at": AT, "values": {"systolic": 142, "diastolic": 88}}


async def readings(ward: Ward, **params: Any) -> list[Any]:
    found: list[Any] = (await ward.nurse.get(f"{ward.path}/readings", **params))["readings"]
    return found


async def test_a_phoned_in_reading_is_stored_exactly(ward: Ward) -> None:
    made = await ward.nurse.ask(
        "POST",
        f"{ward.path}/readings",
        201,
        content='{"kind":"body_weight","values":{"value":82.40},"note":"Ringt inn",'
        f'"at":"{AT}"}}',
        headers={"content-type": "application/json"},
    )

    assert str(made["values"]["value"]) == "82.40"
    assert made["entered"] == "manual"
    assert made["note"] == "Ringt inn"
    assert made["source"].startswith("staff:")
    assert [one["id"] for one in await readings(ward)] == [made["id"]]
    one = await ward.nurse.get(f"{ward.path}/readings/{made['id']}")
    assert one == made


async def test_a_unit_of_measure_is_converted_and_the_original_kept(ward: Ward) -> None:
    body = {"kind": "body_weight", "at": AT, "values": {"value": {"value": "181,5", "unit": "lb"}}}
    made = await ward.nurse.post(f"{ward.path}/readings", body)

    assert made["values"]["value"] == Decimal("181.5") * Decimal("0.45359237")
    assert made["original"]["value"] == {"value": "181,5", "unit": "lb"}


async def test_a_cuffs_pulse_becomes_a_reading_of_its_own(ward: Ward) -> None:
    values = {"systolic": 142, "diastolic": 88, "pulse": 71}
    made = await ward.nurse.post(f"{ward.path}/readings", {**PRESSURE, "values": values})

    assert made["kind"] == "blood_pressure"
    assert made["values"] == {"systolic": 142, "diastolic": 88}
    found = await readings(ward, kind="heart_rate")
    assert [one["values"] for one in found] == [{"value": 71}]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"values": {"systolic": 999, "diastolic": 88}}, "implausible"),
        ({"values": {"systolic": 80, "diastolic": 88}}, "implausible"),
        ({"values": {"systolic": 142}}, "missing-value"),
        ({"values": {"systolic": "many", "diastolic": 88}}, "bad-value"),
        ({"values": {"systolic": 142, "diastolic": 88, "mood": 3}}, "unknown-field"),
        ({"values": {"systolic": {"value": 1, "unit": "stone"}, "diastolic": 8}}, "unknown-ucum"),
        ({"kind": "mood"}, "unknown-kind"),
    ],
)
async def test_a_value_that_cannot_be_is_refused_while_the_nurse_can_see_it(
    ward: Ward, change: dict[str, Any], code: str
) -> None:
    refused = await ward.nurse.post(f"{ward.path}/readings", {**PRESSURE, **change}, 422)

    assert refused["code"] == "reading-is-not-usable"
    assert code in [error["code"] for error in refused["errors"]]
    assert "999" not in str(refused)
    assert await readings(ward) == []


async def test_nobody_measures_in_the_future(ward: Ward) -> None:
    body = {**PRESSURE, "at": (NOW + timedelta(hours=1)).isoformat()}
    refused = await ward.nurse.post(f"{ward.path}/readings", body, 422)
    assert refused["code"] == "reading-is-in-the-future"
    for naive in ("2026-02-03T07:12:00", "2026-02-03", 1770102720, "1770102720"):
        await ward.nurse.post(f"{ward.path}/readings", {**PRESSURE, "at": naive}, 422)


async def test_a_correction_takes_the_readings_place(ward: Ward) -> None:
    made = await ward.nurse.post(f"{ward.path}/readings", PRESSURE)
    body = {"values": {"systolic": 124, "diastolic": 88}, "reason": "Lest feil"}
    corrected = await ward.nurse.post(f"{ward.path}/readings/{made['id']}/correct", body)

    found = await readings(ward)
    assert [one["id"] for one in found] == [corrected["id"]]
    assert found[0]["values"]["systolic"] == 124
    assert found[0]["at"] == made["at"]
    assert found[0]["reason"] == "Lest feil"
    # The page that still shows the old one is told so.
    stale = await ward.nurse.post(f"{ward.path}/readings/{made['id']}/correct", body, 409)
    assert stale["code"] == "reading-has-changed"
    # What was corrected once can be corrected again.
    again = {"values": {"systolic": 126, "diastolic": 88}, "reason": "Igjen"}
    second = await ward.nurse.post(f"{ward.path}/readings/{corrected['id']}/correct", again)
    assert [one["id"] for one in await readings(ward)] == [second["id"]]


async def test_a_correction_may_move_the_reading_in_time(ward: Ward) -> None:
    made = await ward.nurse.post(f"{ward.path}/readings", PRESSURE)
    body = {"values": PRESSURE["values"], "at": "2025-12-31T23:00:00+01:00", "reason": "Dato"}
    await ward.nurse.post(f"{ward.path}/readings/{made['id']}/correct", body)

    found = await readings(ward)
    assert [one["at"] for one in found] == ["2025-12-31T22:00:00Z"]


async def test_a_devices_reading_is_corrected_and_withdrawn_by_staff(ward: Ward) -> None:
    cred = await ward.record.credential(ward.nurse, ward.unit)
    since = (NOW - timedelta(days=1)).isoformat()
    await ward.nurse.post(f"{ward.path}/bindings", {"cred": cred, "from": since})
    sent = await ward.record.send(cred)
    body = {"values": {"value": 81.4}, "reason": "Vekten sto på teppet"}
    corrected = await ward.nurse.post(f"{ward.path}/readings/{sent.fact_id}/correct", body)
    assert [one["id"] for one in await readings(ward)] == [corrected["id"]]

    await ward.nurse.post(f"{ward.path}/readings/{corrected['id']}/void", {"reason": "Feil"}, 204)
    assert await readings(ward) == []
    gone = await ward.nurse.post(f"{ward.path}/readings/{sent.fact_id}/void", {"reason": "x"}, 409)
    assert gone["code"] == "reading-has-changed"
    told = await ward.record.rows("select type from ledger.handover where type = 'void'")
    assert told


async def test_a_pulse_is_corrected_as_the_reading_it_is(ward: Ward) -> None:
    values = {"systolic": 142, "diastolic": 88, "pulse": 71}
    made = await ward.nurse.post(f"{ward.path}/readings", {**PRESSURE, "values": values})
    refused = await ward.nurse.post(
        f"{ward.path}/readings/{made['id']}/correct", {"values": values, "reason": "x"}, 422
    )
    assert refused["errors"][0]["path"] == "values.pulse"

    pulse = (await readings(ward, kind="heart_rate"))[0]
    body = {"values": {"value": 77}, "reason": "Telt på nytt"}
    await ward.nurse.post(f"{ward.path}/readings/{pulse['id']}/correct", body)
    found = {one["kind"]: one["values"] for one in await readings(ward)}
    assert found == {"blood_pressure": made["values"], "heart_rate": {"value": 77}}


@pytest.mark.parametrize("pulse_first", [False, True], ids=["as sent", "its pulse corrected"])
async def test_a_measurement_is_withdrawn_whole(ward: Ward, pulse_first: bool) -> None:
    """Taken of the wrong person: her pulse is no more his than her pressure."""
    values = {"systolic": 188, "diastolic": 85, "pulse": 140}
    made = await ward.nurse.post(f"{ward.path}/readings", {**PRESSURE, "values": values})
    # Another measurement of the same minute stays, with its pulse.
    await ward.nurse.post(f"{ward.path}/readings", {**PRESSURE, "values": {**values, "pulse": 71}})
    if pulse_first:
        pulse = next(
            one for one in await readings(ward, kind="heart_rate") if one["values"]["value"] == 140
        )
        body = {"values": {"value": 139}, "reason": "Telt på nytt"}
        await ward.nurse.post(f"{ward.path}/readings/{pulse['id']}/correct", body)

    await ward.nurse.post(f"{ward.path}/readings/{made['id']}/void", {"reason": "Feil mann"}, 204)

    left = [(one["kind"], one["values"].get("value")) for one in await readings(ward)]
    assert sorted(left) == [("blood_pressure", None), ("heart_rate", 71)]


async def test_a_pulse_withdrawn_alone_leaves_the_pressure(ward: Ward) -> None:
    values = {"systolic": 142, "diastolic": 88, "pulse": 71}
    await ward.nurse.post(f"{ward.path}/readings", {**PRESSURE, "values": values})
    pulse = (await readings(ward, kind="heart_rate"))[0]

    await ward.nurse.post(f"{ward.path}/readings/{pulse['id']}/void", {"reason": "Feil"}, 204)

    assert [one["kind"] for one in await readings(ward)] == ["blood_pressure"]


async def test_another_patients_reading_is_not_found_here(ward: Ward) -> None:
    other = await ward.record.patient(ward.nurse, ward.unit)
    made = await ward.nurse.post(f"{ward.path}/readings", PRESSURE)

    path = f"/v1/patients/{other}/readings/{made['id']}"
    assert (await ward.nurse.get(path, 404))["code"] == "no-such-reading"
    await ward.nurse.post(f"{path}/void", {"reason": "x"}, 404)
    assert len(await readings(ward)) == 1


async def test_readings_page_newest_first_without_gap_or_repeat(ward: Ward) -> None:
    for minute in (1, 1, 1, 2, 3, 3, 4):
        at = f"2026-02-03T07:0{minute}:00+01:00"
        await ward.nurse.post(f"{ward.path}/readings", {**PRESSURE, "at": at})

    seen: list[Any] = []
    more: dict[str, Any] = {}
    while True:
        page = await ward.nurse.get(f"{ward.path}/readings", limit=2, **more)
        seen += page["readings"]
        if page["next"] is None:
            break
        more = {"cursor": page["next"]}
    assert len({one["id"] for one in seen}) == len(seen) == 7
    moments = [datetime.fromisoformat(one["at"]) for one in seen]
    assert moments == sorted(moments, reverse=True)
    between = await readings(ward, since="2026-02-03T06:02:00Z", until="2026-02-03T06:04:00Z")
    assert len(between) == 3
    await ward.nurse.get(f"{ward.path}/readings", 422, cursor="made-up!")
