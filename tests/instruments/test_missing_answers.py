"""A skipped question is never 0: bounds, the instruments' own missing rules, and faults."""

import itertools
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import instruments
from shared.instruments.schema import Choice, Given, Instrument
from tests.instruments.given import INSTRUMENTS, answered, forms

score = instruments.score


@pytest.mark.parametrize("slug", ["phq-2", "gad-2", "audit-c"])
def test_every_short_form_there_is(slug: str) -> None:
    """Each item with each answer and with none: all of them, counted by hand."""
    instrument = INSTRUMENTS[slug]
    offered = [
        [None, *question.scores]
        for question in instrument.question_of.values()
        if isinstance(question, Choice)
    ]
    for values in itertools.product(*offered):
        found = score(instrument, dict(zip(instrument.question_of, values, strict=True)))
        told = [value for value in values if value is not None]
        most = max(value for value in offered[0] if value is not None)
        assert found.lower_bound == sum(told)
        assert found.upper_bound == sum(told) + most * (len(values) - len(told))
        assert found.total == (sum(told) if len(told) == len(values) else None)
        assert len(found.missing) == len(values) - len(told)
        assert found.complete == (len(told) == len(values))


@given(st.sets(st.integers(1, 9)), st.lists(st.integers(0, 3), min_size=9, max_size=9))
@settings(max_examples=100, deadline=None)
def test_any_part_of_a_phq_9(there: set[int], values: list[int]) -> None:
    answers = {f"item-{n}": values[n - 1] for n in there}
    found = score(INSTRUMENTS["phq-9"], answers)
    assert found.lower_bound == sum(answers.values())
    assert found.upper_bound == sum(answers.values()) + 3 * (9 - len(there))
    assert (found.total is not None) == (len(there) == 9)
    assert found.missing == tuple(f"item-{n}" for n in range(1, 10) if n not in there)


@given(st.data(), st.sampled_from(sorted(INSTRUMENTS)), st.sampled_from(["female", "male", None]))
@settings(max_examples=150, deadline=None)
def test_whatever_is_missing_the_bounds_hold_the_total(
    data: st.DataObject, slug: str, sex: str | None
) -> None:
    instrument = INSTRUMENTS[slug]
    answers = data.draw(forms(instrument))
    found = score(instrument, answers, sex)
    filled = _filled(instrument, answers, sex, highest=data.draw(st.booleans()))
    whole = score(instrument, filled, sex)
    pairs: list[tuple[Any, Any]] = [
        (part, whole.subscores[name]) for name, part in found.subscores.items()
    ]
    if "total" in instrument.scale_by_name:
        pairs.append((found, whole))
    for part, complete in pairs:
        assert part.lower_bound <= part.upper_bound
        assert part.lower_bound <= complete.total <= part.upper_bound
        if part.total is not None:
            assert part.lower_bound <= part.total <= part.upper_bound
        if part.complete:
            assert part.total == part.lower_bound == part.upper_bound == complete.total


def _filled(
    instrument: Instrument, answers: dict[str, Any], sex: str | None, highest: bool
) -> dict[str, Any]:
    """The missing answers at one end or the other; a man is not asked what women are."""
    filled = {link: value for link, value in answers.items() if value not in (None, [])}
    for link, question in instrument.question_of.items():
        if sex is not None and question.only_for not in (None, sex):
            continue
        if question.kind == "yes-no":
            filled.setdefault(link, highest)
        elif question.kind != "free-text":
            filled.setdefault(link, question.most if highest else question.least)
    return filled


COMPLETE_ONLY = sorted(
    slug
    for slug, one in INSTRUMENTS.items()
    if "total" in one.scale_by_name
    and one.scale_by_name["total"].at_least is None
    and not isinstance(one.scale_by_name["total"], Given)
)


@pytest.mark.parametrize("slug", COMPLETE_ONLY)
def test_one_answer_missing_means_no_total(slug: str) -> None:
    instrument = INSTRUMENTS[slug]
    full = answered(slug, 2)
    assert score(instrument, full, "female").total is not None
    for link in full:
        found = score(instrument, {name: v for name, v in full.items() if name != link}, "female")
        assert found.total is None
        assert found.band is None
        assert found.missing == (link,)


def _without(slug: str, value: int, count: int) -> dict[str, Any]:
    return dict(list(answered(slug, value).items())[count:])


@pytest.mark.parametrize(
    ("slug", "may_miss", "value", "total"),
    [
        ("core-10", 1, 2, "20"),
        ("cat", 2, 3, "24"),
        ("wound-qol-17", 4, 2, "2"),
        ("raid", 1, 5, "5"),
    ],
)
def test_as_many_may_be_missing_as_the_instrument_says(
    slug: str, may_miss: int, value: int, total: str
) -> None:
    allowed = score(INSTRUMENTS[slug], _without(slug, value, may_miss))
    assert allowed.total == Decimal(total)
    assert not allowed.complete
    assert len(allowed.missing) == may_miss
    refused = score(INSTRUMENTS[slug], _without(slug, value, may_miss + 1))
    assert refused.total is None
    assert refused.band is None


