"""What real payloads do that naive intake breaks on: each fact, and the tests of what is wanted.

The table is held to the tests: one that is renamed or taken away fails here.
"""

import base64
import importlib
import inspect
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.ingest.devices import fhir_r4, hl7_oru, json_v1
from shared.contracts import Code, Item
from tests.devices import test_hl7

DEVICES, INGEST, JOURNEYS = "tests.devices", "tests.ingest", "tests.journeys"
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

# Who does it, what they do: where it is tried.
FACTS: dict[str, tuple[str, ...]] = {
    "xiaomi_mi_scale: local time stamped as UTC": (
        f"{DEVICES}.test_gateways.test_xiaomi_local_time_that_is_said_to_be_utc",
        f"{DEVICES}.test_gateways.test_the_hour_that_comes_twice_is_the_one_nearer_to_its_arrival",
    ),
    "ble-scale-sync: neither time nor id, retained, delivered again": (
        f"{DEVICES}.test_gateways.test_ble_scale_sync_without_time_or_id_is_known_when_it_is_delivered_again",
        f"{DEVICES}.test_gateways.test_ble_scale_sync_says_of_itself_whether_it_is_there_and_that_is_no_users_weight",
    ),
    "Theengs: objects, negative weights, pounds": (
        f"{DEVICES}.test_gateways.test_theengs_objects_and_coffee_are_no_persons_weight",
    ),
    "openScale-sync: its dates, delete and clear, columns with nulls, emptied objects": (
        f"{DEVICES}.test_gateways.test_openscale_dates_without_seconds_or_colon_and_in_milliseconds",
        f"{DEVICES}.test_gateways.test_openscale_changes_and_deletions_are_of_the_measurement_of_that_moment",
        f"{DEVICES}.test_gateways.test_openscale_clear_and_an_emptied_last_wipe_nothing",
        f"{DEVICES}.test_gateways.test_openscale_history_in_columns_is_the_same_weighings_and_no_empty_ones",
    ),
    "AVA4: the year 2028, texts for numbers, the noise of floats, one list of many devices": (
        f"{DEVICES}.test_gateways.test_ava4_fans_out_its_devices_reads_texts_and_drops_the_noise_of_floats",
        f"{DEVICES}.test_gateways.test_ava4_clock_of_2028_is_kept_as_told_for_the_ledger_to_doubt",
    ),
    "Qube: a national number and a name in the payload": (
        f"{DEVICES}.test_gateways.test_a_qube_box_names_a_person_and_we_keep_no_word_of_it",
    ),
    "Kati watch: the day first and no zone, SOS and falls": (
        f"{DEVICES}.test_gateways.test_a_kati_watch_writes_the_day_first_and_has_no_zone",
        f"{DEVICES}.test_gateways.test_a_watchs_sos_and_fall_are_personal_alarms",
    ),
    "hms-cpap: scalars on topics of their own": (
        f"{DEVICES}.test_gateways.test_hms_cpap_scalars_are_one_night_when_they_are_complete",
        f"{JOURNEYS}.test_gateways.test_scalars_of_a_cpap_machine_become_one_night",
    ),
    "ESPHome and Home Assistant: discovery and availability": (
        f"{DEVICES}.test_gateways.test_discovery_and_availability_are_never_measurements",
    ),
    "VKP: whole days, grams, a mistyped code, a lower case reference": (
        f"{DEVICES}.test_fhir_r4.TestVkp.test_a_weight_in_grams_on_a_whole_day",
        f"{DEVICES}.test_fhir_r4.TestVkp.test_the_mistyped_weight_code_is_not_guessed_at",
        f"{DEVICES}.test_fhir_r4.TestVkp.test_a_lower_case_patient_reference_is_still_ours",
    ),
    "PHD: NaN as an absent value, an alarming saturation, a clock that was wrong": (
        f"{DEVICES}.test_fhir_r4.TestPersonalHealthDevices.test_a_value_said_to_be_absent_never_becomes_a_number",
        f"{DEVICES}.test_fhir_r4.TestPersonalHealthDevices.test_an_alarming_saturation_is_stored_with_the_devices_verdict",
        f"{DEVICES}.test_fhir_r4.TestPersonalHealthDevices.test_the_clock_of_a_gateway_is_nobodys_measurement",
    ),
    "Synthea: an older panel, units in words, what nobody here scores": (
        f"{DEVICES}.test_fhir_r4.TestSimulatedPatients.test_the_older_pressure_panel_keeps_its_many_decimals",
        f"{DEVICES}.test_fhir_r4.TestSimulatedPatients.test_a_unit_in_words_only",
        f"{DEVICES}.test_fhir_r4.TestSimulatedPatients.test_a_laboratory_result_is_kept_as_text_and_never_a_value",
    ),
    "iHealth and Withings: powers of ten, offsets beside, arrhythmia, goals": (
        f"{DEVICES}.test_foreign.test_withings_values_have_a_power_of_ten_and_goals_are_not_measured",
        f"{DEVICES}.test_foreign.test_ihealth_local_seconds_and_numbered_units",
        f"{DEVICES}.test_foreign.test_an_ihealth_value_that_does_not_say_its_unit_is_not_guessed_at",
        f"{DEVICES}.test_foreign.test_a_withings_scale_that_could_not_tell_who_stood_on_it_asks_whose_it_is",
    ),
    "MII: answers to questions that the form does not have": (
        f"{DEVICES}.test_fhir_r4.TestAnswers.test_an_answer_to_a_question_the_form_does_not_have_is_never_scored_as_nothing",
    ),
    "OpenTele: the sender has already judged": (
        f"{DEVICES}.test_hostile.test_a_senders_verdict_is_kept_beside_and_changes_no_value",
    ),
    "OpenPace: a header out of place, missing fields, units in words": (
        f"{DEVICES}.test_hl7.test_a_header_whose_fields_are_out_of_place_is_read",
        f"{DEVICES}.test_hostile.test_fields_left_out_leave_the_status_where_it_can_be_found",
        f"{DEVICES}.test_hl7.test_units_are_known_by_number_name_or_text",
    ),
    "IDCO: a document of megabytes, Check Lead, Null": (
        f"{DEVICES}.test_hl7.test_a_document_is_kept_with_its_item_however_it_was_wrapped",
        f"{JOURNEYS}.test_hl7.test_a_report_in_a_message_is_a_document_that_the_nurse_can_open",
        f"{DEVICES}.test_hl7.test_null_and_an_empty_answer_are_no_result",
        f"{DEVICES}.test_hostile.test_a_lead_to_be_checked_is_an_event_and_a_good_one_is_not",
    ),
    "PCD-01: TEST and QUES and EARLY, X and R and D, a unit with its name": (
        f"{DEVICES}.test_hl7.test_a_test_is_kept_and_is_nobodys_measurement",
        f"{DEVICES}.test_hl7.test_a_questionable_result_is_a_reading_that_says_so",
        f"{DEVICES}.test_hl7.test_status_decides_between_ignoring_correcting_and_withdrawing",
        f"{DEVICES}.test_hl7.test_units_are_known_by_number_name_or_text",
    ),
    "JHE: another release of FHIR, a data point in base64": (
        f"{DEVICES}.test_hostile.test_a_data_point_within_a_resource_waits_and_says_why",
    ),
    "Omron: impossible bytes": (
        f"{DEVICES}.test_hostile.test_impossible_bytes_of_a_cuff_are_set_aside",
    ),
}


