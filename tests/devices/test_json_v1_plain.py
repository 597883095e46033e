"""The quick reading of plain items says what the careful one says, or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.devices import json_v1, json_v1_plain
from shared import exact
from shared.contracts import Item

MEDIA = "application/json"
WEIGHT = (
    b'{"v":1,"id":"weight-0001","at":"2026-02-03T07:10:00+01:00","kind":"body_weight",'
    b'"values":{"value":{"value":82.4,"unit":"kg"}},'
    b'"device":{"manufacturer":"M","model":"S","serial":"1","clock":"synced"}}'
)
CUFF = (
    b'{"v":1,"id":"cuff-0000001","kind":"blood_pressure","at":"2026-02-03T07:10:00Z",'
    b'"values":{"systolic":142,"diastolic":88,"pulse":61},"entered":"manual"}'
)

# What stands in a body, and what may stand there instead: spellings that mean the same, that mean
# something else, and that mean nothing.
PIECES: dict[bytes, list[bytes]] = {
    b'"v":1': [b'"v":1.0', b'"v":"1"', b'"v":2', b'"v":true', b'"v":1,"v":1', b'"v" : 1'],
    b"weight-0001": [
        b"short",
        b"with space",
        "ærlig-0001".encode(),
        b"w\\u00e6ight-1",
        b"w\0eight-1",
    ],
    b"2026-02-03T07:10:00+01:00": [b"2026-02-03t06:10:00z", b"2026-02-03", b"2026-13-03T07:10:00Z"],
    b"body_weight": [b"no_such_kind", b"questionnaire", b"body_temperature"],
    b"82.4": [
        b"82.40",
        b"82",
        b"82.0",
        b"-0.0",
        b"8.24e1",
        b"824e-1",
        b'"82,4"',
        b"9e999999",
        b"NaN",
        b"0.00000001",
        b"8" * 70,
        b"82." + b"4" * 70,
        b"null",
        b"true",
        b"[82.4]",
        b"082.4",
        b"82.4,",
    ],
    b'"unit":"kg"': [
        b'"unit":"g"',
        b'"unit":"stone"',
        b'"unit":1',
        b'"unit":"kg","more":1',
        b'"unit":null',
    ],
    b'"value":{"value"': [b'"other":{"value"', b'"value":{"valu"', b'"value":{},"x":{"value"'],
    b'"clock":"synced"': [
        b'"clock":"mine"',
        b'"clock":"none"',
        b'"battery":80',
        b'"clock":"synced","clock":"none"',
    ],
    b'"serial":"1"': [b'"serial":""', b'"serial":1', b'"serial":"%b"' % (b"1" * 129)],
    b'"device":{': [
        b'"patient":"left","device":{',
        b'"note":"n","device":{',
        b'"device":{"firmware":"1",',
        b'"void":true,"device":{',
        b'"until":null,"device":{',
        b'"context":{},"device":{',
    ],
    b"142": [b"88", b"20", b"142.5", b'"142"'],
    b'"entered":"manual"': [b'"entered":"dictated"', b'"entered":null', b'"quality":"ok"'],
    b'"pulse":61': [
        b'"pulse":600',
        b'"puls":61',
        b'"pulse":{"value":61,"unit":"/min"}',
        b'"systolic":61',
    ],
}


def quickly(raw: bytes) -> Item | None:
    return json_v1_plain.item(raw, MEDIA, "") if exact.pieces(raw) == ([raw], False) else None


def carefully(raw: bytes) -> Item | None:
    """None: the whole body is refused."""
    try:
        (part,) = exact.strictly(raw).parts
    except exact.Unreadable:
        return None
    return json_v1._item(part, MEDIA, "", {})


@pytest.mark.parametrize("raw", [WEIGHT, CUFF, WEIGHT.replace(b"82.4", b"82")])
def test_what_devices_send_is_read_quickly(raw: bytes) -> None:
    item = quickly(raw)

    assert item is not None
    assert item == carefully(raw)
    assert item.drafts


@pytest.mark.parametrize("raw", [WEIGHT, CUFF])
@pytest.mark.parametrize("piece", PIECES)
def test_each_other_spelling_is_judged_alike(raw: bytes, piece: bytes) -> None:
    for other in PIECES[piece]:
        _same(raw.replace(piece, other))


@given(
    raw=st.sampled_from([WEIGHT, CUFF]),
    others=st.lists(
        st.sampled_from([(piece, other) for piece, all_ in PIECES.items() for other in all_]),
        max_size=3,
    ),
    place=st.integers(0, 200),
    put=st.binary(max_size=3),
    gone=st.integers(0, 3),
)
def test_whatever_is_sent_is_judged_alike(
    raw: bytes, others: list[tuple[bytes, bytes]], place: int, put: bytes, gone: int
) -> None:
    for piece, other in others:
        raw = raw.replace(piece, other)
    _same(raw)
    _same(raw[:place] + put + raw[place + gone :])


def test_an_item_that_is_not_plain_leaves_the_others_as_they_are() -> None:
    long = WEIGHT.replace(b'"v":1', b'"v":1,"note":"after breakfast"')
    body = b"[" + b" , ".join([WEIGHT, long, CUFF]) + b"]"

    items = json_v1.decode(body, MEDIA, 100)

    assert [item.position for item in items] == ["0", "1", "2"]
    assert [_without_place(item) for item in items] == [
        carefully(raw) for raw in (WEIGHT, long, CUFF)
    ]


def _same(raw: bytes) -> None:
    item = quickly(raw)
    assert item is None or item == carefully(raw)


def _without_place(item: Item) -> Item:
    item.position = ""
    return item
