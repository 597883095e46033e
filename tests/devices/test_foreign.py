"""Files in the formats of others: Open mHealth, SenML, the clouds of makers, and nothing else."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.devices import foreign, refused
from shared.contracts import Code, Item

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
AT = datetime(2026, 11, 23, 6, 12, tzinfo=UTC)
FRAME = {"effective_time_frame": {"date_time": "2026-11-23T07:12:00+01:00"}}


def decoded(sent: Any) -> list[Item]:
    return foreign.decode(json.dumps(sent).encode(), NOW)


def only(sent: Any) -> Item:
    [item] = decoded(sent)
    return item


def values_of(item: Item) -> dict[str, Any]:
    return dict(item.drafts[0].body["values"])


def point(body: Any, id: str = "0190f3a2") -> dict[str, Any]:
    return {
        "header": {
            "id": id,
            "schema_id": {"namespace": "omh", "name": "x", "version": "1.0"},
            "acquisition_provenance": {"source_name": "x", "modality": "self-reported"},
        },
        "body": body,
    }


PRESSURE = {
    "systolic_blood_pressure": {"value": 125, "unit": "mmHg"},
    "diastolic_blood_pressure": {"value": 60, "unit": "mmHg"},
    **FRAME,
}


def test_a_data_point_is_named_by_its_header_and_a_bare_body_by_its_content() -> None:
    whole = only(point(PRESSURE))
    assert (whole.message_id, whole.at) == ("omh:0190f3a2", AT)
    assert values_of(whole) == {"systolic": 125, "diastolic": 60}
    assert whole.drafts[0].body["entered"] == "manual"

    assert only(PRESSURE).message_id.startswith("sha256:")
    assert len(decoded([point(PRESSURE, "a"), point(PRESSURE, "b")])) == 2


@pytest.mark.parametrize("time", [False, "2026", 1e15])
def test_a_record_whose_time_is_none_has_none_when_it_is_read_again(time: Any) -> None:
    item = only([{"n": "body_weight", "u": "kg", "v": 82.4, "t": time}])
    assert [error.code for error in item.errors] == [Code.BAD_TIME]

    [again] = foreign.again(item.raw, item.media_type, NOW)
    assert (again.message_id, again.at, again.errors) == (item.message_id, None, item.errors)


def test_a_point_and_a_group_sent_again_are_the_same_whatever_else_was_touched() -> None:
    utc = {"effective_time_frame": {"date_time": AT.isoformat().replace("+00:00", "Z")}}
    again = point({**PRESSURE, **utc})
    again["header"] = {**again["header"], "creation_date_time": "2026-11-30T10:00:00Z"}
    assert only(again).content == only(point(PRESSURE)).content

    group = {"grpid": 7, "date": 1795413600, "category": 1, "modified": 1795413600,
             "measures": [{"type": 1, "value": 8240, "unit": -2}]}  # fmt: skip
    [first] = decoded({"measuregrps": [group]})
    [touched] = decoded({"measuregrps": [{**group, "modified": 1795999999}]})
    measured = {**group, "measures": [{"type": 1, "value": 824, "unit": -1}]}
    [coarser] = decoded({"measuregrps": [measured]})
    assert first.content == touched.content == coarser.content
    [other] = decoded({"measuregrps": [{**group, "date": 1795413601}]})
    assert other.content != first.content


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        ({"body_weight": {"value": 181.5, "unit": "lb"}}, "body_weight", "82.327"),
        ({"body_temperature": {"value": 98.6, "unit": "F"}}, "body_temp", "37.000"),
        ({"heart_rate": {"value": 61, "unit": "beats/min"}}, "heart_rate", "61"),
        ({"respiratory_rate": {"value": 14, "unit": "breaths/min"}}, "resp_rate", "14"),
        ({"oxygen_saturation": {"value": 96, "unit": "%"}}, "spo2", "96"),
        ({"blood_glucose": {"value": 120, "unit": "mg/dL"}}, "glucose", "6.660"),
    ],
)
def test_each_measure_in_its_unit(body: Any, kind: str, value: str) -> None:
    item = only({**body, **FRAME})
    assert item.drafts[0].kind == kind
    assert round(Decimal(values_of(item)["value"]), 3) == Decimal(value)


def test_a_statistic_of_a_month_is_no_measurement_of_any_moment() -> None:
    sent = {"body_weight": {"value": 49.5, "unit": "kg"}, "descriptive_statistic": "minimum",
            "effective_time_frame": {"time_interval": {
                "start_date_time": "2026-10-01T00:00:00+01:00",
                "duration": {"value": 30, "unit": "d"}}}}  # fmt: skip
    item = only(sent)
    assert (item.drafts[0].kind, item.drafts[0].body["values"]) == ("foreign", {})
    assert item.until is not None
    assert (item.until - item.at).days == 30 if item.at else False


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"body_weight": {"value": 80, "unit": "km"}, **FRAME}, Code.UNKNOWN_UCUM),
        ({"body_weight": {"value": 80}, **FRAME}, Code.UNKNOWN_UCUM),
        ({"body_weight": {"value": True, "unit": "kg"}, **FRAME}, Code.BAD_VALUE),
        ({"body_weight": {"value": 80, "unit": "kg"}}, Code.BAD_TIME),
        (
            {
                "body_weight": {"value": 80, "unit": "kg"},
                "effective_time_frame": {"date_time": "2026-11-23T07:12:00"},
            },
            Code.BAD_TIME,
        ),
        ({"sleep_duration": {"value": 8, "unit": "h"}, **FRAME}, Code.UNKNOWN_KIND),
        ({"header": {"schema_id": {}}}, Code.MISSING_VALUE),
    ],
)
def test_what_cannot_be_read_is_quarantined_with_why(sent: Any, code: Code) -> None:
    assert code in {each.code for each in only(sent).errors}


def test_a_senml_pack_is_one_item_for_each_kind_device_and_moment() -> None:
    sent = [
        {"bn": "urn:dev:mac:1:", "bt": 1795420000, "n": "body_weight", "v": 82.4, "u": "kg"},
        {"n": "systolic", "v": 120, "u": "mmHg"},
        {"n": "diastolic", "v": 80, "u": "mmHg"},
        {"n": "systolic", "t": 60, "v": 118, "u": "mmHg"},
        {"n": "diastolic", "t": 60, "v": 79, "u": "mmHg"},
    ]

    items = decoded(sent)

    assert [item.drafts[0].kind for item in items] == [
        "body_weight", "blood_pressure", "blood_pressure",
    ]  # fmt: skip
    assert {item.serial for item in items} == {"urn:dev:mac:1"}
    assert (items[2].at - items[1].at).seconds == 60 if items[2].at and items[1].at else False


def test_a_rooms_temperature_is_nobodys_fever() -> None:
    item = only([{"bn": "urn:dev:x/", "bt": 1795420000, "n": "temperature", "v": 41, "u": "Cel"}])
    assert [each.code for each in item.errors] == [Code.UNKNOWN_KIND]


def test_a_small_senml_time_counts_from_now() -> None:
    item = only([{"n": "x:heart_rate", "t": -60, "v": 61, "u": "beat/min"}])
    assert item.at == datetime(2026, 11, 23, 7, 59, tzinfo=UTC)


def test_withings_values_have_a_power_of_ten_and_goals_are_not_measured() -> None:
    measures = [{"value": 65750, "type": 1, "unit": -3}, {"value": 72, "type": 11, "unit": 0}]
    sent = {"status": 0, "body": {"measuregrps": [
        {"grpid": 12, "attrib": 0, "date": 1795420000, "category": 1, "deviceid": "abc",
         "measures": measures},
        {"grpid": 13, "date": 1795420000, "category": 2, "measures": measures},
    ]}}  # fmt: skip

    weight, pulse = decoded(sent)

    assert values_of(weight) == {"value": Decimal("65.750")}
    assert values_of(pulse) == {"value": 72}
    assert weight.message_id == "withings:12:body_weight"


def test_ihealth_local_seconds_and_numbered_units() -> None:
    row = {"BPL": 10, "HP": 16, "HR": 70, "IsArr": 1, "MDate": 1795420000, "DataID": "x1",
           "TimeZone": "-0800", "Note": "after coffee"}  # fmt: skip

    item = only({"BPDataList": [row], "BPUnit": 1})

    assert item.at == datetime.fromtimestamp(1795420000 + 8 * 3600, UTC)
    body = item.drafts[0].body
    assert round(body["values"]["systolic"]) == 120
    assert (body["interpretation"], body["note"]) == (["irregular-pulse"], "after coffee")
    assert item.drafts[1].body["values"] == {"value": 70}


def test_an_ihealth_time_without_its_offset_is_no_time() -> None:
    row = {"WeightValue": 80, "MDate": 1795420000, "DataID": "x2"}
    item = only({"WeightDataList": [row], "WeightUnit": 0})
    assert [each.code for each in item.errors] == [Code.BAD_TIME]


@pytest.mark.parametrize("body", [b"{}", b"[]", b"12", b'"x"', b'{"a":{"b":1}}'])
def test_what_is_of_no_format_is_refused(body: bytes) -> None:
    with pytest.raises(refused.FormatNotKnown):
        foreign.decode(body, NOW)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a":1,"a":2}'])
def test_what_cannot_be_read_safely_is_refused(body: bytes) -> None:
    with pytest.raises(refused.NotReadable):
        foreign.decode(body, NOW)


_WORDS = st.sampled_from(
    [
        *("header", "body", "schema_id", "body_weight", "value", "unit", "effective_time_frame"),
        *("date_time", "time_interval", "measuregrps", "measures", "type", "category"),
        *("BPDataList", "HP", "BPL", "MDate", "TimeZone", "n", "bn", "bt", "t", "v", "u"),
        *("sleep_records", "device", "startDate", "totalUsage", "ahi"),
    ]
)
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**19), 10**19)
    | st.sampled_from(["kg", "mmHg", "2026-11-23T07:12:00+01:00", "+0100", "", "x:heart_rate"])
    | st.text(max_size=5)
)


@given(
    st.recursive(
        _LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=5),
        max_leaves=16,
    )
)
@settings(max_examples=500, deadline=None)
def test_nothing_makes_it_fail_and_every_item_can_be_read_again(sent: Any) -> None:
    try:
        items = decoded(sent)
    except refused.Refused:
        return
    for item in items:
        assert item.errors or item.drafts
        [again] = foreign.again(item.raw, item.media_type, NOW)
        assert (again.message_id, again.drafts) == (item.message_id, item.drafts)


def group(**more: Any) -> dict[str, Any]:
    measures = [{"value": 65750, "type": 1, "unit": -3}]
    return {"body": {"measuregrps": [{"grpid": 12, "date": 1795420000, "category": 1,
                                      "measures": measures, **more}]}}  # fmt: skip


def test_a_withings_scale_that_could_not_tell_who_stood_on_it_asks_whose_it_is() -> None:
    assert [each.code for each in only(group(attrib=1)).errors] == [Code.WHOSE]
    assert not only(group(attrib=0)).errors
    assert only(group(attrib=2)).drafts[0].body["entered"] == "manual"


@pytest.mark.parametrize("measures", [True, None, 3, {"a": 1}, "x"])
def test_withings_measures_that_are_no_list_are_set_aside(measures: Any) -> None:
    assert [each.code for each in only(group(measures=measures)).errors] == [Code.UNKNOWN_KIND]


@pytest.mark.parametrize(
    ("name", "row", "unit"),
    [
        ("WeightDataList", {"WeightValue": 180}, "WeightUnit"),
        ("BGDataList", {"BG": 7}, "BGUnit"),
        ("BPDataList", {"HP": 18, "BPL": 11}, "BPUnit"),
    ],
)
def test_an_ihealth_value_that_does_not_say_its_unit_is_not_guessed_at(
    name: str, row: dict[str, Any], unit: str
) -> None:
    whole = {**row, "MDate": 1795420000, "DataID": "x2", "TimeZone": "+0100"}
    assert Code.UNKNOWN_UCUM in {each.code for each in only({name: [whole]}).errors}
    assert Code.UNKNOWN_UCUM in {each.code for each in only({name: [whole], unit: 9}).errors}


def test_a_length_of_time_in_no_known_unit_is_no_length() -> None:
    frame = {"time_interval": {"start_date_time": "2026-11-23T07:12:00+01:00",
                               "duration": {"value": 2, "unit": ["h"]}}}  # fmt: skip
    sent = {"heart_rate": {"value": 61, "unit": "beats/min"}, "effective_time_frame": frame}
    assert (only(sent).at, only(sent).until) == (AT, None)


def test_a_file_with_a_text_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(refused.NotStorable):
        foreign.decode(b'{"body_weight":{"value":80,"unit":"\\ud800"}}', NOW)


def test_a_very_long_name_is_shortened_the_same_way_each_time() -> None:
    first, second = only(group(grpid="a" * 5000)), only(group(grpid="a" * 5000))
    assert len(first.message_id) < 100
    assert first.message_id == second.message_id != only(group(grpid="b" * 5000)).message_id


# --- what other senders of the same families write ------------------------------------------------


def test_a_header_of_the_ieee_standard_says_how_it_was_measured() -> None:
    sent = {
        "header": {
            "uuid": "0190f3a2-7c1e",
            "schema_id": {"namespace": "ieee", "name": "body-weight", "version": "1.0"},
            "source_creation_date_time": "2026-11-23T07:13:00+01:00",
            "modality": "sensed",
        },
        "body": {"body_weight": {"value": 82.4, "unit": "kg"}, **FRAME},
    }

    item = only(sent)

    assert (item.message_id, item.at) == ("omh:0190f3a2-7c1e", AT)
    assert item.drafts[0].body["entered"] == "device"


def test_oxygen_that_is_given_stays_with_the_saturation() -> None:
    body = {
        "oxygen_saturation": {"value": 93, "unit": "%"},
        "supplemental_oxygen_flow_rate": {"value": 2.5, "unit": "L/min"},
        **FRAME,
    }

    assert values_of(only(point(body))) == {"value": 93, "oxygen_flow": Decimal("2.5")}


@pytest.mark.parametrize("name", ["step-count", "sleep-duration", "rr-interval"])
def test_what_a_phone_counts_is_kept_as_it_was_told_and_never_judged(name: str) -> None:
    key = name.replace("-", "_")
    sent = point({key: {"value": 612, "unit": "x"}, **FRAME})
    sent["header"]["schema_id"]["name"] = name

    [draft] = only(sent).drafts

    assert draft.kind == "foreign"
    assert draft.body["values"] == {}
    assert draft.body["foreign"]["components"] == [{"text": key, "value": "612 x"}]


def test_what_no_schema_names_still_waits() -> None:
    item = only({"step_count": {"value": 612, "unit": "steps"}, **FRAME})

    assert [one.code for one in item.errors] == [Code.UNKNOWN_KIND]


def test_a_senml_share_of_one_is_a_percentage_and_a_batterys_is_no_saturation() -> None:
    pack = [{"bn": "urn:dev:mac:01/", "n": "spo2", "u": "/", "v": 0.97, "t": 1_795_000_000}]

    assert values_of(only(pack)) == {"value": Decimal("97.00")}
    for unit in ("%EL", "%RH", ""):
        pack[0]["u"] = unit
        assert [one.code for one in only(pack).errors] == [Code.UNKNOWN_UCUM]


def test_senml_base_values_times_and_units_hold_until_they_are_told_anew() -> None:
    pack = [
        {"bn": "urn:dev:mac:01:", "bt": 1_795_000_000, "bu": "kg", "bv": 80, "n": "body_weight",
         "v": 2.4},
        {"n": "body_weight", "t": 60, "v": 2.6},
        {"bv": 0, "bu": "lb", "n": "body_weight", "t": 120, "v": 181},
    ]  # fmt: skip

    first, second, third = decoded(pack)

    assert [values_of(one)["value"] for one in (first, second)] == [
        Decimal("82.4"),
        Decimal("82.6"),
    ]
    assert third.drafts[0].body["original"]["value"] == {"value": 181, "unit": "lb"}
    assert first.at is not None
    assert second.at is not None
    assert (second.at - first.at).total_seconds() == 60


def test_a_senml_record_that_says_one_thing_twice_is_not_chosen_from() -> None:
    pack = [
        {"bn": "urn:dev:mac:01:", "bt": 1_795_000_000, "n": "body_weight", "u": "kg", "v": 82.4},
        {"n": "body_weight", "u": "kg", "v": 83.1},
    ]

    assert [one.code for one in only(pack).errors] == [Code.BAD_VALUE]


@pytest.mark.parametrize("more", [{"bver": 11}, {"bver": "x"}, {"hjv_": 1}])
def test_senml_that_must_be_understood_otherwise_is_not_read(more: dict[str, Any]) -> None:
    pack = [{"bn": "urn:dev:mac:01:", "n": "body_weight", "u": "kg", "v": 82.4, **more}]

    assert [one.code for one in only(pack).errors] == [Code.UNKNOWN_KIND]
    plain = {key: told for key, told in pack[0].items() if key not in more}
    assert not only([plain | {"bver": 10}]).errors


@pytest.mark.parametrize("zone", ["+01:00", "+0100"])
def test_an_ihealth_offset_with_or_without_its_colon(zone: str) -> None:
    row = {"WeightValue": 80, "MDate": 1795420000, "DataID": "x2", "TimeZone": zone}
    item = only({"WeightDataList": [row], "WeightUnit": 0})
    assert item.at == datetime.fromtimestamp(1795420000 - 3600, UTC)


def test_a_withings_group_with_two_weights_is_not_chosen_from() -> None:
    measures = [{"value": 65750, "type": 1, "unit": -3}, {"value": 85750, "type": 1, "unit": -3}]
    item = only({"measuregrps": [{"grpid": 1, "date": 1795420000, "measures": measures}]})
    assert [each.code for each in item.errors] == [Code.BAD_VALUE]


@pytest.mark.parametrize("told", ["—", "NaN", None, True, [65750], {"value": 1}])
def test_a_withings_value_that_is_no_number_is_set_aside(told: Any) -> None:
    group = {"grpid": 1, "date": 1795420000, "measures": [{"value": told, "type": 1, "unit": -3}]}
    assert only({"measuregrps": [group]}).errors


@pytest.mark.parametrize("told", ["—", "NaN", None, 0, -1, 32767])
def test_an_ihealth_value_that_is_none_is_set_aside(told: Any) -> None:
    row = {"HP": told, "BPL": 80, "HR": 70, "MDate": 1795420000, "TimeZone": "+0100"}
    assert only({"BPDataList": [row], "BPUnit": 0}).errors
