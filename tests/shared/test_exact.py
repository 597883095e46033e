import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import exact

numbers = st.one_of(
    st.integers(min_value=-(10**12), max_value=10**12),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000, places=4),
)
SPLINTERS = (
    *(b"", b"{", b"}", b"[", b"]", b",", b":", b'"', b'"a":', b'{"a":1,"a":2}', b"[[", b" ", b"\n"),
    *(b"0", b"-0", b"1e5", b"1E401", b".5", b"1" * 70, b"NaN", b"-Infinity", b"null", b"tru"),
    *(
        b"\\",
        b"\\u003a",
        b"\\u0000",
        b"\\ud83d",
        b"\x00",
        b"\x1f",
        b"\xff",
        b"\xc3\xb8",
        b"\xef\xbb\xbf",
    ),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_a_number_keeps_every_digit_it_was_sent_with() -> None:
    assert str(exact.loads(b'{"value": 82.40}')["value"]) == "82.40"
    assert exact.dumps({"value": Decimal("82.40")}) == b'{"value":82.40}'


def test_what_we_wrote_ourselves_reads_back_without_floats() -> None:
    assert exact.decode(b"[36.6, 1, 1e2]") == [Decimal("36.6"), 1, Decimal("1E+2")]
    assert type(exact.decode(b"36.6")) is Decimal


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\xff\xfe{\x00}", "not-utf8"),
        (b'"\xc0\xaf"', "not-utf8"),
        (b"", "not-json"),
        (b"{", "not-json"),
        (b'{"a": 1,}', "not-json"),
        (b"[1] [2]", "not-json"),
        (b"\xef\xbb\xbf{}", "not-json"),
        (b'"a\x00b"', "not-json"),
        (b'{"weight": 82.4, "weight": 8.24}', "duplicate-key"),
        (b'{"a": {"b": 1, "b": 1}}', "duplicate-key"),
        (b'{"value": NaN}', "not-finite"),
        (b'{"value": -Infinity}', "not-finite"),
        (b"1" * 65, "number-too-long"),
        (b"0." + b"1" * 64, "number-too-long"),
        (b"1e401", "number-too-long"),
        (b"1e" + b"9" * 60, "number-too-long"),
        (b"-1.5e-" + b"9" * 30, "number-too-long"),
        (b"1" * 1_000_000, "number-too-long"),
        (b"[" * 33 + b"]" * 33, "too-deep"),
        (b"[" * 100_000 + b"]" * 100_000, "too-deep"),
        (json.dumps({str(key): 0 for key in range(10_001)}).encode(), "too-many-keys"),
    ],
)
def test_a_body_that_cannot_be_read_safely_names_its_fault(body: bytes, code: str) -> None:
    for read in (exact.loads, exact.slices, lambda sent: exact.slices(sent, "entry")):
        with pytest.raises(exact.Unreadable) as fault:
            read(body)
        assert fault.value.code == code


def test_thirty_two_levels_are_still_read() -> None:
    exact.loads(b"[" * 32 + b"]" * 32)
    exact.slices(b"[" * 32 + b"]" * 32)


def test_the_elements_of_an_array_come_with_their_own_bytes() -> None:
    sliced = exact.slices(b' [ {"a" : 82.40} , "\xc3\xb8",3 ]\n')

    assert sliced.many
    assert [part.raw for part in sliced.parts] == [b'{"a" : 82.40}', b'"\xc3\xb8"', b"3"]
    assert [part.value for part in sliced.parts] == [{"a": Decimal("82.40")}, "ø", 3]


def test_the_entries_of_a_bundle_come_with_their_own_bytes() -> None:
    sliced = exact.slices(
        b'{"type": "batch", "entry": [{"x":1}, {"x": 2}], "id": "\xc3\xa6"}', "entry"
    )

    assert sliced.outer == {"type": "batch", "id": "æ"}
    assert [part.raw for part in sliced.parts] == [b'{"x":1}', b'{"x": 2}']


def test_an_object_without_the_member_is_one_part() -> None:
    sliced = exact.slices(b'{"entry": null}', "entry")

    assert not sliced.many
    assert sliced.parts == [exact.Part({"entry": None}, b'{"entry": null}')]


@pytest.mark.parametrize("body", [b'{"entry":[],"entry":[]}', b'{"entry":[],"entry":1}'])
def test_an_array_sent_twice_is_a_duplicate_key(body: bytes) -> None:
    with pytest.raises(exact.DuplicateKey):
        exact.slices(body, "entry")


def test_a_text_that_postgresql_cannot_keep_is_found_wherever_it_stands() -> None:
    for body in (rb'["a\u0000"]', rb'{"\u0000": 1}', rb'{"a": {"b": ["\ud83d"]}}'):
        assert not exact.storable(exact.Part(exact.loads(body), body))
    whole = rb'["\ud83d\ude00 \u00e5"]'
    assert exact.storable(exact.Part(exact.loads(whole), whole))


@pytest.mark.parametrize("spelling", [b"82.4", b"82.40", b"8.24e1", b"824E-1"])
def test_one_number_has_one_canonical_spelling(spelling: bytes) -> None:
    assert exact.canonical(exact.loads(spelling)) == b"82.4"


@pytest.mark.parametrize("spelling", [b"0", b"-0", b"0.00", b"-0.0", b"0e5"])
def test_nothing_is_nothing_however_it_is_spelt(spelling: bytes) -> None:
    assert exact.canonical(exact.loads(spelling)) == b"0"


