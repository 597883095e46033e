import json
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.devices import fhir_r4, fhir_subject, refused
from shared import exact, fhir_forms, identity
from shared.contracts import Code, Item, ItemError, Subject
from tests.shared.test_identity import made

PAYLOADS = Path(__file__).parent / "payloads"
MEDIA = "application/fhir+json"
SYSTEM = "https://vendor.example/measurement"
OURS = UUID("5b1f1e7a-1111-4222-8333-0123456789ab")
SOMEBODY = Subject(system=identity.FNR, value=made(14, 83, 51))
WEIGHT: dict[str, Any] = {
    "resourceType": "Observation",
    "identifier": [{"system": SYSTEM, "value": "w-1"}],
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "subject": {"reference": f"Patient/{OURS}"},
    "effectiveDateTime": "2026-02-03T07:12:00+01:00",
    "valueQuantity": {"value": 82.4, "system": "http://unitsofmeasure.org", "code": "kg"},
}
LABORATORY = [
    {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                "code": "laboratory",
            }
        ]
    }
]


def file(name: str) -> fhir_r4.Received:
    return fhir_r4.decode((PAYLOADS / f"{name}.json").read_bytes(), MEDIA)


def one(**changes: Any) -> Item:
    """The item of a weight with changes; a value of ... leaves the element out."""
    sent = {key: value for key, value in (WEIGHT | changes).items() if value is not ...}
    return of(sent)


def of(sent: dict[str, Any]) -> Item:
    (entry,) = fhir_r4.decode(exact.dumps(sent), MEDIA).entries
    assert entry.item is not None
    assert not (entry.item.errors and entry.item.drafts)
    return entry.item


def put(sent: dict[str, Any], url: str) -> Item:
    entry = {"resource": sent, "request": {"method": "PUT", "url": url}}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
    return fhir_r4.decode(exact.dumps(bundle), MEDIA).items[0]


def value(item: Item) -> Any:
    assert item.errors == ()
    return item.drafts[0].body["values"]["value"]


def test_an_observation_becomes_one_reading() -> None:
    item = one(
        device={"display": "Vekt 7", "identifier": {"value": "V7-1"}}, note=[{"text": "hei"}]
    )

    assert (item.message_id, item.serial) == (f"{SYSTEM}|w-1", "V7-1")
    assert item.subject == Subject(patient_id=OURS)
    assert item.at == datetime(2026, 2, 3, 6, 12, tzinfo=UTC)
    (draft,) = item.drafts
    assert draft.kind == "body_weight"
    assert draft.body["values"] == {"value": Decimal("82.4")}
    assert draft.body["claimed_at"] == "2026-02-03T07:12:00+01:00"
    assert (draft.body["entered"], draft.body["note"]) == ("device", "hei")


class TestVkp:
    """What Norwegian home follow-up vendors send: a batch, patients by number, weights in grams."""

    def test_every_entry_is_answered_for_under_its_own_full_url(self) -> None:
        received = file("vkp_batch")

        assert received.bundle == "batch"
        assert len({entry.full_url for entry in received.entries}) == 8
        for entry in received.entries:
            assert entry.item is None or entry.item.position == entry.full_url

    def test_a_weight_in_grams_on_a_whole_day(self) -> None:
        item = file("vkp_batch").items[0]

        assert item.subject == SOMEBODY
        assert (item.precision, item.at) == ("day", datetime(2026, 2, 2, 23, tzinfo=UTC))
        (draft,) = item.drafts
        assert draft.body["values"] == {"value": Decimal("82.4")}
        assert draft.body["original"] == {"value": {"value": 82400, "unit": "g"}}

    def test_the_mistyped_weight_code_is_not_guessed_at(self) -> None:
        assert file("vkp_batch").items[1].errors == (ItemError("code", Code.UNKNOWN_CODE),)

    def test_a_lower_case_patient_reference_is_still_ours(self) -> None:
        assert file("vkp_batch").items[2].subject == Subject(patient_id=OURS)

    def test_a_pressure_and_its_pulse(self) -> None:
        pressure, pulse = file("vkp_batch").items[3].drafts

        assert pressure.body["values"] == {"systolic": 142, "diastolic": 88}
        assert (pulse.kind, pulse.body["values"]) == ("heart_rate", {"value": 70})

    def test_news2_keeps_its_sub_scores(self) -> None:
        (draft,) = file("vkp_batch").items[4].drafts

        assert draft.kind == "news2"
        assert draft.body["values"] == {
            "value": 7,
            "resp_rate": 2,
            "spo2_scale1": 1,
            "air_or_oxygen": 2,
            "systolic": 0,
            "pulse": 1,
            "consciousness": 0,
            "temperature": 1,
        }

    def test_new_confusion_is_c(self) -> None:
        assert value(file("vkp_batch").items[5]) == "C"

    def test_a_conditional_put_corrects_what_it_names(self) -> None:
        first, correction = file("vkp_batch").items[0], file("vkp_batch").items[6]

        assert correction.how == "correction"
        assert correction.replaces == correction.message_id == first.message_id

    def test_a_delete_is_refused_alone(self) -> None:
        refusal = file("vkp_batch").entries[7].refusal

        assert refusal is not None
        assert refusal.code == "method-not-taken"


