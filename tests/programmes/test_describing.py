"""The page to sign says every rule, limit, form, text and source, and nothing by hand."""

import pytest

from shared import programmes
from shared.programmes import Programme

PAGE = programmes.describe(programmes.load("home_dialysis"))
EVERY = list(programmes.load_all().values())


@pytest.mark.parametrize("programme", EVERY, ids=[one.slug for one in EVERY])
def test_every_rule_limit_form_and_text_is_on_the_page(programme: Programme) -> None:
    page = programmes.describe(programme)
    lines = page.splitlines()

    for rule in programme.rules:
        (head,) = [line for line in lines if line.startswith(f"#### `{rule.id}`: ")]
        assert rule.colour in head
        assert any(
            line.startswith(f"- Source: {rule.source} (**{rule.evidence}**") for line in lines
        )
        for text in (rule.says, rule.tells, rule.nurse):
            both = " | ".join((text.nb, text.nn, text.en) if text.nn else (text.nb, text.en))
            assert f"| {both} |" in page.replace("|  |", "|"), rule.id
    for limit in programme.limits:
        assert f"| `{limit.name}` | {limit.names.nb} | {limit.names.en} |" in page
    for form in programme.questionnaires:
        for item in form["item"]:
            assert f"| `{item['linkId']}` | {' '.join(item['text'].split())} |" in page
    for source in programme.sources:
        assert f"- {source}" in lines
    assert "## Signatures" in lines
    assert programme.version in lines[0]


def test_a_rule_is_told_with_its_numbers() -> None:
    assert "systolic blood pressure is at least `systolic_red_high` (180)" in PAGE
    assert "(16 h to 32 h before) of above `weight_rise_yellow` (0.75) per 1 d" in PAGE
    assert "now and in 2 of the last 3, at least 4 h apart, within 30 d" in PAGE
    assert "NEWS2 is at least 5 and below 7, even with parameters missing" in PAGE
    assert "waits up to 30 min for a retake" in PAGE
    assert "- `systolic_red_low`: 90, may be set from 60 to 130 mm[Hg]" in PAGE


def test_the_page_says_who_has_approved_it() -> None:
    assert "Approved by: nobody yet" in PAGE
    assert "| not for |" in PAGE
    approved = programmes.load("home_dialysis").model_copy(update={"approved_by": "Kari Eksempel"})
    assert "Approved by: Kari Eksempel." in programmes.describe(approved)


def test_the_page_is_the_same_every_time() -> None:
    assert programmes.describe(programmes.load("home_dialysis")) == PAGE