@pytest.mark.parametrize("fact", FACTS)
def test_every_fact_is_tried(fact: str) -> None:
    assert FACTS[fact]
    for place in FACTS[fact]:
        module, _, name = place.rpartition(".")
        try:
            holder: Any = importlib.import_module(module)
        except ModuleNotFoundError:
            module, _, within = module.rpartition(".")
            holder = getattr(importlib.import_module(module), within)
        assert inspect.isfunction(inspect.unwrap(getattr(holder, name))), place


def observation(**more: Any) -> Item:
    sent = {
        "resourceType": "Observation", "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "effectiveDateTime": "2026-11-23T07:12:00+01:00", **more,
    }  # fmt: skip
    [item] = fhir_r4.decode(json.dumps(sent).encode(), "application/fhir+json", arrived=NOW).items
    return item


def part(code: str, value: float) -> dict[str, Any]:
    quantity = {"value": value, "code": "mm[Hg]", "system": "http://unitsofmeasure.org"}
    return {"code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": quantity}  # fmt: skip


def test_a_senders_verdict_is_kept_beside_and_changes_no_value() -> None:
    low = [part("8480-6", 82), part("8462-4", 48)]
    system = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
    verdict = {"coding": [{"system": system, "code": "N"}]}
    plain = observation(component=low)
    judged = observation(component=low, interpretation=[verdict], note=[{"text": "GREEN"}])

    body = judged.drafts[0].body
    assert (body["interpretation"], body["note"]) == (["N"], "GREEN")
    assert body["values"] == plain.drafts[0].body["values"]


