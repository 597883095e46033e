"""Gateways that people own: every hostile thing that such payloads are known to do."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.devices import gateway_table, gateways
from services.ingest.devices.gateway_table import TableIsNotSound
from shared.contracts import Code, Item

TABLE = gateway_table.load()
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def decoded(topic: str, payload: Any, now: datetime = NOW) -> list[Item]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return gateways.decode(TABLE, topic, body, now)


def only(topic: str, payload: Any, now: datetime = NOW) -> Item:
    [item] = decoded(topic, payload, now)
    return item


def value(item: Item) -> Any:
    return item.drafts[0].body["values"]["value"]


def pressure(serial: str = "d616f9641622", **more: Any) -> dict[str, Any]:
    return {"scan_time": 1795420000, "ble_addr": serial, "bp_high": 137, "bp_low": 95, **more}


def ava4(*devices: dict[str, Any]) -> dict[str, Any]:
    return {"from": "BLE", "time": 1795420000, "mac": "08:F9",
            "data": {"attribute": "x", "value": {"device_list": list(devices)}}}  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "at"),
    [
        ("2026-07-01T07:30:00+00:00", datetime(2026, 7, 1, 5, 30, tzinfo=UTC)),
        ("2026-11-20T07:30:00+00:00", datetime(2026, 11, 20, 6, 30, tzinfo=UTC)),
    ],
)
def test_xiaomi_local_time_that_is_said_to_be_utc(sent: str, at: datetime) -> None:
    item = only("miscale/jo/weight", {"weight": 84.6, "weight_unit": "kg", "timestamp": sent})
    assert (item.at, item.slot, value(item)) == (at, "jo", Decimal("84.6"))


def test_the_hour_that_comes_twice_is_the_one_nearer_to_its_arrival() -> None:
    sent = {"weight": 84.6, "weight_unit": "kg", "timestamp": "2026-10-25T02:30:00+00:00"}
    first, second = (datetime(2026, 10, 25, hour, 31, tzinfo=UTC) for hour in (0, 1))

    assert only("miscale/jo/weight", sent, first).at == first - timedelta(minutes=1)
    assert only("miscale/jo/weight", sent, second).at == second - timedelta(minutes=1)


def test_xiaomi_pounds_are_converted_and_kept_as_sent() -> None:
    sent = {"weight": 186.5, "weight_unit": "lbs", "timestamp": "2026-11-20T07:30:00+00:00"}
    item = only("miscale/jo/weight", sent)
    assert round(value(item), 2) == Decimal("84.59")
    assert item.drafts[0].body["original"]["value"]["unit"] == "lbs"


def test_bt_mqtt_gateway_says_one_weighing_five_times_and_means_it_once() -> None:
    whole = {"weight": 61.75, "user": "jane", "timestamp": "2026-11-20 11:58:41"}
    assert only("miscale/users/jane", whole).at == datetime(2026, 11, 20, 10, 58, 41, tzinfo=UTC)
    for topic, payload in (("miscale/weight/kg", 61.75), ("miscale/impedance", 503)):
        assert decoded(topic, payload) == []


def test_ble_scale_sync_without_time_or_id_is_known_when_it_is_delivered_again() -> None:
    sent = {"weight": 80, "impedance": 500}
    first = only("scale/body-composition/dad", sent)
    again = only("scale/body-composition/dad", sent, NOW + timedelta(minutes=2))
    tomorrow = only("scale/body-composition/dad", sent, NOW + timedelta(days=1))

    assert (first.at, first.slot) == (NOW, "dad")
    assert (again.message_id, again.content) == (first.message_id, first.content)
    assert tomorrow.message_id != first.message_id


def test_theengs_objects_and_coffee_are_no_persons_weight() -> None:
    topic = "home/gw/BTtoMQTT/AABB"
    for sent in (
        {"id": "AA:BB", "weighing_mode": "object", "weight": 3.2, "unit": "kg"},
        {"id": "AA:BB", "weighing_mode": "person", "weight": -0.4, "unit": "kg"},
        {"id": "AA:BB", "tempc": 21.5, "hum": 40},
    ):
        assert decoded(topic, sent) == []
    item = only(topic, {"id": "AA:BB", "weighing_mode": "person", "weight": 180.2, "unit": "lb"})
    assert (item.serial, round(value(item), 1)) == ("AA:BB", Decimal("81.7"))


@pytest.mark.parametrize("date", ["2026-01-01T10:00+0100", 1767258000000])
def test_openscale_dates_without_seconds_or_colon_and_in_milliseconds(date: Any) -> None:
    item = only("openScaleSync/measurements/insert", {"date": date, "weight": 80.0, "fat": None})
    assert item.at == datetime(2026, 1, 1, 9, 0, tzinfo=UTC)


def test_openscale_changes_and_deletions_are_of_the_measurement_of_that_moment() -> None:
    date = "2026-01-01T10:00+0100"
    insert = only("openScaleSync/measurements/insert", {"date": date, "weight": 80.0})
    last = only("openScaleSync/measurements/last", {"date": date, "weight": 80.0, "id": 179})
    update = only("openScaleSync/measurements/update", {"date": date, "weight": 79.0})
    delete = only("openScaleSync/measurements/delete", {"dateTime": date})

    assert (last.message_id, last.content) == (insert.message_id, insert.content)
    assert (update.how, update.replaces) == ("correction", insert.message_id)
    assert (delete.how, delete.replaces, delete.drafts) == ("void", insert.message_id, ())


def test_openscale_clear_and_an_emptied_last_wipe_nothing() -> None:
    assert decoded("openScaleSync/measurements/clear", True) == []
    assert decoded("openScaleSync/measurements/last", {}) == []


def test_openscale_history_comes_as_a_list_with_columns_left_empty() -> None:
    history = [{"date": f"2026-01-0{day}T10:00+0100", "weight": 80 + day, "water": None}
               for day in (1, 2, 3)]  # fmt: skip
    assert [value(item) for item in decoded("openScaleSync/measurements/all", history)] == [
        81, 82, 83,
    ]  # fmt: skip


def test_ava4_fans_out_its_devices_reads_texts_and_drops_the_noise_of_floats() -> None:
    sent = ava4(
        pressure(PR=74),
        {"scan_time": 1795420000, "ble_addr": "ff2301283119", "temp": 36.43000031},
        {"scan_time": 1795420000, "ble_addr": "806fb0750c88", "blood_glucose": "108"},
    )

    found = {draft.kind: (item, draft) for item in decoded("dusun_pub", sent)
             for draft in item.drafts}  # fmt: skip

    assert found["blood_pressure"][1].body["values"] == {"systolic": 137, "diastolic": 95}
    assert found["heart_rate"][1].body["values"] == {"value": 74}
    assert found["body_temp"][1].body["values"] == {"value": Decimal("36.43")}
    assert found["glucose"][1].body["original"]["value"]["unit"] == "mg/dL"
    assert {item.serial for item, _ in found.values()} == {
        "d616f9641622", "ff2301283119", "806fb0750c88",
    }  # fmt: skip


def test_ava4_clock_of_2028_is_kept_as_told_for_the_ledger_to_doubt() -> None:
    item = only("dusun_pub", ava4(pressure(scan_time=1836942771)))
    assert item.at is not None
    assert item.at.year == 2028
    assert item.drafts[0].body["claimed_at"] == "1836942771"


def test_a_qube_box_names_a_person_and_we_keep_no_word_of_it() -> None:
    sent = {
        "time": 1795420000, "citiz": "3570300400000", "nameTH": "x", "nameEN": "Mr Test",
        "brith": "25220713", "gender": "1",
        "data": {"ble_mac": "FF:22", "value": {"bp_high": 120, "bp_low": 78, "pr": 71}},
    }  # fmt: skip

    item = only("CM4_BLE_GW_TX", sent)

    assert item.serial == "FF:22"
    for private in (b"3570300400000", b"Mr Test", b"25220713"):
        assert private not in item.raw


def test_a_kati_watch_writes_the_day_first_and_has_no_zone() -> None:
    sent = {"IMEI": "8650", "heartRate": 72, "bloodPressure": {"bp_sys": 122, "bp_dia": 74},
            "spO2": 97, "timeStamps": "16/06/2026 12:30:45", "location": {"GPS": {}}}  # fmt: skip

    items = decoded("iMEDE_watch/VitalSign", sent)

    assert {item.at for item in items} == {datetime(2026, 6, 16, 10, 30, 45, tzinfo=UTC)}
    assert {draft.kind for item in items for draft in item.drafts} == {
        "blood_pressure", "heart_rate", "spo2",
    }  # fmt: skip
    assert all(b"location" not in item.raw for item in items)


@pytest.mark.parametrize(("topic", "told"), [("sos", "sos"), ("fallDown", "fall")])
def test_a_watchs_sos_and_fall_are_personal_alarms(topic: str, told: str) -> None:
    item = only(f"iMEDE_watch/{topic}", {"status": "x", "location": {}, "IMEI": "8650"})
    assert (item.drafts[0].kind, value(item)) == ("personal_alarm", told)


def test_a_watch_that_goes_offline_is_a_devices_status() -> None:
    item = only("iMEDE_watch/onlineTrigger", {"IMEI": "8650", "status": "offline"})
    assert item.drafts[0].body["state"] == "offline"


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("homeassistant/sensor/x/config", {"name": "AHI", "state_topic": "cpap/x"}),
        ("scale/body-composition/status/x", "online"),
        ("kitchen/status", "online"),
        ("cpap/x/realtime/session_active", "ON"),
    ],
)
def test_discovery_and_availability_are_never_measurements(topic: str, payload: Any) -> None:
    assert decoded(topic, payload) == []


def test_hms_cpap_scalars_are_one_night_when_they_are_complete() -> None:
    told = {
        "usage_hours": "7.250000", "ahi": "2.100000", "pressure_p95": "12.300000",
        "leak_p95": "18.000000", "reras": "2",
        "last_session_time": "2026-11-22T23:14:00+01:00",
    }  # fmt: skip

    [item] = gateways.collected(TABLE, "cpap/resmed_1/historical/ahi", told, NOW)

    assert item.at == datetime(2026, 11, 22, 22, 14, tzinfo=UTC)
    assert item.drafts[0].body["values"] == {
        "usage": Decimal("435"), "ahi": Decimal("2.10"), "pressure_p95": Decimal("12.30"),
        "leak_p95": Decimal("18.00"),
    }  # fmt: skip


def test_a_topic_that_nobody_knows_waits_once_however_often_it_speaks() -> None:
    first, second = only("garage/door", {"open": 1}), only("garage/door", {"open": 0})
    assert [each.code for each in first.errors] == [Code.UNKNOWN_KIND]
    assert (first.message_id, first.content) == (second.message_id, second.content)


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff\xfe", b'{"a":1,"a":2}', b"NaN"])
def test_a_payload_that_cannot_be_read_is_kept(payload: bytes) -> None:
    item = only("miscale/jo/weight", payload)
    assert [each.code for each in item.errors] == [Code.UNREADABLE]


def test_an_impossible_weight_and_a_strange_time_are_quarantined() -> None:
    sent = {"weight": 900, "weight_unit": "kg", "timestamp": "yesterday"}
    item = only("miscale/jo/weight", sent)
    assert {each.code for each in item.errors} == {Code.BAD_TIME, Code.IMPLAUSIBLE}


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("miscale/jo/weight", {"weight": 84.6, "timestamp": "2026-11-20T07:30:00+00:00"}),
        ("dusun_pub", ava4(pressure(PR=74), pressure("other"))),
        ("iMEDE_watch/VitalSign", {"IMEI": "8", "spO2": 97, "bodyTemperature": 36.6,
                                   "timeStamps": "16/06/2026 12:30:45"}),
        ("openScaleSync/measurements/delete", {"date": "2026-01-01T10:00+0100"}),
        ("garage/door", {"open": 1}),
    ],
)  # fmt: skip
def test_every_item_can_be_read_again_from_what_is_kept_of_it(topic: str, payload: Any) -> None:
    for item in decoded(topic, payload):
        [again] = gateways.decode_again(TABLE, item.raw, NOW)
        assert (again.message_id, again.content, again.drafts) == (
            item.message_id, item.content, item.drafts
        )  # fmt: skip


def test_a_hospitals_own_table_comes_first_and_may_name_new_families(tmp_path: Path) -> None:
    own = tmp_path / "gateways.toml"
    own.write_text(
        """
        [[gateway]]
        name = "Ward scale"
        topic = "ward/{room}/kg"
        text = false
        positive = ["w"]
        clock = ["none"]
        slot = "{room}"
        reading = { kind = "body_weight", fields = { value = { from = "w", unit = "kg" } } }
        """
    )
    table = gateway_table.load(own)
    [item] = gateways.decode(table, "ward/12/kg", b'{"w": 70.5}', NOW)
    assert (item.slot, value(item)) == ("12", Decimal("70.5"))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ('reading = { kind = "mood", fields = {} }', "no kind mood"),
        ('reading = { kind = "body_weight", fields = {} }', "needs value"),
        (
            'reading = { kind = "body_temp", fields = { value = { from = "w", unit = "kg" } } }',
            "never measured in kg",
        ),
        ("", "neither a reading nor a status"),
        ("colour = 1", "colour"),
    ],
)
def test_a_table_that_is_not_sound_is_refused_with_a_sentence(
    tmp_path: Path, row: str, says: str
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(f'[[gateway]]\nname = "X"\ntopic = "x"\nclock = ["none"]\n{row}\n')
    with pytest.raises(TableIsNotSound, match=says):
        gateway_table.load(own)


@given(
    st.sampled_from([row.topic.replace("{", "").replace("}", "") for row in TABLE]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from(["weight", "date", "data", "value", "device_list", "bp_high", "bp_low",
                             "timestamp", "time", "scan_time", "weight_unit", "unit", "spO2"]),
            inner, max_size=4,
        ),
        max_leaves=12,
    ),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_no_payload_makes_it_fail(topic: str, payload: Any) -> None:
    for item in decoded(topic, payload):
        assert item.errors or item.drafts or item.how == "void"


HISTORY = {
    "fields": ["date", "weight", "body_fat", "custom_3"],
    "units": {"weight": "kg", "body_fat": "%", "custom_3": "cm"},
    "rows": [[1767258000000, 80.0, 21.5, None], [1767344400000, None, 21.4, 92],
             [1767430800000, 79.6, None, None]],
}  # fmt: skip


def test_openscale_of_several_users_each_with_topics_of_his_own() -> None:
    topic = "openScaleSync/2/measurements"
    date = "2026-01-01T10:00+0100"
    insert = only(f"{topic}/insert", {"date": date, "weight": 80.0, "userId": 2, "username": "Jo"})
    update = only(f"{topic}/update", {"date": date, "weight": 79.0})
    delete = only(f"{topic}/delete", {"dateTime": date})

    assert (insert.slot, insert.at) == ("2", datetime(2026, 1, 1, 9, 0, tzinfo=UTC))
    assert b"Jo" not in insert.raw
    assert (update.replaces, delete.replaces) == (insert.message_id, insert.message_id)
    other = only("openScaleSync/3/measurements/insert", {"date": date, "weight": 80.0})
    assert other.message_id != insert.message_id
    assert decoded(f"{topic}/clear", True) == []


def test_openscale_history_in_columns_is_the_same_weighings_and_no_empty_ones() -> None:
    first, second = decoded("openScaleSync/2/measurements/history", HISTORY)
    told = only("openScaleSync/2/measurements/insert",
                {"date": "2026-01-01T10:00+0100", "weight": 80.0})  # fmt: skip

    assert [value(each) for each in (first, second)] == [Decimal("80"), Decimal("79.6")]
    assert (first.message_id, first.content) == (told.message_id, told.content)
    [again] = gateways.decode_again(TABLE, second.raw, NOW)
    assert (again.message_id, again.drafts) == (second.message_id, second.drafts)


def test_ble_scale_sync_says_of_itself_whether_it_is_there_and_that_is_no_users_weight() -> None:
    item = only("scale/body-composition/status", b"online")
    assert (item.drafts[0].kind, item.drafts[0].body["state"]) == ("device_status", "online")
    assert item.slot is None
    assert decoded("scale/body-composition/status", b"starting") == []


@pytest.mark.parametrize("payload", [b'{"a":"\\ud800"}', b'{"weight":80,"x":"\\u0000"}'])
def test_a_text_that_cannot_be_stored_is_set_aside_and_holds_up_nothing(payload: bytes) -> None:
    item = only("scale/body-composition/dad", payload)
    assert [each.code for each in item.errors] == [Code.NOT_STORABLE]


@pytest.mark.parametrize("told", [10**30, -(10**18), Decimal("1e40"), '"9e999999999"'])
def test_a_number_beyond_all_bounds_is_no_time_and_no_weight(told: Any) -> None:
    sent = '{"data":{"value":{"device_list":[{"scan_time":%s,"ble_addr":"d6","weight":80}]}}}'
    [item] = decoded("dusun_pub", (sent % told).encode())
    assert [each.code for each in item.errors] == [Code.BAD_TIME]
    whole = '{"data":{"value":{"device_list":[{"scan_time":1,"ble_addr":"d6","weight":%s}]}}}'
    [waits] = decoded("dusun_pub", (whole % told).encode())
    assert Code.BAD_VALUE in {each.code for each in waits.errors}


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("miscale/jo/weight", {"weight": 186.5, "timestamp": "2026-11-20T07:30:00+00:00"}),
        ("home/hall/BTtoMQTT/A4C13800AABB",
         {"id": "A4:C1:38:00:AA:BB", "weighing_mode": "person", "weight": 186.5}),
    ],
)  # fmt: skip
def test_a_weight_of_a_scale_that_can_be_set_to_pounds_says_its_unit_or_waits(
    topic: str, payload: Any
) -> None:
    assert [one.code for one in only(topic, payload).errors] == [Code.UNKNOWN_UCUM]


@pytest.mark.parametrize(
    ("topic", "told"),
    [("sos", "sos"), ("SOS", "sos"), ("fallDown", "fall"), ("fall_down", "fall")],
)
@pytest.mark.parametrize("payload", [b"", b"SOS", b"[]", b"null", b"{broken", b"1"])
def test_a_call_for_help_is_one_whatever_stands_in_it(
    topic: str, told: str, payload: bytes
) -> None:
    item = only(f"iMEDE_watch/{topic}", payload)
    assert (item.drafts[0].kind, value(item)) == ("personal_alarm", told)
    [again] = gateways.decode_again(TABLE, item.raw, NOW)
    assert again.drafts == item.drafts


def test_a_watchs_topic_that_nobody_knows_is_not_passed_over() -> None:
    item = only("iMEDE_watch/helpMe", {"IMEI": "8650"})
    assert [one.code for one in item.errors] == [Code.UNKNOWN_KIND]
    assert decoded("iMEDE_watch/location", {"IMEI": "8650"}) == []


@pytest.mark.parametrize("bp", [None, {"bp_sys": 0, "bp_dia": 0}, {"bp_sys": "--"}])
def test_a_pulse_without_a_pressure_is_a_pulse(bp: Any) -> None:
    sent = {"IMEI": "8650", "heartRate": "72", "bloodPressure": bp, "spO2": None,
            "timeStamps": "16/06/2026 12:30:45"}  # fmt: skip
    item = only("iMEDE_watch/VitalSign", sent)
    assert (item.drafts[0].kind, value(item)) == ("heart_rate", 72)
    day = {"IMEI": "8650", "data": [{"timestamp": 1795420000, "heartRate": 66}]}
    assert value(only("iMEDE_watch/AP55", day)) == 66


@pytest.mark.parametrize("nothing", [0, "0", None, "", "--", "—", "NaN", "null", "N/A"])
def test_what_says_that_there_is_none_is_none_and_costs_nothing_beside_it(nothing: Any) -> None:
    assert decoded("dusun_pub", ava4(pressure(bp_high=nothing, bp_low=nothing))) == []
    item = only("dusun_pub", ava4(pressure(PR=nothing)))
    assert [draft.kind for draft in item.drafts] == ["blood_pressure"]


@pytest.mark.parametrize("odd", ["1 37", "1.370,5", "Err", "0x89", [137], {"value": 137}])
def test_a_value_that_is_no_number_waits_with_a_reason(odd: Any) -> None:
    item = only("dusun_pub", ava4(pressure(bp_high=odd)))
    assert [one.code for one in item.errors] == [Code.BAD_VALUE]


@pytest.mark.parametrize(
    ("key", "wrong"),
    [("spo2", 127), ("spo2", 255), ("temp", 6553.5), ("weight", 655.35), ("blood_glucose", 65535)],
)
def test_the_largest_number_of_a_field_is_no_measurement(key: str, wrong: float) -> None:
    told = {"scan_time": 1795420000, "ble_addr": "ff2301283119", key: wrong}
    assert [one.code for one in only("dusun_pub", ava4(told)).errors] == [Code.IMPLAUSIBLE]


@pytest.mark.parametrize("unset", [0, "0", 86_400, 946_684_799])
def test_a_clock_that_was_never_set_is_no_time(unset: Any) -> None:
    item = only("dusun_pub", ava4(pressure(scan_time=unset)))
    assert [one.code for one in item.errors] == [Code.BAD_TIME]


def test_several_messages_in_one_are_each_read() -> None:
    sent = [
        {"weight": 81.5, "weight_unit": "kg", "timestamp": "2026-11-20T07:30:00+00:00"},
        {"weight": 180, "weight_unit": "lbs", "timestamp": "2026-11-21T07:30:00+00:00"},
    ]
    first, second = decoded("miscale/jo/weight", sent)
    assert (value(first), round(value(second), 2)) == (Decimal("81.5"), Decimal("81.65"))


def test_another_topic_of_one_level_is_not_known_because_a_gateway_has_one() -> None:
    for payload in (b"75.3", b'{"weight": 75.3}'):
        [item] = decoded("weight", payload)
        assert [one.code for one in item.errors] == [Code.UNKNOWN_KIND]


@pytest.mark.parametrize("payload", [b"75.3", b'"75.3"', b"true"])
def test_a_bare_value_where_json_is_expected_waits(payload: bytes) -> None:
    [item] = decoded("miscale/jo/weight", payload)
    assert [one.code for one in item.errors] == [Code.UNREADABLE]


def test_a_hospitals_own_row_says_that_a_scale_is_set_to_pounds(tmp_path: Path) -> None:
    """The JSON of bt-mqtt-gateway never says its unit: ours declares kg, and a site may say lb."""
    sent = {"weight": 180, "timestamp": "2026-11-20 07:30:00"}
    [ours] = decoded("miscale/users/jo", sent)
    assert value(ours) == 180
    own = tmp_path / "gateways.toml"
    own.write_text(
        """
        [[gateway]]
        name = "The ward's scale, in pounds"
        topic = "miscale/users/{user}"
        positive = ["weight"]
        clock = ["local"]
        time = "timestamp"
        slot = "{user}"
        reading = { kind = "body_weight", fields = { value = { from = "weight", unit = "lb" } } }
        """
    )
    body = json.dumps(sent).encode()
    [theirs] = gateways.decode(gateway_table.load(own), "miscale/users/jo", body, NOW)
    assert round(value(theirs), 2) == Decimal("81.65")