def test_a_missing_answer_takes_the_mean_of_the_others() -> None:
    nine = {f"item-{n}": int(n <= 4) + 1 for n in range(1, 10)}  # 13 in nine answers
    assert score(INSTRUMENTS["core-10"], nine).total == Decimal("14.4")
    six = {"pain": 8, "function": 6, "fatigue": 7, "sleep": 5, "physical": 6, "emotional": 4}
    # The mean is 6: 1.68 + 0.96 + 1.05 + 0.60 + 0.72 + 0.48 + 0.72.
    assert score(INSTRUMENTS["raid"], six).total == Decimal("6.21")


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_each_half_of_hads_bears_one_missing(missing: int) -> None:
    odd = [f"item-{n}" for n in range(1, 14, 2)]
    full = answered("hads", 1)
    found = score(INSTRUMENTS["hads"], {k: v for k, v in full.items() if k not in odd[:missing]})
    assert found.subscores["anxiety"].total == (None if missing == 2 else 7)
    assert found.subscores["depression"].total == 7


@pytest.mark.parametrize(
    ("slug", "name", "least"),
    [
        ("kdqol-36", "burden", 2),
        ("kdqol-36", "symptoms", 6),
        ("kdqol-36", "effects", 4),
        ("rand-36", "physical-function", 5),
        ("rand-36", "role-physical", 2),
        ("rand-36", "role-emotional", 2),
        ("rand-36", "energy", 2),
        ("rand-36", "emotional-well-being", 3),
        ("rand-36", "social-function", 1),
        ("rand-36", "pain", 1),
        ("rand-36", "general-health", 3),
    ],
)
def test_half_of_a_scale_must_be_answered(slug: str, name: str, least: int) -> None:
    items = INSTRUMENTS[slug].scale_by_name[name].items
    enough = score(INSTRUMENTS[slug], dict.fromkeys(items[:least], 2))
    too_few = score(INSTRUMENTS[slug], dict.fromkeys(items[: least - 1], 2))
    assert enough.subscores[name].total is not None
    assert too_few.subscores[name].total is None


@pytest.mark.parametrize(("categories", "there"), [(8, True), (6, True), (5, False)])
def test_haq_needs_six_categories(categories: int, there: bool) -> None:
    names = ["dressing", "arising", "eating", "walking", "hygiene", "reach", "grip", "activities"]
    answers: dict[str, Any] = {}
    for name in names[:categories]:
        answers |= {f"{name}-1": 1, f"{name}-aid": False}
    found = score(INSTRUMENTS["haq-di"], answers)
    assert found.total == (1 if there else None)


FAULTS: list[tuple[str, str, Any, type[instruments.CannotBeScored]]] = [
    ("phq-9", "item-1", "LA0000-0", instruments.UnknownOption),
    ("phq-9", "item-1", "", instruments.UnknownOption),
    ("phq-9", "item-1", "3", instruments.UnknownOption),  # a number in words is no option
    ("phq-9", "item-1", 4, instruments.OutOfRange),
    ("phq-9", "item-1", -1, instruments.OutOfRange),
    ("phq-9", "item-1", Decimal("1.5"), instruments.OutOfRange),
    ("phq-9", "item-1", Decimal("NaN"), instruments.OutOfRange),
    ("phq-9", "item-1", True, instruments.UnknownOption),
    ("phq-9", "item-1", 1.0, instruments.UnknownOption),
    ("phq-9", "item-1", {"code": "LA6568-5"}, instruments.UnknownOption),
    ("phq-9", "item-1", [0, 3], instruments.SeveralAnswers),
    ("phq-9", "PHQ.1", 0, instruments.UnknownQuestion),
    ("audit", "item-9", 1, instruments.OutOfRange),
    ("audit", "item-10", 3, instruments.OutOfRange),
    ("dudit", "item-11", "1", instruments.UnknownOption),
    ("nddi-e", "item-1", 0, instruments.OutOfRange),
    ("rapid3", "pain", Decimal("0.3"), instruments.OutOfRange),
    ("rapid3", "pain", Decimal("10.5"), instruments.OutOfRange),
    ("rapid3", "pain", "5", instruments.UnknownOption),
    ("haq-di", "grip-aid", 1, instruments.UnknownOption),
    ("promis", "fatigue", 101, instruments.OutOfRange),
]


@pytest.mark.parametrize(("slug", "link", "value", "fault"), FAULTS)
def test_an_answer_that_is_not_offered_is_a_fault_and_never_0(
    slug: str, link: str, value: Any, fault: type[instruments.CannotBeScored]
) -> None:
    with pytest.raises(fault) as told:
        score(INSTRUMENTS[slug], {link: value})
    assert told.value.link_id == link
    assert str(told.value) == link  # never the value
