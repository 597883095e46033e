"""What `hjemvakt replay` makes of a file: which messages, about whom, and what it leaves alone."""

import json
from typing import Any

import pytest

from deploy.local import answers, payloads, subjects
from deploy.local.subjects import SYSTEM, Foreign


def observation(subject: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "subject": subject}


def bundle(kind: str, *resources: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [{"fullUrl": f"urn:uuid:{n}", "resource": one} for n, one in enumerate(resources)],
    }


def read(content: Any, file: str = "a.json") -> payloads.Payload:
    return payloads.read(file, json.dumps(content).encode())


@pytest.mark.parametrize(
    ("file", "content", "family"),
    [
        ("STR.edf", b"0       ", "CPAP card"),
        ("a.json", b'{"sleep_records":[]}', "CPAP app"),
        ("a.json", b'[{"bn":"x","n":"t","v":1}]', "SenML"),
        ("a.json", b'{"body_weight":{"value":1,"unit":"kg"}}', "Open mHealth"),
        ("a.json", b'{"BPDataList":[]}', "a maker's cloud"),
    ],
)
def test_formats_of_others_are_uploaded_as_they_are(file: str, content: bytes, family: str) -> None:
    payload = payloads.read(file, content)

    [message] = payload.messages
    assert (payload.family, message.door, message.body) == (family, "/v1/uploads", content)


def test_a_capture_is_published_message_by_message_below_the_gateways_prefix() -> None:
    lines = b'{"topic":"a/b","payload":"61.75"}\n{"topic":"a/c","payload":{"x":1}}\n'
    [message] = payloads.read("a.jsonl", lines).messages
    assert message.door == payloads.BROKER
    assert message.body == [("a/b", b"61.75"), ("a/c", b'{"x":1}')]


def test_our_own_json_and_single_resources_are_sent_byte_for_byte() -> None:
    ours = b'[ {"v":1, "kind":"body_weight"} ]'
    [message] = payloads.read("a.json", ours).messages
    assert (message.door, message.body, message.items) == ("/v1/observations", ours, 1)

    resource = json.dumps(observation(None)).encode()
    [message] = payloads.read("a.json", resource).messages
    assert (message.door, message.body) == ("/fhir/Observation", resource)


def test_what_is_not_json_is_sent_for_the_intake_to_judge() -> None:
    [message] = payloads.read("a.json", b'{"v":1,"v":1}').messages

    assert (message.door, message.items) == ("/v1/observations", None)


def test_a_searchset_is_unpacked_into_batches_with_its_patients_beside() -> None:
    patient = {"resourceType": "Patient", "id": "1"}
    found = [observation({"reference": "urn:uuid:0"}) for _ in range(150)]
    payload = read(bundle("searchset", patient, *found, {"resourceType": "Encounter"}))

    sent = [json.loads(message.body) for message in payload.messages]

    assert [one["type"] for one in sent] == ["batch", "batch"]
    kinds = [[each["resource"]["resourceType"] for each in one["entry"]] for one in sent]
    assert kinds == [["Patient"] + ["Observation"] * 100, ["Patient"] + ["Observation"] * 50]
    assert [message.items for message in payload.messages] == [101, 51]


def test_a_transaction_is_sent_whole_and_can_be_taken_apart() -> None:
    payload = read(bundle("transaction", {"resourceType": "Encounter"}, observation(None)))

    assert [message.items for message in payload.messages] == [2]
    assert [message.items for message in payload.fallback] == [1]


def test_a_foreign_reference_becomes_an_identifier_and_nothing_else_changes() -> None:
    sent = observation({"reference": "Patient/abroad", "display": "Somebody"}) | {"id": "7"}
    assert subjects.of(sent, "a.json") == {Foreign(SYSTEM, "Patient/abroad")}

    assert subjects.mapped(sent, "a.json", set())

    assert sent == observation({"identifier": {"system": SYSTEM, "value": "Patient/abroad"}}) | {
        "id": "7"
    }


def test_an_identifier_stays_unless_the_record_may_not_take_it() -> None:
    subject = {"identifier": {"system": "urn:example", "value": "1"}}
    sent = observation(subject)
    foreign = Foreign("urn:example", "1")
    assert subjects.of(sent, "a.json") == {foreign}
    assert not subjects.mapped(sent, "a.json", set())

    assert subjects.mapped(sent, "a.json", {foreign})

    assert sent["subject"] == foreign.instead.as_subject()
    assert sent["subject"]["identifier"]["value"] != "1"


@pytest.mark.parametrize("reference", ["Device/1", "https://there.example/Group/1", ""])
def test_what_is_no_person_is_left_alone(reference: str) -> None:
    sent = observation({"reference": reference})

    assert subjects.of(sent, "a.json") == set()
    assert not subjects.mapped(sent, "a.json", set())


def test_a_contained_patient_is_somebody_in_this_file_only() -> None:
    sent = observation({"reference": "#p"}) | {
        "contained": [{"resourceType": "Patient", "id": "p"}]
    }

    assert subjects.of(sent, "a.json") != subjects.of(sent, "b.json")


@pytest.mark.parametrize("file", ["a.hl7", "a.hl7v2", "a.txt"])
def test_hl7_v2_is_sent_as_it_is_and_its_acknowledgement_is_counted(file: str) -> None:
    [message] = payloads.read(file, b"MSH|^~\\&|").messages
    assert (message.door, message.body) == ("/hl7v2", b"MSH|^~\\&|")

    told = "MSH|^~\\&\rMSA|AA|1|2 stored, 1 quarantined\rERR||OBX^1|102^x^y|W|bad-time\r"
    assert list(answers.outcomes(message, 200, told, [])) == [
        ("stored", []), ("stored", []), ("quarantined", ["bad-time"]),
    ]  # fmt: skip


def test_what_an_acknowledgement_tells_beside_the_results_is_no_result() -> None:
    message = payloads.Message(payloads.HL7_DOOR, b"", payloads.HL7, None)
    told = "MSH|^~\\&\rMSA|AA|M-1|2 stored, 1 quarantined, 3 of nobody followed\r" \
        "ERR||OBX^4|103^x^HL70357|W|unknown-code|||x\r"  # fmt: skip
    assert list(answers.outcomes(message, 200, told, [])) == [
        ("stored", []), ("stored", []), ("quarantined", ["unknown-code"])]  # fmt: skip