def test_fields_left_out_leave_the_status_where_it_can_be_found() -> None:
    told = test_hl7.WEIGHT.replace("|||||F", "||||F")
    assert told != test_hl7.WEIGHT
    [item] = test_hl7.decoded(test_hl7.MSH, test_hl7.PID, test_hl7.OBR, told)
    assert item.drafts[0].body["values"] == {"value": Decimal("82.4")}
    gone = test_hl7.WEIGHT.replace("|||||F", "||||D")
    [item] = test_hl7.decoded(test_hl7.MSH, test_hl7.PID, test_hl7.OBR, gone)
    assert item.how == "void"


@pytest.mark.parametrize(
    ("answer", "event"),
    [("Check Lead", "lead_integrity"), ("754241^MDC_IDC_ENUM_LEAD_STATUS_CheckLead^MDC",
     "lead_integrity"), ("754240^MDC_IDC_ENUM_LEAD_STATUS_OK^MDC", None), ("Null", None)],
)  # fmt: skip
def test_a_lead_to_be_checked_is_an_event_and_a_good_one_is_not(
    answer: str, event: str | None
) -> None:
    row = f"OBX|1|CWE|721984^MDC_IDC_MSMT_LEADCHNL_RA_LEAD_CHANNEL_STATUS^MDC|1|{answer}||||||F"
    body = test_hl7.message(test_hl7.MSH, test_hl7.IMPLANT, test_hl7.OBR, row)
    kinds = {
        draft.body["values"].get("value")
        for item in hl7_oru.decode(body, NOW)[1]
        for draft in item.drafts
        if draft.kind == "cied_event"
    }
    assert kinds == ({event} if event else set())


def test_a_data_point_within_a_resource_waits_and_says_why() -> None:
    point = {"body": {"systolic_blood_pressure": {"value": 120, "unit": "mmHg"}}}
    data = base64.b64encode(json.dumps(point).encode()).decode()
    coding = {"system": "https://w3id.org/openmhealth", "code": "omh:blood-pressure:4.0"}
    file = {"contentType": "application/json", "data": data}
    item = observation(code={"coding": [coding]}, valueAttachment=file)
    assert (item.drafts, [each.code for each in item.errors]) == ((), [Code.UNKNOWN_CODE])


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"systolic": 227, "diastolic": 246}, Code.IMPLAUSIBLE),
        ({"systolic": 25, "diastolic": 255}, Code.IMPLAUSIBLE),
    ],
)
def test_impossible_bytes_of_a_cuff_are_set_aside(values: dict[str, int], code: Code) -> None:
    sent = {"v": 1, "id": "0190f3a2-7c1e", "kind": "blood_pressure", "values": values,
            "at": "2026-11-23T07:12:00+01:00"}  # fmt: skip
    [item] = json_v1.decode(json.dumps(sent).encode(), "application/json", 1)
    assert code in {each.code for each in item.errors}
