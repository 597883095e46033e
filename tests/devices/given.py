"""One good payload or more of every format that is taken, written for these tests."""

import json
from typing import Any

from tests.devices import test_cpap, test_fhir_xml, test_hl7, test_hl7_adt

AT = "2026-11-23T07:12:00+01:00"


def _json(*sent: Any) -> tuple[bytes, ...]:
    return tuple(json.dumps(each).encode() for each in sent)


def _hl7(*segments: str) -> bytes:
    return ("\r".join(segments) + "\r").encode()


def _gateway(topic: str, payload: Any) -> bytes:
    return topic.encode() + b"\n" + json.dumps(payload).encode()


OWN = _json(
    {"v": 1, "id": "0190f3a2-7c1e", "kind": "blood_pressure", "at": AT,
     "values": {"systolic": {"value": 18.9, "unit": "kPa"}, "diastolic": "88,5", "pulse": 71},
     "context": {"position": "sitting"}, "device": {"serial": "A1", "clock": "synced"}},
    [{"v": 1, "id": "0190f3a2-7c1f", "kind": "body_weight", "at": AT, "values": {"value": 82.4}},
     {"v": 1, "id": "0190f3a2-7c20", "kind": "spo2", "at": AT, "until": AT,
      "values": {"value": 93}, "context": {"on_oxygen": True}},
     {"v": 1, "id": "0190f3a2-7c21", "kind": "body_weight", "at": AT,
      "replaces": "0190f3a2-7c1f", "void": True}],
)  # fmt: skip
XML = (test_fhir_xml.OBSERVATION, test_fhir_xml.ANSWERS)
_PDF = "JVBERi0xLjQKJSBub3RoaW5nCg=="
MEDIA = _json(
    {"resourceType": "DocumentReference", "status": "current", "date": AT,
     "identifier": [{"system": "urn:x", "value": "d-1"}], "description": "Report",
     "subject": {"identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "13116900216"}},
     "content": [{"attachment": {"contentType": "application/pdf", "data": _PDF}}]},
    {"resourceType": "Media", "status": "completed", "createdDateTime": AT,
     "subject": {"reference": "Patient/0190f3a2-7c1e-4b4a-9b1d-2f6f0c1a0077"},
     "note": [{"text": "left heel"}], "content": {"contentType": "application/pdf", "data": _PDF}},
)  # fmt: skip
_DOCUMENT = f"OBX|9|ED|18750-0^Report^LN|1|^application^pdf^Base64^{_PDF}||||||F|||20261123"
RESULTS = (
    _hl7(test_hl7.MSH, test_hl7.PID, test_hl7.OBR, test_hl7.SYSTOLIC, test_hl7.DIASTOLIC),
    _hl7(
        test_hl7.MSH,
        test_hl7.IMPLANT,
        test_hl7.OBR,
        "OBX|1|CWE|721280^MDC_IDC_MSMT_BATTERY_STATUS^MDC||754115^MDC_IDC_ENUM_RRT^MDC||||||F",
        "OBX|2|NM|722432^MDC_IDC_MSMT_LEADCHNL_RA_IMPEDANCE_VALUE^MDC|1|456|Ohm|||||F",
        "OBX|3|CWE|739568^MDC_IDC_EPISODE_TYPE^MDC|2|754945^VF^MDC||||||F|||20261122101010",
        _DOCUMENT,
    ),
)
ADMINISTRATION = (
    _hl7(test_hl7_adt.msh("A01"), test_hl7_adt.EVN, test_hl7_adt.PID, test_hl7_adt.PV1),
    _hl7(test_hl7_adt.msh("A08"), test_hl7_adt.EVN, test_hl7_adt.PID, test_hl7_adt.PV1),
    _hl7(
        test_hl7_adt.msh("A40"),
        test_hl7_adt.EVN,
        test_hl7_adt.PID,
        "MRG|41814065640^^^&2.16.578.1.12.4.1.4.2&ISO^DNR",
    ),
)
GATEWAYS = (
    _gateway("miscale/jo/weight", {"weight": 84.6, "weight_unit": "kg",
                                   "timestamp": "2026-11-20T07:30:00+00:00"}),
    _gateway("miscale/users/jane", {"weight": 61.75, "timestamp": "2026-11-20 11:58:41"}),
    _gateway("scale/body-composition/dad", {"weight": 80, "impedance": 500}),
    _gateway("home/gw/BTtoMQTT/AABB", {"id": "AA:BB", "weighing_mode": "person", "weight": 180.2,
                                       "unit": "lb"}),
    _gateway("openScaleSync/measurements/insert", {"date": "2026-01-01T10:00+0100", "weight": 80}),
    _gateway("openScaleSync/measurements/all", [{"date": 1767258000000, "weight": 80}]),
    _gateway("dusun_pub", {"time": 1795420000, "data": {"value": {"device_list": [
        {"scan_time": 1795420000, "ble_addr": "d6", "bp_high": "137", "bp_low": 95, "PR": 70},
        {"scan_time": 1795420000, "ble_addr": "d7", "temp": "36.43000031"}]}}}),
    _gateway("CM4_BLE_GW_TX", {"time": 1795420000, "citiz": "13116900216", "data": {
        "ble_mac": "aa", "value": {"spo2": 97, "pulse": 70}}}),
    _gateway("iMEDE_watch/VitalSign", {"IMEI": "86", "timeStamps": "16/06/2026 12:30:45",
                                       "spO2": 97, "bloodPressure": {"bp_sys": 120, "bp_dia": 80}}),
    _gateway("iMEDE_watch/sos", {"IMEI": "86", "status": "SOS"}),
)  # fmt: skip
_FRAME = {"effective_time_frame": {"date_time": AT}}
OPEN_MHEALTH = _json(
    {"header": {"id": "x1", "schema_id": {"namespace": "omh", "name": "blood-pressure",
                                          "version": "3.0"}},
     "body": {"systolic_blood_pressure": {"value": 125, "unit": "mmHg"},
              "diastolic_blood_pressure": {"value": 60, "unit": "mmHg"}, **_FRAME}},
    [{"body_weight": {"value": 181.5, "unit": "lb"}, **_FRAME},
     {"body_weight": {"value": 80, "unit": "kg"}, "descriptive_statistic": "minimum",
      "effective_time_frame": {"time_interval": {
          "start_date_time": AT, "duration": {"value": 30, "unit": "d"}}}}],
)  # fmt: skip
SENML = _json(
    [{"bn": "urn:dev:mac:1:", "bt": 1795420000, "n": "body_weight", "v": 82.4, "u": "kg"},
     {"n": "systolic", "v": 120, "u": "mmHg"}, {"n": "diastolic", "v": 80, "u": "mmHg"}],
    [{"n": "x:heart_rate", "t": -60, "v": 61, "u": "beat/min"}],
)  # fmt: skip
CLOUDS = _json(
    {"status": 0, "body": {"measuregrps": [
        {"grpid": 12, "attrib": 0, "date": 1795420000, "category": 1, "deviceid": "abc",
         "measures": [{"value": 65750, "type": 1, "unit": -3}]}]}},
    {"BPDataList": [{"BPL": 10, "HP": 16, "HR": 70, "IsArr": 1, "MDate": 1795420000,
                     "DataID": "x1", "TimeZone": "-0800"}], "BPUnit": 1},
)  # fmt: skip
CPAP_APP = _json(
    {"device": {"serialNumber": "23", "deviceType": "AirSense 10"}, "sleep_records": [
        {"startDate": "2026-11-20", "totalUsage": 412, "ahi": 2.1, "leakPercentile": 4,
         "maskPairCount": 2}]},
)  # fmt: skip
STATUS = _json({"state": "online", "battery": "71", "fw": "1.2", "at": AT})
ABOUT = _json(
    {"v": 1, "id": "0190f3a2-7c1e-7b4a", "kind": "wound_photo", "at": AT, "site": "left heel",
     "context": {"ruler": True}, "device": {"serial": "x", "clock": "synced"}, "patient": "jo"},
    {"v": 1, "id": "0190f3a2-7c1e-7b4b", "kind": "photo", "at": AT,
     "subject": {"system": "urn:x", "value": "1"}},
)  # fmt: skip


def card() -> bytes:
    return test_cpap.summary(test_cpap.NIGHT, test_cpap.NIGHT)
