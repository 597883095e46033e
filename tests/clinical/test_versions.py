"""The version that was decided for a patient judges what he measured while it counted: also when
the reading, or the decision, comes late.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.alerts.clinical import judge, replay, schedule
from services.alerts.clinical.finding import Finding
from services.alerts.clinical.history import Record
from services.alerts.judging import looking, touching
from shared import programmes
from shared.contracts import Fact
from shared.programmes import Programme, joined
from tests.clinical.given import (
    ENROLMENT,
    HOME_DIALYSIS,
    NOW,
    PATIENT,
    ago,
    decision,
    fact,
    pressure,
    reading,
    weight,
)
from tests.clinical.test_any_order import a_reading

SLUG = HOME_DIALYSIS.slug
SHORTER = {"systolic_red_high": Decimal(150), "session_gap_red": Decimal(48)}


def made(version: str, limits: dict[str, Decimal], **more: Any) -> Programme:
    """Home dialysis with other defaults, as another version."""
    base = replay.with_defaults(HOME_DIALYSIS, limits)
    said = {name: getattr(base, name) for name in Programme.model_fields}
    return Programme.model_construct(**said | {"version": version} | more)


def without(rule: str) -> dict[str, Any]:
    return {"rules": tuple(one for one in HOME_DIALYSIS.rules if one.id != rule)}


FIRST = made("1", {}, **without("hd-7-yellow"))
SECOND = made("2", SHORTER, **without("pulse-yellow-high"))
BOTH = {SLUG: joined({"1": FIRST, "2": SECOND})}


def enrolled(version: str | None, at: datetime | None = None, plan: Any = ()) -> Fact:
    body = {"enrolment_id": str(ENROLMENT), "programme": SLUG, "unit_id": "u", "version": version,
            "plan": None if plan is None else list(plan)}  # fmt: skip
    return fact("enrolled", "", at or ago(days=30), body)


def activated(version: str, at: datetime) -> Fact:
    return decision("programme-activated", at, programme=SLUG, version=version)


def said(*facts: Fact, now: datetime = NOW) -> list[tuple[str, str]]:
    found = judge.judge(Record.of(PATIENT, facts), BOTH, now)
    return [(one.rule, one.programme_version) for one in found]


def test_a_reading_is_judged_by_the_version_that_counted_when_it_was_measured() -> None:
    facts = [enrolled("1"), activated("2", ago(hours=10))]

    assert said(*facts, pressure(ago(hours=11), 165)) == []
    assert said(*facts, pressure(ago(hours=9), 165)) == [("hd-5-red-high", "2")]
    assert said(*facts, pressure(ago(hours=10), 165)) == [("hd-5-red-high", "2")]
    assert said(*facts, pressure(ago(hours=11), 185)) == [("hd-5-red-high", "1")]


def test_a_late_reading_from_before_the_activation_is_judged_by_the_old_version() -> None:
    late = pressure(ago(hours=11), 165, after=timedelta(hours=8))

    assert said(enrolled("1"), activated("2", ago(hours=10)), late) == []


def test_going_back_to_an_old_version_is_an_activation_like_another() -> None:
    facts = [enrolled("1"), activated("2", ago(hours=10)), activated("1", ago(hours=5))]

    assert said(*facts, pressure(ago(hours=7), 165), pressure(ago(hours=2), 135)) == [
        ("hd-5-red-high", "2")
    ]


def test_the_newest_judges_whom_no_decision_gives_a_version() -> None:
    assert said(enrolled(None), pressure(ago(hours=7), 165)) == [("hd-5-red-high", "2")]


def test_a_version_that_is_not_loaded_is_named_and_the_newest_judges_meanwhile() -> None:
    record = Record.of(PATIENT, [enrolled("0.9"), pressure(ago(hours=7), 165)])

    assert [one.programme_version for one in judge.judge(record, BOTH, NOW)] == ["2"]
    assert record.decided.not_loaded(BOTH[SLUG], NOW) == "0.9"


def test_a_gap_between_two_versions_is_not_lost() -> None:
    """48 hours were over before the version that says 48 counted, 72 are not over when the one
    that says 72 has ended."""
    session = reading("hd_session", ago(hours=70), weight_pre=84, weight_post=82)
    told = said(enrolled("1"), session, activated("2", ago(hours=10)))

    assert [one for one in told if one[0] == "hd-9-red"] == [("hd-9-red", "2")]
    assert said(enrolled("1"), session, activated("2", ago(hours=10)), now=ago(hours=11)) == []


def test_a_gap_that_the_old_version_spoke_of_is_one_finding() -> None:
    session = reading("hd_session", ago(hours=100), weight_pre=84, weight_post=82)
    told = said(enrolled("2"), session, activated("1", ago(hours=40)))

    assert [one for one in told if one[0] == "hd-9-red"] == [("hd-9-red", "2")]


def test_a_slot_that_a_new_version_moves_is_expected_once_that_day() -> None:
    day = date(2026, 11, 20)
    at_ten = [HOME_DIALYSIS.plan[0]]
    for opens, due in (("08:00", "09:00"), ("11:00", "12:00")):
        moved = at_ten[0].model_validate(
            at_ten[0].model_dump() | {"opens": opens, "due": due, "grace": "PT1H"}
        )
        versions = {
            "1": made("1", {}, plan=tuple(at_ten)),
            "2": made("2", {}, plan=(moved,)),
        }
        newest = joined(versions)
        change = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)  # 10:30 in Oslo
        record = Record.of(PATIENT, [enrolled("1", plan=None), activated("2", change)])
        dues = [
            due
            for one in newest.versions.values()
            for due in schedule.dues(record, one, day - timedelta(days=3), day + timedelta(days=3))
        ]

        assert len(dues) == len({one.key for one in dues}) == 7
        assert [str(one.item.due)[:5] for one in dues] == ["10:00"] * 4 + [due] * 3


def test_what_a_day_expects_is_missed_by_the_version_it_began_with() -> None:
    versions = {"1": made("1", {}, plan=HOME_DIALYSIS.plan[:1]), "2": made("2", {}, plan=())}
    known = {SLUG: joined(versions)}
    change = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
    record = Record.of(
        PATIENT,
        [enrolled("1", change - timedelta(hours=20), plan=None), activated("2", change)],
    )
    since = change + timedelta(hours=1, minutes=30)

    found = judge.judge(record, known, since + timedelta(hours=4), since)

    assert [(one.rule, one.programme_version) for one in found] == [("missing", "1")]


def test_a_copy_remembers_nothing_that_is_true_of_another_only() -> None:
    """What a programme has worked out about itself goes along with a copy."""
    worked_out = [name for name, of in vars(Programme).items() if isinstance(of, cached_property)]
    for slug, loaded in programmes.load_all().items():
        said = {name: getattr(loaded, name) for name in Programme.model_fields}
        versions = {name: Programme.model_construct(**said | {"version": name}) for name in "12"}
        for one in versions.values():
            assert all(getattr(one, name) is not None for name in worked_out)
        together = joined(versions)
        record = Record.of(PATIENT, [decision("enrolled", ago(days=1), enrolment_id=str(ENROLMENT),
                                              programme=slug, unit_id="")])  # fmt: skip
        fewer = touching.touched({slug: together}, [weight(NOW, "80")], record)[slug]
        for name, copy in [*together.versions.items(), *fewer.versions.items()]:
            fresh = Programme.model_construct(**said | {"version": name})
            assert copy.version == name
            assert list(copy.versions) == ["1", "2"]
            assert copy.newest is copy.versions["2"]
            for each in set(worked_out) - {"groups", "versions", "newest"}:
                assert getattr(copy, each) == getattr(fresh, each), (slug, each)


def test_the_groups_a_reading_touches_are_those_of_every_version() -> None:
    some = touching.touched(BOTH, [pressure(ago(hours=1), 120)], Record.of(PATIENT, []))[SLUG]

    for version in some.versions.values():
        names = {one.name for one in version.groups}
        assert "blood-pressure" in names
        assert "weight" not in names
        assert version.newest is some.newest


moments = st.integers(0, 6 * 96).map(lambda n: ago(minutes=15 * n))
activations = st.builds(activated, st.sampled_from(["1", "2", "0.9"]), moments)


@settings(max_examples=150, deadline=None)
@given(
    readings=st.lists(a_reading(), max_size=12, unique_by=lambda one: one.id),
    decisions=st.lists(activations, max_size=4, unique_by=lambda one: one.at),
    order=st.randoms(use_true_random=False),
)
def test_in_whatever_order_readings_and_activations_come_the_same_is_found(
    readings: list[Fact], decisions: list[Fact], order: Any
) -> None:
    base = enrolled("1")
    whole = Record.of(PATIENT, [base, *readings, *decisions])
    expected = judge.judge(whole, BOTH, NOW)

    arriving = [*readings, *decisions]
    order.shuffle(arriving)
    present, known = [base], dict[Any, Finding]()
    record = Record.of(PATIENT, present)
    while arriving:
        batch, arriving = arriving[:3], arriving[3:]
        present += batch
        afresh = any(one.type == "programme-activated" for one in batch)
        record = Record.of(PATIENT, present) if afresh else record.adding(batch)
        looked = BOTH if afresh else touching.touched(BOTH, batch, record)
        since = min(one.at for one in batch)
        found, covers = looking.find(record, looked, NOW, since)
        for one in list(known.values()):
            covered = covers.get((one.programme, one.rule))
            if covered is not None and one.at >= covered:
                del known[one.id]
        known |= {one.id: one for one in found}

    assert known.keys() == {one.id for one in expected}


def test_a_weight_is_compared_with_one_that_another_version_judged() -> None:
    """The version decides what is said of a reading; what was measured before it still counts."""
    facts = [weight(ago(hours=30), 82), weight(ago(hours=8), 85)]

    assert ("hd-1-red-day", "2") in said(enrolled("1"), activated("2", ago(hours=10)), *facts)
