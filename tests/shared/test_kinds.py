from decimal import Decimal
from typing import Any

import pytest

from shared import kinds, values
from shared.contracts import Code

LOINC = "http://loinc.org"
SCT = "http://snomed.info/sct"
MDC = "urn:iso:std:iso:11073:10101"


def test_every_kind_is_named_in_both_languages() -> None:
    assert len(kinds.CATALOGUE) >= 13
    for kind in kinds.CATALOGUE.values():
        assert kind.nb
        assert kind.en
        assert all(field.nb and field.en for field in kind.fields.values())


def test_every_code_names_one_kind_and_every_canonical_unit_is_accepted() -> None:
    for kind in kinds.CATALOGUE.values():
        assert all(kinds.find([code]) is kind for code in kind.codes)
        for field in kind.fields.values():
            assert field.enum or field.hard_min < field.hard_max
            assert field.ucum is None or field.accept[field.ucum].same


def test_split_fields_fit_into_a_heart_rate() -> None:
    pulse = kinds.CATALOGUE["heart_rate"].fields["value"]
    for kind in kinds.CATALOGUE.values():
        for name in kind.split:
            field = kind.fields[name]
            assert field.ucum == pulse.ucum
            assert (field.hard_min, field.hard_max) == (pulse.hard_min, pulse.hard_max)


@pytest.mark.parametrize(
    ("kind", "field", "value", "ucum", "canonical"),
    [
        ("body_weight", "value", "82400", "g", "82.4"),
        ("body_weight", "value", "180", "lb", "81.6466266"),
        ("body_weight", "value", "180", "lbs", "81.6466266"),
        ("body_weight", "value", "164.8", "jin", "82.4"),
        ("body_weight", "value", "13", "st", "82.55381134"),
        ("body_temp", "value", "100.4", "[degF]", "38"),
        ("blood_pressure", "systolic", "18.9", "kPa", "141.7616613"),
        ("glucose", "value", "180.182", "mg/dL", "10"),
        ("cpap_night", "leak_p95", "0.14", "L/s", "8.4"),
        ("cpap_night", "usage", "8.5", "h", "510"),
        ("cpap_night", "usage", "3600", "s", "60"),
        ("pd_treatment", "fill_total", "10.0", "L", "10000"),
        ("heart_rate", "value", "72", "bpm", "72"),
    ],
)
def test_a_value_is_converted_exactly(
    kind: str, field: str, value: str, ucum: str, canonical: str
) -> None:
    assert kinds.convert(kind, field, Decimal(value), ucum) == Decimal(canonical)


def test_a_unit_of_something_else_is_unknown() -> None:
    with pytest.raises(kinds.UnknownUcum):
        kinds.convert("body_weight", "value", Decimal(82), "mm[Hg]")


@pytest.mark.parametrize(
    ("text", "ucum"),
    [
        ("breaths/minute", "/min"),
        ("{Beats}/min", "/min"),
        ("mmHg^Unit", "mm[Hg]"),
        ("263875", "kg"),
        (" °C ", "Cel"),
        ("kg", "kg"),
    ],
)
def test_units_are_recognised_as_senders_spell_them(text: str, ucum: str) -> None:
    assert kinds.spelt(text) == ucum


@pytest.mark.parametrize(
    ("coding", "kind"),
    [
        ((LOINC, "55284-4"), "blood_pressure"),
        ((LOINC, "3141-9"), "body_weight"),
        ((MDC, "149530"), "heart_rate"),
        (("urn:oid:2.16.840.1.113883.6.24", "150456"), "spo2"),
        (("http://loinc.org/", "67775-7"), "consciousness"),
        ((SCT, "45991000052106"), "news2"),
    ],
)
def test_a_kind_is_found_by_any_of_its_names(coding: kinds.Coding, kind: str) -> None:
    found = kinds.find([("http://sender.example", "x"), coding])

    assert found is not None
    assert found.name == kind


def test_codes_of_two_kinds_name_none() -> None:
    assert kinds.find([(LOINC, "8867-4"), (MDC, "150456")]) is None
    assert kinds.find([(LOINC, "29563-7")]) is None  # a known slip for 29463-7, another thing
    assert kinds.find([]) is None


