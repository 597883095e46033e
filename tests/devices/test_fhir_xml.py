"""FHIR in XML says the same as in JSON; nothing that XML can hide is parsed."""

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.devices import fhir_r4, fhir_xml, refused
from services.ingest.devices.fhir_xml import NotXml
from shared import exact

OBSERVATION = b"""<?xml version="1.0" encoding="UTF-8"?>
<Observation xmlns="http://hl7.org/fhir">
  <text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p>BP</p></div></text>
  <identifier><system value="urn:example:app"/><value value="007"/></identifier>
  <status value="final"/>
  <category><coding><code value="vital-signs"/></coding></category>
  <code><coding><system value="http://loinc.org"/><code value="85354-9"/></coding></code>
  <subject><identifier><system value="urn:oid:2.16.578.1.12.4.1.4.1"/>
    <value value="13116900216"/></identifier></subject>
  <effectiveDateTime value="2026-11-23T07:10:00+01:00"/>
  <component>
    <code><coding><system value="http://loinc.org"/><code value="8480-6"/></coding></code>
    <valueQuantity><value value="142.50"/><system value="http://unitsofmeasure.org"/>
      <code value="mm[Hg]"/></valueQuantity>
  </component>
  <component>
    <code><coding><system value="http://loinc.org"/><code value="8462-4"/></coding></code>
    <valueQuantity><value value="88"/><code value="mm[Hg]"/></valueQuantity>
  </component>
</Observation>"""

ANSWERS = b"""<QuestionnaireResponse xmlns="http://hl7.org/fhir">
  <identifier><value value="a-1"/></identifier>
  <questionnaire value="http://example.org/Questionnaire/x"/><status value="completed"/>
  <authored value="2026-11-23T07:10:00+01:00"/>
  <item><linkId value="1"/><answer><valueBoolean value="true"/></answer></item>
  <item><linkId value="2"/><answer><valueDecimal value="1.10"/></answer>
    <answer><valueCoding><code value="true"/></valueCoding></answer></item>
</QuestionnaireResponse>"""


def plain(body: bytes) -> Any:
    return exact.loads(fhir_xml.as_json(body))


def test_an_observation_is_read_as_its_json_would_be() -> None:
    made = plain(OBSERVATION)
    assert made["identifier"] == [{"system": "urn:example:app", "value": "007"}]
    assert made["subject"]["identifier"]["value"] == "13116900216"
    assert made["component"][0]["valueQuantity"]["value"] == Decimal("142.50")
    assert "div" not in made["text"]

    [item] = fhir_r4.decode(fhir_xml.as_json(OBSERVATION), "application/fhir+json").items
    assert item.errors == ()
    assert item.drafts[0].body["values"] == {"systolic": Decimal("142.50"), "diastolic": 88}


def test_answers_keep_their_types() -> None:
    made = plain(ANSWERS)
    assert made["identifier"] == {"value": "a-1"}
    assert made["item"][0] == {"linkId": "1", "answer": [{"valueBoolean": True}]}
    assert made["item"][1]["answer"][0] == {"valueDecimal": Decimal("1.10")}
    assert made["item"][1]["answer"][1] == {"valueCoding": {"code": "true"}}


def test_a_bundle_keeps_its_entries_and_a_missing_value_its_reason() -> None:
    reason = b'<extension url="http://x/absent"><valueCode value="unknown"/></extension>'
    resource = OBSERVATION.partition(b"?>")[2].replace(
        b'<value value="142.50"/>', b"<value>" + reason + b"</value>"
    )
    body = (
        b'<Bundle xmlns="http://hl7.org/fhir"><type value="batch"/><entry>'
        b'<fullUrl value="urn:uuid:1"/><resource>' + resource + b"</resource>"
        b'<request><method value="POST"/><url value="Observation"/></request></entry></Bundle>'
    )
    [entry] = plain(body)["entry"]
    assert entry["fullUrl"] == "urn:uuid:1"
    assert entry["resource"]["resourceType"] == "Observation"
    quantity = entry["resource"]["component"][0]["valueQuantity"]
    assert quantity["_value"] == {"extension": [{"valueCode": "unknown", "url": "http://x/absent"}]}


LAUGHS = b"""<!DOCTYPE lolz [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;">]>
<Observation xmlns="http://hl7.org/fhir"><status value="&b;"/></Observation>"""
FILE = b"""<!DOCTYPE o [<!ENTITY f SYSTEM "file:///etc/passwd">]>
<Observation xmlns="http://hl7.org/fhir"><status value="final"/><note>&f;</note></Observation>"""
DEEP = b'<a xmlns="http://hl7.org/fhir">' + b"<a>" * 500


@pytest.mark.parametrize(
    "body",
    [LAUGHS, FILE, DEEP, b"", b"{}", b"<Observation/>", b"<a", b"\xff\xfe<\x00a\x00/\x00>\x00",
     b'<?xml-stylesheet href="http://x"?><Observation xmlns="http://hl7.org/fhir"/>',
     b'<Observation xmlns="http://hl7.org/fhir"><status value="a"/><status value="b"/>'
     b"</Observation>"],
)  # fmt: skip
def test_what_is_not_plain_fhir_is_refused(body: bytes) -> None:
    with pytest.raises(NotXml):
        fhir_xml.as_json(body)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(OBSERVATION) - 1), st.integers(0, 255)), max_size=8))
def test_no_mutation_makes_the_reader_fail(changes: list[tuple[int, int]]) -> None:
    body = bytearray(OBSERVATION)
    for place, byte in changes:
        body[place] = byte
    with contextlib.suppress(refused.Refused):
        fhir_r4.decode(fhir_xml.as_json(bytes(body)), "application/fhir+json")
