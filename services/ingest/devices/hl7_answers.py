"""The acknowledgement of an HL7 v2 message: what became of it, and of each part that failed."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from services.ingest.devices import moments
from services.ingest.devices.hl7_message import Message
from shared.contracts import Code, Receipt, Result

Verdict = Literal["A", "E", "R"]

# HL7 table 0357: what kind of fault it is, for engines that look at no text.
_UNSUPPORTED = ("200", "Unsupported message type")
_INTERNAL = ("207", "Application internal error")
_SEQUENCE = ("100", "Segment sequence error")
_DATA = ("102", "Data type error")
_CONDITIONS = {
    Code.MISSING_VALUE: ("101", "Required field missing"),
    Code.UNKNOWN_KIND: ("103", "Table value not found"),
    Code.UNKNOWN_CODE: ("103", "Table value not found"),
    Code.UNKNOWN_UCUM: ("103", "Table value not found"),
    Code.UNKNOWN_SUBJECT: ("204", "Unknown key identifier"),
    Code.SUBJECT_MISMATCH: ("204", "Unknown key identifier"),
    Code.UNBOUND: ("204", "Unknown key identifier"),
    Code.WHOSE: ("204", "Unknown key identifier"),
    Code.UNREADABLE: _SEQUENCE,
}
_PLAIN = str.maketrans({"|": " ", "^": " ", "~": " ", "\\": " ", "&": " ", "\r": " ", "\n": " "})
_MOST = 50


def stored(message: Message, receipts: Sequence[Receipt], now: datetime) -> bytes:
    """After the commit. AA: it is kept, what could not be filed named as a warning; AE: nothing of
    it could be filed, and it waits in quarantine for a person. MSA-3 counts what became of it."""
    faults = [fault for each in receipts for fault in each.errors]
    is_filed = any(each.result is not Result.QUARANTINED for each in receipts)
    errors = [
        _error(*_CONDITIONS.get(each.code, _DATA), each.code, each.path, not is_filed)
        for each in faults[:_MOST]
    ]
    counts = Counter(each.result.value for each in receipts)
    counts["of nobody followed"] = sum(not each.watch.followed for each in receipts)
    told = ", ".join(f"{number} {result}" for result, number in counts.items() if number)
    return _answer(message, "A" if is_filed else "E", errors, now, told)


def refused(message: Message | None, code: str, title: str, now: datetime) -> bytes:
    """The message is of a kind that is not taken, or not HL7: it is not sent again as it is."""
    condition = _SEQUENCE if message is None else _UNSUPPORTED
    return _answer(
        message, "R" if message else "E", [_error(*condition, code, "", True, title)], now
    )


def unavailable(message: Message | None, title: str, now: datetime) -> bytes:
    """It was not stored; the sender keeps it and sends it again."""
    return _answer(message, "R", [_error(*_INTERNAL, "cannot-commit", "", True, title)], now)


def _answer(
    message: Message | None, verdict: Verdict, errors: Iterable[str], now: datetime, told: str = ""
) -> bytes:
    answer_id = f"HJV{now.timestamp():.6f}".replace(".", "")
    control, receiver, sender = ("", ("", ""), ("", ""))
    processing, version, kind = ("P", "2.6", "ACK")
    if message is not None:
        control, receiver, sender = message.control_id, message.sender, message.receiver
        processing, version = message.processing or "P", message.version or "2.6"
        kind = f"ACK^{message.kind[1]}^ACK" if message.kind[1] else "ACK"
    signs = message.signs.all if message else "^~\\&"
    bar = message.signs.field if message else "|"
    head = bar.join(
        ("MSH", signs, *sender, *receiver, _stamp(now), "", kind, answer_id, processing, version)
    )
    acknowledged = bar.join(
        ("MSA", f"{_mode(message)}{verdict}", control, *([told] if told else []))
    )
    lines = [head, acknowledged, *(each.replace("|", bar) for each in errors)]
    return ("\r".join(lines) + "\r").encode()


def _mode(message: Message | None) -> str:
    """The enhanced mode's commit answer only where no application answer is asked for."""
    if message is not None and message.accept in ("AL", "ER", "SU") and message.reply == "NE":
        return "C"
    return "A"


def _error(number: str, name: str, code: str, place: str, is_error: bool, title: str = "") -> str:
    segment, _, nth = place.partition(".")
    where = f"{segment}^{nth or 1}" if segment else ""
    severity = "E" if is_error else "W"
    text = title.translate(_PLAIN) or str(code)
    return f"ERR||{where}|{number}^{name}^HL70357|{severity}|{code}|||{text}"


def _stamp(now: datetime) -> str:
    return now.astimezone(moments.OSLO).strftime("%Y%m%d%H%M%S%z")
