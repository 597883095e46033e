"""The row that a gateway's unknown topic would need, proposed without a value of it."""

import json
import tomllib
from typing import Any

import pytest

from services.ingest.devices import gateway_table
from services.patients.page import table_row

WHEN = "2026-11-23T07:12:00+01:00"


def raw(topic: str, payload: Any) -> bytes:
    told = payload if isinstance(payload, str) else json.dumps(payload)
    return json.dumps({"topic": topic, "payload": told}).encode()


def proposed(topic: str, payload: Any) -> dict[str, Any]:
    said = table_row.said(raw(topic, payload))
    assert said is not None
    [row] = tomllib.loads(table_row.row(said))["gateway"]
    return dict(row)


@pytest.mark.parametrize(
    ("topic", "payload", "reading", "clock"),
    [
        ("acme/7/weight", {"weight": 81.2, "weight_unit": "kg", "ts": WHEN},
         {"kind": "body_weight", "fields": {"value": {"from": "weight",
                                                      "unit_from": "weight_unit"}}}, "offset"),
        ("cuff/bp", {"data": {"sys": 120, "dia": "80"}, "time": 1_700_000_000},
         {"kind": "blood_pressure", "fields": {
             "systolic": {"from": "data.sys", "unit": "?"},
             "diastolic": {"from": "data.dia", "unit": "?"}}}, "epoch"),
        ("stue/spo2", "97", {"kind": "spo2", "fields": {"value": {"from": "payload",
                                                                  "unit": "?"}}}, "none"),
        ("x/y", {"a": 1, "b": 2}, {"kind": "?", "fields": {"value": {"from": "?",
                                                                     "unit": "?"}}}, "none"),
        ("x/y", {"temp": 37.1, "timestamp": "2026-11-23 07:12"},
         {"kind": "body_temp", "fields": {"value": {"from": "temp", "unit": "?"}}}, "local"),
    ],
)  # fmt: skip
def test_what_is_measured_is_told_by_its_names(
    topic: str, payload: Any, reading: Any, clock: str
) -> None:
    row = proposed(topic, payload)
    assert row["reading"] == reading
    assert row["clock"] == [clock]


def test_a_device_in_the_topic_is_a_word_and_a_serial_number() -> None:
    row = proposed("acme/A4C138001122/weight", {"weight": 81})
    assert (row["topic"], row["serial"]) == ("acme/{device}/weight", "device")


def test_a_proposal_is_refused_until_somebody_has_said_the_unit(tmp_path: Any) -> None:
    file = tmp_path / "own.toml"
    said = table_row.said(raw("acme/7/weight", {"weight": 81.2}))
    assert said is not None
    assert "kg" in table_row.units(said)
    file.write_text(table_row.row(said))
    with pytest.raises(gateway_table.TableIsNotSound):
        gateway_table.load(file)
    file.write_text(table_row.row(said).replace("?", "kg"))
    assert gateway_table.load(file)[0].topic == "acme/7/weight"


def test_no_value_and_no_key_that_is_no_name_stands_in_it() -> None:
    payload = {"Ola Nordmann": 1, "name": "Kari", "weight": 81.2, "note": "hjemme"}
    said = table_row.said(raw("acme/7/weight", payload))
    assert said is not None
    told = table_row.row(said) + str(dict(said.keys))
    for secret in ("Ola", "Kari", "81.2", "hjemme"):
        assert secret not in told
    assert said.keys == {"name": "text", "weight": "number", "note": "text"}


@pytest.mark.parametrize(
    "sent",
    [b"", b"{", b"[]", b'{"topic": 1}', b'{"topic":"a","payload":"\\u0000"}',
     b'{"topic":"a\\"]\\n","payload":"1e999999"}', b'{"topic":"a","payload":[1,{"b":2}]}',
     b'{"topic":"a/\\u00e6","payload":"{\\"ts\\":\\"1.5\\",\\"time\\":true}"}'],
)  # fmt: skip
def test_whatever_was_sent_it_does_not_fail(sent: bytes) -> None:
    said = table_row.said(sent)
    if said is not None:
        assert tomllib.loads(table_row.row(said))["gateway"]
