"""What would other limits have said, why did a reading not alert, what do alerts cost: through the
application on a real database."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.alerts.looking_back import burden, past, trying
from shared import exact
from shared.programmes import SHIPPED
from tests.alerts import given
from tests.alerts.given import HOME, World, ago

RULES = (SHIPPED / HOME / "rules.toml").read_text()
LOWER = {"systolic_red_high": 165}


async def asked(world: World, *, status: int = 200, **body: Any) -> dict[str, Any]:
    async with given.client(world) as client:
        answer = await client.post(
            "/v1/what-if",
            json={"programme": HOME, **body},
            headers={"accept-language": "en"},
        )
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = exact.loads(answer.content)
    return told


async def measured(world: World, *values: int, **more: Any) -> UUID:
    """A patient with one systolic pressure a day, the last of them yesterday."""
    patient = await given.patient(world, **more)
    for day, value in enumerate(reversed(values), start=1):
        await given.send(world, patient, given.systolic(value, ago(days=day)))
    await world.judge()
    return patient


async def read(world: World, what: str) -> set[UUID]:
    rows = await world.fetch(
        "select patient_id from patients.access_log where what = $1 and outcome = 'shown'", what
    )
    return {row["patient_id"] for row in rows}


# --- what-if ----------------------------------------------------------------------------------


async def test_a_lower_limit_tells_which_alerts_there_would_have_been(world: World) -> None:
    patient = await measured(world, 150, 170, 150)
    await measured(world, 130)

    told = await asked(world, days=10, limits=LOWER)

    assert (told["programme"], told["version"]) == (HOME, given.PROGRAMMES[HOME].version)
    assert (told["days"], told["patients"], told["readings"]) == (10, 2, 4)
    assert told["before"] == {
        "alerts": 0,
        "per_day": {"red": 0, "yellow": 0, "technical": 0},
        "per_patient_day": 0,
    }
    assert told["after"]["alerts"] == 1
    assert told["after"]["per_day"]["red"] == Decimal("0.1")
    assert told["after"]["per_patient_day"] == Decimal("0.05")
    assert told["counts"] == {"vanished": 0, "new": 1, "worse": 0, "milder": 0}
    (new,) = told["new"]
    assert new["patient"]["id"] == str(patient)
    assert new["patient"]["name"].startswith("Test Testesen")
    assert (new["group"], new["rule"], new["colour"]) == (
        "blood-pressure", "hd-5-red-high", "red",
    )  # fmt: skip
    assert new["reason"] == "Systolic 170 (limit 165)"
    at = datetime.fromisoformat(new["at"]).astimezone(given.OSLO)
    assert new["day"] == at.date().isoformat()
    assert (told["truncated"], told["left_out"], told["failed"]) == (False, 0, 0)
    assert await world.fetch("select from alerts.alert where colour = 'red'") == []


async def test_a_patients_own_limit_wins_unless_it_is_his_that_is_tried(world: World) -> None:
    patient = await measured(world, 170, limits={"systolic_red_high": 200})

    of_all = await asked(world, limits=LOWER)
    of_him = await asked(world, limits=LOWER, patient=str(patient))

    assert (of_all["patients"], of_all["after"]["alerts"]) == (1, 0)
    assert (of_him["patients"], of_him["after"]["alerts"]) == (1, 1)


async def test_other_rules_are_tried_and_neither_stored_nor_activated(world: World) -> None:
    await measured(world, 180)
    text = RULES.replace('at_least = "systolic_red_high"', 'above = "systolic_red_high"', 1)
    before = await world.fetch("select from ledger.decision")

    told = await asked(world, rules=text)

    assert (told["before"]["alerts"], told["after"]["alerts"]) == (1, 0)
    assert [one["rule"] for one in told["vanished"]] == ["hd-5-red-high"]
    assert await world.fetch("select from ledger.decision") == before


async def test_rules_that_are_not_valid_are_refused_in_sentences(world: World) -> None:
    shape = await asked(world, status=422, rules="[[rule]]\nid = 'x'")
    content = await asked(world, status=422, rules=RULES.replace('"systolic_red_high"', '"other"'))

    for told in (shape, content):
        assert told["code"] == "programme-not-valid"
        assert all(one.endswith((".", "”")) for one in told["sentences"])
    assert "rule hd-5-red-high uses other, which is no limit." in content["sentences"]


SENSELESS: list[tuple[dict[str, Any], str]] = [
    ({"limits": {"systolic_red_high": 400}}, "limit-is-out-of-bounds"),
    ({"limits": {"systolic_red_high": 10}}, "limit-is-out-of-bounds"),
    ({"limits": {"strange": 10}}, "unknown-limit"),
    ({"limits": LOWER, "programme": "strange"}, "unknown-programme"),
    ({"limits": LOWER, "rules": RULES}, "invalid-request"),
    ({"limits": {}}, "invalid-request"),
    ({"limits": {"systolic_red_high": "170"}}, "invalid-request"),
    ({}, "invalid-request"),
    ({"limits": LOWER, "days": 0}, "invalid-request"),
    ({"limits": LOWER, "days": 91}, "invalid-request"),
    ({"limits": LOWER, "patient": str(uuid4()), "unit": str(uuid4())}, "invalid-request"),
    ({"limits": LOWER, "strange": 1}, "invalid-request"),
]


async def test_a_question_without_sense_is_refused(world: World) -> None:
    for body, code in SENSELESS:
        told = await asked(world, status=422, **body)

        assert told["code"] == code, body
        assert "400" not in str(told.get("limits"))


async def test_only_patients_of_the_callers_units_are_read_and_each_is_written_down(
    world: World,
) -> None:
    mine = [await measured(world, 170), await measured(world, 130)]
    other = await measured(world, 170, unit=world.other_unit)

    told = await asked(world, limits=LOWER)
    unit = await asked(world, limits=LOWER, unit=str(world.unit))
    elsewhere = await asked(world, status=403, limits=LOWER, unit=str(world.other_unit))
    stranger = await asked(world, status=403, limits=LOWER, patient=str(other))
    nobody = await asked(world, status=404, limits=LOWER, patient=str(uuid4()))

    assert (told["patients"], unit["patients"]) == (2, 2)
    assert elsewhere["code"] == stranger["code"] == "not-your-unit"
    assert nobody["code"] == "no-such-patient"
    assert await read(world, "what-if") == set(mine)


async def test_what_is_too_much_is_left_out_and_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    patients = [await measured(world, 170) for _ in range(3)]
    monkeypatch.setattr(trying, "PATIENTS_AT_MOST", 2)
    monkeypatch.setattr(trying, "SHOWN", 1)

    told = await asked(world, limits=LOWER)

    assert (told["patients"], told["truncated"], told["left_out"]) == (2, True, 1)
    assert (len(told["new"]), told["counts"]["new"]) == (1, 2)
    assert len(await read(world, "what-if")) == 2
    assert len(patients) == 3


async def test_one_with_too_many_readings_is_refused_alone_and_left_out_among_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = await measured(world, 170, 170, 170)
    monkeypatch.setattr(past, "PAGE", 1)
    monkeypatch.setattr(trying, "FACTS_AT_MOST", 3)

    among = await asked(world, limits=LOWER)
    alone = await asked(world, status=422, limits=LOWER, patient=str(patient))

    assert (among["patients"], among["truncated"]) == (0, True)
    assert alone["code"] == "too-many-readings"


async def test_pages_of_readings_make_one_history(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await measured(world, 170, 170, 170)
    whole = await asked(world, limits=LOWER)
    monkeypatch.setattr(past, "PAGE", 1)

    paged = await asked(world, limits=LOWER)

    assert (paged["readings"], paged["after"]["alerts"]) == (3, 3)
    assert paged["counts"] == whole["counts"]


async def test_a_question_waits_for_the_one_before_it_but_not_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "SECONDS", 0.05)
    application = given.application(world)
    parts = application.state.parts
    wanted = trying.Asked(HOME, 30, limits={"systolic_red_high": Decimal(165)})

    async with parts.replaying:
        with pytest.raises(trying.ReplayIsBusy):
            await trying.what_if(parts, world.nurse, wanted, "nb")
    told = await asyncio.gather(
        *(trying.what_if(parts, world.nurse, wanted, "nb") for _ in range(3))
    )

    assert [one["patients"] for one in told] == [0, 0, 0]


# --- why-not ----------------------------------------------------------------------------------


async def why(world: World, *, status: int = 200, **query: Any) -> dict[str, Any]:
    async with given.client(world) as client:
        answer = await client.get("/v1/why-not", params=query)
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = exact.loads(answer.content)
    return told


def of(told: dict[str, Any], rule: str) -> dict[str, Any]:
    (one,) = [one for one in told["rules"] if one["rule"] == rule]
    return one


async def test_a_reading_that_did_not_alert_says_why_rule_by_rule(world: World) -> None:
    patient = await given.patient(world, limits={"systolic_red_high": 190})
    (sent,) = await given.send(world, patient, given.systolic(168, ago(hours=2)))
    await world.judge()

    told = await why(world, patient=patient, fact=sent.fact_id)

    assert told["reading"]["id"] == str(sent.fact_id)
    assert told["reading"]["values"] == {"systolic": 168, "diastolic": 70}
    assert told["reading"]["in_force"] is True
    red = of(told, "hd-5-red-high")
    assert (red["why"], red["alert"]) == ("not-beyond", None)
    assert red["programme_version"] == given.PROGRAMMES[HOME].version
    assert red["limits"] == [
        {"name": "systolic_red_high", "value": 190, "ucum": "mm[Hg]", "of": "patient"}
    ]
    assert "168/70" in red["says"]["nb"]
    assert "pasientens egen" in red["says"]["nb"]
    assert "the patient’s own" in red["says"]["en"]
    assert red["reason"] == red["says"]["nb"]
    yellow = of(told, "hd-5-yellow-high")
    assert yellow["why"] == "not-yet-persistent"
    assert yellow["limits"][0]["of"] == "programme"
    assert await read(world, "why-not") == {patient}


async def test_it_is_found_by_kind_and_about_when_it_was_measured(world: World) -> None:
    patient = await given.patient(world)
    at = ago(days=3)
    sent = await given.send(
        world, patient, given.systolic(168, at), given.systolic(130, at + timedelta(hours=5))
    )
    await world.judge()
    near = (at + timedelta(minutes=20)).isoformat()

    told = await why(world, patient=patient, kind="blood_pressure", at=near)
    other = await why(world, status=404, patient=patient, kind="body_weight", at=near)
    unnamed = await why(world, status=422, patient=patient, kind="blood_pressure")
    naive = await why(
        world, status=422, patient=patient, kind="blood_pressure", at="2026-03-03T07:12:00"
    )

    assert told["reading"]["id"] == str(sent[0].fact_id)
    assert other["code"] == "no-such-reading"
    assert unnamed["code"] == "reading-is-not-named"
    assert naive["code"] == "invalid-request"


async def test_a_reading_of_somebody_else_is_not_found(world: World) -> None:
    patient, other = await given.patient(world), await given.patient(world)
    (sent,) = await given.send(world, other, given.systolic(168, ago(hours=2)))
    await world.judge()

    assert (await why(world, status=404, patient=patient, fact=sent.fact_id))["code"] == (
        "no-such-reading"
    )


async def test_what_was_told_of_a_finding_is_asked_of_its_alert(world: World) -> None:
    patient = await given.patient(world)
    rule = "hd-5-red-high"
    (first,) = await given.send(world, patient, given.systolic(184, ago(hours=9)))
    await world.judge()
    raised = of(await why(world, patient=patient, fact=first.fact_id), rule)

    (second,) = await given.send(world, patient, given.systolic(185, ago(hours=7)))
    await world.judge()
    already = of(await why(world, patient=patient, fact=second.fact_id), rule)

    alert = await world.alert(patient, "blood-pressure")
    until = datetime.now(UTC) + timedelta(hours=1)
    await world.move(alert, "snooze", note="Ringt", until=until, confirm=True)
    (third,) = await given.send(world, patient, given.systolic(186, ago(hours=5)))
    await world.judge()
    snoozed = of(await why(world, patient=patient, fact=third.fact_id), rule)

    alert = await world.alert(patient, "blood-pressure")
    await world.move(alert, "close", note="Ringt", outcome="useful")
    closed = of(await why(world, patient=patient, fact=third.fact_id), rule)
    told_then = of(await why(world, patient=patient, fact=first.fact_id), rule)

    assert raised["why"] == "spoke"
    assert raised["alert"]["id"] == str(alert["id"])
    assert raised["alert"]["programme_version"] == given.PROGRAMMES[HOME].version
    assert "ga rødt varsel: Systolisk 184" in raised["says"]["nb"]
    assert already["why"] == "group-already-open"
    assert snoozed["why"] == "snoozed"
    assert snoozed["alert"]["snoozed_until"] is not None
    assert (closed["why"], closed["alert"]["state"]) == ("covered-by-close", "closed")
    assert (told_then["why"], told_then["alert"]["state"]) == ("spoke", "closed")


async def test_a_withdrawn_reading_says_so_and_no_rule_answers(world: World) -> None:
    patient = await given.patient(world)
    one = given.systolic(184, ago(hours=2))
    (sent,) = await given.send(world, patient, one)
    await given.send(world, patient, given.voided(one))
    await world.judge()

    told = await why(world, patient=patient, fact=sent.fact_id)

    assert (told["reading"]["in_force"], told["reading"]["superseded"]) == (False, "void")
    assert told["rules"] == []
    assert "trukket tilbake" in told["reason"]
    assert "withdrawn" in told["says"]["en"]


# --- burden -----------------------------------------------------------------------------------


async def cost(world: World, *, status: int = 200, **query: Any) -> dict[str, Any]:
    async with given.client(world) as client:
        answer = await client.get("/v1/burden", params=query)
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = exact.loads(answer.content)
    return told


async def closed(world: World, patient: UUID, outcome: str) -> None:
    alert = await world.alert(patient, "blood-pressure")
    await world.move(alert, "close", note="Ringt", outcome=outcome)


async def test_the_burden_counts_alerts_by_colour_lane_and_what_they_were_good_for(
    world: World,
) -> None:
    useful, not_useful = await measured(world, 184), await measured(world, 185)
    await measured(world, 186)
    await measured(world, 130, enrolled=timedelta(days=10))
    await measured(world, 184, unit=world.other_unit)
    await closed(world, useful, "useful")
    await closed(world, not_useful, "not-useful")

    told = await cost(world, unit=world.unit, programme=HOME, days=30)

    assert (told["patients"], told["patient_days"]) == (4, Decimal("100.0"))
    assert (told["alerts"], told["per_patient_day"]) == (3, Decimal("0.03"))
    assert told["by_colour"]["red"] == {"alerts": 3, "per_patient_day": Decimal("0.03")}
    assert told["by_colour"]["yellow"]["alerts"] == 0
    assert told["by_lane"]["technical"]["alerts"] == 0
    assert (told["closed"], told["rated"], told["useful"]) == (2, 2, 1)
    assert (told["useful_share"], told["not_useful_share"]) == (Decimal("0.5"), Decimal("0.5"))
    assert (told["handled_by_system"], told["handled_by_system_share"]) == (0, 0)
    assert 0 <= told["median_seconds_to_acknowledge"] < 60
    (rule,) = told["rules"]
    assert (rule["rule"], rule["firings"], rule["rated"], rule["useful"]) == (
        "hd-5-red-high", 3, 2, 1,
    )  # fmt: skip
    assert rule["flagged"] is False
    assert "Testesen" not in str(told)


async def test_what_expired_was_handled_by_the_system(world: World) -> None:
    patient = await measured(world, 165, 166)
    alert = await world.alert(patient, "blood-pressure")
    assert alert["colour"] == "yellow"
    await world.move(alert, "acknowledge")
    await world.execute(
        "update alerts.alert set acknowledged_at = acknowledged_at - interval '4 days'"
    )
    await given.forget(world, patient)
    await world.wake(patient)

    told = await cost(world)

    assert (told["closed"], told["rated"], told["handled_by_system"]) == (1, 0, 1)
    assert (told["handled_by_system_share"], told["useful_share"]) == (1, None)
    assert told["by_colour"]["yellow"]["alerts"] == 1


async def test_a_rule_that_seldom_helps_is_flagged(world: World) -> None:
    patient = await measured(world, *([184] * 50))
    await closed(world, patient, "not-useful")

    (rule,) = [one for one in (await cost(world, days=90))["rules"] if one["firings"] == 50]

    assert (rule["rated"], rule["useful_share"], rule["flagged"]) == (50, 0, True)


@pytest.mark.parametrize(
    ("useful", "rated", "flagged"), [(0, 49, False), (4, 50, True), (5, 50, False), (0, 0, False)]
)
def test_fifty_ratings_are_needed_before_a_rule_is_put_up_for_review(
    useful: int, rated: int, flagged: bool
) -> None:
    assert burden.is_seldom_useful(useful, rated) is flagged


async def test_nobody_enrolled_is_no_burden_and_another_unit_is_refused(world: World) -> None:
    nothing = await cost(world, programme="cpap")
    elsewhere = await cost(world, status=403, unit=world.other_unit)

    assert (nothing["patients"], nothing["alerts"], nothing["per_patient_day"]) == (0, 0, None)
    assert elsewhere["code"] == "not-your-unit"


async def test_days_in_two_enrolments_at_once_are_counted_once(world: World) -> None:
    patient = await given.patient(world, enrolled=timedelta(days=20))
    second = str(uuid4())
    body = {"enrolment_id": second, "programme": "cpap", "unit_id": str(world.unit), "plan": []}
    await given.decide(world, patient, "enrolled", body, ago(days=15))
    await given.decide(
        world, patient, "enrolment-ended", {"enrolment_id": second, "reason": "x"}, ago(days=5)
    )

    whole, part = await cost(world), await cost(world, programme="cpap")

    assert (whole["patients"], whole["patient_days"]) == (1, Decimal("20.0"))
    assert part["patient_days"] == Decimal("10.0")


def test_the_openapi_shows_an_example_of_the_question(world: World) -> None:
    schema = given.application(world).openapi()["components"]["schemas"]["WhatIf"]

    assert schema["examples"][0]["limits"] == {"systolic_red_high": 170}
