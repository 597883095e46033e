"""A worsening reaches a person: by a channel that works, up the ladder, once."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.alerts.delivery import escalating
from services.alerts.delivery.delivering import Delivery
from services.alerts.delivery.escalating import Escalation
from services.alerts.delivery.post import Post
from services.alerts.delivery.ways import Ways
from services.alerts.judging.memory import Memory
from services.alerts.stream import Notifier
from shared import identity, ladders
from shared.ladders import Ladder
from tests import sinks
from tests.alerts import given
from tests.alerts.given import ORG, PROGRAMMES, World, ago
from tests.sinks import MailSink, WebSink

KEY = bytes(32)
SECRET = "en-hemmelighet-til-proving"
MINUTE = timedelta(minutes=1)
GROUP = "target-weight"


@pytest.fixture
def web() -> Iterator[WebSink]:
    with sinks.web() as sink:
        yield sink


@pytest.fixture
def mail() -> Iterator[MailSink]:
    with sinks.mail() as sink:
        yield sink


@dataclass
class Telling:
    """The two loops of one replica, looked at round by round."""

    world: World
    escalation: Escalation
    delivery: Delivery

    async def look(self) -> None:
        """One round of climbing and of sending, and what was begun is waited for."""
        await self.escalation.round(ORG)
        await self.delivery.round(ORG)
        await self.delivery.sent()


@asynccontextmanager
async def telling(world: World, web: WebSink, mail: MailSink) -> AsyncIterator[Telling]:
    ways = Ways(
        public_url="https://hjemvakt.sykehus.example",
        identity_keys=identity.Keys(KEY),
        webhook_secret=SECRET,
        smtp_url=mail.url,
        mail_from="hjemvakt@sykehus.example",
        sms_url=f"{web.url}/sms?to={{to}}",
        sms_body='{"recipients": [{"msisdn": "{to}"}], "message": "{text}", "reference": "{id}"}',
        sms_headers={"Authorization": "Bearer sms-key"},
    )
    post = Post(ways)
    await post.open()
    notifier = Notifier(world.alerts)
    try:
        yield Telling(
            world,
            Escalation(world.alerts, notifier, PROGRAMMES, world.memory, timedelta(seconds=1)),
            Delivery(world.alerts, post),
        )
    finally:
        await post.close()


def shape(web: WebSink, **changes: Any) -> dict[str, Any]:
    """A desk by webhook, then mail; a duty phone; a physician: a few seconds between them."""
    return {
        "channels": {
            "desk": {"medium": "webhook", "to": f"{web.url}/desk"},
            "mail": {"medium": "email", "to": "vakt@sykehus.example"},
            "phone": {"medium": "sms", "to": "+4790000000"},
            "last": {"medium": "sms", "to": "+4790000009"},
            "app": {"medium": "webhook", "to": f"{web.url}/app"},
        },
        "steps": [
            {
                "name": "Poliklinikken",
                "after": {"red": "PT0S", "yellow": "PT0S"},
                "targets": [{"who": "Listen", "channels": ["desk", "mail"]}],
            },
            {
                "name": "Vakt",
                "after": {"red": "PT10M", "emergency": "PT5M"},
                "targets": [{"who": "Vaktsykepleier", "channels": ["phone"]}],
            },
        ],
        "last": {
            "after": {"red": "PT10M"},
            "who": "Vakthavende lege",
            "phone": "+47 90 00 00 09",
            "channels": ["last"],
        },
        "reminders": ["app"],
        **changes,
    }


async def give_ladder(world: World, body: dict[str, Any], unit: UUID | None = None) -> None:
    ladders.check(Ladder.of(body), plain_http=True)
    await world.execute(
        "insert into patients.ladder (org, unit_id, version, body, reason, valid_from, by)"
        " select $1, $2, coalesce(max(version), 0) + 1, $3, 'test', clock_timestamp(), 'test'"
        " from patients.ladder where org = $1 and unit_id = $2",
        ORG,
        unit or world.unit,
        body,
    )


async def red(world: World, patient: UUID | None = None) -> Any:
    """One red alert and no other."""
    patient = patient or await given.patient(world, limits={"target_weight": 82})
    await given.send(world, patient, given.weight("85.37", ago(minutes=1), phase="post"))
    await world.judge()
    return await world.alert(patient, GROUP)


async def yellow(world: World) -> Any:
    patient = await given.patient(world, limits={"target_weight": 82})
    await given.send(world, patient, given.weight("83.5", ago(minutes=30), phase="post"))
    await world.judge()
    (alert,) = await world.open_alerts(patient)
    assert alert["colour"] == "yellow"
    return alert


async def pass_time(world: World, span: timedelta) -> None:
    """As if so much had passed for what waits."""
    await world.execute(
        "update alerts.climb set next_at = next_at - $1::interval, set_at = set_at - $1::interval,"
        " told_at = told_at - $1::interval",
        span,
    )
    await world.execute(
        "update alerts.notification set next_at = next_at - $1::interval,"
        " sent_at = sent_at - $1::interval, made_at = made_at - $1::interval,"
        " changed_at = changed_at - $1::interval",
        span,
    )


async def messages(world: World) -> list[Any]:
    return await world.fetch("select * from alerts.notification order by made_at, id")


# --- what is told, once ---------------------------------------------------------------------


async def test_a_red_is_told_at_once_signed_and_without_a_word_about_the_patient(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    alert = await red(world)

    async with telling(world, web, mail) as told:
        await told.look()
        await told.look()

    (post,) = web.posts
    at, _, digest = post.headers["hjemvakt-signature"].partition(",v1=")
    signed = at.removeprefix("t=").encode() + b"." + post.body
    assert digest == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert post.json["colour"] == "red"
    assert post.json["unit"] == {"id": str(world.unit), "name": "Nyre hjemme"}
    assert post.json["text"].startswith("Hjemvakt: Rødt varsel, Nyre hjemme.")
    (message,) = await messages(world)
    assert post.delivery == post.json["id"] == str(message["id"])
    assert (message["state"], message["alerts"]) == ("delivered", [alert["id"]])
    assert mail.letters == []


async def test_a_worsening_before_it_was_sent_is_one_message_of_how_it_is_now(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    patient = await given.patient(world)
    for value in (128, 104, 96, 84):
        await given.send(world, patient, given.systolic(value, ago(minutes=1)))
        await world.judge()

    async with telling(world, web, mail) as told:
        await told.look()

    assert len(web.posts) == 1
    assert web.posts[0].json["colour"] == "red"


async def test_what_was_acknowledged_or_closed_before_it_was_sent_is_not_sent(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    first, second = await red(world), await red(world)
    await world.move(first, "acknowledge")

    async with telling(world, web, mail) as told:
        await told.escalation.round(ORG)
        await world.move(second, "close", note="sett", outcome="useful")
        await told.delivery.round(ORG)
        await told.delivery.sent()

    assert web.posts == []
    assert [one["state"] for one in await messages(world)] == ["superseded"]
    assert await world.fetch("select * from alerts.climb where alert_id = $1", first["id"]) == []


async def test_after_a_backlog_a_patient_with_three_alerts_is_one_message(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    patient = await given.patient(world, limits={"target_weight": 82})
    await given.send(
        world, patient,
        given.systolic(84, ago(hours=2)),
        given.weight("87.5", ago(hours=2), phase="post"),
    )  # fmt: skip
    await world.judge()
    assert len(await world.open_alerts(patient)) > 1

    async with telling(world, web, mail) as told:
        await told.look()

    (post,) = web.posts
    assert post.json["count"] == len(await world.open_alerts(patient))


async def test_many_reds_at_once_are_one_message_now_and_one_a_minute_later(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    for _ in range(3):
        await red(world)

    async with telling(world, web, mail) as told:
        await told.look()
        for _ in range(4):
            await red(world)
        await told.look()
        assert [post.json["count"] for post in web.posts] == [3]
        await pass_time(world, MINUTE)
        await told.look()

    assert [post.json["count"] for post in web.posts] == [3, 4]


async def test_a_yellow_message_does_not_hold_up_a_red_one(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    await yellow(world)

    async with telling(world, web, mail) as told:
        await told.look()
        await red(world)
        await told.look()

    assert [post.json["colour"] for post in web.posts] == ["yellow", "red"]


async def test_a_unit_without_a_ladder_tells_nobody_and_says_so(
    world: World, web: WebSink, mail: MailSink
) -> None:
    alert = await red(world)

    async with telling(world, web, mail) as told:
        await told.look()
        async with given.client(world) as client:
            seen = (await client.get(f"/v1/alerts/{alert['id']}")).json()["notified"]
        assert (seen["has_ladder"], seen["deliveries"]) == (False, [])
        assert "ingen får beskjed" in seen["says"]
        assert web.posts == []

        # Once there is a ladder, what waits begins to climb it.
        await give_ladder(world, shape(web))
        told.escalation._looked.clear()
        await told.look()

    assert len(web.posts) == 1


async def test_a_sensitive_programme_does_not_name_the_unit(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    slug = next(slug for slug, one in PROGRAMMES.items() if one.sensitive)
    alert = await red(world)
    await world.execute("update alerts.alert set programme = $1 where id = $2", slug, alert["id"])

    async with telling(world, web, mail) as told:
        await told.look()

    (post,) = web.posts
    assert "unit" not in post.json
    assert "Nyre" not in post.body.decode()


# --- channels -------------------------------------------------------------------------------


async def test_when_a_provider_is_down_the_next_channel_is_used_at_once(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    web.statuses["/desk"] = 500
    await red(world)

    async with telling(world, web, mail) as told:
        await told.look()
        await told.look()

    (letter,) = mail.letters
    (message,) = await messages(world)
    assert letter["message-id"] == f"<{message['id']}@hjemvakt>"
    assert letter["to"] == "vakt@sykehus.example"
    assert "Rødt varsel" in letter.get_content()
    assert message["state"] == "delivered"
    assert [one["why"] for one in message["tries"]] == ["http-500", "smtp-250"]


async def test_a_provider_that_is_down_everywhere_is_tried_again_with_the_same_id(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    web.statuses["/desk"] = 503
    mail.refuses = 451
    await red(world)

    async with telling(world, web, mail) as told:
        await told.look()
        await told.look()
        (message,) = await messages(world)
        assert message["state"] == "failed"
        assert message["next_at"] > await world.now() + timedelta(seconds=5)
        web.statuses.clear()
        await pass_time(world, timedelta(seconds=20))
        await told.look()

    (message,) = await messages(world)
    assert (message["state"], message["attempts"]) == ("delivered", 3)
    assert len({post.delivery for post in web.posts}) == 1


async def test_what_every_channel_refuses_goes_to_the_next_step_at_once_and_is_an_alarm(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    web.statuses["/desk"] = 410
    mail.refuses = 550
    alert = await red(world)

    async with telling(world, web, mail) as told:
        for _ in range(3):
            await told.look()
        first, second = await messages(world)
        assert (first["state"], second["who"]) == ("undeliverable", "Vaktsykepleier")
        assert len(web.at("/sms")) == 1
        told.escalation._looked.clear()
        await told.look()
        async with given.client(world) as client:
            platform = await client.get(f"/v1/alerts?patient={UUID(int=0)}&state=open")
            undelivered = await client.get("/v1/deliveries?state=undeliverable")
            again = await client.post(f"/v1/deliveries/{first['id']}/retry")
            twice = await client.post(f"/v1/deliveries/{second['id']}/retry")

    (alarm,) = [one for one in platform.json()["alerts"] if one["rule"] == "undelivered"]
    assert (alarm["colour"], alarm["lane"]) == ("red", "technical")
    assert alarm["unit"]["id"] == str(world.unit)
    (listed,) = undelivered.json()["deliveries"]
    assert listed["alerts"] == [str(alert["id"])]
    assert "sykehus" not in str(listed)
    assert (again.status_code, again.json()["state"]) == (202, "failed")
    assert (twice.status_code, twice.json()["code"]) == (409, "already-on-its-way")


async def test_a_redirect_leads_nowhere(world: World, web: WebSink, mail: MailSink) -> None:
    await give_ladder(world, shape(web))
    web.statuses["/desk"] = 302
    web.headers["Location"] = f"{web.url}/elsewhere"
    await red(world)

    async with telling(world, web, mail) as told:
        await told.look()
        await told.look()

    assert web.at("/elsewhere") == []
    assert len(mail.letters) == 1


async def test_an_sms_goes_out_by_the_template(world: World, web: WebSink, mail: MailSink) -> None:
    await give_ladder(world, shape(web))
    await red(world)

    async with telling(world, web, mail) as told:
        await told.look()
        await pass_time(world, timedelta(minutes=10))
        await told.look()

    (post,) = web.at("/sms")
    assert post.path == "/sms?to=%2B4790000000"
    assert post.headers["authorization"] == "Bearer sms-key"
    assert post.json["recipients"] == [{"msisdn": "+4790000000"}]
    assert post.json["message"].startswith("Hjemvakt: Ingen har svart. Rødt varsel")


async def test_who_died_between_sending_and_noting_has_it_sent_again_with_the_same_id(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    await red(world)

    async with telling(world, web, mail) as told:
        await told.look()
        await world.execute(
            "update alerts.notification set state = 'sending', settled_at = null, tries = '[]',"
            " next_at = clock_timestamp() + interval '30 s'"
        )
        await told.look()
        assert len(web.posts) == 1
        await pass_time(world, timedelta(seconds=31))
        await told.look()

    assert len(web.posts) == 2
    assert len({post.delivery for post in web.posts}) == 1


# --- climbing -------------------------------------------------------------------------------


async def test_who_does_not_answer_is_followed_by_the_next_to_the_end_of_the_ladder(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    alert = await red(world)

    async with telling(world, web, mail) as told:
        await told.look()
        await pass_time(world, timedelta(minutes=9, seconds=50))
        await told.look()
        assert len(web.posts) == 1
        await pass_time(world, timedelta(seconds=15))
        await told.look()
        async with given.client(world) as client:
            seen = (await client.get(f"/v1/alerts/{alert['id']}")).json()
        await pass_time(world, timedelta(minutes=10))
        await told.look()
        told.escalation._looked.clear()
        await told.look()
        async with given.client(world) as client:
            platform = (await client.get(f"/v1/alerts?patient={UUID(int=0)}&state=open")).json()

    assert [post.path.partition("?")[0] for post in web.posts] == ["/desk", "/sms", "/sms"]
    assert (seen["notified"]["step"], seen["notified"]["of"]) == (2, 3)
    assert seen["notified"]["next_at"] is not None
    assert seen["notified"]["escalated_at"] is not None
    assert [one["move"] for one in seen["history"]] == ["raise", "escalate"]
    assert seen["history"][-1]["by"] == "system"
    (alarm,) = [one for one in platform["alerts"] if one["rule"] == "unanswered"]
    assert "Vakthavende lege, +47 90 00 00 09" in alarm["reason"]
    row = await world.row(alert["patient_id"])
    assert row is not None
    (shown,) = [one for one in row["alerts"] if one["id"] == str(alert["id"])]
    assert shown["escalated"]["step"] == 3


async def test_who_answers_ends_the_climb_and_a_worsening_begins_it_anew(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    alert = await yellow(world)

    async with telling(world, web, mail) as told:
        await told.look()
        await world.move(alert, "acknowledge")
        await pass_time(world, timedelta(hours=1))
        await told.look()
        assert len(web.posts) == 1
        await red(world, alert["patient_id"])
        await told.look()

    assert [post.json["colour"] for post in web.posts] == ["yellow", "red"]


async def test_a_nurse_who_escalates_reaches_the_second_line_now(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    alert = await red(world)

    async with telling(world, web, mail) as told:
        await told.look()
        await world.move(alert, "acknowledge")
        now = await world.alert(alert["patient_id"], GROUP)
        await world.move(now, "escalate", note="trenger lege")
        await told.look()
        await pass_time(world, timedelta(hours=1))
        await told.look()

    assert [post.path.partition("?")[0] for post in web.posts] == ["/desk", "/sms"]


async def test_two_replicas_take_each_step_once(world: World, web: WebSink, mail: MailSink) -> None:
    await give_ladder(world, shape(web))
    alerts = [await red(world) for _ in range(4)]

    async with telling(world, web, mail) as one, telling(world, web, mail) as other:
        other.escalation._memory = Memory()
        for _ in range(4):
            await asyncio.gather(one.look(), other.look())
        await pass_time(world, timedelta(minutes=10))
        for _ in range(4):
            await asyncio.gather(one.look(), other.look())
        await pass_time(world, MINUTE)
        await asyncio.gather(one.look(), other.look())

    moves = await world.fetch("select alert_id from alerts.move where move = 'escalate'")
    assert sorted(row["alert_id"] for row in moves) == sorted(one["id"] for one in alerts)
    desk, phone = web.at("/desk"), web.at("/sms")
    assert sum(post.json["count"] for post in desk) == 4
    assert len({post.delivery for post in desk}) == len(desk)
    assert 1 <= len(phone) <= 2


async def test_a_clock_set_back_puts_no_step_off(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    await red(world)

    async with telling(world, web, mail) as told:
        await told.look()
        await pass_time(world, -timedelta(hours=3))  # what was set lies three hours ahead
        told.escalation._looked.clear()
        await told.look()
        left = await world.value("select next_at - clock_timestamp() from alerts.climb")

    assert timedelta(minutes=9) < left <= timedelta(minutes=10)


async def test_the_platforms_own_alarm_is_told_by_every_units_ladder(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    await give_ladder(world, shape(web), world.other_unit)
    other = await given.patient(world)
    await given.send(world, other, given.weight("82.0", ago(minutes=15)))
    await world.execute(
        "update ledger.handover set received_at = clock_timestamp() - interval '5 minutes'"
    )
    await world.clock.round(ORG)

    async with telling(world, web, mail) as told:
        await told.look()
        await told.look()

    assert sorted(post.json["unit"]["name"] for post in web.posts) == [
        "Lunge hjemme",
        "Nyre hjemme",
    ]


async def test_one_patient_who_cannot_be_read_holds_up_no_other_and_is_told_all_the_same(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    alert = await red(world)
    await world.execute(
        "update alerts.state set rests_until = clock_timestamp() + interval '1 hour'"
        " where patient_id = $1",
        alert["patient_id"],
    )

    async with telling(world, web, mail) as told:
        await told.look()

    assert len(web.posts) == 1


# --- patients -------------------------------------------------------------------------------


async def reminded(world: World, web: WebSink, *, grace: str = "PT1H", **more: Any) -> UUID:
    """A weight was due ten minutes ago; the reminder's moment is five after that."""
    from tests.alerts.test_silence import plan

    await give_ladder(world, shape(web))
    items = await plan(world, due=timedelta(minutes=10), grace=grace)
    items[0]["remind_after"] = more.pop("remind_after", "PT5M")
    patient = await given.patient(world, enrolled=timedelta(hours=20), plan=items)
    bound = {"cred": "c-appen", "slot": "", "device_id": None}
    await given.decide(world, patient, "bound", bound, await world.now() - timedelta(hours=10))
    await world.judge()
    return patient


