"""The `fhir.resources` package says whether what we send is FHIR; it is used here only."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.device import Device
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.patient import Patient
from fhir.resources.R4B.questionnaire import Questionnaire
from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse

from services.ingest.devices import fhir_r4, json_v1
from shared import exact, fhir, fhir_bundles, fhir_record, kinds
from shared.contracts import Code, Fact, Flag, Item, ItemError, Receipt, Result

FACT = UUID("00000000-0000-8000-8000-000000000001")
PATIENT = UUID("5b1f1e7a-1111-4222-8333-0123456789ab")
RECEIVED = datetime(2026, 2, 3, 6, 30, tzinfo=UTC)
ORACLES: dict[str, Any] = {
    "Bundle": Bundle,
    "Device": Device,
    "Observation": Observation,
    "OperationOutcome": OperationOutcome,
    "Patient": Patient,
    "Questionnaire": Questionnaire,
    "QuestionnaireResponse": QuestionnaireResponse,
}
SENT: dict[str, dict[str, Any]] = {
    "cied_event": {"value": "shock"},
    "cied_connection": {"value": "disconnected"},
    "personal_alarm": {"value": "fall"},
    "wound": {"length": Decimal("3.5"), "width": Decimal("2.0"), "area": Decimal("7.0")},
    "pain": {"value": 4},
    "peak_flow": {"value": 410},
    "fev1": {"value": Decimal("1.85")},
    "blood_pressure": {"systolic": 142, "diastolic": 88, "mean": 106, "pulse": 71},
    "body_weight": {"value": Decimal("82.40")},
    "heart_rate": {"value": "72"},
    "spo2": {"value": 93, "pulse": 88, "oxygen_flow": 2},
    "resp_rate": {"value": 21},
    "body_temp": {"value": Decimal("37.3")},
    "consciousness": {"value": "V"},
    "glucose": {"value": Decimal("6.1")},
    "news2": {"value": 7, "resp_rate": 2, "spo2_scale1": 1, "air_or_oxygen": 2, "temperature": 1},
    "cpap_night": {"usage": 553, "ahi": Decimal("1.0"), "leak_p95": Decimal("8.4")},
    "pd_treatment": {"ultrafiltration": -120, "fill_total": 10000},
    "hd_session": {"uf_volume": 2000, "weight_pre": Decimal("84.1")},
    "cied_report": {"battery_voltage": Decimal("2.94"), "shocks_recent": 0},
}


def item(kind: str, sent: dict[str, Any], **rest: Any) -> Item:
    message = {
        "v": 1,
        "id": "message-0001",
        "kind": kind,
        "at": "2026-02-03T07:12:00+01:00",
        "values": sent,
        **rest,
    }
    (decoded,) = json_v1.decode(exact.dumps(message), "application/json", 1)
    assert not decoded.errors
    return decoded


def facts(of: Item) -> list[Fact]:
    return [
        Fact(
            "org",
            FACT,
            PATIENT,
            draft.type,
            draft.kind,
            of.at,
            RECEIVED,
            "c-1",
            draft.body,
            of.until,
        )
        for draft in of.drafts
        if of.at is not None
    ]


def checked(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource, after the oracle has found it to be FHIR."""
    ORACLES[resource["resourceType"]].model_validate_json(exact.dumps(resource))
    return resource


@pytest.mark.parametrize("kind", kinds.CATALOGUE)
def test_every_kind_goes_out_as_fhir_and_comes_back_the_same(kind: str) -> None:
    sent = item(kind, SENT[kind])

    for draft, fact in zip(sent.drafts, facts(sent), strict=True):
        out = checked(fhir.observation(fact))
        (back,) = fhir_r4.decode(exact.dumps(out), "application/fhir+json").items

        assert (back.message_id, back.at, back.errors) == (draft.body["message"], sent.at, ())
        assert back.subject is not None
        assert back.subject.patient_id == PATIENT
        assert [(each.kind, each.body["values"]) for each in back.drafts] == [
            (draft.kind, draft.body["values"])
        ]


def test_what_was_sent_goes_out_with_its_own_digits() -> None:
    (fact,) = facts(item("body_weight", {"value": Decimal("82.400")}))

    assert b'"value":82.400,' in exact.dumps(fhir.observation(fact))


@pytest.mark.parametrize(
    ("kind", "value", "unit", "shown"),
    [
        ("body_temp", "99.1", "[degF]", "37.3"),
        ("glucose", "108", "mg/dL", "6.0"),
        ("body_weight", "180", "lb", "81.65"),
        ("heart_rate", "72.5", "bpm", "72.5"),
    ],
)
def test_only_what_we_converted_is_rounded(kind: str, value: str, unit: str, shown: str) -> None:
    (fact,) = facts(item(kind, {"value": {"value": Decimal(value), "unit": unit}}))

    assert str(fhir.observation(fact)["valueQuantity"]["value"]) == shown


