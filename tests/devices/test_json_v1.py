import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.devices import json_v1, refused
from shared import exact
from shared.contracts import Code, Item, ItemError
from tests.shared.test_identity import made

PAYLOADS = Path(__file__).parent / "payloads"
MEDIA = "application/json"
WEIGHT: dict[str, Any] = {
    "v": 1,
    "id": "weight-0001",
    "kind": "body_weight",
    "at": "2026-02-03T07:10:00+01:00",
    "values": {"value": 82.4},
}


def one(**changes: Any) -> Item:
    """The one item of a weight with changes; a value of ... leaves the key out."""
    sent = {key: value for key, value in (WEIGHT | changes).items() if value is not ...}
    return decoded(exact.dumps(sent))[0]


def decoded(body: bytes, limit: int = json_v1.MQTT_ITEMS) -> list[Item]:
    return json_v1.decode(body, MEDIA, limit)


def fault(item: Item) -> tuple[str, Code]:
    assert not item.drafts, "an item with errors carries no facts"
    assert len(item.errors) == 1, item.errors
    return item.errors[0].path, item.errors[0].code


def test_a_weight_becomes_one_reading() -> None:
    item = one()

    assert item.errors == ()
    assert (item.message_id, item.position) == ("weight-0001", "")
    assert item.at == datetime(2026, 2, 3, 6, 10, tzinfo=UTC)
    (draft,) = item.drafts
    assert (draft.type, draft.kind) == ("reading", "body_weight")
    assert draft.body == {
        "v": 1,
        "message": "weight-0001",
        "values": {"value": Decimal("82.4")},
        "claimed_at": "2026-02-03T07:10:00+01:00",
        "entered": "device",
    }


def test_a_cuffs_message_becomes_a_pressure_and_a_heart_rate() -> None:
    body = (PAYLOADS / "blood_pressure.json").read_bytes()

    (item,) = decoded(body)

    assert item.raw == body
    assert (item.serial, item.clock, item.slot) == ("BM2-778", "synced", None)
    pressure, pulse = item.drafts
    assert pressure.kind == "blood_pressure"
    assert pressure.body["values"] == {
        "systolic": Decimal("141.7616613"),
        "diastolic": Decimal("87.7572189"),
    }
    assert pressure.body["original"]["systolic"] == {"value": "18,9", "unit": "kPa"}
    assert pressure.body["context"] == {"phase": "pre", "posture": "sitting"}
    assert pressure.body["device"]["battery"] == 71
    assert pressure.body["note"] == "etter hvile"
    assert (pulse.kind, pulse.body["values"]) == ("heart_rate", {"value": 71})
    assert pulse.body["split_from"] == "blood_pressure"
    assert pulse.body["message"] == f"{item.message_id}#pulse"
    assert pulse.body["context"]["phase"] == "pre"
    assert "note" not in pulse.body


def test_what_was_said_of_oxygen_stays_with_the_saturation() -> None:
    item = one(
        kind="spo2",
        values={"value": 93, "pulse": 88, "oxygen_flow": 2},
        context={"on_oxygen": True, "spo2_scale": 2},
    )

    saturation, pulse = item.drafts
    assert saturation.body["context"] == {"on_oxygen": True, "spo2_scale": 2}
    assert "context" not in pulse.body


def test_a_comma_and_a_point_are_the_same_content() -> None:
    contents = {
        one(values={"value": spelling}).content
        for spelling in ("82,4", "82.4", Decimal("82.4"), Decimal("82.40"))
    }
    wrapped = {
        one(values={"value": {"value": spelling, "unit": "kg"}}).content
        for spelling in ("82,4", Decimal("82.4"))
    }

    assert len(contents | wrapped) == 1
    assert one(values={"value": Decimal("82.5")}).content not in contents