class TestPersonalHealthDevices:
    def test_resources_beside_are_read_for_whose_and_which_device(self) -> None:
        received = file("phd_transaction")

        assert received.bundle == "transaction"
        assert [entry.item is None for entry in received.entries[:3]] == [True, True, False]
        assert all(entry.refusal is None for entry in received.entries)
        saturation = received.items[0]
        assert (saturation.subject, saturation.serial) == (SOMEBODY, "OX7-0042")
        assert saturation.drafts[0].body["device"]["manufacturer"] == "Oximo"

    def test_an_alarming_saturation_is_stored_with_the_devices_verdict(self) -> None:
        item = file("phd_transaction").items[0]

        assert value(item) == Decimal("79.0")
        assert item.drafts[0].body["interpretation"] == ["LL"]

    def test_an_oximeters_pulse_is_a_heart_rate(self) -> None:
        item = file("phd_transaction").items[1]

        assert (item.subject, item.drafts[0].kind) == (SOMEBODY, "heart_rate")
        assert value(item) == Decimal("53.0")

    @pytest.mark.parametrize(("place", "reason"), [(2, "not-a-number"), (3, "error")])
    def test_a_value_said_to_be_absent_never_becomes_a_number(
        self, place: int, reason: str
    ) -> None:
        item = file("phd_transaction").items[place]

        assert item.errors == ()
        assert item.drafts[0].body["values"] == {}
        assert item.drafts[0].body["absent"] == {"value": reason}

    def test_the_clock_of_a_gateway_is_nobodys_measurement(self) -> None:
        received = file("phd_transaction")
        assert all(entry.refusal is None for entry in received.entries)
        assert not [item for item in received.items if b'"67975"' in item.raw]

    def test_a_private_panel_with_a_glucose_in_it_waits_for_a_person(self) -> None:
        assert file("phd_transaction").items[4].errors == (ItemError("code", Code.UNKNOWN_CODE),)