def test_a_whole_number_is_the_same_with_and_without_decimals() -> None:
    assert exact.canonical(exact.loads(b"[1e3, 1000, 1000.00]")) == b"[1000,1000,1000]"
    assert exact.canonical(True) != exact.canonical(1)


def test_half_a_surrogate_pair_still_has_a_canonical_spelling() -> None:
    assert exact.canonical(exact.loads(rb'{"b": "\ud800", "a": 1.50}'))


@given(values)
def test_key_order_does_not_matter_to_the_canonical_form(value: Any) -> None:
    assert exact.canonical(_turned(value)) == exact.canonical(value)


@given(values)
def test_what_is_written_reads_back_equal(value: Any) -> None:
    assert exact.loads(exact.dumps(value)) == value
    assert exact.decode(exact.dumps(value)) == value


@given(st.lists(values, max_size=5))
def test_slices_put_together_again_are_the_array(value: list[Any]) -> None:
    body = exact.dumps(value)

    assert b"[" + b",".join(part.raw for part in exact.slices(body).parts) + b"]" == body


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_are_unreadable(body: bytes) -> None:
    for member in (None, "entry"):
        try:
            sliced = exact.slices(body, member)
        except exact.Unreadable:
            continue
        assert all(part.raw in body for part in sliced.parts)


@pytest.mark.parametrize(
    "body",
    [
        b"1" * 64,
        b"1" * 65,
        b"-" + b"1" * 63,
        b"-" + b"1" * 64,
        b"[" + b"1" * 300 + b"]",
        b"0." + b"1" * 62,
        b"0." + b"1" * 63,
        b"[18446744073709551616, -9223372036854775809, -0, -0.0, 0e5, 1E5]",
        b"1e400",
        b"1e-401",
        b"01",
        b'{"at": "07:10:00", "b:c": {"d": ":"}}',
        b'{"a": 1, "a": ":"}',
        b'{"a": 1, "a": "\\u003a"}',
        b'[{"a": {"b": 1}, "a": {"b": 1}}]',
        b'"\\ud83d\\ude00"',
        b'"\\ud83d"',
        b'"\\u0000"',
        b'"\x1f"',
        b'"\x7f"',
        b'"\xed\xa0\x80"',
        b'["\xc3\xb8", "\xff"]',
        b'{"b": 82.40, "a": 82.4}',
        b'{"a": [1.0, 1.50e1, 15e0, 1e-3, 1.0E-10, 0.00000000000, 1e3, 100.00, -0.0, 10.5]}',
        b'[0.0, 1.25, 3E-7, {"z": 1.5, "a": "1.0,"}]',
        b"\xc2\xa01",
        b"\x0b1",
        b"1\x00",
        b" [1 , 2 ] ",
        b"[1,]",
        b"[" * 31 + b"{}" + b"]" * 31,
        b"[" * 32 + b"{}" + b"]" * 32,
        b"[" + b"{}," * 40 + b"{}]",
        b'{"a": [' + b"{}," * 40 + b"{}]}",
        b'"' + b"[" * 40 + b'"',
        json.dumps({str(key): 0 for key in range(10_000)}).encode(),
        json.dumps(["a:b"] * 10_001).encode(),
    ],
)
def test_the_quick_reading_answers_as_the_strict_one(body: bytes) -> None:
    assert outcome(exact.slices, body) == outcome(exact.strictly, body)


@given(st.lists(values, max_size=4), st.data())
def test_the_quick_reading_answers_as_the_strict_one_however_a_body_is_spoilt(
    value: list[Any], data: st.DataObject
) -> None:
    body = json.dumps(value, default=float, ensure_ascii=data.draw(st.booleans())).encode()
    if len(value) == 1 and data.draw(st.booleans()):
        body = body[1:-1]
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(0, len(body)))
        end = min(len(body), start + data.draw(st.integers(0, 3)))
        body = body[:start] + data.draw(st.sampled_from(SPLINTERS)) + body[end:]

    assert outcome(exact.slices, body) == outcome(exact.strictly, body)


@given(st.lists(st.sampled_from([b'"a":1', b'"a":":"', b'"b":{"a":1}', b'"c:":[]']), max_size=4))
def test_no_key_sent_twice_escapes_the_quick_reading(members: list[bytes]) -> None:
    body = b"{" + b", ".join(members) + b"}"

    assert outcome(exact.slices, body) == outcome(exact.strictly, body)


def outcome(read: Callable[[bytes], exact.Sliced], body: bytes) -> str:
    """What comes of a body; spelt out, so that 1 is neither True nor 1.0."""
    try:
        sliced = read(body)
    except exact.Unreadable as fault:
        return fault.code
    for part in sliced.parts:
        assert part.spelt in (None, exact.canonical(part.value))
    bare = [exact.Part(part.value, part.raw) for part in sliced.parts]
    return repr(exact.Sliced(bare, sliced.many, sliced.outer))


def _turned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _turned(inner) for key, inner in reversed(value.items())}
    return [_turned(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("opened", [b"[", b'{"a":', b'[{"a":'])
@pytest.mark.parametrize("deep", [33, 1_000, 200_000])
def test_a_body_however_deep_is_a_fault_with_a_name(opened: bytes, deep: int) -> None:
    body = opened * deep
    assert exact.pieces(body) is None or not body.startswith(b"[")
    for read in (exact.loads, exact.slices, exact.strictly):
        with pytest.raises(exact.Unreadable):
            read(body)
