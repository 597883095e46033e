"""The patient's own page through its doors: whose it is, what it says, what it takes."""

import itertools
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from services.patients.me import send as send_verb
from services.patients.page import words
from shared import ledger
from shared.database import Database
from tests.journeys import photos
from tests.patients.conftest import NOW, Person, Record, Ward

OSLO = ZoneInfo("Europe/Oslo")
PAGES = ("/me", "/me/enter/body_weight", "/me/enter/blood_pressure", "/me/trends", "/me/plan",
         "/me/about", "/me/worried", "/me/photo", "/me/messages", "/me/access")  # fmt: skip


async def myself(ward: Ward, programme: str = "home_dialysis") -> Person:
    await ward.nurse.post(f"{ward.path}/enrolments", {"programme": programme})
    return await ward.record.person(patient=ward.patient)


def weight(value: str = "84.7", **more: Any) -> dict[str, Any]:
    return {
        "id": str(uuid4()), "at": NOW.isoformat(), "kind": "body_weight",
        "values": {"value": value}, **more,
    }  # fmt: skip


async def send(me: Person, *items: dict[str, Any]) -> list[Any]:
    answer = await me.post("/me/send", {"items": list(items)}, 200)
    results: list[Any] = answer["results"]
    return results


async def test_every_page_is_answered_strictly(ward: Ward) -> None:
    me = await myself(ward)
    await send(me, weight())
    for page, lang in itertools.product(PAGES, ("nb", "en")):
        answer = await me.ask("GET", page, params={"lang": lang})
        assert f'<html lang="{lang}"' in answer.text
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        # Nothing inline, nothing from elsewhere.
        assert not re.search(r"<script(?! src=\"/me/static/)|<style| style=| on\w+=\"", answer.text)
        assert "tel:113" in answer.text
        assert "tel:116117" in answer.text


async def test_a_reading_is_stored_once_however_often_it_is_sent(ward: Ward) -> None:
    me = await myself(ward)
    item = weight("84,7")

    first, again = (await send(me, item))[0], (await send(me, item))[0]

    assert (first["result"], again["result"]) == ("stored", "duplicate")
    found = (await ward.nurse.get(f"{ward.path}/readings"))["readings"]
    assert [one["values"] for one in found] == [{"value": Decimal("84.7")}]
    assert found[0]["source"] == f"patient:{ward.patient}"
    assert found[0]["entered"] == "manual"


async def test_received_is_told_and_seen_is_not_claimed(ward: Ward) -> None:
    me = await myself(ward)
    item = weight()
    await send(me, item)

    page = (await me.ask("GET", f"/me/sent/{item['id']}")).text

    assert "Mottatt" in page
    assert "Ikke sett" in page
    assert "Ingen har lest det ennå." in page


async def test_what_cannot_be_used_is_kept_for_a_person_to_look_at(ward: Ward) -> None:
    me = await myself(ward)
    item = weight("4000")

    receipt = (await send(me, item))[0]

    assert receipt["result"] == "quarantined"
    assert receipt["errors"] == [{"path": "values.value", "code": "implausible"}]
    held = (await ward.nurse.get("/v1/quarantine"))["items"]
    assert [one["code"] for one in held] == ["implausible"]
    page = (await me.ask("GET", f"/me/sent/{item['id']}")).text
    assert "må ses på av et menneske" in page


async def test_a_correction_takes_the_place_of_what_the_patient_sent_himself(ward: Ward) -> None:
    me = await myself(ward)
    wrong = weight("48.7")
    await send(me, wrong)

    receipt = (await send(me, weight("84.7", replaces=wrong["id"])))[0]

    assert receipt["result"] == "corrected"
    found = (await ward.nurse.get(f"{ward.path}/readings"))["readings"]
    assert [one["values"] for one in found] == [{"value": Decimal("84.7")}]


async def test_nobody_corrects_what_another_has_sent(ward: Ward) -> None:
    me = await myself(ward)
    theirs = await ward.nurse.post(
        f"{ward.path}/readings",
        {"kind": "body_weight", "at": NOW.isoformat(), "values": {"value": 80}},
    )

    await send(me, weight("84.7", replaces=theirs["id"]))

    found = (await ward.nurse.get(f"{ward.path}/readings"))["readings"]
    assert theirs["id"] in [one["id"] for one in found]