class TestSimulatedPatients:
    def test_the_older_pressure_panel_keeps_its_many_decimals(self) -> None:
        (draft,) = file("simulated_transaction").items[0].drafts

        assert draft.kind == "blood_pressure"
        assert draft.body["values"]["systolic"] == Decimal("151.53289161605278")

    def test_a_unit_in_words_only(self) -> None:
        assert value(file("simulated_transaction").items[1]) == 14

    def test_a_laboratory_result_is_kept_as_text_and_never_a_value(self) -> None:
        (draft,) = file("simulated_transaction").items[2].drafts

        assert (draft.kind, draft.body["values"]) == ("foreign", {})
        assert draft.body["foreign"]["value"] == "187.3"
        assert draft.body["foreign"]["unit"] == "mg/dL"
        assert draft.body["foreign"]["category"] == ["laboratory"]

    def test_a_height_is_kept_and_not_judged(self) -> None:
        (draft,) = file("simulated_transaction").items[3].drafts

        assert (draft.kind, draft.body["values"]) == ("foreign", {})

    def test_a_bill_is_not_taken(self) -> None:
        refusal = file("simulated_transaction").entries[5].refusal

        assert refusal is not None
        assert refusal.code == "resource-not-taken"

    def test_a_reference_within_the_bundle_leads_to_the_patients_identifier(self) -> None:
        subject = file("simulated_transaction").items[0].subject

        assert subject == Subject(system="https://simulated.example", value="anna-9")

    def test_the_same_reading_in_another_bundle_is_the_same_content(self) -> None:
        text = (PAYLOADS / "simulated_transaction.json").read_text()
        other = text.replace("7c0e1a52", "7c0e1a53")

        again = fhir_r4.decode(other.encode(), MEDIA).items[0]

        assert again.message_id == file("simulated_transaction").items[0].message_id
        assert again.content == file("simulated_transaction").items[0].content

    @pytest.mark.parametrize(
        "spelling",
        [
            {"effectiveDateTime": "2026-02-03T06:12:00Z"},
            {"effectiveDateTime": "2026-02-03T06:12:00.000+00:00"},
            {"effectiveDateTime": ..., "effectiveInstant": "2026-02-03T08:12:00+02:00"},
            {"valueQuantity": {"value": Decimal("82.400"), "unit": "kilo", "code": "kg",
                               "system": "http://unitsofmeasure.org"}},
            {"valueQuantity": {"value": 82400, "code": "g",
                               "system": "http://unitsofmeasure.org"}},
            {"text": {"status": "generated", "div": "<div>82,4 kg</div>"}},
            {"id": "of-the-server"},
        ],
    )  # fmt: skip
    def test_a_resource_sent_again_is_the_same_however_it_is_spelt(
        self, spelling: dict[str, Any]
    ) -> None:
        assert one(**spelling).content == one().content

    @pytest.mark.parametrize(
        "other",
        [
            {"effectiveDateTime": "2026-02-03T06:12:01Z"},
            {"effectiveDateTime": "2026-02-03"},
            {"valueQuantity": {"value": 82.5, "code": "kg"}},
            {"subject": {"reference": f"Patient/{UUID(int=7)}"}},
            {"status": "amended"},
            {"status": "preliminary"},
            {"meta": {"versionId": "2"}},
            {"meta": {"lastUpdated": "2026-02-03T06:12:00Z"}},
            {"issued": "2026-02-03T06:12:00Z"},
            {"note": [{"text": "Etter frokost"}]},
            {"device": {"identifier": {"value": "B2"}}},
        ],
    )
    def test_a_resource_that_says_anything_else_is_another(self, other: dict[str, Any]) -> None:
        assert one(**other).content != one().content

    def test_a_version_is_the_same_however_its_moment_is_spelt(self) -> None:
        made = [
            one(status="amended", meta={"lastUpdated": told}).content
            for told in ("2026-02-03T06:12:00Z", "2026-02-03T07:12:00.0+01:00")
        ]
        assert made[0] == made[1]

    @pytest.mark.parametrize(
        "fault",
        [
            {"status": "entered-in-error"},
            {"status": "nonsense"},
            {"category": LABORATORY, "code": {"text": "CRP"}},
        ],
    )
    def test_what_is_withdrawn_faulty_or_not_ours_is_the_same_too(
        self, fault: dict[str, Any]
    ) -> None:
        unit = {"value": 82.4, "unit": "kg", "code": "kg", "system": "http://unitsofmeasure.org"}
        again = one(**fault, effectiveDateTime="2026-02-03T06:12:00Z", valueQuantity=unit)
        assert again.content == one(**fault).content
        assert one(**fault, valueQuantity={"value": 8}).content != one(**fault).content

    def test_answers_sent_again_are_the_same_however_their_time_is_spelt(self) -> None:
        text = (PAYLOADS / "answers.json").read_text()
        sent = json.loads(text)
        at = datetime.fromisoformat(sent["authored"])
        other = {**sent, "authored": at.astimezone(UTC).isoformat().replace("+00:00", ".000Z")}

        [first], [again] = (fhir_r4.decode(exact.dumps(one), MEDIA).items for one in (sent, other))
        assert (again.message_id, again.content) == (first.message_id, first.content)


