"""JSON with exact decimals: what is read from a sender, kept in PostgreSQL and hashed for content.

A number is an int or a Decimal, never a float. Reading from outside is strict and answers with one
of the faults below, which spoil the whole body; a string that PostgreSQL cannot keep spoils only
the item it stands in (`storable`).
"""

import json
import re
from collections.abc import Iterator
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

import msgspec

DEPTH = 32
KEYS = 10_000
NUMBER = 64  # characters
EXPONENT = 400

_SPACES = b" \t\n\r"
_SPACE = re.compile(r"[ \t\n\r]*")
_ENDS_IN_ZERO = re.compile(rb"(?:\.[0-9]*0|-0)[],}]")  # a number that has a shorter spelling
_LONG_NUMBER = re.compile(rb"[0-9]{8}")  # how 64 digits look when seven of eight are left out
_LONG = Context(prec=2 * NUMBER)
_PLAIN = frozenset((str, int, bool, type(None)))  # written alike however they were sent

Form = TypeVar("Form", bound=msgspec.Struct)


class Unreadable(ValueError):
    """The body is not JSON that can be read safely."""

    code = "unreadable"


class NotUtf8(Unreadable):
    """The body is not UTF-8."""

    code = "not-utf8"


class NotJson(Unreadable):
    """The body is not JSON."""

    code = "not-json"


class DuplicateKey(Unreadable):
    """The same key stands twice in one object."""

    code = "duplicate-key"


class NotFinite(Unreadable):
    """NaN and Infinity are not JSON numbers."""

    code = "not-finite"


class NumberTooLong(Unreadable):
    """A number has more digits than any measurement."""

    code = "number-too-long"


class TooDeep(Unreadable):
    """The body is nested deeper than 32 levels."""

    code = "too-deep"


class TooManyKeys(Unreadable):
    """The body has more keys than are read."""

    code = "too-many-keys"


class Part(msgspec.Struct, frozen=True, gc=False):
    """One element of an array: the parsed value and the very bytes it was sent as.

    `spelt` is its canonical spelling where the reading made that on the way.
    """

    value: Any
    raw: bytes
    spelt: bytes | None = None


class Sliced(msgspec.Struct, frozen=True, gc=False):
    """A body taken apart. `outer` is what stood around the array; `many` is false for one value."""

    parts: list[Part]
    many: bool = False
    outer: dict[str, Any] = {}


def loads(body: bytes, keys: int = KEYS) -> Any:
    """Read a body from outside; raises a kind of Unreadable."""
    text = _text(body)
    value, end = _value(text, _skip(text, 0))
    if _skip(text, end) != len(text):
        raise NotJson
    _check(value, body, DEPTH, keys)
    return value


def slices(body: bytes, member: str | None = None, keys: int = KEYS) -> Sliced:
    """Read a top-level array, or the array under `member` of an object, element by element."""
    quick = _quickly(body, keys) if member is None else None
    return quick or strictly(body, member, keys)


def strictly(body: bytes, member: str | None = None, keys: int = KEYS) -> Sliced:
    """The same, always by the reading that knows every fault by its name."""
    text = _text(body)
    raw = body if text.isascii() else None
    start = _skip(text, 0)
    if text.startswith("[", start):
        parts, end = _array(text, start, raw)
        sliced = Sliced(parts, many=True)
    elif member is not None and text.startswith("{", start):
        sliced, end = _object(text, start, raw, member)
    else:
        value, end = _value(text, start)
        sliced = Sliced([Part(value, _raw(text, start, end, raw))])
    if _skip(text, end) != len(text):
        raise NotJson
    if body.count(b":") > keys and sum(map(_keys, [sliced.outer, *_values(sliced)])) > keys:
        raise TooManyKeys
    room = DEPTH - (2 if sliced.outer else 1 if sliced.many else 0)
    _check(sliced.outer, body, DEPTH, len(body))
    for part in sliced.parts:
        _check(part.value, part.raw, room, len(body))
    return sliced