def test_a_reading_sent_again_is_the_same_however_the_day_or_the_app_spells_it() -> None:
    """An app that writes the time anew writes it with the offset of that day."""
    spelt = [
        one(at="2026-02-03T07:12:00+01:00"),
        one(at="2026-02-03T06:12:00Z"),
        one(at="2026-02-03T08:12:00.000+02:00"),
        one(at="2026-02-03T06:12:00Z", app_version="7"),
        one(at="2026-02-03T06:12:00Z", note=None, until=None, context={}),
        one(at="2026-02-03T06:12:00Z", values={"value": {"value": "82400", "unit": "g"}}),
    ]
    assert {item.content for item in spelt} == {spelt[0].content}


@pytest.mark.parametrize(
    "about",
    [
        {"kind": "questionnaire", "questionnaire": "phq-9", "answers": {"item-1": 1}},
        {"void": True},
        {"values": {"value": 8240}},
    ],
)
def test_answers_withdrawals_and_faults_too(about: dict[str, Any]) -> None:
    first, again = one(**about), one(**about, at="2026-02-03T06:10:00Z")
    assert first.content == again.content
    assert one(**about, at="2026-02-03T06:13:00Z").content != first.content


@pytest.mark.parametrize(
    "other",
    [
        {"at": "2026-02-03T07:12:01+01:00"},
        {"until": "2026-02-03T07:30:00+01:00"},
        {"values": {"value": 82.5}},
        {"kind": "body_temp", "values": {"value": 37}},
        {"context": {"phase": "pre"}},
        {"note": "Etter frokost"},
        {"quality": "questionable"},
        {"patient": "left"},
        {"replaces": "another-one"},
        {"entered": "manual"},
        {"device": {"serial": "B2"}},
        {"void": True},
    ],
)
def test_a_reading_that_says_anything_else_is_another(other: dict[str, Any]) -> None:
    assert one(**other).content != one().content


@pytest.mark.parametrize("sent", ["82,4", "82.4"])
def test_a_numeric_text_is_a_number_in_the_canonical_unit(sent: str) -> None:
    (draft,) = one(values={"value": sent}).drafts

    assert draft.body["values"] == {"value": Decimal("82.4")}
    assert draft.body.get("original") == ({"value": {"value": "82,4"}} if "," in sent else None)


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"v": ...}, "v", Code.UNKNOWN_VERSION),
        ({"v": 2}, "v", Code.UNKNOWN_VERSION),
        ({"v": "1"}, "v", Code.UNKNOWN_VERSION),
        ({"v": True}, "v", Code.UNKNOWN_VERSION),
        ({"id": ...}, "id", Code.BAD_ID),
        ({"id": "short"}, "id", Code.BAD_ID),
        ({"id": "with space"}, "id", Code.BAD_ID),
        ({"id": "x" * 65}, "id", Code.BAD_ID),
        ({"id": 12345678}, "id", Code.BAD_ID),
        ({"kind": ...}, "kind", Code.UNKNOWN_KIND),
        ({"kind": "mood"}, "kind", Code.UNKNOWN_KIND),
        ({"kind": ["body_weight"]}, "kind", Code.UNKNOWN_KIND),
        ({"at": ...}, "at", Code.BAD_TIME),
        ({"at": "2026-02-03"}, "at", Code.BAD_TIME),
        ({"at": "2026-02-03T07:10:00"}, "at", Code.BAD_TIME),
        ({"at": "2026-02-03T07:10+01:00"}, "at", Code.BAD_TIME),
        ({"at": "2026-02-30T07:10:00Z"}, "at", Code.BAD_TIME),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at", Code.BAD_TIME),
        ({"at": 1770099000}, "at", Code.BAD_TIME),
        ({"at": "1770099000"}, "at", Code.BAD_TIME),
        ({"until": "2026-02-03"}, "until", Code.BAD_TIME),
        ({"until": "2026-02-03T07:09:59+01:00"}, "until", Code.BAD_TIME),
        ({"values": ...}, "values", Code.MISSING_VALUE),
        ({"values": None}, "values", Code.MISSING_VALUE),
        ({"values": {}}, "values", Code.MISSING_VALUE),
        ({"values": [82.4]}, "values", Code.BAD_VALUE),
        ({"values": {"value": 82, "fat": 20}}, "values.fat", Code.UNKNOWN_FIELD),
        ({"values": {"value": True}}, "values.value", Code.BAD_VALUE),
        ({"values": {"value": 4000}}, "values.value", Code.IMPLAUSIBLE),
        ({"values": {"value": 1e-300}}, "values.value", Code.IMPLAUSIBLE),
        ({"values": {"value": {"value": 82, "unit": "stone"}}}, "values.value", Code.UNKNOWN_UCUM),
        ({"kind": "hd_session", "values": {"x": 1}}, "values.x", Code.UNKNOWN_FIELD),
        ({"quality": "invalid"}, "quality", Code.BAD_VALUE),
        ({"quality": 1}, "quality", Code.BAD_VALUE),
        ({"entered": "guessed"}, "entered", Code.BAD_VALUE),
        ({"note": 7}, "note", Code.BAD_VALUE),
        ({"note": "x" * 2001}, "note", Code.BAD_VALUE),
        ({"context": "pre"}, "context", Code.BAD_VALUE),
        ({"device": "scale"}, "device", Code.BAD_VALUE),
        ({"patient": 7}, "patient", Code.BAD_VALUE),
        ({"patient": made(13, 89, 72)}, "patient", Code.BAD_VALUE),
        ({"void": "yes"}, "void", Code.BAD_VALUE),
        ({"replaces": "no"}, "replaces", Code.BAD_ID),
        ({"note": "\0"}, "", Code.NOT_STORABLE),
    ],
)
def test_an_unusable_item_says_where_and_why(
    changes: dict[str, Any], path: str, code: Code
) -> None:
    assert fault(one(**changes)) == (path, code)