class TestAbsence:
    def test_a_pressure_with_an_absent_half_keeps_the_other(self) -> None:
        systolic = component("8480-6", valueQuantity={"value": 107, "code": "mm[Hg]"})
        reason = {"coding": [{"system": "x", "code": "not-performed"}]}
        item = pressure(systolic, component("8462-4", dataAbsentReason=reason))

        (draft,) = item.drafts
        assert draft.body["values"] == {"systolic": 107}
        assert draft.body["absent"] == {"diastolic": "not-performed"}

    def test_a_half_that_is_missing_without_a_reason_is_a_fault(self) -> None:
        item = pressure(component("8480-6", valueQuantity={"value": 107, "code": "mm[Hg]"}))

        assert item.errors == (ItemError("component.diastolic", Code.MISSING_VALUE),)

    def test_a_value_sent_along_with_a_reason_for_absence_is_not_believed(self) -> None:
        item = one(dataAbsentReason={"coding": [{"system": "x", "code": "not-a-number"}]})

        assert item.drafts[0].body["values"] == {}

    def test_a_half_sent_twice_is_a_fault(self) -> None:
        quantity = {"value": 107, "code": "mm[Hg]"}
        parts = [component(code, valueQuantity=quantity) for code in ("8480-6", "8480-6", "8462-4")]

        assert ItemError("component.systolic", Code.BAD_VALUE) in pressure(*parts).errors


def component(code: str, **rest: Any) -> dict[str, Any]:
    return {"code": {"coding": [{"system": "http://loinc.org", "code": code}]}, **rest}


def pressure(*components: dict[str, Any]) -> Item:
    code = {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]}
    return one(code=code, valueQuantity=..., component=list(components))


@pytest.mark.parametrize(
    ("quantity", "code"),
    [
        ({"value": 82.4}, Code.UNKNOWN_UCUM),
        ({"value": 82.4, "code": "mm[Hg]"}, Code.UNKNOWN_UCUM),
        ({"value": 82.4, "code": "stones", "unit": "kg"}, Code.UNKNOWN_UCUM),
        ({"value": "82.4", "code": "kg"}, Code.BAD_VALUE),
        ({"value": True, "code": "kg"}, Code.BAD_VALUE),
        ({"value": "NaN", "code": "kg"}, Code.BAD_VALUE),
        ({"value": 82.4, "code": "kg", "comparator": ">"}, Code.BAD_VALUE),
        ({"value": 1e245, "code": "kg"}, Code.IMPLAUSIBLE),
        ({"code": "kg"}, Code.MISSING_VALUE),
    ],
)
def test_an_unusable_quantity(quantity: dict[str, Any], code: Code) -> None:
    assert one(valueQuantity=quantity).errors == (ItemError("value", code),)


def test_a_text_is_not_a_number() -> None:
    item = one(valueQuantity=..., valueString="82.4")

    assert item.errors == (ItemError("value", Code.BAD_VALUE),)


def test_any_of_several_codes_may_be_the_known_one() -> None:
    codings = [
        {"system": "https://vendor.example", "code": "weight"},
        {"system": "http://snomed.info/sct", "code": "27113001"},
    ]

    assert one(code={"coding": codings}).drafts[0].kind == "body_weight"


def test_an_unknown_code_without_a_category_waits_for_a_person() -> None:
    code = {"coding": [{"system": "http://loinc.org", "code": "1-8"}]}

    assert one(code=code).errors == (ItemError("code", Code.UNKNOWN_CODE),)
    assert one(code={"text": "vekt"}, category=LABORATORY).errors
    assert one(code=code, category=LABORATORY).drafts[0].kind == "foreign"


def test_a_well_known_vital_sign_that_no_rule_reads_is_kept_and_not_judged() -> None:
    def vital(code: str, **more: Any) -> Item:
        vital_signs = deepcopy(LABORATORY)
        vital_signs[0]["coding"][0]["code"] = "vital-signs"
        coding = {"coding": [{"system": "http://loinc.org", "code": code}]}
        return one(code=coding, category=vital_signs, **more)

    part = {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}}

    assert vital("8302-2").drafts[0].kind == "foreign"
    assert vital("39156-5").drafts[0].body["values"] == {}
    assert vital("29563-7").errors == (ItemError("code", Code.UNKNOWN_CODE),)
    assert vital("85353-1", component=[part]).errors == (ItemError("code", Code.UNKNOWN_CODE),)


