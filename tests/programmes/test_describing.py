"""The page of rules in words says every rule, limit, source and tag, and nothing by hand."""

from shared import programmes

PAGE = programmes.describe(programmes.load("home_dialysis"))


def test_every_rule_and_limit_is_on_the_page() -> None:
    programme = programmes.load("home_dialysis")

    for rule in programme.rules:
        (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{rule.id}` |")]
        assert rule.source in row
        assert row.endswith(f"| {rule.evidence} |")
    for limit in programme.limits:
        assert f"| `{limit.name}` {limit.names.en} |" in PAGE


def test_a_rule_is_told_with_its_numbers() -> None:
    assert "systolic blood pressure is at least `systolic_red_high` (180)" in PAGE
    assert "(16 h to 32 h before) of above `weight_rise_yellow` (0.75) per 1 d" in PAGE
    assert "now and in 2 of the last 3, at least 4 h apart" in PAGE
    assert "NEWS2 is at least 5 and below 7, even with parameters missing" in PAGE
    assert "waits up to 30 min for a retake" in PAGE


def test_the_page_says_that_nobody_has_approved_it() -> None:
    assert "Approved by: nobody yet" in PAGE
    assert "**Not for:**" in PAGE


def test_the_page_is_the_same_every_time() -> None:
    assert programmes.describe(programmes.load("home_dialysis")) == PAGE