async def test_a_red_answer_is_met_at_once_with_whom_to_call(ward: Ward) -> None:
    me = await myself(ward)
    form = {
        "id": str(uuid4()), "at": NOW.isoformat(), "questionnaire": "home-dialysis-daily",
        "answers": {"chest-pain": [True]}, "status": "completed",
    }  # fmt: skip

    receipt = (await send(me, form))[0]

    assert receipt["result"] == "stored"
    assert "Ring 113" in receipt["crisis"]["nb"]
    assert [one["number"] for one in receipt["crisis"]["numbers"]] == ["113", "116117"]


async def test_whom_nobody_follows_is_not_told_that_somebody_watches(ward: Ward) -> None:
    """The unit's hours are for those it follows: the intake says so of a device, and so does his
    own page."""
    me = await myself(ward)
    always = [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
               "from": "00:00", "to": "24:00"}]  # fmt: skip
    administrator = await ward.record.administrator()
    hours = {"zone": "Europe/Oslo", "hours": always}
    await administrator.patch(f"/v1/units/{ward.unit}", {"watching": hours})
    [followed] = await send(me, weight())
    enrolment = (await ward.nurse.get(f"{ward.path}/enrolments"))["enrolments"][0]["id"]
    await ward.nurse.post(f"{ward.path}/enrolments/{enrolment}/end", {"reason": "moved"}, 200)

    [left] = await send(me, weight())
    assert "Du er ikke i noen oppfølging her nå." in (await me.ask("GET", "/me")).text

    assert (followed["watch"]["now"], left["watch"]["now"]) == (True, False)
    for page in ("/me", "/me/messages"):
        assert "følger med nå" not in (await me.ask("GET", page)).text.replace(
            "Ingen følger med nå", ""
        )
    said = await me.get(f"{ward.path}/messages")
    assert (said["watching"]["now"], said["answered_by"]) == (False, None)


ROUND_THE_CLOCK: dict[str, Any] = {
    "zone": "Europe/Oslo",
    "hours": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
               "from": "00:00", "to": "24:00"}],
}  # fmt: skip


async def followed_by(ward: Ward, patient: str) -> list[UUID] | None:
    async with ward.record.ingest.transaction() as tx:
        found: list[UUID] | None = await tx.fetchval(
            "select followed_by from patients.patient where org = $1 and id = $2",
            ward.record.org, UUID(patient),
        )  # fmt: skip
        return found


async def test_the_hours_are_those_of_the_unit_that_has_him_on_its_list(ward: Ward) -> None:
    """Moved to a ward that is never empty, while his follow-up stays where nobody is at night."""
    me = await myself(ward)
    administrator = await ward.record.administrator()
    never = {"zone": "Europe/Oslo", "hours": []}
    await administrator.patch(f"/v1/units/{ward.unit}", {"watching": never})
    body = {"name": "Døgnposten", "short": "DOGN", "watching": ROUND_THE_CLOCK}
    day_and_night = str((await administrator.post("/v1/units", body))["id"])
    assert await followed_by(ward, ward.patient) is None
    nurse = await ward.record.staff("nurse", ward.unit, day_and_night)
    await nurse.patch(ward.path, {"unit_id": day_and_night})

    [receipt] = await send(me, weight())

    assert receipt["watch"]["now"] is False
    for page in ("/me", "/me/plan", "/me/worried"):
        said = (await me.ask("GET", page)).text
        assert "Ingen følger med nå" in said
        assert "følger med nå" not in said.replace("Ingen følger med nå", "")
    # The intake, which reads no enrolments, is told by the database.
    assert await followed_by(ward, ward.patient) == [UUID(ward.unit)]

    # Followed by both: each is named with its own hours, and no more is promised than both keep.
    both = {"programme": "mental_remote", "unit_id": day_and_night}
    await nurse.post(f"{ward.path}/enrolments", both)
    [receipt] = await send(me, weight())
    said = (await me.ask("GET", "/me")).text

    assert receipt["watch"]["now"] is False
    assert said.count('class="watch"') == 2
    assert ": ingen følger med nå." in said
    assert set(await followed_by(ward, ward.patient) or ()) == {
        UUID(ward.unit), UUID(day_and_night)
    }  # fmt: skip


async def test_a_form_shows_no_score_and_marks_its_red_answers(ward: Ward) -> None:
    me = await myself(ward, "mental_remote")

    page = (await me.ask("GET", "/me/forms/phq-9")).text

    assert 'data-red="harm"' in page
    assert "ordinal" not in page.lower()
    assert "score" not in page.lower()


async def test_a_form_of_another_programme_is_not_there(ward: Ward) -> None:
    me = await myself(ward)

    page = await me.ask("GET", "/me/forms/copd-daily", 404)

    assert "Skjemaet finnes ikke" in page.text


