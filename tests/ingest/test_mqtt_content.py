"""What a message over MQTT is, is said by its Content Type: by the same table as over HTTP."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from paho.mqtt.client import MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from services.ingest import app, formats, mqtt_message, receipts
from services.ingest.devices import hl7_items, open_mhealth, senml, vendor_clouds
from shared.contracts import Code, Watch

NOW = datetime(2026, 11, 23, 6, 12, tzinfo=UTC)
FORMS = app.questionnaires(None)

OWN = {"v": 1, "id": "reading-0001", "kind": "body_weight", "at": "2026-11-23T07:00:00+01:00",
       "values": {"value": 82.4}}  # fmt: skip
PACK = [{"bn": "urn:dev:mac:0024befffe804ff1:", "bt": 1795413600, "n": "body_weight", "u": "kg",
         "v": 82.4}]  # fmt: skip
POINT = {
    "header": {"id": "p-1", "schema_id": {"namespace": "omh", "name": "body-weight"}},
    "body": {
        "body_weight": {"value": 82.4, "unit": "kg"},
        "effective_time_frame": {"date_time": "2026-11-23T07:00:00+01:00"},
    },
}
GROUPS = {"body": {"measuregrps": [
    {"grpid": 7, "date": 1795413600, "category": 1,
     "measures": [{"type": 1, "value": 8240, "unit": -2}]},
]}}  # fmt: skip
OBSERVED = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "effectiveDateTime": "2026-11-23T07:00:00+01:00",
    "valueQuantity": {"value": 82.4, "system": "http://unitsofmeasure.org", "code": "kg"},
}
XML = b"""<Observation xmlns="http://hl7.org/fhir"><status value="final"/>
<code><coding><system value="http://loinc.org"/><code value="29463-7"/></coding></code>
<effectiveDateTime value="2026-11-23T07:00:00+01:00"/><valueQuantity><value value="82.4"/>
<system value="http://unitsofmeasure.org"/><code value="kg"/></valueQuantity></Observation>"""
ORU = "\r".join((
    r"MSH|^~\&|Engine|Clinic|Hjemvakt|Hospital|20261123070500+0100|s-secret-of-the-sender|ORU^R01|M|P|2.6",
    "OBR|1||R-1|182777000^monitoring of patient^SCT|||20261123070000+0100",
    "OBX|1|NM|188736^MDC_MASS_BODY_ACTUAL^MDC|1.0.1.1|82.4|263875^MDC_DIM_KILO_G^MDC|||||F",
    "",
))  # fmt: skip


def read(body: Any, content_type: str | None = None, channel: str = "obs") -> mqtt_message.Read:
    heard = MQTTMessage(1, f"hjv/1/hospital/c-abc/{channel}".encode())
    heard.payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    heard.properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if content_type is not None:
        heard.properties.ContentType = content_type
    parsed = mqtt_message.parse(heard, 1)
    assert parsed is not None
    return mqtt_message.read(parsed, mqtt_message.Reader(FORMS, lambda _s, _v: []), False, NOW)


@pytest.mark.parametrize(
    ("content_type", "body", "kept"),
    [
        (None, OWN, formats.JSON),
        ("application/json", OWN, formats.JSON),
        ("application/json; charset=utf-8", OWN, formats.JSON),
        ("text/plain", OWN, formats.JSON),  # of no format that a table knows: as the topic says
        ("application/senml+json", PACK, senml.MEDIA),
        ("Application/SenML+JSON; charset=utf-8", PACK, senml.MEDIA),
        (None, PACK, senml.MEDIA),
        ("application/fhir+json", OBSERVED, formats.FHIR),
        ("application/fhir+json; fhirVersion=4.0", OBSERVED, formats.FHIR),
        (None, OBSERVED, formats.FHIR),
        ("application/fhir+xml", XML, formats.FHIR),
        ("application/hl7-v2", ORU.encode(), hl7_items.MEDIA),
        ("x-application/hl7-v2+er7", ORU.encode(), hl7_items.MEDIA),
        ("application/json", POINT, open_mhealth.MEDIA),
        (None, [POINT], open_mhealth.MEDIA),
        (None, GROUPS, vendor_clouds.MEDIA),
    ],
)
def test_the_same_weight_in_every_format_on_one_topic(
    content_type: str | None, body: Any, kept: str
) -> None:
    [item] = read(body, content_type).items

    assert item.errors == ()
    assert [(one.kind, one.body["values"]) for one in item.drafts] == [
        ("body_weight", {"value": item.drafts[0].body["values"]["value"]})
    ]
    assert float(item.drafts[0].body["values"]["value"]) == 82.4
    assert item.at == datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    assert item.media_type == kept


def test_a_content_type_goes_before_the_topic() -> None:
    assert read(PACK, "application/senml+json", "fhir").items[0].media_type == senml.MEDIA
    assert read(OBSERVED, "application/json", "fhir").items[0].media_type == formats.FHIR


def test_a_transaction_on_the_topic_of_readings_is_one_too() -> None:
    entry = {"resource": OBSERVED, "request": {"method": "POST", "url": "Observation"}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry, entry]}

    told = read(bundle, "application/fhir+json")

    assert told.whole
    assert told.is_array
    assert len(told.items) == 2


@pytest.mark.parametrize(
    "content_type",
    [
        "application/fhir+json",
        "application/hl7-v2",
        "application/senml+json",
        "application/fhir+xml",
    ],
)
def test_what_is_not_what_it_is_called_waits_as_what_it_was_called(content_type: str) -> None:
    told = read(OWN, content_type)

    [item] = told.items
    assert [error.code for error in item.errors] == [Code.UNREADABLE]
    assert json.loads(item.raw) == OWN
    assert item.media_type == formats.KEPT[formats.of(content_type) or "json"]
    assert not told.is_array


def test_an_item_of_ours_with_a_fault_is_never_taken_for_another_format() -> None:
    later = read({**OWN, "v": 2, "header": {"schema_id": {"name": "body-weight"}}}).items[0]
    assert later.media_type == formats.JSON
    assert [one.code for one in later.errors] == [Code.UNKNOWN_VERSION]

    faulty = read([{**OWN, "values": {"value": 8240}}, {**OWN, "v": 3}])
    assert [[one.code for one in item.errors] for item in faulty.items] == [
        [Code.IMPLAUSIBLE], [Code.UNKNOWN_VERSION],
    ]  # fmt: skip


def test_a_pack_may_have_more_records_than_an_array_has_items() -> None:
    pack = [{"n": "heart_rate", "u": "beat/min", "v": 60 + n % 30, "t": 1795413600 + n}
            for n in range(150)]  # fmt: skip
    assert len(read(pack, None).items) == 150


def test_what_accompanies_is_named_within_bounds_and_so_that_it_can_be_written() -> None:
    entries = [{"fullUrl": url, "resource": {"resourceType": "Patient"}}
               for url in ("urn:uuid:1", "x" * 5_000, "\ud800")]  # fmt: skip
    told = read({"resourceType": "Bundle", "type": "batch", "entry": entries}, None, "fhir")

    answers = told.answers([], NOW, Watch(now=False))
    assert [one["id"] for one in json.loads(receipts.message(answers, told.is_array))] == [
        "urn:uuid:1", "x" * 200, "Patient",
    ]  # fmt: skip


def test_the_secret_in_a_message_is_not_kept() -> None:
    for body in (ORU, ORU.replace("ORU^R01", "ORM^O01")):
        [item] = read(body.encode(), "application/hl7-v2").items
        assert b"s-secret" not in item.raw


@pytest.mark.parametrize("door", ["obs", "fhir"])
def test_a_response_topic_of_very_many_levels_is_not_answered(door: str) -> None:
    """A broker may end the connection of who publishes to one: that would be ours."""
    own = "hjv/1/hospital/c-abc/"
    for wanted in (f"{own}{'/' * 200}ack", f"{own}{'x' * 600}ack"):
        heard = MQTTMessage(1, f"{own}{door}".encode())
        heard.payload = b"{}"
        heard.properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        heard.properties.ResponseTopic = wanted
        parsed = mqtt_message.parse(heard, 1)
        assert parsed is not None
        assert parsed.reply_to == f"{own}ack"
