"""How a resource is sent: what its address and conditions name, and what is refused."""

from typing import Any

import pytest

from services.ingest.devices import fhir_r4, refused
from shared import exact
from shared.contracts import Item

MEDIA = "application/fhir+json"
SYSTEM = "urn:example:app"
OUR_FACT = "8c0f7f6e-52c1-8d7a-b0c8-6b3a90a6b2de"


def weight(**changes: Any) -> dict[str, Any]:
    sent = {
        "resourceType": "Observation",
        "identifier": [{"system": SYSTEM, "value": "w-1"}],
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "effectiveDateTime": "2026-02-03T07:12:00+01:00",
        "valueQuantity": {"value": 82.4, "system": "http://unitsofmeasure.org", "code": "kg"},
    } | changes
    return {key: value for key, value in sent.items() if value is not ...}


def entry(resource: Any, **request: Any) -> fhir_r4.Entry:
    bundle = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"fullUrl": "urn:uuid:1", "resource": resource, "request": request}],
    }
    (read,) = fhir_r4.decode(exact.dumps(bundle), MEDIA).entries
    return read


def item(resource: Any, **request: Any) -> Item:
    read = entry(resource, **request)
    assert read.refusal is None
    assert read.item is not None
    return read.item


NAMELESS = weight(identifier=...)


@pytest.mark.parametrize(
    ("resource", "request_", "message"),
    [
        (weight(), {"method": "POST", "url": "Observation"}, f"{SYSTEM}|w-1"),
        (weight(), {"method": "PUT", "url": "Observation/abc"}, f"{SYSTEM}|w-1"),
        (weight(), {"method": "PUT", "url": f"Observation/{OUR_FACT}"}, f"{SYSTEM}|w-1"),
        (NAMELESS, {"method": "PUT", "url": "Observation/abc"}, "Observation/abc"),
        (NAMELESS | {"id": "abc"}, {"method": "PUT", "url": "Observation"}, "Observation/abc"),
        (
            NAMELESS | {"id": "abc"},
            {"method": "PUT", "url": "https://here.example/fhir/Observation/abc"},
            "Observation/abc",
        ),
        (
            NAMELESS | {"id": "abc"},
            {"method": "PUT", "url": f"Observation?identifier={SYSTEM}|w-9"},
            f"{SYSTEM}|w-9",
        ),
        (
            NAMELESS,
            {"method": "PUT", "url": "Observation?identifier=urn%3Aexample%3Aapp%7Cw-9"},
            f"{SYSTEM}|w-9",
        ),
        (weight(), {"method": "PUT", "url": "Observation?identifier=w-1"}, f"{SYSTEM}|w-1"),
        (NAMELESS, {"method": "PUT", "url": "Observation?identifier=w-1"}, "w-1"),
        (NAMELESS, {"method": "PUT", "url": "Observation?identifier=|w-1"}, "w-1"),
        (
            weight(),
            {"method": "POST", "url": "Observation", "ifNoneExist": f"identifier={SYSTEM}|w-1"},
            f"{SYSTEM}|w-1",
        ),
        (
            NAMELESS,
            {"method": "POST", "url": "Observation", "ifNoneExist": "?identifier=urn:x|9"},
            "urn:x|9",
        ),
    ],
)
def test_the_message_a_request_names(
    resource: dict[str, Any], request_: dict[str, str], message: str
) -> None:
    read = item(resource, **request_)

    assert read.message_id == message
    assert read.how == ("correction" if request_["method"] == "PUT" else None)


@pytest.mark.parametrize(
    ("resource", "request_", "fact"),
    [
        (weight(), {"method": "DELETE", "url": "Observation/abc"}, refused.MethodNotTaken),
        (None, {"method": "DELETE", "url": "Observation/abc"}, refused.MethodNotTaken),
        (None, {"method": "GET", "url": "Observation/abc"}, refused.MethodNotTaken),
        (weight(), {"method": "PATCH", "url": "Observation/abc"}, refused.MethodNotTaken),
        (None, {"method": "POST", "url": "Observation"}, refused.NotAResource),
        (weight(), {"method": "POST", "url": "Patient"}, refused.AddressNotTaken),
        (weight(), {"method": "POST", "url": "Observation/abc"}, refused.AddressNotTaken),
        (
            weight(),
            {"method": "POST", "url": "Observation?identifier=a|b"},
            refused.AddressNotTaken,
        ),
        (weight(), {"method": "PUT", "url": "Observation/a b"}, refused.AddressNotTaken),
        (
            weight(),
            {"method": "PUT", "url": "Observation/abc/_history/2"},
            refused.AddressNotTaken,
        ),
        (
            weight(),
            {"method": "PUT", "url": "Observation/abc?identifier=a|b"},
            refused.AddressNotTaken,
        ),
        (weight(id="abc"), {"method": "PUT", "url": "Observation/abd"}, refused.AnotherId),
        (NAMELESS, {"method": "PUT", "url": "Observation"}, refused.NotNamed),
        (NAMELESS, {"method": "PUT", "url": f"Observation/{OUR_FACT}"}, refused.NotNamed),
        (
            weight(),
            {"method": "PUT", "url": "Observation/abc", "ifMatch": 'W/"3"'},
            refused.ConditionNotTaken,
        ),
        *(
            (weight(), {"method": "PUT", "url": f"Observation?{query}"}, refused.ConditionNotTaken)
            for query in (
                "subject=Patient/1",
                "identifier=a|b&date=2026-02-03",
                "identifier=a|b,a|c",
                "identifier=a|b&identifier=a|c",
                "identifier=a|",
                "identifier=",
                "identifier:not=a|b",
                "_id=abc",
            )
        ),
        (
            weight(),
            {"method": "POST", "url": "Observation", "ifNoneExist": "date=2026-02-03"},
            refused.ConditionNotTaken,
        ),
        (
            weight(),
            {"method": "POST", "url": "Observation", "ifNoneExist": 7},
            refused.ConditionNotTaken,
        ),
    ],
)
def test_what_would_decide_otherwise_is_refused(
    resource: Any, request_: dict[str, Any], fact: type[refused.Refused]
) -> None:
    read = entry(resource, **request_)

    assert read.item is None
    assert type(read.refusal) is fact


def test_a_resource_that_only_accompanies_is_not_asked_how_it_was_sent() -> None:
    patient = {"resourceType": "Patient", "id": "p"}
    request = {"method": "PUT", "url": "Patient?family=Hansen"}

    told = entry(patient, **request)
    assert (told.full_url, told.item, told.refusal) == ("urn:uuid:1", None, None)


def test_a_single_resource_is_kept_with_how_it_was_sent() -> None:
    body = exact.dumps(NAMELESS)
    alone = fhir_r4.as_entry(body, {"method": "PUT", "url": "Observation/abc"})

    (first,) = fhir_r4.decode(alone, MEDIA).items
    (again,) = fhir_r4.decode(first.raw, MEDIA).items

    assert body in first.raw
    assert first.message_id == again.message_id == "Observation/abc"
    assert first.how == again.how == "correction"
    assert first.content == again.content
