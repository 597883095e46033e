"""What a message says, and what it never says; what an attempt comes to, and whose turn is next."""

import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.alerts.delivery import message as words
from services.alerts.delivery import outcome, sms, smtp
from services.alerts.delivery.message import Message
from services.alerts.delivery.outcome import Outcome, Result, Turn
from services.alerts.delivery.post import Post
from services.alerts.delivery.ways import Ways

NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
UNIT = UUID(int=7)
DELIVERED, FAILED, REFUSED = (
    Outcome(Result.DELIVERED, "http-200"),
    Outcome(Result.FAILED, "http-503"),
    Outcome(Result.REFUSED, "http-410"),
)


def message(**changes: object) -> Message:
    about: dict[str, object] = {
        "id": UUID(int=1), "kind": "alert", "language": "nb", "unit_id": UNIT,
        "unit": "Nyre hjemme", "link": "https://hjemvakt.example/?unit=7",
    }  # fmt: skip
    return Message(**{**about, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "Hjemvakt: Rødt varsel, Nyre hjemme. https://hjemvakt.example/?unit=7"),
        ({"rank": 0, "link": None}, "Hjemvakt: Rødt varsel, haster, Nyre hjemme."),
        ({"rank": 2, "count": 3, "link": None}, "Hjemvakt: 3 gule varsler, Nyre hjemme."),
        ({"step": 2, "link": None}, "Hjemvakt: Ingen har svart. Rødt varsel, Nyre hjemme."),
        ({"sensitive": True, "link": None}, "Hjemvakt: Rødt varsel."),
        ({"language": "en", "count": 2, "link": None},
         "Hjemvakt: 2 alerts, at least one red, Nyre hjemme."),
        ({"kind": "test", "link": None}, "Hjemvakt: Prøve av varsling, Nyre hjemme."),
        ({"kind": "reminder", "language": "nn"},
         "Hjemvakt: Vi har ikkje fått det vi venta i dag. Opne appen når du kan."),
        ({"kind": "reminder", "language": "se"},
         "Hjemvakt: Vi har ikke mottatt det vi ventet i dag. Åpne appen når du kan."),
    ],
)  # fmt: skip
def test_a_message_is_a_colour_a_unit_and_a_link(changes: dict[str, object], text: str) -> None:
    assert words.text(message(**changes)) == text


def test_an_sms_fits_in_one_in_every_language_and_of_every_kind() -> None:
    kinds = ("alert", "test", "reminder")
    for language, kind, rank, count, step in itertools.product(
        ("nb", "nn", "en", "se"), kinds, (0, 1, 2), (1, 12), (1, 2)
    ):
        one = message(language=language, kind=kind, rank=rank, count=count, step=step)
        assert len(words.text(one)) <= 160


def test_what_is_posted_has_these_members_and_no_other() -> None:
    assert set(words.payload(message())) == {
        "v", "id", "kind", "language", "text", "unit", "colour", "urgent", "count", "step", "link",
    }  # fmt: skip
    assert "unit" not in words.payload(message(sensitive=True))
    assert set(words.payload(message(kind="reminder", credentials=("c-a",)))) == {
        "v", "id", "kind", "language", "text", "credentials",
    }  # fmt: skip


def test_a_letter_says_the_same_and_keeps_its_id() -> None:
    letter = smtp.written("fra@example.no", "til@example.no", message())

    assert letter["Message-ID"] == f"<{UUID(int=1)}@hjemvakt>"
    assert letter["Subject"] == "Hjemvakt: Rødt varsel, Nyre hjemme"
    assert letter.get_content().strip() == words.text(message())


def test_a_template_is_filled_in_one_pass_and_quoted_as_its_place_needs() -> None:
    values = {"to": "+47 {text}", "text": 'a "b" & c', "id": "1"}

    assert sms.in_address("https://g/?t={to}&m={text}&x={y}", values) == (
        "https://g/?t=%2B47%20%7Btext%7D&m=a%20%22b%22%20%26%20c&x={y}"
    )
    body, kind = sms.filled('{"to": ["{to}"], "n": 1, "text": "{text}"}', values)
    assert (body, kind) == (
        b'{"to": ["+47 {text}"], "n": 1, "text": "a \\"b\\" & c"}', "application/json",
    )  # fmt: skip
    assert sms.filled("to={to}&text={text}", values)[1] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, "delivered"), (202, "delivered"), (204, "delivered"),
        (301, "refused"), (302, "refused"), (400, "refused"), (401, "refused"), (404, "refused"),
        (410, "refused"), (408, "failed"), (425, "failed"), (429, "failed"),
        (500, "failed"), (502, "failed"), (503, "failed"),
    ],
)  # fmt: skip
def test_a_status_is_an_outcome(status: int, result: str) -> None:
    assert outcome.of_status(status, None, NOW).result == result


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("30", timedelta(seconds=30)),
        ("Sun, 01 Mar 2026 02:01:00 GMT", timedelta(minutes=1)),
        ("Sun, 01 Mar 2026 01:00:00 GMT", timedelta(0)),
        ("soon", None),
        ("Sun, 01 Mar 2026 02:01:00", None),
    ],
)
def test_a_receiver_may_ask_us_to_wait(header: str, wait: timedelta | None) -> None:
    assert outcome.of_status(429, header, NOW).wait == wait