async def test_the_patient_is_reminded_once_before_anybody_hears_of_it(
    world: World, web: WebSink, mail: MailSink
) -> None:
    patient = await reminded(world, web)

    async with telling(world, web, mail) as told:
        for _ in range(3):
            await world.wake(patient)
            await told.look()
            await world.execute("update alerts.state set listened_at = null")
            await given.forget(world, patient)

    (post,) = web.posts
    assert post.path == "/app"
    assert post.json["kind"] == "reminder"
    assert post.json["credentials"] == ["c-appen"]
    assert "app" in post.json["text"]
    assert await world.open_alerts(patient) == []


async def test_what_has_come_meanwhile_is_not_reminded_of(
    world: World, web: WebSink, mail: MailSink
) -> None:
    patient = await reminded(world, web)
    await world.wake(patient)
    await given.send(world, patient, given.weight("82.0", ago(minutes=1)))
    await world.judge()

    async with telling(world, web, mail) as told:
        await told.look()

    assert web.posts == []
    assert [one["state"] for one in await messages(world)] == ["superseded"]


async def with_phone(world: World, patient: UUID, language: str, *, agreed: bool = True) -> None:
    await world.execute(
        "update patients.patient set phone = $2, sms_reminders = $3, language = $4 where id = $1",
        patient,
        identity.seal(KEY, identity.phone_of(patient), "+4790000042"),
        agreed,
        language,
    )