def test_a_cuffs_pulse_goes_out_under_the_cuffs_own_code() -> None:
    _, pulse = facts(item("blood_pressure", SENT["blood_pressure"]))
    out = fhir.observation(pulse)

    assert {"system": "urn:iso:std:iso:11073:10101", "code": "149546"} in out["code"]["coding"]
    assert out["identifier"] == [{"system": "urn:hjv:message", "value": "message-0001#pulse"}]


def test_whose_which_device_and_what_doubt() -> None:
    device = {"manufacturer": "Manomed", "model": "BM-2", "serial": "778"}
    sent = item("blood_pressure", {"systolic": 142, "diastolic": 88}, device=device, note="i ro")
    (fact,) = facts(sent)

    out = checked(fhir.observation(replace(fact, flags=frozenset({"late", "clock_suspect"}))))

    assert out["subject"] == {"reference": f"Patient/{PATIENT}"}
    assert out["device"] == {"display": "Manomed BM-2 778"}
    assert out["note"] == [{"text": "i ro"}]
    assert [tag["code"] for tag in out["meta"]["tag"]] == ["clock_suspect", "late"]
    assert out["meta"]["profile"][0].endswith("vkp-Observation-Bloodpressure")
    assert out["issued"] == "2026-02-03T06:30:00Z"


def test_the_time_is_the_senders_until_we_had_to_correct_it() -> None:
    (fact,) = facts(item("heart_rate", {"value": 72}))

    assert fhir.observation(fact)["effectiveDateTime"] == "2026-02-03T07:12:00+01:00"
    moved = replace(fact, at=RECEIVED)
    assert fhir.observation(moved)["effectiveDateTime"] == "2026-02-03T06:30:00Z"
    whole_day = replace(fact, at=datetime(2026, 2, 2, 23, tzinfo=UTC), precision="day")
    assert checked(fhir.observation(whole_day))["effectiveDateTime"] == "2026-02-03"


def test_a_period_has_both_ends() -> None:
    sent = item("cpap_night", SENT["cpap_night"], until="2026-02-03T15:00:00+01:00")
    (fact,) = facts(sent)

    assert checked(fhir.observation(fact))["effectivePeriod"] == {
        "start": "2026-02-03T07:12:00+01:00",
        "end": "2026-02-03T15:00:00+01:00",
    }


def test_context_travels_as_components_but_not_what_could_not_be_read() -> None:
    context = {"on_oxygen": True, "spo2_scale": 2, "phase": "during", "glucose_percent": 1.36}
    (fact,) = facts(item("spo2", {"value": 93}, context=context))

    told = {
        part["code"]["coding"][0]["code"]: part
        for part in checked(fhir.observation(fact))["component"]
    }

    assert told["ctx-on-oxygen"]["valueBoolean"] is True
    assert told["ctx-spo2-scale"]["valueInteger"] == 2
    assert told["ctx-glucose-percent"]["valueQuantity"] == {"value": Decimal("1.36")}
    assert set(told) == {"ctx-on-oxygen", "ctx-spo2-scale", "ctx-glucose-percent"}


def test_an_absent_value_goes_out_as_absent() -> None:
    body = {"v": 1, "message": "m", "values": {"systolic": 107}, "absent": {"diastolic": "error"}}
    fact = Fact("org", FACT, PATIENT, "reading", "blood_pressure", RECEIVED, RECEIVED, "c", body)

    parts = checked(fhir.observation(fact))["component"]

    assert parts[0]["valueQuantity"]["value"] == 107
    assert parts[1]["dataAbsentReason"]["coding"][0]["code"] == "error"
    alone = replace(fact, kind="spo2", body={"v": 1, "values": {}, "absent": {"value": "error"}})
    out = checked(fhir.observation(alone))
    assert "valueQuantity" not in out
    assert out["identifier"] == [{"system": "urn:hjv:fact", "value": str(FACT)}]


def test_a_foreign_result_goes_out_in_its_own_words() -> None:
    foreign = {
        "category": ["laboratory"],
        "code": [{"system": "http://loinc.org", "code": "2093-3"}],
        "text": "Kolesterol",
        "value": "4.8",
        "unit": "mmol/L",
        "components": [{"code": [], "text": "del", "absent": "unknown"}],
    }
    body = {"v": 1, "message": "urn:lab|7", "values": {}, "foreign": foreign}
    fact = Fact("org", FACT, PATIENT, "reading", "foreign", RECEIVED, RECEIVED, "c", body)

    out = checked(fhir.observation(fact))

    assert out["valueString"] == "4.8 mmol/L"
    assert {"system": "urn:lab", "value": "7"} in out["identifier"]


def test_answers_go_out_and_come_back() -> None:
    answers = {
        "dyspnoea": ["some"],
        "cups": [6, 7],
        "warm": [True],
        "temperature": [Decimal("36.6")],
    }
    body = {
        "v": 1,
        "message": "form-17",
        "questionnaire": "home-dialysis-daily",
        "version": "1.2.0",
        "answers": answers,
    }
    fact = Fact("org", FACT, PATIENT, "answers", "questionnaire", RECEIVED, RECEIVED, "c", body)

    out = checked(fhir.resource(fact))
    (back,) = fhir_r4.decode(exact.dumps(out), "application/fhir+json").items

    assert out["questionnaire"].endswith("/Questionnaire/home-dialysis-daily|1.2.0")
    assert back.message_id == "form-17"
    assert back.drafts[0].body["answers"] == answers