def test_the_consciousness_scale_is_read_from_either_terminology() -> None:
    assert kinds.consciousness([(LOINC, "LA6560-2")]) == "C"
    assert kinds.consciousness([(SCT, "422768004")]) == "U"
    assert kinds.consciousness([(SCT, "1")]) is None


@pytest.mark.parametrize(
    ("kind", "sent", "fault"),
    [
        ("blood_pressure", {"systolic": 142}, ("diastolic", Code.MISSING_VALUE)),
        ("blood_pressure", {"systolic": 88, "diastolic": 142}, ("diastolic", Code.IMPLAUSIBLE)),
        ("blood_pressure", {"systolic": 90, "diastolic": 90}, ("diastolic", Code.IMPLAUSIBLE)),
        ("body_weight", {"value": None}, ("value", Code.MISSING_VALUE)),
        ("body_weight", {"value": {}}, ("value", Code.MISSING_VALUE)),
        ("body_weight", {"value": 401}, ("value", Code.IMPLAUSIBLE)),
        ("body_weight", {"value": True}, ("value", Code.BAD_VALUE)),
        ("body_weight", {"value": [82]}, ("value", Code.BAD_VALUE)),
        ("body_weight", {"value": "82.4 kg"}, ("value", Code.BAD_VALUE)),
        ("body_weight", {"value": "1_0"}, ("value", Code.BAD_VALUE)),
        ("body_weight", {"value": "٨٢"}, ("value", Code.BAD_VALUE)),
        ("body_weight", {"value": {"value": 82, "unit": 1}}, ("value", Code.UNKNOWN_UCUM)),
        ("body_weight", {"value": {"value": 82, "unit": "KG"}}, ("value", Code.UNKNOWN_UCUM)),
        ("body_weight", {"value": 82, "mass": 1}, ("mass", Code.UNKNOWN_FIELD)),
        ("consciousness", {"value": "a"}, ("value", Code.BAD_VALUE)),
        ("hd_session", {}, ("", Code.MISSING_VALUE)),
    ],
)
def test_each_unusable_value_has_one_fault(
    kind: str, sent: dict[str, Any], fault: tuple[str, Code]
) -> None:
    assert values.read(kinds.CATALOGUE[kind], sent).faults == [fault]


def test_alarming_values_are_possible_ones() -> None:
    for kind, sent in (
        ("heart_rate", {"value": 28}),
        ("spo2", {"value": 68}),
        ("blood_pressure", {"systolic": 66, "diastolic": 40}),
    ):
        assert not values.read(kinds.CATALOGUE[kind], sent).faults


def test_the_original_is_kept_only_where_it_differs() -> None:
    pressure = kinds.CATALOGUE["blood_pressure"]
    sent = {
        "systolic": {"value": Decimal("18.9"), "unit": "kPa"},
        "diastolic": {"value": 88, "unit": "mm[Hg]"},
        "mean": "105,5",
        "pulse": {"value": 71, "unit": "bpm"},
    }

    reading = values.read(pressure, sent)

    assert reading.original == {
        "systolic": {"value": Decimal("18.9"), "unit": "kPa"},
        "mean": {"value": "105,5"},
        "pulse": {"value": 71, "unit": "bpm"},
    }
    assert reading.values["mean"] == Decimal("105.5")


def test_a_cuffs_pulse_becomes_a_heart_rate_of_its_own() -> None:
    pressure = kinds.CATALOGUE["blood_pressure"]
    reading = values.read(pressure, {"pulse": "71,0", "systolic": 142, "diastolic": 88})

    whole, pulse = values.parts(pressure, reading)

    assert (whole[0], whole[1].values) == ("blood_pressure", {"systolic": 142, "diastolic": 88})
    assert (pulse[0], pulse[1].values) == ("heart_rate", {"value": Decimal("71.0")})
    assert pulse[1].original == {"value": {"value": "71,0"}}
    assert whole[1].original == {}