def pieces(body: bytes) -> tuple[list[bytes], bool] | None:
    """The elements of an array, or the one value there is, as sent and unread; and whether it is
    an array. None for what only `slices` can judge; without a backslash in it, all is storable."""
    if b"\\" in body or body.count(b":") > KEYS:
        return None
    whole = body.strip(_SPACES)
    if not whole.startswith(b"["):
        return [whole], False
    try:
        return list(map(bytes, _pieces.decode(whole))), True
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def decoder(form: type[Form]) -> msgspec.json.Decoder[Form]:
    """Of a known form, with numbers as `loads` reads them."""
    return msgspec.json.Decoder(form, float_hook=_decimal)


def is_whole(form: msgspec.Struct, raw: bytes) -> bool:
    """Whether `raw`, without a backslash, was read wholly as `form`: no key came twice."""
    # As in `_quickly`: a key that was lost took its colon with it.
    return _writer.encode(form).count(b":") == raw.count(b":")


def storable(part: Part) -> bool:
    """Whether every string in it can be kept: no NUL, no half of a surrogate pair."""
    return b"\\u" not in part.raw or all(map(_keepable, _strings(part.value)))


def dumps(value: Any) -> bytes:
    """Write JSON; a Decimal becomes a number with exactly its own digits."""
    return _writer.encode(value)


def decode(data: bytes) -> Any:
    """Read JSON that we wrote ourselves: fast, exact, unchecked."""
    return _reader.decode(data)


def canonical(value: Any) -> bytes:
    """The one spelling of a parsed value: sorted keys, and 82.40, 82.4 and 8.24e1 alike."""
    try:
        spelt = _sorter.encode(value)
        if spelt[:1] in (b"{", b"[") and _is_short(spelt):
            return spelt
        return _sorter.encode(_plain(value))
    except UnicodeEncodeError:  # half of a surrogate pair: escaped, it still has one spelling
        return json.dumps(_plain(value), sort_keys=True, default=str).encode()


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {
            key: inner if type(inner) in _PLAIN else _plain(inner) for key, inner in value.items()
        }
    if kind is Decimal:
        return _plain_number(value)
    if kind is list or kind is tuple:
        return [_plain(inner) for inner in value]
    return value


def _plain_number(value: Decimal) -> int | Decimal:
    short = value.normalize(_LONG)
    text = str(short)
    return short if "." in text or "E-" in text else int(short)


def _quickly(body: bytes, keys: int) -> Sliced | None:
    """The common body, read in a fraction of the time; None for what only `strictly` can judge."""
    colons = body.count(b":")
    if b"\\" in body or colons > keys or _LONG_NUMBER.search(body[::8]):
        return None
    try:
        value = _quick.decode(body)
        # Of a key sent twice only the last is read. With no backslash to hide one, every colon
        # of the body then comes again, unless a key was lost with its own.
        spelt = _sorter.encode(value)
        if spelt.count(b":") != colons:
            return None
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return None
    is_short = _is_short(spelt)
    if type(value) is not list:
        raw = body.strip(_SPACES)
        part = Part(value, raw, spelt if is_short and type(value) is dict else None)
        return Sliced([part]) if _brackets(raw) <= DEPTH else None
    raws = map(bytes, _pieces.decode(body))
    texts = map(bytes, _pieces.decode(spelt)) if is_short else [None] * len(value)
    parts = [Part(*each) for each in zip(value, raws, texts, strict=True)]
    if any(_brackets(part.raw) >= DEPTH for part in parts):
        return None
    return Sliced(parts, many=True)


def _is_short(spelt: bytes) -> bool:
    """Whether no number between brackets could be written with fewer characters."""
    return b"E-" not in spelt and b"E+" not in spelt and not _ENDS_IN_ZERO.search(spelt)


def _brackets(raw: bytes) -> int:
    return raw.count(b"[") + raw.count(b"{")


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise NotUtf8 from None