async def test_the_page_is_the_patients_and_nobody_elses(ward: Ward) -> None:
    await myself(ward)
    for page in (*PAGES, "/me/session"):
        await ward.nurse.ask("GET", page, 403)
    await ward.nurse.ask("POST", "/me/send", 403, json={"items": [weight()]})
    nobody = Person(ward.record.client, None)
    assert (await nobody.ask("GET", "/me/plan", 303)).headers["location"] == (
        "/me/login?next=%2Fme%2Fplan"
    )
    await nobody.ask("GET", "/me/session", 401)


async def test_what_is_sent_by_cookie_comes_from_our_own_page(ward: Ward) -> None:
    me = await myself(ward)
    client = ward.record.client
    client.cookies.set("hjemvakt-me", me.token or "")
    browser = Person(client, None)
    same = {"sec-fetch-site": "same-origin"}
    token = (await browser.ask("GET", "/me/session"))["csrf"]
    body = {"items": [weight()]}

    await browser.ask("POST", "/me/send", 403, json=body, headers={"sec-fetch-site": "cross-site"})
    await browser.ask("POST", "/me/send", 403, json=body, headers=same)
    foreign = same | {"x-csrf-token": "å".encode()}
    await browser.ask("POST", "/me/send", 403, json=body, headers=foreign)
    await browser.ask("POST", "/me/send", 200, json=body, headers=same | {"x-csrf-token": token})


async def test_staff_cookies_open_nothing_here(ward: Ward) -> None:
    await myself(ward)
    ward.record.client.cookies.set("hjemvakt", ward.nurse.token or "")
    await Person(ward.record.client, None).ask("GET", "/me", 303)


async def test_the_log_in_leads_back_to_our_own_pages_only(ward: Ward) -> None:
    await myself(ward)
    client = ward.record.client
    for place, expected in (("/me/plan", "/me/plan"), ("//evil.example", "/me"), ("/v1/x", "/me")):
        answer = await client.post(
            "/me/login",
            data={"patient": ward.patient, "next": place},
            headers={"sec-fetch-site": "same-origin"},
        )
        assert (answer.status_code, answer.headers["location"]) == (303, expected)
        assert "httponly" in answer.headers["set-cookie"].lower()
    assert (await client.post("/me/login", data={"patient": ward.patient})).status_code == 403


async def test_the_phones_own_page_has_nothing_of_anybody(ward: Ward) -> None:
    me = await myself(ward)
    await send(me, weight("84.7"))
    client = ward.record.client
    client.cookies.set("hjemvakt-me", me.token or "")

    page = (await Person(client, None).ask("GET", "/me/offline")).text
    script = (await Person(client, None).ask("GET", "/me/worker.js")).text

    for secret in ("Testesen", "84,7", ward.patient, 'csrf" content'):
        assert secret not in page
    assert 'const FILES = [OFFLINE, "/me/static/' in script


async def test_who_has_seen_the_record_is_told(ward: Ward) -> None:
    me = await myself(ward)
    await ward.nurse.get(f"{ward.path}/readings")

    page = (await me.ask("GET", "/me/access")).text

    assert "nurse 1" in page
    assert "målinger" in page


async def test_a_photo_becomes_an_attachment_of_the_patients(ward: Ward) -> None:
    me = await myself(ward, "chronic_wounds")
    about = f'{{"id":"{uuid4()}","at":"{NOW.isoformat()}","kind":"wound_photo"}}'
    headers = {"content-type": "image/jpeg", "hjemvakt-about": about}

    first = await me.ask("POST", "/me/photos", content=photos.photo(), headers=headers)
    again = await me.ask("POST", "/me/photos", content=photos.photo(), headers=headers)

    assert [one["results"][0]["result"] for one in (first, again)] == ["stored", "duplicate"]
    found = (await ward.nurse.get(f"{ward.path}/attachments"))["attachments"]
    assert [one["kind"] for one in found] == ["wound_photo"]
    await me.ask("POST", "/me/photos", 415, content=b"x", headers=headers | {"content-type": "a/b"})


# --- what alerts know -------------------------------------------------------------------------


async def alerts_say(record: Record, query: str, *arguments: Any) -> None:
    async with record.alerts.transaction() as tx:
        await tx.execute(query, *arguments)


async def test_todays_tasks_are_those_that_the_nurses_list_expects(ward: Ward) -> None:
    me = await myself(ward)
    await expect(ward, "body_weight", "weight-morning")

    page = (await me.ask("GET", "/me")).text

    assert 'href="/me/enter/body_weight"><svg' in page
    assert "Vei deg" in page
    assert "1 igjen" in page
    # What has just been sent is not asked for once more, though nobody has judged it yet.
    await send(me, weight(at=datetime.now(UTC).isoformat()))
    page = (await me.ask("GET", "/me")).text
    assert "Alt i planen for i dag er kommet inn." in page


