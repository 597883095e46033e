"""Limits of a patient's own and the SpO2 scale: one clinician may make a red rule speak sooner,
and it takes two to make it speak less.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.patients.conftest import NOW, Person, Ward

SLUG = "home_dialysis"


@dataclass
class Two(Ward):
    """A ward with a second nurse and a physician, and the patient in the programme."""

    second: Person
    physician: Person

    async def set(self, name: str, value: Any, status: int = 201, **more: Any) -> Any:
        body = {"programme": SLUG, "name": name, "value": value, "reason": "Vurdert", **more}
        return await self.nurse.post(f"{self.path}/limits", body, status)

    async def row(self, name: str) -> Any:
        shown = await self.nurse.get(f"{self.path}/limits")
        return next(one for one in shown["limits"] if one["name"] == name)

    async def confirm(self, proposal: Any, status: int = 200, by: Person | None = None) -> Any:
        what = "limits" if proposal["about"] == "limit" else "spo2-scale"
        path = f"{self.path}/{what}/{proposal['id']}/confirm"
        return await (by or self.second).post(path, None, status)

    async def said(self) -> list[Any]:
        found = await self.record.decisions(self.patient)
        return [one for one in found if one.type.startswith(("limit", "spo2"))]


@pytest.fixture
async def two(ward: Ward) -> Two:
    await ward.nurse.post(f"{ward.path}/enrolments", {"programme": SLUG})
    second = await ward.record.staff("nurse", ward.unit)
    physician = await ward.record.staff("physician", ward.unit)
    return Two(ward.record, ward.unit, ward.nurse, ward.patient, second, physician)


async def test_a_limit_is_set_and_every_number_of_it_can_be_read(two: Two) -> None:
    await two.set("target_weight", 72.5)
    await two.set("target_weight", 71)

    shown = await two.nurse.get(f"{two.path}/limits")
    row = await two.row("target_weight")
    assert (row["value"], row["own"]["reason"]) == (71, "Vurdert")
    assert [one["value"] for one in shown["history"]] == [Decimal("72.5"), 71]
    for one in shown["history"]:
        assert one["by"] == two.record.ids[two.nurse.token or ""]
        assert one["by_name"] == "nurse 1"
        assert one["recorded_at"]
        assert one["confirmed_by"] is None
    said = await two.said()
    assert [(one.type, one.body["value"]) for one in said] == [
        ("limit-set", Decimal("72.5")),
        ("limit-set", 71),
    ]


async def test_a_limit_takes_effect_from_its_moment(two: Two) -> None:
    later = NOW + timedelta(days=3)
    await two.set("target_weight", 70, **{"from": later.isoformat()})

    assert (await two.row("target_weight"))["own"] is None
    assert (await two.said())[-1].at == later


async def test_a_limit_keeps_within_the_programmes_bounds(two: Two) -> None:
    refused = await two.set("target_weight", 900, 422)
    assert refused["code"] == "limit-is-out-of-bounds"
    assert refused["min"] < refused["max"]
    assert (await two.set("magic", 70, 422))["code"] == "unknown-limit"
    for value in ("72", True, {"value": 72}):
        await two.set("target_weight", value, 422)
    no_reason = {"programme": SLUG, "name": "target_weight", "value": 70}
    await two.nurse.post(f"{two.path}/limits", no_reason, 422)
    assert await two.said() == []


async def test_a_limit_needs_the_programme(ward: Ward) -> None:
    own = {"programme": SLUG, "name": "target_weight", "reason": "x", "value": 70}
    assert (await ward.nurse.post(f"{ward.path}/limits", own, 409))["code"] == "not-enrolled"


# --- two people ---------------------------------------------------------------------------------


async def test_a_wider_red_limit_is_not_in_force_until_another_clinician_confirms(
    two: Two,
) -> None:
    proposal = await two.set("systolic_red_low", 80, 202)
    assert proposal["state"] == "awaiting-second"
    assert (proposal["before"], proposal["value"]) == (90, 80)
    assert "hd-5-red-low" in proposal["rules"]
    assert (await two.row("systolic_red_low"))["value"] == 90

    same = await two.confirm(proposal, 409, by=two.nurse)
    assert same["code"] == "needs-another-person"
    assert (await two.row("systolic_red_low"))["value"] == 90

    before = datetime.now(UTC)
    confirmed = await two.confirm(proposal)
    row = await two.row("systolic_red_low")
    assert row["value"] == 80
    assert datetime.fromisoformat(confirmed["from"]) >= before
    ids = [two.record.ids[one.token or ""] for one in (two.nurse, two.second)]
    assert [row["own"]["by"], row["own"]["confirmed_by"]] == ids

    proposed, put = await two.said()
    assert (proposed.type, put.type) == ("limit-proposed", "limit-set")
    assert proposed.body["proposal_id"] == put.body["proposal_id"] == proposal["id"]
    assert (put.body["proposed_by"], put.body["by"]) == tuple(ids)
    assert put.at >= before
    assert (await two.confirm(proposal, 409))["code"] == "proposal-is-settled"


async def test_a_narrower_red_limit_is_in_force_at_once(two: Two) -> None:
    await two.set("systolic_red_low", 95)
    assert (await two.row("systolic_red_low"))["value"] == 95


async def test_a_yellow_limit_needs_one_person(two: Two) -> None:
    row = await two.row("systolic_yellow_high")
    assert (row["reds"], row["wider"]) == ([], None)
    await two.set("systolic_yellow_high", row["max"])


async def test_going_back_to_a_wider_default_needs_a_second_person(two: Two) -> None:
    await two.set("systolic_red_low", 100)

    proposal = await two.set("systolic_red_low", None, 202)
    assert (await two.row("systolic_red_low"))["value"] == 100
    await two.confirm(proposal)
    row = await two.row("systolic_red_low")
    assert row["value"] == row["default"]


async def test_a_first_target_weight_needs_one_person_and_a_higher_one_two(two: Two) -> None:
    await two.set("target_weight", 72)
    await two.set("target_weight", 71)
    proposal = await two.set("target_weight", 73, 202)
    assert "hd-4-red" in proposal["rules"]
    assert (await two.row("target_weight"))["value"] == 71


async def test_what_was_proposed_for_later_begins_later_and_nothing_before_the_confirmation(
    two: Two,
) -> None:
    later = NOW + timedelta(days=2)
    tomorrow = await two.set("systolic_red_low", 80, 202, **{"from": later.isoformat()})
    last_week = (NOW - timedelta(days=7)).isoformat()
    past = await two.set("systolic_red_high", 190, 202, **{"from": last_week})

    before = datetime.now(UTC)
    assert datetime.fromisoformat((await two.confirm(tomorrow))["from"]) == later
    assert datetime.fromisoformat((await two.confirm(past))["from"]) >= before
    assert (await two.row("systolic_red_low"))["value"] == 90


async def test_what_would_have_been_wider_then_and_is_narrower_now_counts_from_now(
    two: Two,
) -> None:
    await two.confirm(await two.set("systolic_red_low", 70, 202))
    before = datetime.now(UTC)

    made = await two.set("systolic_red_low", 80, **{"from": (NOW - timedelta(1)).isoformat()})
    assert datetime.fromisoformat(made["from"]) >= before


async def test_a_proposal_can_be_taken_back_and_made_again(two: Two) -> None:
    proposal = await two.set("systolic_red_low", 80, 202)
    assert (await two.set("systolic_red_low", 75, 409))["code"] == "already-proposed"

    path = f"{two.path}/limits/{proposal['id']}/withdraw"
    withdrawn = await two.second.post(path, {"reason": "Ikke enig"}, 200)
    assert (withdrawn["state"], withdrawn["settled_why"]) == ("withdrawn", "Ikke enig")
    assert (await two.confirm(proposal, 409))["code"] == "proposal-is-settled"
    again = await two.nurse.post(path, {"reason": "x"}, 409)
    assert again["code"] == "proposal-is-settled"

    await two.set("systolic_red_low", 75, 202)
    shown = await two.nurse.get(f"{two.path}/limits")
    assert [one["state"] for one in shown["proposals"]] == ["awaiting-second", "withdrawn"]
    assert [one.type for one in await two.said()] == [
        "limit-proposed",
        "limit-proposal-withdrawn",
        "limit-proposed",
    ]


async def test_a_proposal_from_another_number_than_the_one_in_force_is_not_confirmed(
    two: Two,
) -> None:
    proposal = await two.set("systolic_red_low", 80, 202)
    await two.set("systolic_red_low", 100)

    refused = await two.confirm(proposal, 409)
    assert refused["code"] == "limit-has-changed"
    assert (await two.row("systolic_red_low"))["value"] == 100
    shown = await two.nurse.get(f"{two.path}/limits")
    assert shown["proposals"][0]["state"] == "awaiting-second"


async def test_two_who_confirm_at_once_put_it_into_force_once(two: Two) -> None:
    proposal = await two.set("systolic_red_low", 80, 202)
    path = f"{two.path}/limits/{proposal['id']}/confirm"

    answers = await asyncio.gather(
        *(
            two.record.client.post(path, headers={"authorization": f"Bearer {one.token}"})
            for one in (two.second, two.physician)
        )
    )
    assert sorted(one.status_code for one in answers) == [200, 409]
    assert [one.type for one in await two.said()].count("limit-set") == 1


async def test_two_who_narrow_at_once_do_not_widen_each_others_limit(two: Two) -> None:
    """The later of them would widen what the earlier one set, so hers is a proposal."""
    body = {"programme": SLUG, "name": "systolic_red_low", "reason": "x"}

    async def put(who: Person, value: int) -> int:
        headers = {"authorization": f"Bearer {who.token}"}
        answer = await two.record.client.post(
            f"{two.path}/limits", json={**body, "value": value}, headers=headers
        )
        return answer.status_code

    first, second = await asyncio.gather(put(two.nurse, 110), put(two.second, 100))
    assert first == 201
    assert second in (201, 202)
    assert (await two.row("systolic_red_low"))["value"] == 110


async def test_who_may_not_confirm(two: Two) -> None:
    proposal = await two.set("systolic_red_low", 80, 202)
    heart = await two.record.unit("Hjerte")

    stranger = await two.record.staff("nurse", heart)
    assert (await two.confirm(proposal, 403, by=stranger))["code"] == "another-unit"
    administrator = await two.record.administrator()
    assert (await two.confirm(proposal, 403, by=administrator))["code"] == "not-allowed"
    himself = await two.record.person(patient=two.patient)
    assert (await two.confirm(proposal, 403, by=himself))["code"] == "not-allowed"
    unknown = {**proposal, "id": two.patient}
    assert (await two.confirm(unknown, 404))["code"] == "no-such-proposal"
    other = await two.record.patient(two.nurse, two.unit)
    path = f"/v1/patients/{other}/limits/{proposal['id']}/confirm"
    assert (await two.second.post(path, None, 404))["code"] == "no-such-proposal"
    assert (await two.row("systolic_red_low"))["value"] == 90


async def test_the_unit_sees_what_awaits_a_second_person(two: Two) -> None:
    first = await two.set("systolic_red_low", 80, 202)
    other = await two.record.patient(two.nurse, two.unit, name="Test Testesen 02")
    scale = {"scale": 2, "reason": "Hyperkapni"}
    second = await two.nurse.post(f"/v1/patients/{other}/spo2-scale", scale, 202)

    path = f"/v1/units/{two.unit}/proposals"
    page = await two.second.get(path, limit=1)
    rest = await two.second.get(path, cursor=page["next"])
    found = page["waiting"] + rest["waiting"]
    assert [one["proposal"]["id"] for one in found] == [first["id"], second["id"]]
    assert found[1]["name"] == "Test Testesen 02"
    assert rest["next"] is None

    await two.confirm(first)
    left = (await two.second.get(path))["waiting"]
    assert [one["patient_id"] for one in left] == [other]
    heart = await two.record.unit("Hjerte")
    stranger = await two.record.staff("nurse", heart)
    assert (await stranger.get(path, 403))["code"] == "unit-is-not-yours"
    assert (await stranger.get(f"/v1/units/{heart}/proposals"))["waiting"] == []


# --- SpO2 scale ---------------------------------------------------------------------------------


async def test_scale_2_needs_two_people_and_a_physician(two: Two) -> None:
    sent = {"scale": 2, "reason": "Blodgass, mål 88-92 %"}
    proposal = await two.nurse.post(f"{two.path}/spo2-scale", sent, 202)
    shown = await two.nurse.get(f"{two.path}/spo2-scale")
    assert (shown["scale"], shown["proposals"][0]["state"]) == (1, "awaiting-second")

    assert (await two.confirm(proposal, 409, by=two.nurse))["code"] == "needs-another-person"
    assert (await two.confirm(proposal, 409))["code"] == "prescriber-not-named"
    confirmed = await two.confirm(proposal, by=two.physician)
    assert confirmed["scale"] == 2
    shown = await two.nurse.get(f"{two.path}/spo2-scale")
    assert shown["scale"] == 2
    last = shown["history"][-1]
    assert (last["by_name"], last["confirmed_by_name"]) == ("nurse 1", "physician 1")
    proposed, decided = await two.said()
    assert (proposed.type, decided.type) == ("spo2-scale-proposed", "spo2-scale-decided")
    assert (decided.body["scale"], decided.body["reason"]) == (2, sent["reason"])

    back = {"scale": 1, "reason": "Ikke lenger"}
    await two.nurse.post(f"{two.path}/spo2-scale", back)
    assert (await two.nurse.get(f"{two.path}/spo2-scale"))["scale"] == 1
    await two.nurse.post(f"{two.path}/spo2-scale", {"scale": 3, "reason": "x"}, 422)


async def test_two_nurses_name_the_prescriber_of_scale_2(two: Two) -> None:
    sent = {"scale": 2, "reason": "Epikrise", "prescriber": "Kari Eksempel, overlege"}
    proposal = await two.nurse.post(f"{two.path}/spo2-scale", sent, 202)
    await two.confirm(proposal)

    shown = await two.nurse.get(f"{two.path}/spo2-scale")
    assert shown["scale"] == 2
    assert shown["history"][-1]["prescriber"] == "Kari Eksempel, overlege"


async def test_scale_2_can_be_turned_down(two: Two) -> None:
    sent = {"scale": 2, "reason": "KOLS"}
    proposal = await two.nurse.post(f"{two.path}/spo2-scale", sent, 202)
    path = f"{two.path}/spo2-scale/{proposal['id']}/withdraw"
    await two.physician.post(path, {"reason": "Ingen blodgass"}, 200)

    shown = await two.nurse.get(f"{two.path}/spo2-scale")
    assert (shown["scale"], shown["proposals"][0]["state"]) == (1, "withdrawn")
    assert (await two.said())[-1].type == "spo2-scale-proposal-withdrawn"
