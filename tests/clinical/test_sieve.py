"""Nothing that a rule would speak of is held back by its sieve, nor passed over at a glance."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

import pytest

from services.alerts.clinical import conditions, glance, rules, sieve
from services.alerts.clinical.finding import Waiting
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import Sample
from services.alerts.judging import touching
from shared import programmes
from shared.contracts import Fact
from shared.programmes import Programme, RateRule, Rule, SampleRule, inputs_of, limits_of
from tests.clinical.given import NOW, PATIENT, ago, decision, fact

DAYS = 12
SENT = 60
SLUGS = sorted(programmes.load_all())


@cache
def programme(slug: str) -> Programme:
    return programmes.load(slug)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("slug", SLUGS)
def test_whatever_a_rule_speaks_of_is_let_through(slug: str, seed: int) -> None:
    of = programme(slug)
    record = Record.of(PATIENT, history(of, random.Random(f"{slug}{seed}")))
    for rule in sample_rules(of):
        several = record.input(of.input_by_name[inputs_of(rule)[0]]).all.samples
        speaks = [one for one in several if conditions.speaks(rule, of, record, one) is not None]

        together = sieve.of(rule, of)(record, several)
        alone = [one for one in several if sieve.of(rule, of)(record, (one,))]

        assert missing(speaks, together) == []
        assert missing(speaks, alone) == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("slug", SLUGS)
def test_a_group_that_is_passed_over_finds_nothing(slug: str, seed: int) -> None:
    of = programme(slug)
    chance = random.Random(f"{slug}{seed}")
    facts = history(of, chance)
    known, new = facts[: -SENT // 2], facts[-SENT // 2 :]
    if seed:  # nearly in order, or as they were measured
        new.sort(key=lambda one: one.at + timedelta(minutes=chance.randint(0, 200 * (seed - 1))))
    record = Record.of(PATIENT, known)
    passed = 0
    for one in new:
        record = record.adding([one])
        asked = {group.name for group in glance.stirred(of, record, one.at)}
        for group in of.groups:
            waits: list[Waiting] = []
            found = rules.group_findings(of, group, record, NOW, one.at, waits)
            passed += group.name not in asked
            assert group.name in asked or not (found or waits)
    assert passed


def test_a_limit_of_the_patients_own_is_seen_at_a_glance() -> None:
    of = programme("home_dialysis")
    sent = fact("reading", "blood_pressure", NOW, {"v": 1, "values": {"systolic": Decimal(158)}})
    own = {"programme": of.slug, "name": "systolic_red_high", "value": Decimal(150)}

    def asked(*decisions: Fact) -> set[str]:
        record = Record.of(PATIENT, [enrolled(of), *decisions]).adding([sent])
        list(rules.findings(of, record, NOW, NOW))  # what was before is looked at, once
        return {group.name for group in glance.stirred(of, record, NOW)}

    assert "blood-pressure" not in asked()
    assert "blood-pressure" in asked(decision("limit-set", ago(hours=1), **own))


def test_what_a_rate_is_divided_by_may_come_after_the_amount() -> None:
    of = programme("home_dialysis")
    divided = [
        rule.model_copy(update={"per": "weight"}) if isinstance(rule, RateRule) else rule
        for rule in of.rules
    ]
    fields = {name: getattr(of, name) for name in Programme.model_fields}
    changed = Programme.model_construct(**{**fields, "rules": tuple(divided)})
    weighed = fact("reading", "body_weight", NOW, {"v": 1, "values": {"value": Decimal(80)}})

    def touched(one: Programme) -> set[str]:
        record = Record.of(PATIENT, [enrolled(of), weighed])
        some = touching.touched({of.slug: one}, [weighed], record)[of.slug]
        return {group.name for group in some.groups}

    assert touched(changed) - touched(of) >= {"ultrafiltration-rate"}


def sample_rules(of: Programme) -> Iterator[SampleRule]:
    for group in of.groups:
        for _, several in group.at_samples:
            yield from several


def missing(wanted: list[Sample], among: object) -> list[Sample]:
    assert isinstance(among, list | tuple)
    held = {id(one) for one in among}
    return [one for one in wanted if id(one) not in held]


def enrolled(of: Programme) -> Fact:
    body = {"enrolment_id": str(PATIENT), "programme": of.slug, "unit_id": "u", "plan": None}
    return fact("enrolled", "", ago(days=DAYS - 1), body)


def history(of: Programme, chance: random.Random) -> list[Fact]:
    """What the rules look at, on both sides of every number that they know; some of it with a clock
    in doubt, and limits that change on the way."""
    series: dict[tuple[str, str], list[object]] = {}
    for rule in of.rules:
        for name in inputs_of(rule):
            for source in of.input_by_name[name].sources:
                series.setdefault(source.key, []).extend(near(rule, of))
    made = [enrolled(of)]
    for _ in range(SENT):
        (kind, field), near_to = chance.choice([one for one in series.items() if one[0][0]])
        at = ago(minutes=15 * chance.randint(0, DAYS * 96))
        value = chance.choice(near_to or [Decimal(chance.randint(0, 9))])
        made.append(sent(kind, field, at, value, chance))
    for limit in of.limits[:3]:
        body = {"programme": of.slug, "name": limit.name, "value": chance.choice([limit.min, None])}
        made.insert(1, decision("limit-set", ago(hours=chance.randint(0, DAYS * 24)), **body))
    return made


def near(rule: Rule, of: Programme) -> list[object]:
    numbers = [getattr(rule, how, None) for how in ("above", "at_least", "below", "at_most")]
    limits = [of.limit_by_name[name] for name in limits_of(rule)]
    numbers += [number for one in limits for number in (one.default, one.min, one.max)]
    known = [one for one in numbers if isinstance(one, Decimal)]
    return [
        *(one + step for one in known for step in (Decimal(-1), Decimal(0), Decimal("0.5"))),
        *getattr(rule, "codes", ()),
    ]


def sent(kind: str, field: str, at: datetime, value: object, chance: random.Random) -> Fact:
    flags = ("clock_suspect",) if chance.random() < 0.1 else ()
    until = at + timedelta(hours=4) if chance.random() < 0.2 else None
    if not kind.startswith("answers:"):
        body = {"v": 1, "values": {field: value}, "context": phase(chance)}
        return fact("reading", kind, at, body, flags=flags, until=until)
    form = kind.removeprefix("answers:")
    body = {"v": 1, "questionnaire": form, "version": "1", "answers": {field: [value]}}
    if field == "#score":
        body |= {"score": value, "answers": {}}
    return fact("answers", "questionnaire", at, body, flags=flags)


def phase(chance: random.Random) -> dict[str, str]:
    return chance.choice([{}, {}, {"phase": "pre"}, {"phase": "post"}])