async def expect(ward: Ward, kind: str, slot: str) -> None:
    enrolment = (await ward.nurse.get(f"{ward.path}/enrolments"))["enrolments"][0]["id"]
    now = datetime.now(UTC)
    await alerts_say(
        ward.record,
        """
        insert into alerts.due (org, patient_id, plan, local_day, slot, kind, opens_at, due_at,
                                grace_until)
        values ($1, $2, $3, (now() at time zone 'Europe/Oslo')::date, $4, $5, $6, $7, $8)
        """,
        ward.record.org, UUID(ward.patient), enrolment, slot, kind,
        now - timedelta(hours=1), now + timedelta(hours=1), now + timedelta(hours=2),
    )  # fmt: skip


async def test_what_came_too_late_to_count_is_not_asked_for_once_more(ward: Ward) -> None:
    me = await myself(ward)
    await expect(ward, "body_weight", "weight-morning")
    an_hour_ago = "update alerts.due set due_at = now() - interval '40 minutes',"
    await alerts_say(ward.record, f"{an_hour_ago} grace_until = now() - interval '1 minute'")

    await send(me, weight(at=datetime.now(UTC).isoformat()))

    assert "Alt i planen for i dag er kommet inn." in (await me.ask("GET", "/me")).text


async def test_a_red_of_another_day_says_which(ward: Ward) -> None:
    me, days_ago = await myself(ward), datetime.now(UTC) - timedelta(days=9)
    await red(ward, uuid4(), days_ago)

    page = (await me.ask("GET", "/me")).text
    since = re.search(r'Rød i planen din <span class="at">([^<]+)</span>', page)
    assert since is not None
    assert since[1].startswith(f"{days_ago.astimezone(OSLO).day}. ")


async def test_a_patients_own_words_are_never_refused_for_a_character(ward: Ward) -> None:
    """What is refused for good is lost: the phone can only remove it."""
    me = await myself(ward)
    text = "Vekt:\t84\r\nPuls: 70\u0007 \u202eok"

    [receipt] = await send(me, {"id": str(uuid4()), "at": NOW.isoformat(), "text": text})

    assert receipt["result"] == "stored"
    page = (await me.ask("GET", "/me/messages")).text
    assert "Vekt: 84\nPuls: 70 ok" in page


async def test_another_organisations_plan_is_not_shown(ward: Ward) -> None:
    me = await myself(ward)
    await expect(ward, "body_weight", "weight-morning")
    await alerts_say(ward.record, "update alerts.due set org = 'elsewhere'")

    assert "Planen din har ikke noe i dag." in (await me.ask("GET", "/me")).text


async def test_a_look_at_the_green_is_seen_by_the_unit(ward: Ward) -> None:
    me = await myself(ward)
    item = weight()
    await send(me, item)
    statement = """
        insert into alerts.review (org, patient_id, at, unit_id, by, by_name, as_of)
        values ($1, $2, now(), $3, 'x', 'Nina Eksempel', now() + $4)
        """
    who = (ward.record.org, UUID(ward.patient), UUID(ward.unit))

    # What was on her screen before it came, she has not seen.
    await alerts_say(ward.record, statement, *who, timedelta(hours=-1))
    assert "Ikke sett" in (await me.ask("GET", f"/me/sent/{item['id']}")).text
    await alerts_say(ward.record, statement, *who, timedelta(seconds=1))

    page = (await me.ask("GET", f"/me/sent/{item['id']}")).text
    assert "Enheten har sett det." in page
    assert "av Nina" in page


async def test_the_record_reads_no_notes_of_staff(record: Record) -> None:
    database = Database(record.urls.patients, name="test", size=1)
    await database.open()
    try:
        for query in (
            "select note from alerts.move",
            "select body from alerts.finding",
            "select 1 from alerts.worklist_row",
            "update alerts.due set missed_at = null",
        ):
            with pytest.raises(Exception, match="permission denied"):
                async with database.transaction() as tx:
                    await tx.execute(query)
    finally:
        await database.close()


def test_every_word_is_there_in_both_languages() -> None:
    def keys(said: Any, path: str = "") -> set[str]:
        if not isinstance(said, dict):
            return {path}
        return {one for key, each in said.items() for one in keys(each, f"{path}.{key}")}

    assert keys(words.words("nb")) == keys(words.words("en"))