class TestTime:
    @pytest.mark.parametrize(
        "sent",
        [
            ...,
            "2026",
            "2026-02",
            "2026-02-03T07:12:00",
            "2026-02-03T07:12",
            "2026-02-30",
            1770099000,
        ],
    )
    def test_an_unusable_time_is_a_fault(self, sent: Any) -> None:
        assert one(effectiveDateTime=sent).errors == (
            ItemError("effectiveDateTime", Code.BAD_TIME),
        )

    def test_a_day_is_a_day_in_norway(self) -> None:
        item = one(effectiveDateTime="2026-07-01")

        assert (item.precision, item.at) == ("day", datetime(2026, 6, 30, 22, tzinfo=UTC))
        assert item.drafts[0].body["claimed_at"] == "2026-07-01"

    def test_an_instant_and_a_period(self) -> None:
        instant = one(effectiveDateTime=..., effectiveInstant="2026-02-03T07:12:00.250Z")
        span = {"start": "2026-02-03T22:00:00+01:00", "end": "2026-02-04T06:00:00+01:00"}
        period = one(effectiveDateTime=..., effectivePeriod=span)

        assert instant.at == datetime(2026, 2, 3, 7, 12, 0, 250_000, tzinfo=UTC)
        assert period.until == datetime(2026, 2, 4, 5, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("period", "path"),
        [
            ({"end": "2026-02-04T06:00:00Z"}, "effectivePeriod.start"),
            ({"start": "2026-02-04T06:00:00Z", "end": "2026-02-04"}, "effectivePeriod.end"),
            ({"start": "2026-02-04T06:00:00Z", "end": "soon"}, "effectivePeriod.end"),
        ],
    )
    def test_a_period_that_does_not_hold(self, period: dict[str, str], path: str) -> None:
        item = one(effectiveDateTime=..., effectivePeriod=period)

        assert item.errors == (ItemError(path, Code.BAD_TIME),)

    def test_when_it_was_published_is_not_when_it_was_measured(self) -> None:
        item = one(effectiveDateTime=..., issued="2026-02-03T07:12:00Z")

        assert item.errors[0].code == Code.BAD_TIME


class TestSubject:
    @pytest.mark.parametrize(
        "reference",
        [
            f"Patient/{OURS}",
            f"patient/{str(OURS).upper()}",
            f"https://hospital.example/fhir/Patient/{OURS}",
            f"Patient/{OURS}/_history/3",
        ],
    )
    def test_our_own_id_in_any_spelling(self, reference: str) -> None:
        assert one(subject={"reference": reference}).subject == Subject(patient_id=OURS)

    def test_a_national_number_in_any_spelling(self) -> None:
        number = made(14, 83, 51)
        sent = {
            "system": "2.16.578.1.12.4.1.4.1",
            "value": f"{number[:6]} {number[6:]}",
        }

        assert one(subject={"identifier": sent}).subject == SOMEBODY

    def test_a_patient_contained_in_the_resource(self) -> None:
        patient = {
            "resourceType": "Patient",
            "id": "p",
            "identifier": [{"value": "no system"}, {"system": "urn:x", "value": "7"}],
        }

        item = one(contained=[patient], subject={"reference": "#p"})

        assert item.subject == Subject(system="urn:x", value="7")

    def test_somebody_elses_reference_is_a_name_at_that_sender(self) -> None:
        for reference in ("Patient/example", "urn:uuid:not-in-here"):
            assert one(subject={"reference": reference}).subject == Subject(
                system=fhir_subject.REFERENCE, value=reference
            )

    @pytest.mark.parametrize("reference", ["Device/7", "https://there.example/Group/g1"])
    def test_what_is_about_a_thing_is_about_no_patient(self, reference: str) -> None:
        item = one(subject={"reference": reference})

        assert (item.subject, item.errors) == (
            None,
            (ItemError("subject", Code.UNKNOWN_SUBJECT),),
        )

    def test_nobody_named_is_left_to_the_credential(self) -> None:
        assert one(subject=...).subject is None
        assert one(subject={"display": "Kari"}).subject is None