@pytest.mark.parametrize(
    ("sentence", "came_to", "about", "turn"),
    [
        ("delivered ends it", DELIVERED, {}, Turn("delivered", 0, None)),
        ("the next channel at once", FAILED, {"routes": 2}, Turn("failed", 1, NOW)),
        ("refused: the next at once", REFUSED, {"routes": 2, "refused": {0}, "failures": 0},
         Turn("failed", 1, NOW)),
        ("after a round, a pause", FAILED, {"routes": 2, "place": 1, "failures": 2},
         Turn("failed", 0, NOW + timedelta(seconds=10))),
        ("which doubles", FAILED, {"failures": 3}, Turn("failed", 0, NOW + timedelta(seconds=40))),
        ("to a limit", FAILED, {"failures": 40}, Turn("failed", 0, NOW + timedelta(minutes=5))),
        ("what refused is not asked again", FAILED,
         {"routes": 2, "place": 1, "refused": {0}, "failures": 1},
         Turn("failed", 1, NOW + timedelta(seconds=10))),
        ("all refused: it reaches nobody", REFUSED, {"refused": {0}, "failures": 0},
         Turn("undeliverable", 0, None)),
        ("too old: it reaches nobody", FAILED, {"made_at": NOW - timedelta(hours=3)},
         Turn("undeliverable", 0, None)),
        ("who asks us to wait is given time",
         Outcome(Result.FAILED, "http-429", timedelta(minutes=2)), {},
         Turn("failed", 0, NOW + timedelta(minutes=2))),
        ("but not for ever", Outcome(Result.FAILED, "http-429", timedelta(days=1)),
         {}, Turn("failed", 0, NOW + timedelta(minutes=10))),
        ("nor when there is another channel",
         Outcome(Result.FAILED, "http-429", timedelta(minutes=2)), {"routes": 2},
         Turn("failed", 1, NOW)),
    ],
)  # fmt: skip
def test_whose_turn_is_next(
    sentence: str, came_to: Outcome, about: dict[str, object], turn: Turn
) -> None:
    given: dict[str, object] = {
        "place": 0, "routes": 1, "refused": set(), "failures": 1, "made_at": NOW, **about,
    }  # fmt: skip

    assert outcome.turn(came_to, now=NOW, **given) == turn, sentence  # type: ignore[arg-type]


@pytest.mark.parametrize("medium", ["webhook", "sms", "email", "pigeon"])
async def test_a_channel_that_is_not_set_up_refuses(medium: str) -> None:
    post = Post(Ways())
    await post.open()
    try:
        came_to = await post.send(medium, "https://example.invalid", message())
    finally:
        await post.close()

    assert came_to.result is Result.REFUSED


async def test_a_host_that_is_not_allowed_is_not_called() -> None:
    post = Post(Ways(webhook_secret="x" * 16, webhook_hosts=frozenset({"varsling.example"})))
    await post.open()
    try:
        refused = await post.send("webhook", "http://127.0.0.1:9/x", message())
    finally:
        await post.close()

    assert (refused.result, refused.why) == (Result.REFUSED, "host-not-allowed")


async def test_nobody_at_the_address_is_a_failure_and_no_address_a_refusal() -> None:
    post = Post(Ways(webhook_secret="x" * 16, smtp_url="smtp://127.0.0.1:9", mail_from="a@b.no"))
    await post.open()
    try:
        silent = await post.send("webhook", "http://127.0.0.1:9/x", message())
        wrong = await post.send("webhook", "http://[::x/", message())
        mail = await post.send("email", "a@b.no", message())
    finally:
        await post.close()

    assert (silent.result, silent.why) == (Result.FAILED, "no-connection")
    assert mail.result is Result.FAILED
    assert wrong.result is not Result.DELIVERED


def test_secrets_are_not_shown() -> None:
    shown = repr(Ways(webhook_secret="hemmelig", smtp_url="smtp://u:hemmelig@x"))

    assert "hemmelig" not in shown
