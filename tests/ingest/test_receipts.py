"""Receipts as bytes: what a sender reads, member by member."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest

from services.ingest import receipts
from shared import ledger
from shared.contracts import Code, Draft, Item, ItemError, Receipt, Result, Watch

AT = datetime(2026, 2, 3, 6, 12, 0, 123_456, tzinfo=UTC)
WATCHED = Watch(True, AT + timedelta(hours=1), AT + timedelta(days=1))
STORED = Receipt("weight-0001", Result.STORED, AT, "Observation/1", watch=WATCHED)


def item(*drafts: Draft) -> Item:
    return Item("weight-0001", b"", b"{}", "application/json", drafts)


def answer(result: Result, fact: UUID | None = None, unit: UUID | None = None) -> ledger.Answer:
    return ledger.Answer(1, result, fact, None, unit, AT, (), ())


@pytest.mark.parametrize(
    ("type_", "kind", "leads_to"),
    [
        ("reading", "body_weight", "Observation/"),
        ("answers", "questionnaire", "QuestionnaireResponse/"),
        ("message", "", "Communication/"),
        ("attachment", "wound_photo", "Media/"),
        ("attachment", "document", "DocumentReference/"),
        ("device-event", "device_status", None),
        ("administration", "admitted", None),
    ],
)
@pytest.mark.parametrize("result", [Result.STORED, Result.DUPLICATE])
def test_what_a_receipt_names_can_be_read_there(
    type_: str, kind: str, leads_to: str | None, result: Result
) -> None:
    fact = uuid4()
    sent = item(Draft(type_, kind, {}))  # type: ignore[arg-type]  # of any type there is

    (made,) = receipts.made([sent], [answer(result, fact)], {None: WATCHED}, None, {})

    assert made.ref == (leads_to and f"{leads_to}{fact}")


@pytest.mark.parametrize("result", [Result.VOIDED, Result.DUPLICATE])
def test_a_withdrawal_is_no_reading_that_could_be_read(result: Result) -> None:
    gone = replace(item(), how="void", replaces="weight-0001")

    (made,) = receipts.made([gone], [answer(result, uuid4())], {None: WATCHED}, None, {})

    assert made.ref is None


def test_a_receipt_has_its_members_in_their_order() -> None:
    assert receipts.results([STORED]) == (
        b'{"results":[{"v":1,"id":"weight-0001","result":"stored","ref":"Observation/1",'
        b'"received":"2026-02-03T06:12:00.123Z","flags":[],"errors":[],'
        b'"watch":{"now":true,"until":"2026-02-03T07:12:00.123Z",'
        b'"next":"2026-02-04T06:12:00.123Z"}}]}'
    )


def test_a_receipt_says_what_is_wrong_and_that_nobody_watches() -> None:
    faults = (ItemError("values.value", Code.IMPLAUSIBLE),)
    receipt = Receipt('w-"ø"-1', Result.QUARANTINED, AT, flags=("late",), errors=faults)

    said = json.loads(receipts.message([receipt], is_array=False))

    assert said["id"] == 'w-"ø"-1'
    assert (said["ref"], said["flags"]) == (None, ["late"])
    assert said["errors"] == [{"path": "values.value", "code": "implausible"}]
    assert said["watch"] == {"now": False, "until": None, "next": None}


def test_an_array_is_answered_as_an_array_even_of_one() -> None:
    whole = receipts.message([STORED], is_array=False)

    assert receipts.message([STORED], is_array=True) == b"[" + whole + b"]"
    assert receipts.message([STORED, STORED], is_array=True) == b"[" + whole + b"," + whole + b"]"


def test_an_answer_of_more_than_a_broker_takes_is_several_arrays_in_order() -> None:
    many = [
        Receipt(f"weight-{n:04}", Result.STORED, AT, "Observation/1", watch=WATCHED)
        for n in range(3_000)
    ]

    told = list(receipts.pieces(many, is_array=True))

    assert len(told) > 1
    assert all(len(piece) <= receipts.MOST_BYTES for piece in told)
    assert [one["id"] for piece in told for one in json.loads(piece)] == [one.id for one in many]
    assert len(list(receipts.pieces(many[:100], is_array=True))) == 1
    assert list(receipts.pieces([STORED], is_array=False)) == [receipts.message([STORED], False)]
    assert list(receipts.pieces([], is_array=True)) == [b"[]"]


def test_a_moment_is_told_in_utc_wherever_it_was_read() -> None:
    oslo = AT.astimezone(timezone(timedelta(hours=1)))

    assert receipts.moment(oslo) == receipts.moment(AT) == "2026-02-03T06:12:00.123Z"


@pytest.mark.parametrize(
    ("result", "draft", "ref"),
    [
        (Result.STORED, Draft("reading", "body_weight", {}), "Observation/"),
        (Result.DUPLICATE, Draft("answers", "questionnaire", {}), "QuestionnaireResponse/"),
        (Result.VOIDED, Draft("reading", "body_weight", {}), None),
    ],
)
def test_a_receipt_refers_to_the_stored_resource(
    result: Result, draft: Draft, ref: str | None
) -> None:
    fact = uuid4()

    [receipt] = receipts.made([item(draft)], [answer(result, fact)], {None: Watch(False)}, None, {})

    assert receipt.ref == (ref and f"{ref}{fact}")


def test_the_watch_is_that_of_the_patients_unit_or_else_of_the_credentials() -> None:
    unit, own = uuid4(), uuid4()
    watches = {unit: WATCHED, own: Watch(False)}

    made = receipts.made(
        [item(), item()],
        [answer(Result.STORED, unit=unit), answer(Result.QUARANTINED)],
        watches,
        own,
        {},
    )

    assert [receipt.watch.now for receipt in made] == [True, False]


def test_the_watch_is_that_of_the_units_that_follow_the_patient() -> None:
    """His own unit has people about; the one whose list his red comes to has not."""
    patient, own, following = uuid4(), uuid4(), uuid4()
    watches = {own: WATCHED, following: Watch(False)}
    stored = replace(answer(Result.STORED, uuid4(), own), patient_id=patient)
    waiting = replace(stored, result=Result.QUARANTINED)

    made = receipts.made(
        [item(), item()], [stored, waiting], watches, None, {patient: (following,)}
    )

    # What is set aside waits on his own unit's desk.
    assert [receipt.watch.now for receipt in made] == [False, True]