BY_SMS = {"medium": "sms", "to": "patient"}


@pytest.mark.parametrize(
    ("language", "says"),
    [("nb", "mottatt"), ("nn", "ikkje fått"), ("en", "has not arrived"), ("se", "mottatt")],
)
async def test_a_patient_who_has_agreed_is_reminded_by_sms_in_his_language(
    world: World, web: WebSink, mail: MailSink, language: str, says: str
) -> None:
    patient = await reminded(world, web)
    channels = {**shape(web)["channels"], "sms": BY_SMS}
    await give_ladder(world, shape(web, channels=channels, reminders=["sms", "app"]))
    await with_phone(world, patient, language)

    async with telling(world, web, mail) as told:
        await world.wake(patient)
        await told.look()

    (post,) = web.posts
    assert post.path.startswith("/sms")
    assert post.json["recipients"] == [{"msisdn": "+4790000042"}]
    assert says in post.json["message"]
    (message,) = await messages(world)
    kept = await world.value("select to_jsonb(n)::text from alerts.notification n")
    assert "90000042" not in kept
    assert message["state"] == "delivered"


async def test_a_patient_who_holds_no_app_is_reminded_if_he_has_agreed_to_sms(
    world: World, web: WebSink, mail: MailSink
) -> None:
    patient = await reminded(world, web)
    await give_ladder(
        world, shape(web, channels={**shape(web)["channels"], "sms": BY_SMS}, reminders=["sms"])
    )
    unbound = {"cred": "c-appen", "slot": "", "device_id": None}
    await given.decide(world, patient, "unbound", unbound, await world.now())
    await world.judge()

    async with telling(world, web, mail) as told:
        await with_phone(world, patient, "nb", agreed=False)
        await world.wake(patient)
        await told.look()
        assert web.posts == []
        await with_phone(world, patient, "nb")
        await world.execute("update alerts.state set listened_at = null")
        await given.forget(world, patient)
        await world.wake(patient)
        await told.look()

    assert [post.path.partition("?")[0] for post in web.posts] == ["/sms"]