class TestIdentity:
    def test_the_first_identifier_that_says_something_is_the_id(self) -> None:
        identifiers = [{"system": SYSTEM}, {"system": SYSTEM, "value": ""}, {"value": "m-7"}]

        assert one(identifier=identifiers).message_id == "m-7"

    def test_our_own_message_id_comes_back_as_itself(self) -> None:
        sent = [{"system": "urn:hjv:message", "value": "weight-0001#pulse"}]

        assert one(identifier=sent).message_id == "weight-0001#pulse"

    def test_without_an_identifier_the_content_is_the_id(self) -> None:
        item, again = one(identifier=...), one(identifier=..., id="server-given")

        assert item.message_id == f"sha256:{item.content.hex()}"
        assert again.message_id != item.message_id

    def test_a_very_long_identifier_is_shortened_the_same_way_each_time(self) -> None:
        long = [{"system": SYSTEM, "value": "x" * 5000}]

        assert one(identifier=long).message_id == one(identifier=long).message_id
        assert len(one(identifier=long).message_id) < 100

    def test_if_none_exist_names_the_message(self) -> None:
        resource = {key: value for key, value in WEIGHT.items() if key != "identifier"}
        request = {"method": "POST", "url": "Observation", "ifNoneExist": "identifier=urn%3Ax|9"}

        assert of({"resource": resource, "request": request}).message_id == "urn:x|9"

    def test_a_put_without_an_identifier_goes_by_its_own_id(self) -> None:
        resource = {key: value for key, value in WEIGHT.items() if key != "identifier"}
        item = put(resource | {"id": "abc"}, "Observation/abc")

        assert item.message_id == item.replaces == "Observation/abc"

    def test_the_senders_version_is_kept(self) -> None:
        assert one(meta={"versionId": "7"}).version == 7
        assert one(meta={"versionId": "v7"}).version is None
        assert one(meta={"versionId": "9" * 21}).version is None

    def test_the_moment_of_a_version_is_kept(self) -> None:
        told = {"lastUpdated": "2026-02-03T08:00:00+01:00"}
        eight = datetime(2026, 2, 3, 7, tzinfo=UTC)

        assert one(meta=told).updated == eight
        assert one(issued="2026-02-03T08:00:00+01:00").updated == eight
        assert one(meta=told, issued="2026-02-01T08:00:00Z").updated == eight
        assert one(meta={"lastUpdated": "2026-02-03"}).updated is None
        assert one(meta={"lastUpdated": 7}).updated is None

    def test_an_update_that_says_nothing_of_its_age_is_as_old_as_its_arrival(self) -> None:
        arrived = datetime(2026, 2, 3, 8, tzinfo=UTC)

        def sent(**changes: Any) -> Item:
            body = exact.dumps(WEIGHT | changes)
            return fhir_r4.decode(body, MEDIA, arrived=arrived).items[0]

        assert sent(status="amended").updated == arrived
        assert sent(status="amended", issued="2026-02-03T07:00:00Z").updated == datetime(
            2026, 2, 3, 7, tzinfo=UTC
        )
        assert sent().updated is None

    def test_answers_are_a_version_of_when_they_were_last_changed(self) -> None:
        (item,) = file("answers").items

        assert item.updated == item.at


class TestStatus:
    @pytest.mark.parametrize("status", ["amended", "corrected"])
    def test_an_amended_one_corrects_its_own_id(self, status: str) -> None:
        item = one(status=status)

        assert (item.how, item.replaces) == ("correction", item.message_id)
        assert item.drafts

    @pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
    def test_a_withdrawn_one_needs_neither_time_nor_value(self, status: str) -> None:
        item = one(status=status, effectiveDateTime=..., valueQuantity=...)

        assert (item.how, item.replaces, item.errors) == ("void", item.message_id, ())
        assert not item.drafts

    @pytest.mark.parametrize("status", ["preliminary", "registered", "unknown"])
    def test_an_early_one_is_a_reading_that_says_so(self, status: str) -> None:
        item = one(status=status)

        assert item.how is None
        assert item.drafts[0].body["status"] == status

    @pytest.mark.parametrize("status", [..., "done", 7, None])
    def test_no_status_is_a_fault(self, status: Any) -> None:
        assert one(status=status).errors == (ItemError("status", Code.BAD_VALUE),)


