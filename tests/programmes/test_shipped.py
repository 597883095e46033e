"""The programmes we ship: each checks clean, and every rule speaks and keeps silent as written."""

from pathlib import Path

import pytest

from services.alerts.clinical import cases as runner
from shared import programmes
from shared.programmes import EMERGENCY, AbsenceRule, OverdueRule, Programme, cases

FOLDERS = list(programmes.folders())
each = pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])


def everything() -> list[tuple[Path, cases.Case]]:
    return [(folder, case) for folder in FOLDERS for case in cases.read(folder)]


@each
def test_a_shipped_programme_checks_clean(folder: Path) -> None:
    assert programmes.check(folder) == []


@pytest.mark.parametrize(
    ("folder", "case"), everything(), ids=[f"{f.name}: {case.name}" for f, case in everything()]
)
def test_a_case_goes_as_written(folder: Path, case: cases.Case) -> None:
    assert runner.verdicts(programmes.read(folder), (case,)) == []


@each
def test_every_rule_is_seen_to_speak_and_to_keep_silent(folder: Path) -> None:
    programme = programmes.read(folder)
    spoken = [{one.rule for one in runner.run(programme, case)} for case in cases.read(folder)]

    for rule in programme.rules:
        assert any(rule.id in rules for rules in spoken), f"{rule.id} never speaks"
        assert any(rule.id not in rules for rules in spoken), f"{rule.id} never keeps silent"


@each
def test_what_is_said_has_no_braces_left_and_red_carries_the_emergency_numbers(
    folder: Path,
) -> None:
    programme = programmes.read(folder)
    for case in cases.read(folder):
        for one in runner.run(programme, case):
            for said in (one.reason, one.patient_text):
                assert said["nb"]
                assert said["en"]
                assert not any(brace in text for text in said.values() for brace in "{}")
            if one.colour == "red":
                assert EMERGENCY["nb"] in one.patient_text["nb"]
                assert EMERGENCY["en"] in one.patient_text["en"]


@each
def test_no_patient_is_told_that_all_is_well(folder: Path) -> None:
    programme: Programme = programmes.read(folder)
    for rule in programme.rules:
        for text in (rule.tells.nb.lower(), rule.tells.en.lower()):
            assert "alt er bra" not in text
            assert "you are well" not in text


@each
def test_whoever_is_expected_to_send_is_missed_without_anything_being_switched_on(
    folder: Path,
) -> None:
    programme = programmes.read(folder)
    spoken = {
        rule
        for case in cases.read(folder)
        for rule in case.expect
        if isinstance(programme.rule_by_id[rule], AbsenceRule | OverdueRule)
    }
    assert spoken or not programme.plan