async def test_a_number_taken_back_before_it_is_used_is_not_used(
    world: World, web: WebSink, mail: MailSink
) -> None:
    patient = await reminded(world, web)
    channels = {**shape(web)["channels"], "sms": BY_SMS}
    await give_ladder(world, shape(web, channels=channels, reminders=["sms", "app"]))
    await with_phone(world, patient, "nb")
    await world.wake(patient)
    await with_phone(world, patient, "nb", agreed=False)

    async with telling(world, web, mail) as told:
        await told.look()
        await world.execute("update alerts.notification set next_at = clock_timestamp()")
        await told.look()

    assert [post.path for post in web.posts] == ["/app"]


@pytest.mark.parametrize("ended", ["paused", "enrolment-ended", "deceased", "grace", "early"])
async def test_nobody_is_reminded_whom_nothing_is_expected_of(
    world: World, web: WebSink, mail: MailSink, ended: str
) -> None:
    grace = "PT6M" if ended == "grace" else "PT1H"
    more = {"remind_after": "PT40M"} if ended == "early" else {}
    patient = await reminded(world, web, grace=grace, **more)
    now = await world.now()
    if ended == "paused":
        body = {"pause_id": str(uuid4()), "until": (now + timedelta(days=1)).isoformat(),
                "reason": "innlagt"}  # fmt: skip
        await given.decide(world, patient, "paused", body, now - timedelta(minutes=2))
    elif ended == "deceased":
        about = {"name": "Test", "born": "1952-03-14", "unit_id": str(world.unit),
                 "number": "S-1", "deceased": True}  # fmt: skip
        await given.decide(world, patient, "patient-changed", about, now - timedelta(minutes=2))
    elif ended == "enrolment-ended":
        enrolment = await world.value(
            "select plan from alerts.due where patient_id = $1 limit 1", patient
        )
        body = {"enrolment_id": enrolment, "reason": "ferdig"}
        await given.decide(world, patient, ended, body, now - timedelta(minutes=2))
    await world.judge()

    async with telling(world, web, mail) as told:
        await world.wake(patient)
        await told.look()

    assert web.at("/app") == []