def test_all_faults_of_an_item_are_told_at_once() -> None:
    item = one(kind="blood_pressure", at="now", values={"systolic": 500, "extra": 1})

    assert set(item.errors) == {
        ItemError("at", Code.BAD_TIME),
        ItemError("values.systolic", Code.IMPLAUSIBLE),
        ItemError("values.extra", Code.UNKNOWN_FIELD),
        ItemError("values.diastolic", Code.MISSING_VALUE),
    }


def test_an_unknown_key_that_could_be_a_value_is_not_repeated_in_the_answer() -> None:
    assert fault(one(values={"value": 82, made(13, 89, 72): 1})) == (
        "values.?",
        Code.UNKNOWN_FIELD,
    )


def test_an_item_without_a_usable_id_is_known_by_its_content() -> None:
    item = one(id="?")

    assert item.message_id == f"sha256:{item.content.hex()}"
    assert one(id="?").message_id == item.message_id


def test_an_item_set_aside_keeps_what_tells_whose_it_is() -> None:
    item = one(values={"value": 4000}, patient="kari", device={"serial": "A1", "clock": "none"})

    assert (item.slot, item.serial, item.clock) == ("kari", "A1", "none")
    assert item.at == datetime(2026, 2, 3, 6, 10, tzinfo=UTC)


def test_one_bad_item_does_not_touch_the_others() -> None:
    body = b"[" + exact.dumps(WEIGHT) + b', 7, {"v":1}, ' + exact.dumps(WEIGHT) + b"]"

    items = decoded(body)

    assert [len(item.drafts) for item in items] == [1, 0, 0, 1]
    assert [item.position for item in items] == ["0", "1", "2", "3"]
    assert items[1].errors == (ItemError("", Code.UNREADABLE),)
    assert items[1].raw == b"7"
    assert items[3].raw == exact.dumps(WEIGHT)


def test_keys_we_do_not_know_are_ignored_and_kept_in_the_bytes() -> None:
    item = one(firmware={"a": [1]}, mood="good")

    assert not item.errors
    assert b'"mood":"good"' in item.raw


