"""The checker speaks in sentences, one per fault, and tells all of them."""

import json
import re
import shutil
from pathlib import Path

import pytest

from services.alerts.clinical import cases
from shared import programmes
from tests.programmes.spoiling import spoil

SPOILT = [
    ("programme.toml", 'slug = "home_dialysis"', 'slug = "dialysis"',
     "the slug is dialysis, but the folder is called home_dialysis."),
    ("programme.toml", "min = 0.5\nmax = 6", "min = 7\nmax = 6",
     "limit weight_rise_red has a min above its max."),
    ("programme.toml", "default = 1.5", "default = 9",
     "limit weight_rise_red has a default outside its min and max."),
    ("programme.toml", 'name = "weight_rise_red"', 'name = "weight_rise"',
     "rule hd-1-red uses weight_rise_red, which is no limit."),
    ("programme.toml", 'name = "weight_rise_red"', 'name = "weight_rise"',
     "no rule uses limit weight_rise."),
    ("programme.toml", 'kind = "body_weight"', 'kind = "body_wieght"',
     "plan item weight-morning expects body_wieght, which is no kind and no form here."),
    ("rules.toml", 'input = "weight"', 'input = "wieght"',
     "rule hd-1-red looks at wieght, which is no input."),
    ("rules.toml", 'id = "hd-1-red-day"', 'id = "hd-1-red"', "rule hd-1-red is there twice."),
    ("rules.toml", '{ kind = "body_temp" }', '{ kind = "body_tmep" }',
     "input temperature reads body_tmep, which is no kind."),
    ("rules.toml", 'field = "weight_pre"', 'field = "weight"',
     "input weight reads hd_session.weight, which that kind does not have."),
    ("rules.toml", '{ context = "effluent" }', '{ context = "colour" }',
     "input effluent reads the context colour, which no kind has."),
    ("rules.toml", 'answer = "effluent"', 'answer = "bag"',
     "input effluent reads the answer bag, which the form does not ask for."),
    ("rules.toml", 'codes = ["done"]', 'codes = ["yes"]',
     "input haemodialysis keeps an answer that dialysis-done does not offer."),
    ("rules.toml", 'codes = ["cloudy"]', 'codes = ["murky"]',
     "rule pd-1-red waits for the answer murky, which is never offered."),
    ("rules.toml", "(grense {limit})", "(grense {threshold})",
     "the text says.nb of rule hd-1-red names unknown threshold."),
    ("rules.toml", "(grense {limit})", "(grense {limit)",
     "the text says.nb of rule hd-1-red has braces out of place."),
    ("rules.toml", " Ring 113 ved akutt fare. Legevakt 116 117.", "",
     "the red text tells.nb of rule hd-1-red must carry “Ring 113 ved akutt fare. "
     "Legevakt 116 117.”"),
    ("rules.toml", 'retake = { within = "PT30M", grace = "PT30M" }', "",
     "rule hd-5-red-low is an absolute limit and must ask for a retake."),
    ("rules.toml", 'within = "P7D"', 'within = "P90D"',
     "rule hd-1-red looks further back than 60 days."),
    ("rules.toml", 'above = "target_gap_red"', 'above = "target_gap_yellow"',
     "rule hd-4-red-trend is red and may not wait for persistence."),
    ("programme.toml", 'about = ["hd-4-red-trend"]', 'about = ["hd-4-trend"]',
     "what is undecided is about hd-4-trend, which is no rule and no limit."),
    ("cases.toml", 'expect = ["hd-1-red"]', 'expect = ["hd-99"]',
     "the case “2.4 kg since the last dialysis” expects hd-99, which is no rule."),
    ("cases.toml", "limits = { weight_rise_red = 2.5 }", "limits = { weight = 2.5 }",
     "the case “the patient's own limit of 2.5 kg” sets weight, which is no limit."),
    ("cases.toml", "when | body_weight |", "when | body_wieght |",
     "cases.toml has a column body_wieght, which nothing measures."),
    ("cases.toml", 'expect = ["fainted"]', "expect = []",
     "rule fainted never speaks in cases.toml."),
    ("cases.toml", "  -34h |        82.3 | post", "  -34h |        82.3", "cases.toml: "),
    ("cases.toml", "spo2_scale = 2", "spo2_scales = 2", "cases.toml: "),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "sentence"), SPOILT)
def test_a_fault_is_told_in_a_sentence(
    own: Path, name: str, old: str, new: str, sentence: str
) -> None:
    spoil(own, name, old, new)

    said = programmes.check(own)
    sentence = re.escape(sentence.removeprefix("cases.toml: "))
    assert any(re.match(rf"home_dialysis/[\w.]+(, line \d+)?: {sentence}", one) for one in said), (
        said
    )


def test_a_changed_number_says_which_cases_go_otherwise(own: Path) -> None:
    assert list(cases.differing(own)) == []
    spoil(own, "programme.toml", "default = 37.8", "default = 37.6")

    [said] = cases.differing(own)

    assert re.fullmatch(
        r"home_dialysis/cases.toml, line \d+: the case “temperature 37.7 on haemodialysis, an hour"
        r" without a retake” goes otherwise: hd-7-yellow speaks unexpectedly.",
        said,
    )


