"""What devices announce of themselves, as firmware writes it: a suggestion at most."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.ingest.devices import discovery, gateway_table, gateways
from services.ingest.devices.discovery import Suggestion

NOW = datetime(2026, 11, 23, 6, 15, tzinfo=UTC)
TABLE = gateway_table.load()
BELOW = "gw/nord/c-1/"


def announced(sent: Any) -> list[Suggestion]:
    return discovery.read(TABLE, json.dumps(sent).encode(), BELOW)


ESPHOME = {
    "dev_cla": "weight",
    "unit_of_meas": "kg",
    "stat_cla": "measurement",
    "name": "Person weight",
    "stat_t": "bath-scale/sensor/person_weight/state",
    "avty_t": "bath-scale/status",
    "uniq_id": "a4cf12sensorperson_weight",
    "dev": {"ids": "a4cf1200aabb", "name": "bath-scale", "mf": "Espressif", "mdl": "esp32dev"},
}
THEENGS = {
    "stat_t": "+/+/BTtoMQTT/A4C13800AABB",
    "name": "Mi Scale-weight",
    "uniq_id": "A4C13800AABB-weight",
    "dev_cla": "weight",
    "val_tpl": "{{ value_json.weight | is_defined }}",
    "unit_of_meas": "kg",
    "device": {
        "name": "Mi Scale",
        "model": "XMTZC04HM",
        "manufacturer": "Xiaomi",
        "connections": [["mac", "A4C13800AABB"]],
        "identifiers": ["A4C13800AABB"],
    },
}
WHOLE = {
    "dev": {"ids": ["ox-17"], "mf": "Acme", "mdl": "Ox 2", "sn": "SN-0017"},
    "o": {"name": "bridge"},
    "~": "oxibridge/17",
    "stat_t": "~/state",
    "cmps": {
        "a": {"p": "sensor", "name": "SpO2", "unit_of_meas": "%",
              "val_tpl": "{{ value_json['spo2'] }}"},
        "b": {"p": "sensor", "name": "Pulse", "unit_of_meas": "bpm",
              "val_tpl": "{{ value_json.pulse.now|float }}"},
        "c": {"p": "sensor", "name": "Battery", "dev_cla": "battery", "unit_of_meas": "%",
              "val_tpl": "{{ value_json.battery }}"},
        "d": {"p": "binary_sensor", "name": "Finger", "val_tpl": "{{ value_json.finger }}"},
    },
}  # fmt: skip


def test_a_bare_sensor_suggests_what_it_measures_where_and_in_which_unit() -> None:
    [one] = announced(ESPHOME)

    assert (one.topic, one.path) == ("bath-scale/sensor/person_weight/state", "payload")
    assert (one.name, one.unit, one.kinds, one.kind) == (
        "Person weight", "kg", ("body_weight",), "body_weight",
    )  # fmt: skip
    assert (one.manufacturer, one.model, one.serial) == (
        "Espressif", "esp32dev", "A4:CF:12:00:AA:BB",
    )  # fmt: skip
    assert one.read_by is None


def test_a_sensor_that_the_table_reads_already_lacks_a_holder_only() -> None:
    [one] = announced(THEENGS)

    assert one.read_by == "Theengs"
    # As the payload names it, so that the binding is found.
    assert one.serial == "A4:C1:38:00:AA:BB"


def test_a_device_that_announces_all_at_once_suggests_each_sensor_of_a_person() -> None:
    spo2, pulse = announced(WHOLE)

    assert (spo2.topic, spo2.path, spo2.kind) == ("oxibridge/17/state", "spo2", "spo2")
    assert (pulse.path, pulse.kind, pulse.unit) == ("pulse.now", "heart_rate", "bpm")
    assert {spo2.serial, pulse.serial} == {"SN-0017"}


def test_a_temperature_is_suggested_and_never_called_a_fever() -> None:
    room = {"name": "Bathroom", "dev_cla": "temperature", "unit_of_meas": "°C", "stat_t": "bath/t"}
    [one] = announced(room)
    [fever] = announced({**room, "name": "Body temperature"})

    assert (one.kinds, one.kind) == (("body_temp",), None)
    assert fever.kind == "body_temp"


@pytest.mark.parametrize(
    "changes",
    [
        {"val_tpl": "{{ value_json.weight / 1000 }}"},
        {"val_tpl": "{{ value_json.weight | multiply(0.5) }}"},
        {"val_tpl": "{% if value_json.w %}{{ value_json.w }}{% endif %}"},
        {"unit_of_meas": "dBm"},
        {"unit_of_meas": None},
        {"dev_cla": "gas"},
        {"dev_cla": None, "name": "Coffee", "uniq_id": "c", "stat_t": "kitchen/coffee"},
        {"stat_t": None},
        {"stat_t": "scale/#"},
        {"stat_t": "gw/nord/c-2/bath-scale/weight"},
    ],
)
def test_what_cannot_be_read_as_it_is_is_not_suggested(changes: dict[str, Any]) -> None:
    assert announced({**ESPHOME, **changes}) == []


@pytest.mark.parametrize("payload", [b"", b"online", b"[]", b"{", b"\xff", b'{"cmps": [1]}'])
def test_what_is_no_announcement_is_nothing(payload: bytes) -> None:
    assert discovery.read(TABLE, payload, BELOW) == []


def test_the_topic_stands_below_the_gateways_own_prefix_or_without_it() -> None:
    [one] = announced({**ESPHOME, "stat_t": f"{BELOW}bath-scale/weight"})

    assert one.topic == "bath-scale/weight"


def taken(one: Suggestion, kind: str) -> tuple[gateway_table.Gateway, ...]:
    return (discovery.row(one.topic, one.path, one.unit, kind, one.serial), *TABLE)


def test_a_taken_sensor_is_read_in_its_unit_for_the_holder_of_its_device() -> None:
    [one] = announced({**ESPHOME, "unit_of_meas": "lb"})
    rows = taken(one, "body_weight")

    [item] = gateways.decode(rows, one.topic, b"180.5", NOW)

    assert item.slot == "A4:CF:12:00:AA:BB"
    assert item.drafts[0].body["original"]["value"]["unit"] == "lb"
    assert not item.errors
    # Between weighings, and while its sensor is away, it measures nobody.
    for idle in (b"0.0", b"unavailable", b"nan", b""):
        assert gateways.decode(rows, one.topic, idle, NOW) == []
    # What is kept of it is read the same again.
    [again] = gateways.decode_again(rows, item.raw, NOW)
    assert (again.content, again.drafts) == (item.content, item.drafts)


def test_two_sensors_of_one_message_are_two_readings() -> None:
    spo2, pulse = announced(WHOLE)
    rows = (*taken(spo2, "spo2")[:1], *taken(pulse, "heart_rate"))
    body = b'{"spo2": 96, "pulse": {"now": 71}, "battery": 50}'

    items = gateways.decode(rows, "oxibridge/17/state", body, NOW)

    assert [(one.drafts[0].kind, one.slot) for one in items] == [
        ("spo2", "SN-0017"), ("heart_rate", "SN-0017"),
    ]  # fmt: skip
    assert gateways.decode(rows, "oxibridge/17/state", b'{"battery": 50}', NOW) == []


def test_levels_that_the_announcement_leaves_open_are_any() -> None:
    [one] = announced({**THEENGS, "unit_of_meas": "bpm", "dev_cla": None, "name": "Heart rate",
                       "val_tpl": "{{ value_json.hr | is_defined }}"})  # fmt: skip
    assert one.read_by is None

    [item] = gateways.decode(
        taken(one, "heart_rate"), "home/hall/BTtoMQTT/A4C13800AABB", b'{"hr": 66}', NOW
    )

    assert item.drafts[0].body["values"] == {"value": 66}


def test_an_announcement_is_never_an_item() -> None:
    topic = "homeassistant/sensor/bath-scale/weight/config"

    assert discovery.is_one(TABLE, topic)
    assert not discovery.is_one(TABLE, "bath-scale/sensor/person_weight/state")
    assert gateways.decode(TABLE, topic, json.dumps(ESPHOME).encode(), NOW) == []
