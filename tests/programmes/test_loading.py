"""Reading programmes: exact numbers, no unknown keys, a hospital's own folder beside ours."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from shared import programmes
from shared.programmes import PlanItem, cases
from tests.programmes.spoiling import spoil


def test_numbers_are_exact_and_durations_are_spans() -> None:
    programme = programmes.load("home_dialysis")
    rule = next(rule for rule in programme.rules if rule.id == "hd-1-yellow")

    assert programme.limit_by_name["weight_rise_yellow"].default == Decimal("0.75")
    assert programme.limit_by_name["target_weight"].default is None
    assert isinstance(rule, programmes.ChangeRule)
    assert (rule.apart, rule.within) == (timedelta(hours=16), timedelta(hours=32))


def test_a_programme_nobody_has_is_a_fact() -> None:
    with pytest.raises(programmes.UnknownProgramme):
        programmes.load("home_gardening")


def test_a_hospitals_own_folder_wins_over_ours(own: Path) -> None:
    spoil(own, "programme.toml", 'version = "1.0"', 'version = "1.0-nyre"')

    loaded = programmes.load_all(programmes.SHIPPED, own.parent)
    assert loaded["home_dialysis"].version == "1.0-nyre"
    assert programmes.in_use(own.parent) == loaded


def test_a_folder_that_is_not_there_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(programmes.ProgrammeIsUnreadable):
        programmes.in_use(tmp_path / "misspelt")


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("programme.toml", "default = 1.5", 'default = "1.5"', "a number is expected here"),
        ("programme.toml", "default = 1.5", "defualt = 1.5", "defualt"),
        ("programme.toml", 'late_after = "PT30M"', 'late_after = "30"', "ISO 8601"),
        ("programme.toml", 'due = "10:00"', 'due = "03:00"', "opens must not be later than due"),
        ("programme.toml", 'grace = "PT2H"', 'grace = "P3D"', "between nothing and 24 hours"),
        ("rules.toml", 'kind = "change"', 'kind = "changed"', "rule.hd-1-red: "),
        ("rules.toml", 'above = "weight_rise_red"', "", "above"),
        ("rules.toml", 'above = "weight_rise_red"', 'above = 1\nbelow = 2', "give one of"),
        ("rules.toml", "n = 2", "n = 4", "n cannot be greater than m"),
        ("rules.toml", "id = ", "id == ", "home_dialysis"),
        ("rules.toml", '{ context = "effluent" }', "{ phase = [] }", "a source is"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_refused_in_words(
    own: Path, name: str, old: str, new: str, says: str
) -> None:
    spoil(own, name, old, new)

    with pytest.raises(programmes.ProgrammeIsUnreadable) as refused:
        programmes.read(own)
    assert any(says in sentence for sentence in refused.value.sentences), refused.value.sentences


def test_a_missing_file_is_refused_in_words(own: Path) -> None:
    (own / "rules.toml").unlink()

    with pytest.raises(programmes.ProgrammeIsUnreadable, match=r"rules\.toml"):
        programmes.read(own)


def test_a_plan_item_reads_from_a_decision_as_from_a_file() -> None:
    item = PlanItem.model_validate(
        {
            "id": "weight",
            "names": {"nb": "Vekt", "en": "Weight"},
            "kind": "body_weight",
            "opens": "04:00",
            "due": "10:00",
            "grace": "PT2H",
            "days": ["mon", "wed"],
        }
    )
    assert item.days == ("mon", "wed")
    assert item.grace == timedelta(hours=2)
    assert PlanItem.model_validate(item.model_dump(mode="json")) == item


def test_a_table_of_readings_is_read_row_by_row() -> None:
    table = """
      when | body_weight | phase
      -34h |        82.3 | post
        0h |        84.7 |
    """
    case = cases.Case(name="two weights", expect=(), readings=table)

    first, second = cases.rows(case)
    assert first.at == case.now - timedelta(hours=34)
    assert first.cells == {"body_weight": "82.3", "phase": "post"}
    assert second.cells == {"body_weight": "84.7"}


@pytest.mark.parametrize("row", ["-34h | 82.3", "soon | 82.3 | post"])
def test_a_row_that_does_not_fit_is_refused(row: str) -> None:
    case = cases.Case(name="x", expect=(), readings=f"when | body_weight | phase\n{row}")

    with pytest.raises(cases.TableIsUnreadable):
        cases.rows(case)


def test_one_group_knows_what_makes_its_rules_speak() -> None:
    programme = programmes.load("home_dialysis")
    groups = {group.name: group for group in programme.groups}

    assert groups["pulse"].reach == timedelta(minutes=30)
    assert [rule.id for rule in groups["news2"].others] == [
        "news2-high",
        "news2-medium",
        "news2-single",
    ]
    assert sum(len(group.rules) for group in programme.groups) == len(programme.rules)