# --- who may, and a test of the ladder ------------------------------------------------------


async def test_the_ladder_can_be_tried_before_it_is_needed(
    world: World, web: WebSink, mail: MailSink
) -> None:
    async with given.client(world, "administrator") as client:
        without = await client.post("/v1/deliveries/test", json={"unit": str(world.unit)})
        await give_ladder(world, shape(web))
        made = await client.post("/v1/deliveries/test", json={"unit": str(world.unit)})
        beyond = await client.post("/v1/deliveries/test", json={"unit": str(world.unit), "step": 9})
        last = await client.post("/v1/deliveries/test", json={"unit": str(world.unit), "step": 3})
        async with telling(world, web, mail) as told:
            await told.look()
        listed = await client.get(f"/v1/deliveries?unit={world.unit}&limit=2")
        rest = await client.get(
            f"/v1/deliveries?unit={world.unit}&limit=2&cursor={listed.json()['next']}"
        )

    assert (without.status_code, without.json()["code"]) == (409, "no-ladder")
    assert (beyond.status_code, beyond.json()["code"]) == (422, "no-such-step")
    assert (made.status_code, len(made.json()["deliveries"])) == (202, 2)
    assert [one["who"] for one in last.json()["deliveries"]] == ["Vakthavende lege"]
    assert len(web.at("/desk")) == len(mail.letters) == len(web.at("/sms")) == 1
    assert "Prøve av varsling" in mail.letters[0].get_content()
    ids = [one["id"] for page in (listed, rest) for one in page.json()["deliveries"]]
    assert len(set(ids)) == 3
    assert rest.json()["next"] is None


async def test_another_units_messages_are_not_hers_to_see_or_send(
    world: World, web: WebSink, mail: MailSink
) -> None:
    await give_ladder(world, shape(web))
    await red(world)
    async with telling(world, web, mail) as told:
        await told.escalation.round(ORG)
    (message,) = await messages(world)

    async with given.client(world, units=frozenset({world.other_unit})) as client:
        listed = await client.get("/v1/deliveries")
        asked = await client.get(f"/v1/deliveries?unit={world.unit}")
        sent = await client.post(f"/v1/deliveries/{message['id']}/retry")
        unknown = await client.post(f"/v1/deliveries/{uuid4()}/retry")

    assert listed.json()["deliveries"] == []
    assert (asked.status_code, sent.status_code, unknown.status_code) == (403, 403, 404)


def test_every_message_spaces_itself_from_the_last_of_its_kind() -> None:
    assert timedelta(seconds=30) <= escalating.SPACING <= MINUTE