def test_context_a_rule_could_misread_is_set_apart() -> None:
    context = {"phase": "during", "on_oxygen": "false", "spo2_scale": [2], "arm": "left"}
    (draft,) = one(context=context).drafts

    assert draft.body["context"] == {
        "arm": "left",
        "unread": {"phase": "during", "on_oxygen": "false", "spo2_scale": [2]},
    }


def test_wrong_typed_words_about_the_device_do_not_cost_the_reading() -> None:
    item = one(device={"serial": 88, "model": None, "battery": "full", "clock": "sundial"})

    assert not item.errors
    assert (item.serial, item.clock) == (None, "unknown")


def test_a_questionable_reading_is_stored_and_says_so() -> None:
    (draft,) = one(quality="questionable").drafts

    assert draft.body["quality"] == "questionable"


def test_a_correction_names_what_it_corrects() -> None:
    item = one(replaces="weight-0000")

    assert (item.how, item.replaces, len(item.drafts)) == ("correction", "weight-0000", 1)


def test_a_void_needs_no_values_and_makes_no_fact() -> None:
    item = one(values=..., void=True, replaces="weight-0000")

    assert (item.how, item.replaces, item.drafts, item.errors) == ("void", "weight-0000", (), ())


def test_a_void_without_a_target_withdraws_its_own_id() -> None:
    assert one(values=..., void=True).replaces == "weight-0001"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not-json"),
        (b"7", "not-an-item"),
        (b'"text"', "not-an-item"),
        (b"null", "not-an-item"),
        (b'{"v":1,"v":1}', "duplicate-key"),
        (b'{"v":NaN}', "not-finite"),
        (b"\xff", "not-utf8"),
        (b"[" * 40 + b"]" * 40, "too-deep"),
        (b"[" + b",".join([b"{}"] * 101) + b"]", "too-many-items"),
    ],
)
def test_a_body_that_is_unusable_as_a_whole_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(refused.Refused) as refusal:
        decoded(body)

    assert refusal.value.code == code
    assert refusal.value.title.endswith(".")


def test_an_empty_array_carries_nothing() -> None:
    assert decoded(b"[]") == []


def test_http_takes_five_hundred() -> None:
    body = b"[" + b",".join([exact.dumps(WEIGHT)] * 500) + b"]"

    assert len(decoded(body, json_v1.HTTP_ITEMS)) == 500


anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=12),
        st.sampled_from(["82,4", "kg", "pre", "2026-02-03T07:10:00Z", "body_weight", "sha256:"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
keys = st.sampled_from(
    [*WEIGHT, "until", "device", "patient", "entered", "context", "note", "replaces", "void"]
)


@given(st.binary(max_size=80))
def test_no_bytes_make_the_decoder_fail(body: bytes) -> None:
    with suppress(refused.Refused):
        decoded(body)


@given(st.dictionaries(keys, anything, max_size=4))
def test_no_change_to_a_good_item_makes_the_decoder_fail(changes: dict[str, Any]) -> None:
    body = json.dumps([WEIGHT | changes, WEIGHT]).encode()
    try:
        changed, good = decoded(body)
    except refused.Refused:
        return

    assert not good.errors
    assert bool(changed.drafts) != bool(changed.errors) or changed.how == "void"
    assert changed.message_id
    exact.dumps([draft.body for draft in changed.drafts])


@given(st.permutations(list(WEIGHT)), st.sampled_from(["82.4", "82.40", "8.24e1", '"82,4"']))
def test_neither_key_order_nor_spelling_changes_id_or_content(
    order: list[str], spelling: str
) -> None:
    texts = {key: json.dumps(value) for key, value in WEIGHT.items()}
    texts["values"] = f'{{"value": {spelling}}}'
    body = "{" + ", ".join(f'"{key}": {texts[key]}' for key in order) + "}"

    (item,) = decoded(body.encode())

    assert (item.message_id, item.content) == (one().message_id, one().content)