def test_several_faults_are_all_told(own: Path) -> None:
    spoil(own, "programme.toml", 'slug = "home_dialysis"', 'slug = "dialysis"')
    spoil(own, "cases.toml", 'expect = ["fainted"]', "expect = []")
    (own / "README.md").unlink()

    assert len(programmes.check(own)) == 3


def test_a_form_is_one_we_wrote_with_every_question_asked_once(own: Path) -> None:
    path = own / "daily.questionnaire.json"
    form = json.loads(path.read_text(encoding="utf-8"))
    form["url"] = "https://example.org/daily"
    form["item"].append(form["item"][0])
    del form["version"]
    path.write_text(json.dumps(form), encoding="utf-8")

    said = " ".join(programmes.check(own))
    assert (
        "must have the url https://hjemvakt.example/fhir/Questionnaire/home-dialysis-daily" in said
    )
    assert "question of home-dialysis-daily chest-pain is there twice" in said
    assert "has no version" in said


def test_a_programme_that_cannot_be_read_is_told_by_its_folder(own: Path) -> None:
    spoil(own, "rules.toml", 'kind = "change"', 'kind = "changed"')

    (sentence,) = programmes.check(own.parent)
    line = line_of(own / "rules.toml", 'id = "hd-1-red"')
    assert sentence.startswith(f"home_dialysis/rules.toml, line {line}: rule.hd-1-red: ")


def test_a_folder_without_programmes_is_told(tmp_path: Path) -> None:
    assert programmes.check(tmp_path) == [f"{tmp_path.name} holds no folder with a programme.toml."]
    assert programmes.check(tmp_path / "nowhere") == [f"{tmp_path / 'nowhere'} is not a folder."]


@pytest.mark.parametrize(
    ("name", "old", "new", "stands"),
    [
        ("programme.toml", "default = 1.5", "default = 9", 'name = "weight_rise_red"'),
        ("programme.toml", "default = 1.5", 'default = "x"', 'default = "x"'),
        ("programme.toml", "default = 1.5", "default == 9", "default == 9"),
        ("programme.toml", 'kind = "body_weight"', 'kind = "x"', 'id = "weight-morning"'),
        ("programme.toml", 'late_after = "PT30M"', 'late_after = "30"', 'late_after = "30"'),
        ("rules.toml", 'within = "P7D"', 'within = "seven"', 'within = "seven"'),
        ("rules.toml", '{ kind = "body_temp" }', '{ kind = "x" }', 'name = "temperature"'),
        ("rules.toml", "(grense {limit})", "(grense {limit)", "(grense {limit)"),
        ("cases.toml", 'expect = ["hd-1-red"]', 'expect = ["x"]', 'name = "2.4 kg since'),
    ],
)
def test_a_fault_is_told_with_the_line_it_stands_on(
    own: Path, name: str, old: str, new: str, stands: str
) -> None:
    spoil(own, name, old, new)

    line = line_of(own / name, stands)
    said = programmes.check(own)
    assert any(one.startswith(f"home_dialysis/{name}, line {line}: ") for one in said), said


def test_a_file_that_is_missing_or_no_text_is_told_by_its_name(own: Path) -> None:
    (own / "rules.toml").write_bytes(b"\xff\xfe")
    assert programmes.check(own) == ["home_dialysis/rules.toml: the file is not UTF-8 text."]
    (own / "rules.toml").unlink()
    assert programmes.check(own) == ["home_dialysis/rules.toml: the file is missing."]
    shutil.copy(programmes.SHIPPED / "home_dialysis" / "rules.toml", own)
    (own / "daily.questionnaire.json").write_text("{\n nothing")
    (sentence,) = programmes.check(own)
    assert sentence.startswith("home_dialysis/daily.questionnaire.json, line 2: ")


def test_a_changed_programme_has_a_version_of_its_own(own: Path) -> None:
    spoil(own, "programme.toml", "default = 1.5", "default = 1.4")
    (sentence,) = programmes.check(own)
    assert "a changed programme has a version of its own" in sentence

    version = programmes.load("home_dialysis").version
    spoil(own, "programme.toml", f'version = "{version}"', 'version = "nyre"')
    assert programmes.check(own) == []


def test_an_earlier_version_says_which_one_it_is(own: Path) -> None:
    version = programmes.load("home_dialysis").version
    earlier = own / "earlier" / version
    shutil.copytree(programmes.SHIPPED / "home_dialysis", earlier)
    spoil(own, "programme.toml", f'version = "{version}"', 'version = "nyre"')
    assert programmes.check(own) == []

    spoil(earlier, "programme.toml", f'version = "{version}"', 'version = "0"')
    (sentence,) = programmes.check(own)
    assert sentence.startswith(f"home_dialysis/earlier/{version}: the version is 0")


def line_of(path: Path, text: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)
