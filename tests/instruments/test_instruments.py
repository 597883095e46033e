"""Every instrument's record: licence, sources, codes."""

from pathlib import Path

import pytest

from shared import instruments
from shared.instruments import forms
from shared.instruments.schema import SEXES, Choice, Instrument, bands_for
from tests.instruments.given import INSTRUMENTS

WANTED = {
    *("phq-9", "phq-8", "phq-2", "phq-15", "gad-7", "gad-2", "audit", "audit-c", "dudit"),
    *("ipos-renal", "kdqol-36", "ess", "rapid3", "raid", "haq-di", "basdai", "nddi-e", "core-10"),
    *("oci-r", "y-bocs", "cat", "kccq-12", "wound-qol-17", "hads", "eq-5d-5l", "qolie-31"),
    *("lsss", "promis", "rand-36"),
}
FREE = {"phq-9", "phq-8", "phq-2", "phq-15", "gad-7", "gad-2", "audit", "audit-c"}
NEVER = {"eq-5d-5l", "hads", "kccq-12", "cat", "ess", "y-bocs", "rapid3"}

each = pytest.mark.parametrize("instrument", INSTRUMENTS.values(), ids=lambda one: one.slug)


def test_the_instruments_are_those_of_the_clinical_reference() -> None:
    assert set(INSTRUMENTS) == WANTED


def test_wording_may_be_passed_on_for_the_free_ones_only() -> None:
    said = {slug: one.licence.may_ship for slug, one in INSTRUMENTS.items()}
    assert {slug for slug, may in said.items() if may == "yes"} == FREE
    assert {slug for slug, may in said.items() if may == "no"} == NEVER
    assert set(forms.load()) == FREE


@each
def test_every_instrument_has_a_licence_record(instrument: Instrument) -> None:
    assert instrument.licence.licence
    assert instrument.licence.ground


@each
def test_every_number_has_a_source(instrument: Instrument) -> None:
    for scale in instrument.scales:
        assert scale.source
        assert all(one.source for one in (*scale.bands, *scale.cut_offs))
    assert all(one.source for one in (*instrument.red_flags, *instrument.changes))


@each
def test_every_total_lies_in_a_band_with_words(instrument: Instrument) -> None:
    found = instruments.score(instrument, {})
    lowest = {name: part.lower_bound for name, part in found.subscores.items()}
    if found.lower_bound is not None:
        lowest["total"] = found.lower_bound
    for scale in instrument.scales:
        for sex in SEXES if scale.bands and scale.name in lowest else ():
            assert bands_for(scale, sex)[0].begins_below(lowest[scale.name])
        for band in scale.bands:
            assert band.words.nb.strip()
            assert band.words.nn.strip()
            assert band.words.en.strip()


def test_codes_of_items_stand_in_the_forms_order() -> None:
    phq, gad = INSTRUMENTS["phq-9"].question_of, INSTRUMENTS["gad-7"].question_of
    ninth, seventh = phq["item-9"], gad["item-7"]
    assert isinstance(ninth, Choice)
    assert isinstance(seventh, Choice)
    assert ninth.loinc[ninth.links.index("item-9")] == "44260-8"
    assert seventh.loinc[seventh.links.index("item-7")] == "69736-7"
    assert ninth.score_of == {"LA6568-5": 0, "LA6569-3": 1, "LA6570-1": 2, "LA6571-9": 3}


def test_an_unknown_instrument_is_said_to_be_unknown() -> None:
    with pytest.raises(instruments.UnknownInstrument):
        instruments.load("phq-10")


GOOD = (instruments.SHIPPED / "basdai.toml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('method = "mean"', 'method = "median"', "method"),
        ('items = ["item-5", "item-6"]', 'items = ["item-5", "item-7"]', "item-7"),
        ("at_least = 4", "at_least = -1", "out of order"),
        ('slug = "basdai"', 'slug = "basfi"', "basfi"),
        ("least = 0", 'least = "0"', "a number is expected"),
        ('"stiffness"]', '"stiffness"]\nat_least = 3', "different ends"),
    ],
)
def test_a_spoilt_file_is_refused_with_the_place(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert old in GOOD
    path = tmp_path / "basdai.toml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(instruments.InstrumentIsUnreadable, match=told):
        instruments.read(path)
