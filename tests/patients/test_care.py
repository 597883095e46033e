"""Enrolments and pauses: what is in force, and the decision behind it."""

from datetime import timedelta

from tests.patients.conftest import NOW, Ward

SLUG = "home_dialysis"


async def test_an_enrolment_begins_and_ends(ward: Ward) -> None:
    made = await ward.nurse.post(f"{ward.path}/enrolments", {"programme": SLUG})
    again = await ward.nurse.post(f"{ward.path}/enrolments", {"programme": SLUG}, 409)
    ended = await ward.nurse.post(
        f"{ward.path}/enrolments/{made['id']}/end", {"reason": "Transplantert"}, 200
    )
    twice = await ward.nurse.post(
        f"{ward.path}/enrolments/{made['id']}/end", {"reason": "Igjen"}, 409
    )

    assert made["unit_id"] == ward.unit
    assert again["code"] == "already-enrolled"
    assert ended["ended_at"]
    assert twice["code"] == "enrolment-has-ended"
    said = await ward.record.decisions(ward.patient)
    assert [fact.type for fact in said] == ["patient-registered", "enrolled", "enrolment-ended"]
    assert said[1].body["programme"] == SLUG
    assert said[1].body["enrolment_id"] == said[2].body["enrolment_id"] == made["id"]
    assert said[2].body["reason"] == "Transplantert"
    # The next one is a new enrolment.
    await ward.nurse.post(f"{ward.path}/enrolments", {"programme": SLUG})


async def test_a_plan_of_the_patients_own_travels_with_the_decision(ward: Ward) -> None:
    item = {
        "id": "weight",
        "names": {"nb": "Vekt", "en": "Weight"},
        "kind": "body_weight",
        "opens": "06:00",
        "due": "10:00",
        "grace": "PT2H",
        "days": ["mon", "thu"],
    }
    await ward.nurse.post(f"{ward.path}/enrolments", {"programme": SLUG, "plan": [item]})

    said = await ward.record.decisions(ward.patient)
    assert said[-1].body["plan"][0]["kind"] == "body_weight"
    assert said[-1].body["plan"][0]["days"] == ["mon", "thu"]
    wrong = {**item, "due": "half past"}
    await ward.nurse.post(f"{ward.path}/enrolments", {"programme": SLUG, "plan": [wrong]}, 422)


async def test_an_enrolment_may_have_begun_before_it_was_written_down(ward: Ward) -> None:
    begun = NOW - timedelta(days=3)
    body = {"programme": SLUG, "from": begun.isoformat()}
    await ward.nurse.post(f"{ward.path}/enrolments", body)
    said = await ward.record.decisions(ward.patient)
    assert ("enrolled", begun) in [(fact.type, fact.at) for fact in said]
    later = {"programme": SLUG, "from": (NOW + timedelta(days=1)).isoformat()}
    await ward.nurse.post(f"{ward.path}/enrolments", later, 422)


async def test_an_unknown_programme_is_refused(ward: Ward) -> None:
    refused = await ward.nurse.post(f"{ward.path}/enrolments", {"programme": "magic"}, 422)
    assert refused["code"] == "unknown-programme"


async def test_an_enrolment_at_another_unit_lets_its_nurses_in(ward: Ward) -> None:
    heart = await ward.record.unit("Hjerte")
    nurse = await ward.record.staff("nurse", heart)
    await nurse.get(ward.path, 403)

    body = {"programme": SLUG, "unit_id": heart}
    made = await ward.nurse.post(f"{ward.path}/enrolments", body)
    await nurse.get(ward.path)
    page = await nurse.get("/v1/patients")
    assert [one["id"] for one in page["patients"]] == [ward.patient]

    await ward.nurse.post(f"{ward.path}/enrolments/{made['id']}/end", {"reason": "Slutt"}, 200)
    await nurse.get(ward.path, 403)


async def test_a_pause_always_has_an_end(ward: Ward) -> None:
    until = (NOW + timedelta(days=2)).isoformat()
    made = await ward.nurse.post(f"{ward.path}/pauses", {"until": until, "reason": "Innlagt"})
    overlap = {"until": (NOW + timedelta(days=5)).isoformat(), "reason": "Reise"}
    again = await ward.nurse.post(f"{ward.path}/pauses", overlap, 409)
    await ward.nurse.post(f"{ward.path}/pauses/{made['id']}/end", None, 204)
    over = await ward.nurse.post(f"{ward.path}/pauses/{made['id']}/end", None, 404)
    await ward.nurse.post(f"{ward.path}/pauses", overlap)
    shown = await ward.nurse.get(f"{ward.path}/pauses")

    assert again["code"] == "already-paused"
    assert over["code"] == "no-such-pause"
    assert len(shown["pauses"]) == 2
    for bad in ({"reason": "x"}, {"reason": "x", "until": (NOW - timedelta(1)).isoformat()}):
        await ward.nurse.post(f"{ward.path}/pauses", bad, 422)
    said = [f for f in await ward.record.decisions(ward.patient) if "pause" in f.type]
    assert [fact.type for fact in said] == ["paused", "pause-ended", "paused"]
    assert said[0].body["pause_id"] == made["id"]
    assert said[0].body["until"].startswith((NOW + timedelta(days=2)).date().isoformat())


async def test_a_pause_that_has_not_begun_can_be_called_off(ward: Ward) -> None:
    body = {
        "from": (NOW + timedelta(days=1)).isoformat(),
        "until": (NOW + timedelta(days=2)).isoformat(),
        "reason": "Reise",
    }
    made = await ward.nurse.post(f"{ward.path}/pauses", body)
    await ward.nurse.post(f"{ward.path}/pauses/{made['id']}/end", None, 204)
    await ward.nurse.post(f"{ward.path}/pauses", body)
    assert len((await ward.nurse.get(f"{ward.path}/pauses"))["pauses"]) == 2