def test_no_text_says_that_somebody_is_well() -> None:
    for lang in ("nb", "en"):
        said = repr(words.words(lang)).lower()
        for never in ("alt er bra", "du er frisk", "all is well", "you are fine", "bra jobbet"):
            assert never not in said


def test_an_id_is_the_same_fact_wherever_it_is_reckoned() -> None:
    patient, message = uuid4(), uuid4()
    assert send_verb.fact_id("o", patient, message) == ledger.fact_id(
        "o", f"patient:{patient}", str(message)
    )


async def red(ward: Ward, finding: UUID, opened_at: datetime | None = None) -> UUID:
    """A red of the patient's whose shown finding is `finding`."""
    alert, now = uuid4(), datetime.now(UTC)
    says = {"nb": "Trykket er høyt. Ring 113 nå.", "nn": "", "en": "High pressure. Call 113 now."}
    await alerts_say(
        ward.record,
        """
        insert into alerts.alert (org, id, patient_id, unit_id, programme, "group", lane, rule,
            colour, emergency, state, version, opened_at, changed_at, notified_at, body)
        values ($1, $2, $3, $4, 'home_dialysis', 'blood-pressure', 'clinical', 'bp-red', 'red',
            true, 'open', 1, $5, $5, $5, $6)
        """,
        ward.record.org, alert, UUID(ward.patient), UUID(ward.unit), opened_at or now,
        {"finding": str(finding), "patient_text": says},
    )  # fmt: skip
    await found(ward, alert, finding)
    return alert


async def found(ward: Ward, alert: UUID, finding: UUID) -> None:
    await alerts_say(
        ward.record,
        """
        insert into alerts.finding (org, patient_id, id, alert_id, programme, rule, "group", colour,
            lane, emergency, at, facts, body, late, raised_at)
        values ($1, $2, $3, $4, 'home_dialysis', 'bp-red', 'blood-pressure', 'red', 'clinical',
            true, now(), '{}', '{}', false, now())
        """,
        ward.record.org, UUID(ward.patient), finding, alert,
    )  # fmt: skip


async def acknowledged(ward: Ward, alert: UUID, *seen: UUID, by: str = "nina") -> None:
    await alerts_say(
        ward.record,
        """
        insert into alerts.move (org, alert_id, version, patient_id, move, by, by_name, at, seen,
            state, colour)
        values ($1, $2, 2, $3, 'acknowledge', $4, 'Nina Eksempel', now(), $5, 'acknowledged', 'red')
        """,
        ward.record.org, alert, UUID(ward.patient), by, list(seen),
    )  # fmt: skip
    await alerts_say(ward.record, "update alerts.alert set state = 'acknowledged'")


async def test_a_red_that_somebody_has_seen_is_told_as_seen(ward: Ward) -> None:
    me, shown = await myself(ward), uuid4()
    await acknowledged(ward, await red(ward, shown), shown)

    assert "Enheten har sett dette." in (await me.ask("GET", "/me")).text


async def test_a_worse_reading_after_the_look_is_not_told_as_seen(ward: Ward) -> None:
    """It joins an alert that is in hand: the alert has been seen, what the card says has not."""
    me, before, shown = await myself(ward), uuid4(), uuid4()
    alert = await red(ward, shown)
    await found(ward, alert, before)
    await acknowledged(ward, alert, before)

    page = (await me.ask("GET", "/me")).text
    assert "Rød i planen din" in page
    assert "Enheten har sett dette." not in page


async def test_what_the_clock_did_is_nobodys_look(ward: Ward) -> None:
    me, shown = await myself(ward), uuid4()
    await acknowledged(ward, await red(ward, shown), shown, by="system")

    assert "Enheten har sett dette." not in (await me.ask("GET", "/me")).text


async def test_a_red_whose_reading_was_voided_is_told_so_and_calls_nobody(ward: Ward) -> None:
    me, shown, other = await myself(ward), uuid4(), uuid4()
    alert = await red(ward, shown)
    await found(ward, alert, other)
    await acknowledged(ward, alert, shown, other)
    gone = "update alerts.finding set gone_at = now() where id = $1"

    # As long as another of its readings stands, the red does.
    await alerts_say(ward.record, gone, other)
    assert "Trykket er høyt." in (await me.ask("GET", "/me")).text
    await alerts_say(ward.record, gone, shown)

    page = (await me.ask("GET", "/me")).text
    assert "Rød i planen din" not in page
    assert "Trykket er høyt." not in page
    assert "Enheten har sett dette." not in page
    assert "en måling som er rettet eller annullert" in page