def _value(text: str, at: int) -> tuple[Any, int]:
    try:
        return _strict.raw_decode(text, at)
    except json.JSONDecodeError:
        raise NotJson from None
    except RecursionError:
        raise TooDeep from None


def _skip(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr] # matches the empty string


def _raw(text: str, start: int, end: int, body: bytes | None) -> bytes:
    return body[start:end] if body is not None else text[start:end].encode()


def _array(text: str, at: int, body: bytes | None) -> tuple[list[Part], int]:
    parts: list[Part] = []
    at = _skip(text, at + 1)
    if text.startswith("]", at):
        return parts, at + 1
    while True:
        value, end = _value(text, at)
        parts.append(Part(value, _raw(text, at, end, body)))
        at = _skip(text, end)
        if text.startswith("]", at):
            return parts, at + 1
        if not text.startswith(",", at):
            raise NotJson
        at = _skip(text, at + 1)


def _object(text: str, start: int, body: bytes | None, member: str) -> tuple[Sliced, int]:
    outer: dict[str, Any] = {}
    parts: list[Part] | None = None
    at = _skip(text, start + 1)
    closed = text.startswith("}", at)
    while not closed:
        key, end = _value(text, at)
        at = _skip(text, end)
        if type(key) is not str or not text.startswith(":", at):
            raise NotJson
        if key in outer or (key == member and parts is not None):
            raise DuplicateKey
        at = _skip(text, at + 1)
        if key == member and text.startswith("[", at):
            parts, at = _array(text, at, body)
        else:
            outer[key], at = _value(text, at)
        at = _skip(text, at)
        closed = text.startswith("}", at)
        if not closed and not text.startswith(",", at):
            raise NotJson
        if not closed:
            at = _skip(text, at + 1)
    end = at + 1
    if parts is None:
        return Sliced([Part(outer, _raw(text, start, end, body))]), end
    return Sliced(parts, many=True, outer=outer), end


def _values(sliced: Sliced) -> Iterator[Any]:
    return (part.value for part in sliced.parts)


def _check(value: Any, raw: bytes, depth: int, keys: int) -> None:
    if _brackets(raw) > depth and _is_deeper(value, depth):
        raise TooDeep
    if raw.count(b":") > keys and _keys(value) > keys:
        raise TooManyKeys


def _is_deeper(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        level = [inner for outer in level for inner in _inside(outer)]
    return any(isinstance(inner, dict | list) for inner in level)


def _inside(value: Any) -> list[Any]:
    """What an object or an array holds directly; of anything else nothing."""
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _keys(value: Any) -> int:
    count, waiting = 0, [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, dict):
            count += len(inner)
        waiting.extend(_inside(inner))
    return count


def _strings(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, str):
            yield inner
        elif isinstance(inner, dict):
            yield from inner
        waiting.extend(_inside(inner))


def _keepable(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise DuplicateKey
    return made


def _integer(text: str) -> int:
    if len(text) > NUMBER:
        raise NumberTooLong
    return int(text)


def _decimal(text: str) -> Decimal:
    if len(text) > NUMBER:
        raise NumberTooLong
    try:
        value = Decimal(text)
    except InvalidOperation:  # an exponent that no Decimal can have
        raise NumberTooLong from None
    if ("e" in text or "E" in text) and abs(value.adjusted()) > EXPONENT:
        raise NumberTooLong
    return value


def _constant(_: str) -> NoReturn:
    raise NotFinite


_strict = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_decimal, parse_constant=_constant
)
_quick = msgspec.json.Decoder(float_hook=_decimal)
_pieces = msgspec.json.Decoder(list[msgspec.Raw])
# Measurements repeat, and are kept by the thousand: a number read before is the same object.
_reader = msgspec.json.Decoder(float_hook=lru_cache(4096)(Decimal))
_writer = msgspec.json.Encoder(decimal_format="number")
_sorter = msgspec.json.Encoder(decimal_format="number", order="deterministic")
