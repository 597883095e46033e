"""Whom a unit's alerts are told to is decided by the administrator, and covers every hour."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

from services.patients.hospital import ladders
from tests.patients.conftest import NOW, Record

LADDER: dict[str, Any] = ladders.ALWAYS_SOMEBODY


def body(ladder: Any = LADDER, **more: Any) -> dict[str, Any]:
    return {"ladder": ladder, "reason": "Vedtatt av avdelingsleder", **more}


async def test_a_ladder_is_kept_with_its_author_and_every_version_stays(record: Record) -> None:
    unit, administrator = await record.unit(), await record.administrator()
    path = f"/v1/units/{unit}/ladder"
    nothing = await administrator.get(path)

    first = await administrator.ask("PUT", path, json=body())
    changed = deepcopy(LADDER)
    changed["last"]["who"] = "Bakvakt"
    second = await administrator.ask("PUT", path, json=body(changed))
    later = (NOW + timedelta(days=3)).isoformat()
    await administrator.ask("PUT", path, json=body(None, **{"from": later}))

    assert nothing == {"in_force": None, "versions": []}
    assert first["in_force"]["version"] == 1
    assert first["in_force"]["ladder"]["last"]["again"] == "PT30M"
    assert second["in_force"]["ladder"]["last"]["who"] == "Bakvakt"
    now = await administrator.get(path)
    assert now["in_force"]["version"] == 2
    assert [one["version"] for one in now["versions"]] == [3, 2, 1]
    assert {one["reason"] for one in now["versions"]} == {"Vedtatt av avdelingsleder"}


async def test_a_ladder_with_an_hour_without_anybody_is_not_kept(record: Record) -> None:
    unit, administrator = await record.unit(), await record.administrator()
    gap = deepcopy(LADDER)
    gap["steps"][1]["targets"][0]["hours"] = [
        {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "15:30", "to": "07:45"},
        {"days": ["sat", "sun"], "from": "00:00", "to": "24:00"},
    ]
    path = f"/v1/units/{unit}/ladder"

    refused = await administrator.ask("PUT", path, 422, json=body(gap))

    assert refused["code"] == "hour-is-uncovered"
    assert (refused["day"], refused["from"]) == ("mon", "00:00")
    assert (await administrator.get(path))["versions"] == []


async def test_what_cannot_be_used_is_refused_by_its_place(record: Record) -> None:
    unit, administrator = await record.unit(), await record.administrator()
    path = f"/v1/units/{unit}/ladder"
    wrong = deepcopy(LADDER)
    wrong["channels"]["duty-phone"]["to"] = "hemmelig-nummer"
    unknown = deepcopy(LADDER)
    unknown["pager"] = True
    past = (NOW - timedelta(days=1)).isoformat()

    answers = [
        await administrator.ask("PUT", path, 422, json=body(wrong)),
        await administrator.ask("PUT", path, 422, json=body(unknown)),
        await administrator.ask("PUT", path, 422, json=body(**{"from": past})),
        await administrator.ask("PUT", path, 422, json={"ladder": LADDER}),
    ]

    codes = [one["code"] for one in answers]
    assert codes == [
        "ladder-is-unusable", "invalid-request", "from-is-in-the-past", "invalid-request",
    ]  # fmt: skip
    assert answers[0]["errors"] == [
        {"path": "channels.duty-phone.to", "code": "not-an-address-of-sms"}
    ]
    assert "hemmelig" not in str(answers)


async def test_only_an_administrator_sees_the_addresses(record: Record) -> None:
    unit, administrator = await record.unit(), await record.administrator()
    nurse = await record.staff("nurse", unit)
    path = f"/v1/units/{unit}/ladder"
    whole = await administrator.ask("PUT", path, json=body())

    seen = await nurse.get(path)

    assert whole["in_force"]["ladder"]["channels"] == LADDER["channels"]
    assert seen["in_force"]["ladder"]["steps"] == whole["in_force"]["ladder"]["steps"]
    assert "+4790000000" not in str(seen["in_force"]["ladder"]["channels"])
    assert "sykehus.example" not in str(seen)