class TestContext:
    def test_oxygen_and_phase_travel_as_components(self) -> None:
        own = "https://hjemvakt.example/fhir/CodeSystem/hjv"

        def told(code: str, **value: Any) -> dict[str, Any]:
            return {"code": {"coding": [{"system": own, "code": code}]}, **value}

        components = [
            told("ctx-on-oxygen", valueBoolean=True),
            told("ctx-spo2-scale", valueInteger=2),
            told("ctx-phase", valueString="between"),
        ]
        item = one(component=components)

        assert item.drafts[0].body["context"] == {
            "on_oxygen": True,
            "spo2_scale": 2,
            "unread": {"phase": "between"},
        }

    def test_oxygen_by_its_clinical_code(self) -> None:
        code = {"coding": [{"system": "http://snomed.info/sct", "code": "371825009"}]}
        no = {"coding": [{"system": "http://snomed.info/sct", "code": "373067005"}]}
        item = one(component=[{"code": code, "valueCodeableConcept": no}])

        assert item.drafts[0].body["context"] == {"on_oxygen": False}


class TestAnswers:
    def test_nested_answers_are_flattened_by_question(self) -> None:
        (item,) = file("answers").items
        (draft,) = item.drafts

        assert item.message_id == "https://app.example/form|form-17"
        assert (draft.type, draft.kind) == ("answers", "questionnaire")
        assert draft.body["questionnaire"] == "home-dialysis-daily"
        assert draft.body["version"] == "1.2.0"
        assert draft.body["answers"] == {
            "dyspnoea": ["some"],
            "swollen": [True],
            "swollen-where": ["ankler", "hender"],
            "cups": [6],
            "temperature": [Decimal("36.6")],
            "weight": [Decimal("82.4")],
            "since": ["2026-02-01"],
        }

    def test_an_answer_to_a_question_the_form_does_not_have_is_never_scored_as_nothing(
        self,
    ) -> None:
        body = (PAYLOADS / "answers.json").read_bytes()
        asked = {
            "dyspnoea": fhir_forms.Question(("valueCoding",)),
            "swollen": fhir_forms.Question(("valueBoolean",)),
            "swollen-where": fhir_forms.Question(("valueString",), repeats=True),
            "cups": fhir_forms.Question(("valueInteger",)),
            "weight": fhir_forms.Question(("valueQuantity",)),
        }
        forms = {"home-dialysis-daily": asked}

        (item,) = fhir_r4.decode(body, MEDIA, forms).items

        assert item.errors == (
            ItemError("item.temperature", Code.UNKNOWN_FIELD),
            ItemError("item.since", Code.UNKNOWN_FIELD),
        )

    @pytest.mark.parametrize(
        ("changes", "path", "code"),
        [
            ({"questionnaire": None}, "questionnaire", Code.MISSING_VALUE),
            ({"item": []}, "item", Code.MISSING_VALUE),
            ({"authored": "2026-02-03T07:20:00"}, "authored", Code.BAD_TIME),
            ({"status": "final"}, "status", Code.BAD_VALUE),
            ({"status": "draft"}, "status", Code.BAD_VALUE),
            ({"item": [{"linkId": "a", "answer": [{}]}]}, "item.a", Code.BAD_VALUE),
            ({"item": "none"}, "item", Code.UNREADABLE),
        ],
    )
    def test_an_unusable_form(self, changes: dict[str, Any], path: str, code: Code) -> None:
        sent = exact.loads((PAYLOADS / "answers.json").read_bytes()) | changes

        assert of(sent).errors == (ItemError(path, code),)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not-json"),
        (b"[]", "not-a-resource"),
        (b"{}", "not-a-resource"),
        (b'{"resourceType":7}', "not-a-resource"),
        (b'{"resourceType":"Claim"}', "resource-not-taken"),
        (b'{"resourceType":"Medication"}', "resource-not-taken"),
        (b'{"resourceType":"Bundle"}', "bundle-not-taken"),
        (b'{"resourceType":"Bundle","type":"document","entry":[]}', "bundle-not-taken"),
        (b'{"resourceType":"Bundle","type":"batch","entry":{}}', "bundle-not-taken"),
        (b'{"resourceType":"Bundle","type":"batch","type":"batch"}', "duplicate-key"),
        (b'{"resourceType":"Observation","valueQuantity":{"value":NaN}}', "not-finite"),
    ],
)
def test_a_body_that_is_unusable_as_a_whole_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(refused.Refused) as refusal:
        fhir_r4.decode(body, MEDIA)

    assert refusal.value.code == code


