"""Silence is an alarm, once, with a cause; never before its time, and never for our own delay."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from services.alerts.clinical import schedule, wording
from services.alerts.judging import silence, watchdog
from services.alerts.judging.memory import Memory
from tests.alerts import given
from tests.alerts.given import World, ago


async def plan(world: World, *, due: timedelta, grace: str = "PT1M") -> list[dict[str, Any]]:
    """A weight every day, due so long ago."""
    at = (await world.now() - due).astimezone(wording.OSLO)
    opens = max(at - timedelta(minutes=30), at.replace(hour=0, minute=0))
    return [
        {
            "id": "weight",
            "names": {"nb": "Vekt", "en": "Weight"},
            "kind": "body_weight",
            "opens": opens.strftime("%H:%M"),
            "due": at.strftime("%H:%M"),
            "grace": grace,
        }
    ]


async def silent(world: World, patient: UUID) -> list[Any]:
    return [one for one in await world.open_alerts(patient) if one["group"] == "missing"]


async def overdue(world: World, **more: Any) -> UUID:
    return await given.patient(
        world,
        enrolled=timedelta(hours=20),
        plan=await plan(world, due=timedelta(minutes=10)),
        **more,
    )


async def test_what_is_expected_is_written_down_when_the_plan_begins(world: World) -> None:
    patient = await overdue(world)

    await world.judge()

    rows = await world.fetch("select * from alerts.due where patient_id = $1", patient)
    today = schedule.local_day(await world.now())
    assert {today, today + timedelta(days=1), today + timedelta(days=2)} <= {
        row["local_day"] for row in rows
    }
    assert all(row["satisfied_by"] is None for row in rows)


async def test_a_patient_who_never_sent_anything_is_silent_when_the_grace_is_over(
    world: World,
) -> None:
    patient = await overdue(world)
    await world.judge()
    assert await silent(world, patient) == []

    await world.clock.round(given.ORG)

    (alert,) = await silent(world, patient)
    assert (alert["lane"], alert["cause"]) == ("technical", "patient")
    row = await world.row(patient)
    assert row is not None
    assert row["technical"]
    missed = await world.value(
        "select count(*) from alerts.due where patient_id = $1 and missed_at is not null", patient
    )
    assert missed >= 1


async def test_one_silence_is_one_alert_however_often_the_clock_looks(world: World) -> None:
    patient = await overdue(world)
    await world.judge()

    for _ in range(3):
        await world.clock.round(given.ORG)
        await world.execute("update alerts.state set wakes_at = clock_timestamp()")

    (alert,) = await silent(world, patient)
    raised = await world.value(
        "select count(*) from alerts.move where alert_id = $1 and move = 'raise'", alert["id"]
    )
    assert raised == 1


async def test_two_clocks_at_once_raise_one_alert(world: World) -> None:
    import asyncio

    patients = [await overdue(world) for _ in range(5)]
    await world.judge()
    clocks = [world.clock, world.clock]

    await asyncio.gather(*(one.round(given.ORG) for one in clocks))

    for patient in patients:
        assert len(await silent(world, patient)) == 1


async def test_a_reading_in_its_window_satisfies(world: World) -> None:
    patient = await overdue(world)
    await given.send(world, patient, given.weight("82.0", ago(minutes=15)))
    await world.judge()

    await world.clock.round(given.ORG)

    assert await silent(world, patient) == []


async def test_readings_that_wait_to_be_judged_are_not_silence(world: World) -> None:
    patient = await overdue(world)
    await world.judge()
    await given.send(world, patient, given.weight("82.0", ago(minutes=15)))

    await world.clock.round(given.ORG)
    assert await silent(world, patient) == []

    await world.judge()
    await world.clock.round(given.ORG)
    assert await silent(world, patient) == []


async def test_our_own_backlog_postpones_silence(world: World) -> None:
    patient, other = await overdue(world), await given.patient(world)
    await world.judge()
    await given.send(world, other, given.weight("82.0", ago(minutes=15)))
    await world.execute(
        "update ledger.handover set received_at = clock_timestamp() - interval '5 minutes'"
    )

    await world.clock.round(given.ORG)
    assert await silent(world, patient) == []
    behind = await world.fetch("select * from alerts.alert where rule = 'platform-behind'")
    assert len(behind) == 1

    await world.judge()
    await world.clock.round(given.ORG)
    assert len(await silent(world, patient)) == 1


async def test_whoever_cannot_be_judged_postpones_nobody_elses_silence(world: World) -> None:
    """His readings lie on for as long as he rests, up to an hour and then again; that is no
    backlog of ours."""
    poisoned, patient = await given.patient(world), await overdue(world)
    await world.judge()
    born = {"name": "Test", "born": "14. mars 1952", "unit_id": str(world.unit)}
    await given.decide(world, poisoned, "patient-changed", born, ago(hours=3))
    world.memory = Memory()
    await world.judge()
    await world.execute(
        "update ledger.handover set received_at = clock_timestamp() - interval '5 minutes'"
    )
    assert await world.value("select count(*) from ledger.handover") == 1

    await world.clock.round(given.ORG)

    assert len(await silent(world, patient)) == 1


async def test_a_fact_of_a_version_we_do_not_know_postpones_nobody_elses_silence(
    world: World,
) -> None:
    newer, patient = await given.patient(world), await overdue(world)
    body = {"v": 2, "values": {"value": Decimal("82.0")}}
    await given.send(world, newer, given.item("m-newer", "body_weight", ago(minutes=15), body))
    await world.judge()
    await world.execute(
        "update ledger.handover set received_at = clock_timestamp() - interval '5 minutes'"
    )
    assert await world.value("select count(*) from ledger.handover") == 1

    await world.clock.round(given.ORG)

    assert len(await silent(world, patient)) == 1


async def test_who_sent_a_fact_of_a_version_we_do_not_know_is_heard_when_he_falls_silent(
    world: World,
) -> None:
    """It lies on until a release that can read it; he may not be unheard until then."""
    patient = await overdue(world)
    body = {"v": 2, "values": {"value": Decimal("82.0")}}
    await given.send(world, patient, given.item("m-later", "body_weight", ago(minutes=15), body))
    await world.judge()
    assert await world.value("select count(*) from ledger.handover") == 1

    await world.clock.round(given.ORG)

    assert len(await silent(world, patient)) == 1
    groups = {one["group"] for one in await world.open_alerts(patient)}
    assert "judging" in groups, "and that something of his could not be read is said as well"


async def test_those_who_cannot_be_listened_to_keep_nobody_from_being_looked_at(
    world: World,
) -> None:
    """While silence is postponed whoever is due stays due. More of them than one look takes must
    not stand before an acknowledgement that runs out."""
    patient = await given.patient(world)
    await given.send(world, patient, given.systolic(195, ago(hours=1)))
    await world.judge()
    await world.move(await world.alert(patient, "blood-pressure"), "acknowledge")
    await given.pretend(world, "acknowledged_until", await world.alert(patient, "blood-pressure"))
    await world.execute(
        """
        insert into alerts.state (org, patient_id, wakes_at)
        select $1, ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,
               clock_timestamp() - interval '1 hour'
        from generate_series(1, $2) n
        """,
        given.ORG,
        silence.AT_ONCE + 20,
    )
    await world.execute(
        "update alerts.state set wakes_at = clock_timestamp() where patient_id = $1", patient
    )
    other = await given.patient(world)
    await given.send(world, other, given.weight("82.0", ago(minutes=15)))
    await world.execute(
        "update ledger.handover set received_at = clock_timestamp() - interval '5 minutes'"
    )
    clock = world.clock

    for _ in range(silence.AT_ONCE // silence.AT_ONCE_UNHEARD + 2):
        await clock.round(given.ORG)

    assert (await world.alert(patient, "blood-pressure"))["state"] == "open"


async def test_a_move_on_another_alert_does_not_put_a_silence_off(world: World) -> None:
    """Nothing is listened to for a while, or the nurse is quicker than the clock: what was to be
    looked at now is looked at all the same."""
    patient = await given.patient(world)
    session = given.reading(
        "hd_session", ago(hours=120), weight_pre="84", weight_post="82", duration="240"
    )
    await given.send(world, patient, session, given.systolic(195, ago(hours=2)))
    await world.judge()
    await world.move(await world.alert(patient, "blood-pressure"), "acknowledge")

    await world.clock.round(given.ORG)

    assert "hd-9-red" in {one["rule"] for one in await world.open_alerts(patient)}


async def test_a_clock_step_postpones_silence(world: World) -> None:
    patient = await overdue(world)
    await world.judge()
    clock = world.clock
    await clock.round("another")
    clock._offset = (clock._offset or 0) - 3 * 3600  # the database's clock went three hours ahead

    await clock.round(given.ORG)

    assert await silent(world, patient) == []


async def test_a_pause_is_not_silence(world: World) -> None:
    patient = await overdue(world)
    body = {"pause_id": "p1", "until": None, "reason": "innlagt"}
    await given.decide(world, patient, "paused", body, ago(hours=10))
    await world.judge()

    await world.clock.round(given.ORG)

    assert await silent(world, patient) == []
    row = await world.row(patient)
    assert row is not None
    assert row["paused"] == {
        "kind": "other", "since": row["paused"]["since"], "until": None, "reason": "innlagt",
        "says": {"nb": "Pause: innlagt", "en": "Paused: innlagt"},
    }  # fmt: skip


async def test_a_reading_from_the_future_satisfies_nothing(world: World) -> None:
    patient = await overdue(world)
    await given.send(world, patient, given.weight("82.0", ago(days=-3)))
    await world.judge()

    await world.clock.round(given.ORG)

    assert len(await silent(world, patient)) == 1


async def test_a_reading_that_comes_late_but_was_taken_in_time_changes_the_basis(
    world: World,
) -> None:
    patient = await overdue(world)
    await world.judge()
    await world.clock.round(given.ORG)
    await given.send(world, patient, given.weight("82.0", ago(minutes=15)))

    await world.judge()

    (alert,) = await silent(world, patient)
    assert alert["basis_changed"]
    satisfied = await world.value(
        "select count(*) from alerts.due where patient_id = $1 and satisfied_by is not null",
        patient,
    )
    assert satisfied == 1


async def test_a_patient_who_cannot_be_woken_holds_up_nobody_and_keeps_his_mark(
    world: World,
) -> None:
    broken, other = await overdue(world), await overdue(world)
    await world.judge()
    await world.execute(f"alter table alerts.due add constraint no check (missed_at is null or"
                        f" patient_id <> '{broken}')")  # fmt: skip

    await world.clock.round(given.ORG)

    assert len(await silent(world, other)) == 1
    state = await world.fetch("select * from alerts.state where patient_id = $1", broken)
    assert state[0]["listened_at"] is None or state[0]["listened_at"] < await world.now()
    assert await world.value(
        "select count(*) from alerts.due where patient_id = $1 and missed_at is null"
        " and grace_until < clock_timestamp()",
        broken,
    )


async def test_a_silent_device_is_named_as_the_cause(world: World) -> None:
    patient = await overdue(world)
    await world.execute(
        "insert into ledger.reading (org, id, at, patient_id, type, kind, day_only, received_at,"
        " cred, slot, message_id, flags, body, origin) select $1, gen_random_uuid(), $3, $2,"
        " 'device-event', 'device_status', false, $3, 'c-x', '', 'm', '{}', $4, gen_random_uuid()",
        given.ORG,
        patient,
        ago(hours=2),
        {"v": 1, "state": "offline"},
    )
    await world.judge()

    await world.clock.round(given.ORG)

    (alert,) = await silent(world, patient)
    assert alert["cause"] == "device"


async def test_a_platform_that_hears_nobody_is_one_alarm(world: World) -> None:
    patients = [await overdue(world) for _ in range(watchdog.MANY)]
    await world.judge()
    await world.execute(
        "update alerts.heartbeat set body = jsonb_build_object('received_at',"
        " clock_timestamp() - interval '31 minutes')"
    )

    await world.clock.round(given.ORG)

    platform = await world.fetch("select * from alerts.alert where rule = 'platform-quiet'")
    assert len(platform) == 1
    assert (platform[0]["colour"], platform[0]["cause"]) == ("red", "us")
    for patient in patients:
        assert await silent(world, patient) == []

    # Somebody is heard again: who is truly late is now called so.
    await given.send(world, patients[0], given.weight("82.0", ago(minutes=15)))
    await world.judge()
    await world.clock.round(given.ORG)

    assert await silent(world, patients[0]) == []
    for patient in patients[1:]:
        assert len(await silent(world, patient)) == 1


async def test_behind_a_platform_that_never_heard_anybody_nobody_is_held_back_for_ever(
    world: World,
) -> None:
    patients = [await overdue(world) for _ in range(watchdog.MANY)]
    await world.judge()
    await world.execute("update alerts.heartbeat set body = body - 'received_at'")
    await world.clock.round(given.ORG)
    for patient in patients:
        assert await silent(world, patient) == []

    await world.execute(
        "update alerts.due set grace_until = grace_until - interval '3 hours'"
        " where satisfied_by is null and missed_at is null and grace_until <= clock_timestamp()"
    )
    await world.clock.round(given.ORG)

    for patient in patients:
        assert len(await silent(world, patient)) == 1


async def test_a_yellow_that_waits_for_a_retake_says_when_to_look_again(world: World) -> None:
    patient = await given.patient(world)
    await given.send(world, patient, given.weight("82.0", ago(hours=25)))
    await given.send(world, patient, given.weight("83.0", ago(minutes=50)))

    await world.judge()

    assert await world.open_alerts(patient) == []
    wakes_at = await world.value("select wakes_at from alerts.state where patient_id = $1", patient)
    assert timedelta(minutes=8) < wakes_at - await world.now() < timedelta(minutes=11)


async def test_a_yellow_whose_retake_never_came_speaks(world: World) -> None:
    patient = await given.patient(world)
    await given.send(world, patient, given.weight("82.0", ago(hours=25)))
    await given.send(world, patient, given.weight("83.0", ago(minutes=61)))

    await world.judge()

    assert (await world.alert(patient, "weight"))["colour"] == "yellow"


# --- whose silence it is ----------------------------------------------------------------------


async def status(world: World, patient: UUID, cred: str, state: str, **ago_: float) -> None:
    await world.execute(
        "insert into ledger.reading (org, id, at, patient_id, type, kind, day_only, received_at,"
        " cred, slot, message_id, flags, body, origin) select $1, gen_random_uuid(), $3, $2,"
        " 'device-event', 'device_status', false, $3, $5, '', 'm', '{}', $4, gen_random_uuid()",
        given.ORG,
        patient,
        ago(**ago_),
        {"v": 1, "state": state},
        cred,
    )


async def bound(world: World, patient: UUID, kind: str) -> str:
    cred = f"c-{patient.hex[:16]}"
    body = {"cred": cred, "slot": "", "device_id": None, "kind": kind}
    await given.decide(world, patient, "bound", body, ago(days=10))
    return cred


async def cause(world: World, patient: UUID) -> str | None:
    await world.judge()
    await world.clock.round(given.ORG)
    (alert,) = await silent(world, patient)
    return alert["cause"]


async def test_a_phone_that_told_of_itself_and_does_not_any_more_is_the_cause(
    world: World,
) -> None:
    patient = await overdue(world)
    cred = await bound(world, patient, "app")
    for hours in (100, 60, 30):
        await status(world, patient, cred, "online", hours=hours)

    assert await cause(world, patient) == "phone"


async def test_a_device_in_contact_is_not_the_cause(world: World) -> None:
    patient = await overdue(world)
    cred = await bound(world, patient, "device")
    for hours in (30, 5):
        await status(world, patient, cred, "online", hours=hours)

    assert await cause(world, patient) == "patient"


async def test_a_portal_that_has_brought_nothing_for_anybody_is_the_cause(world: World) -> None:
    patient = await overdue(world)
    await given.send(world, patient, given.weight("82.0", ago(hours=15)))
    await world.judge()
    await world.execute(
        "update alerts.heartbeat set at = at - interval '1 hour' where worker like 'portal:%'"
    )

    assert await cause(world, patient) == "portal"


async def test_a_portal_that_delivers_for_others_is_not_the_cause(world: World) -> None:
    patient, other = await overdue(world), await given.patient(world)
    await given.send(world, patient, given.weight("82.0", ago(hours=15)))
    await given.send(world, other, given.weight("82.0", ago(minutes=1)))
    await world.judge()
    world.follower.beat_at = 0
    await world.consumer._beat(world.follower)

    assert await cause(world, patient) == "patient"


async def test_a_portals_silence_is_one_alarm_and_those_behind_it_are_held_back(
    world: World,
) -> None:
    patients = [await overdue(world) for _ in range(7)]
    for patient in patients:
        await given.send(world, patient, given.weight("82.0", ago(hours=15)))
    await world.judge()
    await world.execute(
        "update alerts.heartbeat set at = at - interval '1 hour' where worker like 'portal:%'"
    )
    clock = world.clock
    await clock.round(given.ORG)
    later = [one for one in patients if not await silent(world, one)]
    assert len(later) == len(patients) - watchdog.PORTAL_MANY
    clock._watchdog._portals.clear()
    await clock.round(given.ORG)
    await world.execute("update alerts.state set wakes_at = clock_timestamp()")
    await clock.round(given.ORG)

    (alarm,) = await world.fetch("select * from alerts.alert where rule = 'portal-quiet'")
    assert (alarm["colour"], alarm["lane"], alarm["cause"]) == ("red", "technical", "portal")
    for patient in later:
        assert await silent(world, patient) == []
    async with given.client(world) as nurse:
        shown = (await nurse.get(f"/v1/alerts/{alarm['id']}")).json()["behind"]
        rows = (await nurse.get("/v1/worklist")).json()["rows"]
        listed = (await nurse.get("/")).text
        his = (await nurse.get(f"/patients/{later[0]}")).text
        counted = (await nurse.get("/v1/worklist")).json()["counts"]
        wanted = [{"id": str(one), "unit": str(world.unit)} for one in later]
        greens = (await nurse.post("/v1/worklist/greens", json={"patients": wanted})).json()
        flagged = (await nurse.get("/fhir/Flag", params={"_count": 200})).json()["entry"]
        of_one = (await nurse.get("/fhir/Flag", params={"patient": str(later[0])})).json()["entry"]
        kept = await nurse.post(
            f"/v1/alerts/{alarm['id']}/moves",
            json={"move": "acknowledge", "version": alarm["version"]},
        )
    async with given.client(world, units=frozenset({world.other_unit})) as stranger:
        theirs = (await stranger.get(f"/v1/alerts/{alarm['id']}")).json()["behind"]
    assert {one["patient"]["id"] for one in shown["patients"]} == {str(one) for one in patients}
    assert sum(one["alert"] is not None for one in shown["patients"]) == watchdog.PORTAL_MANY
    assert all(one["patient"]["name"] for one in shown["patients"])
    assert {row["behind"]["portal"] for row in rows} == {given.SENDER.cred}
    assert {row["behind"]["alert"] for row in rows} == {str(alarm["id"])}
    assert all(row["technical"] for row in rows), "nobody behind it is green and calm"
    assert (counted["green"], counted["technical"]) == (0, len(patients))
    assert {one["reason"] for one in greens["not_taken"]} == {"not-received"}
    assert (greens["taken"], len(greens["not_taken"])) == ([], len(later))
    assert {one["resource"]["subject"]["reference"] for one in flagged} == {
        f"Patient/{one}" for one in patients
    }, "nobody behind it is without a flag"
    assert [one["resource"]["category"][0]["coding"][0]["code"] for one in of_one] == ["technical"]
    assert theirs == {"patients": [], "more": False}
    # The page: nobody stands among the greens, and the alarm is moved and names who is behind it.
    assert 'id="greens"' not in listed
    assert listed.count("Portalen er stille: pasienten er ikke meldt taus.") >= len(later)
    assert f'data-alert="{alarm["id"]}"' in listed
    for patient in patients:
        assert f'<li><a href="/patients/{patient}">' in listed
    assert "Portalen er stille: pasienten er ikke meldt taus." in his
    assert (kept.status_code, kept.json()["state"]) == (200, "acknowledged"), kept.text
    linked = await world.value(
        "select count(*) from alerts.alert where cause = 'portal' and body ->> 'portal' = $1",
        given.SENDER.cred,
    )
    assert linked == watchdog.PORTAL_MANY

    # It delivers again, for one: the others are looked at, each for himself.
    await given.send(world, later[0], given.weight("82.0", ago(minutes=15)))
    await world.judge()
    await world.execute(
        "update alerts.heartbeat set at = clock_timestamp() where worker like 'portal:%'"
    )
    clock._watchdog._portals.clear()
    await clock.round(given.ORG)
    clock._postponed.clear()
    await clock.round(given.ORG)

    assert await world.value("select basis_changed from alerts.alert where id = $1", alarm["id"])
    assert await silent(world, later[0]) == []
    for patient in later[1:]:
        (alert,) = await silent(world, patient)
        assert alert["cause"] == "patient"


async def test_stale_is_green_nowhere_also_while_nobody_looks_at_the_clock(world: World) -> None:
    """Our own loop stands still: what was expected has not come and is not called missed."""
    stale, fresh = await overdue(world), await given.patient(world)
    for patient in (stale, fresh):
        await given.send(world, patient, given.weight("82.0", ago(hours=15)))
    await world.judge()
    undecided = "select count(*) from alerts.due where missed_at is null and grace_until <= now()"
    assert await world.value(undecided) >= 1

    wanted = [{"id": str(one), "unit": str(world.unit)} for one in (stale, fresh)]
    async with given.client(world) as nurse:
        listed = (await nurse.get("/v1/worklist")).json()
        page = (await nurse.get("/")).text
        paper = (await nurse.get("/downtime", params={"unit": str(world.unit)})).text
        flags = (await nurse.get("/fhir/Flag")).json()["entry"]
        taken = (await nurse.post("/v1/worklist/greens", json={"patients": wanted})).json()
    async with given.client(world, units=frozenset({world.other_unit})) as stranger:
        theirs = (await stranger.get("/fhir/Flag")).json()

    rows = {row["patient"]["id"]: row for row in listed["rows"]}
    assert rows[str(stale)]["technical"]
    assert (rows[str(stale)]["behind"]["alert"], rows[str(fresh)]["behind"]) == (None, None)
    assert listed["counts"]["green"] == 1
    assert f'data-green="{fresh}"' in page
    assert f'data-green="{stale}"' not in page
    for shown in (page, paper):
        assert "og ikke kommet. Ikke vurdert ennå." in shown
    assert [one["resource"]["subject"]["reference"] for one in flags] == [f"Patient/{stale}"]
    assert theirs.get("entry", []) == []
    assert taken["taken"] == [str(fresh)]
    assert taken["not_taken"] == [{"id": str(stale), "reason": "not-received"}]

    await world.clock.round(given.ORG)
    async with given.client(world) as nurse:
        later = (await nurse.get("/fhir/Flag")).json()["entry"]
    (alert,) = await silent(world, stale)
    assert [one["resource"]["id"] for one in later] == [str(alert["id"])], "one flag, not two"


# --- after the end ----------------------------------------------------------------------------


async def enrolment_of(world: World, patient: UUID) -> str:
    return await world.value(
        "select body ->> 'enrolment_id' from ledger.decision"
        " where patient_id = $1 and type = 'enrolled'",
        patient,
    )


async def test_t_end_h23_what_comes_after_the_end_is_one_line_for_staff_and_is_not_judged(
    world: World,
) -> None:
    patient = await overdue(world)
    body = {"enrolment_id": await enrolment_of(world, patient), "reason": "Transplantert"}
    await given.decide(world, patient, "enrolment-ended", body, ago(hours=5))
    await world.judge()
    assert await world.open_alerts(patient) == []

    for hours in (3, 2, 1):
        await given.send(world, patient, given.systolic(60, ago(hours=hours)))
        await world.judge()
    await world.clock.round(given.ORG)

    (alert,) = await world.open_alerts(patient)
    assert (alert["group"], alert["lane"], alert["cause"]) == ("after-end", "technical", "patient")
    assert "Ingen ser på" in alert["body"]["patient_text"]["nb"]
    row = await world.row(patient)
    assert row is not None
    assert row["technical"]


async def test_t_end_h23_death_stops_what_is_expected_and_shows_what_comes_after(
    world: World,
) -> None:
    patient = await overdue(world)
    await given.decide(world, patient, "patient-changed", {"deceased": True}, ago(hours=2))
    await world.judge()
    await world.clock.round(given.ORG)
    assert await silent(world, patient) == []
    assert await world.value("select count(*) from alerts.due where missed_at is not null") == 0

    await given.send(world, patient, given.weight("82.0", ago(hours=1)))
    await world.judge()

    (alert,) = await world.open_alerts(patient)
    assert alert["rule"] == "data-after-end"


async def test_t_end_h23_whoever_is_enrolled_again_is_followed_again(world: World) -> None:
    patient = await overdue(world)
    body = {"enrolment_id": await enrolment_of(world, patient), "reason": "Ferdig"}
    await given.decide(world, patient, "enrolment-ended", body, ago(hours=5))
    await given.send(world, patient, given.weight("82.0", ago(hours=3)))
    await world.judge()
    again = {"enrolment_id": str(UUID(int=7)), "programme": given.HOME, "plan": [],
             "unit_id": str(world.unit)}  # fmt: skip
    await given.decide(world, patient, "enrolled", again, ago(hours=1))
    await world.judge()

    (alert,) = await world.open_alerts(patient)
    assert (alert["rule"], alert["basis_changed"]) == ("data-after-end", True)


# --- pauses -----------------------------------------------------------------------------------


async def test_t_end_h23_a_pause_that_ends_wakes_the_patient_and_is_told_once(
    world: World,
) -> None:
    patient = await given.patient(world)
    body = {"pause_id": "p1", "until": ago(hours=1).isoformat(), "kind": "holiday", "reason": "x"}
    await given.decide(world, patient, "paused", body, ago(hours=30))
    await world.judge()
    await world.clock.round(given.ORG)
    await world.clock.round(given.ORG)

    (alert,) = await world.open_alerts(patient)
    assert (alert["group"], alert["lane"], alert["cause"]) == ("pause", "technical", "patient")
    told = await world.value("select count(*) from alerts.move where alert_id = $1", alert["id"])
    assert told == 1


async def test_t_end_h23_a_pause_to_come_is_on_the_row_when_it_has_come(world: World) -> None:
    patient = await given.patient(world)
    await world.judge()
    begins = await world.now() + timedelta(seconds=2)
    body = {"pause_id": "p1", "until": ago(hours=-9).isoformat(), "kind": "admission"}
    await given.decide(world, patient, "paused", body, begins)
    await world.judge()
    row = await world.row(patient)
    assert row is not None
    assert row["paused"] is None
    wakes = await world.value("select wakes_at from alerts.state where patient_id = $1", patient)
    assert wakes == begins

    await asyncio.sleep(2.1)
    await world.clock.round(given.ORG)

    row = await world.row(patient)
    assert row is not None
    assert row["paused"]["kind"] == "admission"


async def test_t_end_h23_an_end_stays_on_the_list_for_a_weekend(world: World) -> None:
    patient = await given.patient(world)
    await world.judge()
    body = {"enrolment_id": await enrolment_of(world, patient), "reason": "Ferdig"}
    await given.decide(world, patient, "enrolment-ended", body, ago(hours=5))
    await world.judge()

    row = await world.row(patient)
    assert row is not None
    assert (row["colour"], row["paused"]["kind"]) == ("green", "ended")
    assert row["values"] == []

    ended = await given.patient(world)
    await world.judge()
    body = {"enrolment_id": await enrolment_of(world, ended), "reason": "Ferdig"}
    await given.decide(world, ended, "enrolment-ended", body, ago(hours=73))
    await world.judge()
    assert await world.row(ended) is None


async def test_t_end_h23_whoever_was_never_followed_is_shown_to_his_unit(world: World) -> None:
    patient = uuid4()
    await world.execute(
        "insert into patients.patient"
        " (org, id, number, name, born, language, unit_id, created_by)"
        " values ($1, $2, 'S-1', 'Test Testesen', date '1952-03-14', 'nb', $3, 'test')",
        given.ORG,
        patient,
        world.unit,
    )
    about = {"name": "Test Testesen", "born": "1952-03-14", "unit_id": str(world.unit)}
    await given.decide(world, patient, "patient-registered", about, ago(hours=9))
    await given.send(world, patient, given.systolic(60, ago(hours=1)))
    await world.judge()

    (alert,) = await world.open_alerts(patient)
    assert (alert["rule"], alert["lane"]) == ("data-not-followed", "technical")
    assert alert["unit_id"] == world.unit
    row = await world.row(patient)
    assert row is not None
    assert row["technical"]
