"""An HL7 v2 message as its segments: any line ends, framing left on, fields of MSH out of place.

Split by hand (ADR 0011): the format is five delimiters, and a library took ten times as long and
did not bear what real senders do.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.ingest.devices import refused

MOST_SEGMENTS = 20_000

_FRAMES = "\x0b\x1c\ufeff \t\r\n"
_ENDS = re.compile(r"[\r\n]+")
_TYPE = re.compile(r"[A-Z]{3}(?:\^[A-Z][0-9]{2}(?:\^[A-Z0-9_]*)?)?")
# MSH-18 as senders write it; without it UTF-8, and what is not UTF-8 is read as Latin-1.
_ENCODINGS = {
    "8859/1": "latin-1",
    "ASCII": "latin-1",
    "ISO IR100": "latin-1",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
}

Repetition = Sequence[str]


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment by its fields. Numbers are those of the standard, from 1; absent is ''."""

    name: str
    line: str
    fields: Sequence[str]
    signs: "Signs"

    def raw(self, field: int) -> str:
        return self.fields[field] if field < len(self.fields) else ""

    def text(self, field: int, component: int = 1) -> str:
        """A component of the field's first repetition, without escapes; its first part."""
        first = self.raw(field).split(self.signs.repetition, 1)[0]
        parts = first.split(self.signs.component)
        if component > len(parts):
            return ""
        return self.signs.plain(parts[component - 1].split(self.signs.part, 1)[0]).strip()

    def repetitions(self, field: int) -> Iterator[Repetition]:
        """Each repetition that says something, as its components."""
        for each in self.raw(field).split(self.signs.repetition):
            if each:
                yield [self.signs.plain(part).strip() for part in each.split(self.signs.component)]


@dataclass(frozen=True, slots=True)
class Signs:
    """The delimiters of one message, as its MSH says them."""

    field: str
    component: str
    repetition: str
    escape: str
    part: str

    @property
    def all(self) -> str:
        """MSH-2."""
        return f"{self.component}{self.repetition}{self.escape}{self.part}"

    def plain(self, text: str) -> str:
        if self.escape not in text:
            return text
        e = re.escape(self.escape)
        names = {
            "F": self.field,
            "S": self.component,
            "T": self.part,
            "R": self.repetition,
            "E": self.escape,
            ".br": "\n",
        }
        return re.sub(rf"{e}(F|S|T|R|E|\.br){e}", lambda found: names[found[1]], text)


@dataclass(frozen=True, slots=True)
class Message:
    """`kind` is ('ORU', 'R01'); `made` is MSH-7 as sent; `accept` and `reply` are MSH-15 and 16."""

    kind: tuple[str, str]
    control_id: str
    sender: tuple[str, str]
    receiver: tuple[str, str]
    made: str
    processing: str
    version: str
    accept: str
    reply: str
    security: str
    signs: Signs
    segments: Sequence[Segment]

    def first(self, name: str) -> Segment | None:
        return next((each for each in self.segments if each.name == name), None)


def read(body: bytes) -> Message:
    """The message in a body. Raises NotHl7."""
    text = _text(body).strip(_FRAMES)
    if not text.startswith("MSH") or len(text) < 9 or text[3].isalnum() or "\x00" in text:
        raise refused.NotHl7
    lines = _lines(text)
    if len(lines) > MOST_SEGMENTS:
        raise refused.NotHl7
    signs = _signs(text)
    segments = [_segment(line, signs) for line in lines]
    return _message(segments, signs)


def _text(body: bytes) -> str:
    said = re.search(rb"MSH[^\r\n]*", body[:4096])
    fields = said[0].decode("latin-1").split("|") if said else []
    wanted = _ENCODINGS.get(fields[17].split("~")[0].upper()) if len(fields) > 17 else None
    try:
        return body.decode(wanted or "utf-8")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _lines(text: str) -> list[str]:
    """A line that does not begin as a segment goes on with the one before: wrapped base64."""
    lines: list[list[str]] = []
    begins = re.compile(rf"[A-Z][A-Z0-9]{{2}}(?:{re.escape(text[3])}|$)")
    for line in _ENDS.split(text):
        if begins.match(line) or not lines:
            lines.append([line])
        elif line:
            lines[-1].append(line)
    return ["".join(pieces) for pieces in lines]


def _signs(text: str) -> Signs:
    field = text[3]
    given = text[4:].split(field, 1)[0]
    component, repetition, escape, part = list(given + "^~\\&"[len(given) :])[:4]
    return Signs(field, component, repetition, escape, part)


def _segment(line: str, signs: Signs) -> Segment:
    fields = line.split(signs.field)
    if fields[0] == "MSH":  # its first field is the delimiter itself
        fields = ["MSH", signs.field, *fields[1:]]
    return Segment(fields[0], line, fields, signs)


def _message(segments: Sequence[Segment], signs: Signs) -> Message:
    msh = segments[0]
    shift = _shift(msh)
    kind = msh.raw(9 + shift).split(signs.component)
    return Message(
        kind=(kind[0], kind[1] if len(kind) > 1 else ""),
        control_id=msh.text(10 + shift),
        sender=(msh.raw(3), msh.raw(4)),
        receiver=(msh.raw(5), msh.raw(6)),
        made=msh.text(7 + shift),
        processing=msh.text(11 + shift),
        version=msh.text(12 + shift),
        accept=msh.text(15 + shift),
        reply=msh.text(16 + shift),
        security=msh.text(8) if not shift else "",
        signs=signs,
        segments=segments,
    )


def _shift(msh: Segment) -> int:
    """How far the fields stand from their places, told by the message type, which is plain."""
    if _TYPE.fullmatch(msh.raw(9)):
        return 0
    found = [
        place for place in range(5, 14) if "^" in msh.raw(place) and _TYPE.fullmatch(msh.raw(place))
    ]
    return found[0] - 9 if found else 0