def test_a_misshapen_resource_is_kept_and_says_where() -> None:
    item = one(code="weight", subject=[1])

    assert set(item.errors) == {
        ItemError("code", Code.UNREADABLE),
        ItemError("subject", Code.UNREADABLE),
    }
    assert item.message_id.startswith("sha256:")


def test_a_text_that_cannot_be_stored_is_set_aside() -> None:
    item = one(note=[{"text": "\0"}])

    assert item.errors == (ItemError("", Code.NOT_STORABLE),)


def test_an_entry_kept_in_quarantine_reads_the_same_again() -> None:
    for item in file("vkp_batch").items:
        (again,) = fhir_r4.decode(item.raw, item.media_type).items

        assert (again.message_id, again.content) == (item.message_id, item.content)
        assert (again.drafts, again.errors, again.how) == (item.drafts, item.errors, item.how)


def test_a_bundle_without_entries_is_empty() -> None:
    assert fhir_r4.decode(b'{"resourceType":"Bundle","type":"batch"}', MEDIA).entries == ()


@given(st.permutations(list(WEIGHT)), st.sampled_from(["82.4", "82.40", "8.24e1"]))
def test_neither_key_order_nor_spelling_changes_id_or_content(
    order: list[str], spelling: str
) -> None:
    texts = {key: json.dumps(value) for key, value in WEIGHT.items()}
    texts["valueQuantity"] = texts["valueQuantity"].replace("82.4", spelling)
    body = "{" + ",".join(f'"{key}":{texts[key]}' for key in order) + "}"

    (item,) = fhir_r4.decode(body.encode(), MEDIA).items

    assert (item.message_id, item.content) == (one().message_id, one().content)


@given(st.binary(max_size=80))
def test_no_bytes_make_the_decoder_fail(body: bytes) -> None:
    with suppress(refused.Refused):
        fhir_r4.decode(body, MEDIA)


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=6), inner, max_size=2)
    ),
    max_leaves=4,
)
files = st.sampled_from(sorted(PAYLOADS.glob("*.json")))


@given(files, st.data())
def test_no_change_to_a_good_payload_makes_the_decoder_fail(
    path: Path, data: st.DataObject
) -> None:
    sent = deepcopy(exact.loads(path.read_bytes()))
    place = sent
    while True:
        steps = list(place) if isinstance(place, dict) else list(range(len(place)))
        step = data.draw(st.sampled_from(steps))
        inner = place[step]
        if not inner or not isinstance(inner, dict | list) or data.draw(st.booleans()):
            place[step] = data.draw(anything)
            break
        place = inner

    try:
        received = fhir_r4.decode(exact.dumps(sent), MEDIA)
    except refused.Refused:
        return

    for item in received.items:
        assert item.message_id
        assert not (item.errors and item.drafts)
        exact.dumps([draft.body for draft in item.drafts])


def test_what_cannot_be_kept_of_a_resource_beside_is_not_kept_with_the_reading() -> None:
    told = (PAYLOADS / "phd_transaction.json").read_bytes()
    whole = fhir_r4.decode(told, MEDIA).items
    device = next(
        draft.body["device"] for item in whole for draft in item.drafts if "device" in draft.body
    )
    broken = told.replace(device["serial"].encode(), b"x\\u0000y")
    assert broken != told
    for item in fhir_r4.decode(broken, MEDIA).items:
        assert "\x00" not in str([draft.body for draft in item.drafts])
