"""Every decoder reads time alike: the same calendar, the same doubled hour in October."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from services.ingest.devices import (
    fhir_r4,
    foreign,
    gateway_table,
    gateways,
    hl7_adt,
    hl7_message,
    hl7_oru,
    json_v1,
    status,
)
from shared.contracts import Code, Item
from tests.devices import test_hl7, test_hl7_adt

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
TABLE = gateway_table.load()
ZERO = "0001-01-01T00:00:00+00:00"  # what .NET calls no time
END = "9999-12-31T23:59:59+00:00"


def own(at: str) -> list[Item]:
    sent = {"v": 1, "id": "weight-0001", "kind": "body_weight", "at": at, "values": {"value": 82.4}}
    return json_v1.decode(json.dumps(sent).encode(), "application/json", 10)


def fhir(at: str) -> list[Item]:
    sent = {
        "resourceType": "Observation", "status": "final", "effectiveDateTime": at,
        "identifier": [{"system": "urn:x", "value": "m-1"}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "valueQuantity": {"value": 82.4, "code": "kg", "system": "http://unitsofmeasure.org"},
    }  # fmt: skip
    return fhir_r4.decode(json.dumps(sent).encode(), "application/fhir+json", {}, NOW).items


def open_mhealth(at: str) -> list[Item]:
    return _foreign({"body_weight": {"value": 82.4, "unit": "kg"},
                     "effective_time_frame": {"date_time": at}})  # fmt: skip


def senml(at: str) -> list[Item]:
    seconds = _seconds(at) * (10 if at < "1900" else 1)  # a small number counts from now
    return _foreign([{"n": "scale/body_weight", "u": "kg", "v": 82.4, "t": seconds}])


def withings(at: str) -> list[Item]:
    measure = {"type": 1, "value": 824, "unit": -1}
    return _foreign({"measuregrps": [{"grpid": 1, "date": _seconds(at), "category": 1,
                                      "measures": [measure]}]})  # fmt: skip


def ihealth(at: str) -> list[Item]:
    row = {"DataID": "1", "WeightValue": 82.4, "MDate": _seconds(at), "TimeZone": "+0100"}
    return _foreign({"WeightUnit": 0, "WeightDataList": [row]})


def night_of_the_app(at: str) -> list[Item]:
    record = {"startDate": at[:10], "totalUsage": 300, "ahi": 1}
    return _foreign({"device": {"serialNumber": "1"}, "sleep_records": [record]})


def gateway_with_an_offset(at: str) -> list[Item]:
    return _gateway("miscale/jo/weight", {"weight": 84.6, "weight_unit": "kg", "timestamp": at})


def gateway_with_an_epoch(at: str) -> list[Item]:
    device = {
        "scan_time": _seconds(at) * 1000,
        "ble_addr": "d616f9641622",
        "bp_high": 137,
        "bp_low": 95,
    }
    told = {"attribute": "x", "value": {"device_list": [device]}}
    return _gateway("dusun_pub", {"from": "BLE", "time": 1795420000, "mac": "08:F9", "data": told})


def hl7(at: str) -> list[Item]:
    obr = f"OBR|1||R-1|182777000^monitoring of patient^SCT|||{_stamp(at)}"
    body = test_hl7.message(test_hl7.MSH, test_hl7.PID, obr, test_hl7.WEIGHT)
    return hl7_oru.decode(body, NOW)[1]


def administration(at: str) -> list[Item]:
    head = test_hl7_adt.msh("A01").replace("20261123071600+0100", _stamp(at))
    sent = "\r".join((head, f"EVN||{_stamp(at)}", test_hl7_adt.PID)).encode()
    return hl7_adt.decode(hl7_message.read(sent), test_hl7_adt.hashes, NOW)


DECODERS = (
    own, fhir, open_mhealth, senml, withings, ihealth, night_of_the_app,
    gateway_with_an_offset, gateway_with_an_epoch, hl7, administration,
)  # fmt: skip


@pytest.mark.parametrize(
    "at", [ZERO, "0001-01-05T00:00:00+00:00", "1899-12-31T12:00:00+00:00", END]
)
@pytest.mark.parametrize("decoder", DECODERS, ids=lambda one: one.__name__)
def test_a_moment_outside_the_calendar_is_no_time(
    decoder: Callable[[str], list[Item]], at: str
) -> None:
    [item] = decoder(at)

    assert Code.BAD_TIME in {error.code for error in item.errors}
    assert (item.at, item.until, item.drafts) == (None, None, ())


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda one: one.__name__)
def test_a_moment_of_these_days_is_read(decoder: Callable[[str], list[Item]]) -> None:
    [item] = decoder("2026-11-23T06:12:00+00:00")
    assert item.at is not None
    assert item.errors == ()


def test_a_length_longer_than_the_calendar_leaves_no_beginning() -> None:
    length = {"value": 900_000, "unit": "wk"}
    frame = {"time_interval": {"end_date_time": "2026-11-23T06:12:00Z", "duration": length}}
    weight = {"body_weight": {"value": 82.4, "unit": "kg"}, "effective_time_frame": frame}
    [item] = _foreign(weight)
    assert [error.code for error in item.errors] == [Code.BAD_TIME]


@pytest.mark.parametrize("at", [ZERO, END])
def test_an_end_outside_the_calendar_is_none(at: str) -> None:
    sent = {
        "v": 1, "id": "session-0001", "kind": "hd_session", "at": "2026-11-23T06:12:00Z",
        "until": at, "values": {"performed": True},
    }  # fmt: skip
    [item] = json_v1.decode(json.dumps(sent).encode(), "application/json", 10)
    assert (item.until, Code.BAD_TIME in {error.code for error in item.errors}) == (None, True)


def test_a_status_without_a_sound_moment_waits_with_when_it_came() -> None:
    sent = {"v": 1, "state": "online", "at": ZERO}
    [item] = status.decode(json.dumps(sent).encode(), "application/json", NOW)
    assert (item.at, [error.code for error in item.errors]) == (NOW, [Code.BAD_TIME])


@pytest.mark.parametrize(("came", "hour"), [("2026-10-25T00:31:00", 0), ("2026-10-25T01:31:00", 1)])
@pytest.mark.parametrize("of", ["results", "administration"])
def test_the_hour_that_comes_twice_is_the_one_nearer_to_its_arrival(
    of: str, came: str, hour: int
) -> None:
    now = datetime.fromisoformat(came).replace(tzinfo=UTC)
    if of == "results":
        obr = "OBR|1||R-1|182777000^monitoring of patient^SCT|||20261025023000"
        body = test_hl7.message(test_hl7.MSH, test_hl7.PID, obr, test_hl7.WEIGHT)
        [item] = hl7_oru.decode(body, now)[1]
    else:
        sent = "\r".join((test_hl7_adt.msh("A01"), "EVN||20261025023000", test_hl7_adt.PID))
        [item] = hl7_adt.decode(hl7_message.read(sent.encode()), test_hl7_adt.hashes, now)
    assert item.at == datetime(2026, 10, 25, hour, 30, tzinfo=UTC)


def _foreign(sent: Any) -> list[Item]:
    return foreign.decode(json.dumps(sent).encode(), NOW)


def _gateway(topic: str, sent: Any) -> list[Item]:
    return gateways.decode(TABLE, topic, json.dumps(sent).encode(), NOW)


def _seconds(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp())


def _stamp(at: str) -> str:
    return f"{datetime.fromisoformat(at):%Y%m%d%H%M%S%z}".rjust(19, "0")