def test_people_devices_and_questionnaires() -> None:
    person = fhir_record.patient(
        PATIENT,
        "Kari Prøve",
        born="1951-03-14",
        sex="female",
        language="se",
        identifiers=[("urn:oid:2.16.578.1.12.4.1.4.1", "14835100015")],
        unit="Nyre poliklinikk",
    )
    assert checked(person)["birthDate"] == "1951-03-14"
    assert checked(fhir_record.patient(PATIENT, "Ola", deceased_at=RECEIVED))["active"] is False
    assert checked(fhir_record.device(FACT, "Manomed", "BM-2", "778", "Blå", PATIENT))
    form = {"status": "active", "item": [{"linkId": "cups", "text": "Kopper?", "type": "integer"}]}
    made = checked(fhir_record.questionnaire(form, "home-dialysis-daily", "1.2.0"))
    assert fhir.questionnaire_name(f"{made['url']}|{made['version']}") == (
        "home-dialysis-daily",
        "1.2.0",
    )


def test_search_results_say_where_each_resource_is() -> None:
    (fact,) = facts(item("heart_rate", {"value": 72}))
    links = {"self": "http://here/fhir/Observation", "next": "http://here/fhir/Observation?c=2"}
    found = fhir_bundles.searchset([fhir.observation(fact)], "http://here/fhir/", 1, links)

    assert checked(found)["entry"][0]["fullUrl"] == f"http://here/fhir/Observation/{FACT}"
    assert [link["relation"] for link in found["link"]] == ["self", "next"]
    assert checked(fhir_bundles.searchset([], "http://here/fhir", 0))["total"] == 0


def test_a_bundle_is_answered_entry_by_entry() -> None:
    stored = Receipt("a", Result.STORED, RECEIVED, ref=f"Observation/{FACT}")
    faults = (ItemError("value", Code.IMPLAUSIBLE), ItemError("", Code.UNREADABLE))
    waiting = Receipt("b", Result.QUARANTINED, RECEIVED, errors=faults)
    answers = [
        fhir_bundles.answer(stored, "urn:uuid:1"),
        fhir_bundles.answer(waiting, "urn:uuid:2"),
        fhir_bundles.Answer(
            "422 Unprocessable Entity", None, None, fhir_bundles.outcome("x", "X.")
        ),
    ]

    out = checked(fhir_bundles.response(answers, "batch"))

    first, second, third = out["entry"]
    assert first == {
        "fullUrl": "urn:uuid:1",
        "response": {
            "status": "201 Created",
            "location": f"Observation/{FACT}",
            "etag": 'W/"1"',
            "lastModified": fhir.instant(RECEIVED),
        },
    }
    assert second["fullUrl"] == "urn:uuid:2"
    assert second["response"]["status"] == "202 Accepted"
    issue = second["response"]["outcome"]["issue"][0]
    assert (issue["severity"], issue["expression"]) == ("warning", ["value"])
    assert issue["details"]["coding"][0]["code"] == "implausible"
    assert "fullUrl" not in third


@pytest.mark.parametrize("result", [Result.DUPLICATE, Result.CORRECTED, Result.VOIDED])
def test_one_that_is_not_new_says_which_it_is(result: Result) -> None:
    receipt = Receipt("a", result, RECEIVED, ref=f"Observation/{FACT}")

    (entry,) = checked(fhir_bundles.response([fhir_bundles.answer(receipt)], "batch"))["entry"]

    (issue,) = entry["response"]["outcome"]["issue"]
    assert entry["response"]["status"] == "200 OK"
    assert (issue["severity"], issue["code"]) == ("information", "informational")
    assert issue["details"]["coding"][0]["code"] == result.value


@pytest.mark.parametrize("flag", Flag)
def test_a_doubt_about_what_is_stored_is_told(flag: Flag) -> None:
    receipt = Receipt("a", Result.STORED, RECEIVED, f"Observation/{FACT}", flags=(flag.value,))

    outcome = checked(fhir_bundles.taken(receipt))

    codes = [issue["details"]["coding"][0]["code"] for issue in outcome["issue"]]
    assert codes == ["stored", flag.value]
    assert fhir_bundles.answer(receipt).outcome == outcome


def test_a_form_that_is_not_finished_goes_out_as_such() -> None:
    body = {"v": 1, "questionnaire": "daily", "answers": {"a": [True]}, "status": "in-progress"}
    fact = Fact("org", FACT, PATIENT, "answers", "questionnaire", RECEIVED, RECEIVED, "c", body)

    assert checked(fhir.resource(fact))["status"] == "in-progress"
    assert checked(fhir.resource(fact, "entered-in-error"))["status"] == "entered-in-error"


@pytest.mark.parametrize("code", Code)
def test_every_reason_tells_the_sender_what_to_do(code: Code) -> None:
    out = checked(fhir_bundles.quarantined([ItemError("", code)]))

    assert out["issue"][0]["details"]["text"].endswith((".", ":", "-"))
