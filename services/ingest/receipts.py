"""A receipt as a sender reads it: what became of the item, and whether anybody is watching."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from shared import attachments, crisis, exact, fhir_attachments, ledger, messages, watching
from shared.contracts import Crisis, Item, ItemError, Receipt, Result, Watch

# The resource as which each type of fact is read.
_NAMES = {
    "reading": "Observation",
    "answers": "QuestionnaireResponse",
    messages.TYPE: "Communication",
}
# A broker ends the connection of who sends it more than it takes (ours: 300 000 bytes), and would
# then send us again what we answered.
MOST_BYTES = 256 * 1024
NOBODY = Watch(now=False, followed=False)


class Sent(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The receipt's members in the order in which they are written; `crisis` only if there is."""

    v: int
    id: str
    result: Result
    ref: str | None
    received: str
    flags: tuple[str, ...]
    errors: tuple[ItemError, ...]
    watch: msgspec.Raw
    crisis: Crisis | None = None


def made(
    items: Sequence[Item],
    answers: Sequence[ledger.Answer],
    watches: Mapping[UUID | None, Watch],
    unit_id: UUID | None,
    followed: Mapping[UUID, Sequence[UUID]],
) -> list[Receipt]:
    """What the ledger answered, with the watch of whoever follows each patient: his own unit, or
    those of `followed`. Of what is set aside, that of his unit or else of `unit_id`."""
    return [
        Receipt(
            item.message_id,
            answer.result,
            answer.received_at,
            _ref(item, answer),
            answer.flags,
            answer.errors,
            seen := _seen(answer, watches, unit_id, followed),
            answer.patient_id,
            # Of what was sent, so that an answer sent again brings it again.
            crisis.told(item.alarm, seen) if item.alarm else None,
        )
        for item, answer in zip(items, answers, strict=True)
    ]


def _seen(
    answer: ledger.Answer,
    watches: Mapping[UUID | None, Watch],
    unit_id: UUID | None,
    followed: Mapping[UUID, Sequence[UUID]],
) -> Watch:
    """The ledger names no unit of a patient whom nobody follows."""
    if answer.unit_id is None and is_of_nobodys(answer):
        return NOBODY
    following = followed.get(answer.patient_id) if answer.patient_id else None
    if following and is_of_nobodys(answer):
        return watching.least([watches[unit] for unit in following])
    return watches[answer.unit_id or unit_id]


def is_of_nobodys(answer: ledger.Answer) -> bool:
    """Of a patient, and not set aside: what waits on the quarantine desk is looked at there."""
    return answer.patient_id is not None and answer.result is not Result.QUARANTINED


def _ref(item: Item, answer: ledger.Answer) -> str | None:
    """Where what was stored can be read; nothing of a withdrawal or a device's own event."""
    is_gone = answer.result is Result.VOIDED or item.how == "void"
    if answer.fact_id is None or is_gone or not item.drafts:
        return None
    draft = item.drafts[0]
    name = _NAMES.get(draft.type)
    if draft.type == attachments.TYPE:
        kinds = fhir_attachments.KINDS
        name = "DocumentReference" if draft.kind in kinds["DocumentReference"] else "Media"
    return f"{name}/{answer.fact_id}" if name else None


def results(receipts: Sequence[Receipt]) -> bytes:
    return exact.dumps({"results": list(map(sent, receipts))})


def message(receipts: Sequence[Receipt], is_array: bool) -> bytes:
    """The answer to one message: an array's receipts as an array, an object's as an object."""
    return exact.dumps(list(map(sent, receipts)) if is_array else sent(receipts[0]))


def pieces(receipts: Sequence[Receipt], is_array: bool) -> Iterator[bytes]:
    """The same for a broker: an array of more than it takes is several arrays, in order."""
    body = message(receipts, is_array)
    if len(body) <= MOST_BYTES or len(receipts) < 2:
        yield body
        return
    half = len(receipts) // 2
    for some in (receipts[:half], receipts[half:]):
        yield from pieces(some, is_array)


def sent(receipt: Receipt) -> Sent:
    return Sent(
        1,
        receipt.id,
        receipt.result,
        receipt.ref,
        moment(receipt.received),
        receipt.flags,
        receipt.errors,
        _watch(receipt.watch),
        receipt.crisis,
    )


# All receipts of a commit were received at once, and a unit's watch holds for seconds.
@lru_cache(maxsize=64)
def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=1024)
def _watch(seen: Watch) -> msgspec.Raw:
    return msgspec.Raw(exact.dumps(watch(seen)))


def watch(seen: Watch) -> dict[str, Any]:
    """`next` is when watching next begins, also while somebody watches; `until` when it ends.
    `followed` is there only when it is false."""
    told: dict[str, Any] = {
        "now": seen.now,
        "until": moment(seen.until) if seen.until else None,
        "next": moment(seen.next) if seen.next else None,
    }
    return told if seen.followed else {**told, "followed": False}
