"""Named rules that speak within a time of each other: weight up and breathless, cold and ill.

It speaks where the last of them comes; what each of them saw is what it saw.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from services.alerts.clinical import finding, persisting, sieve
from services.alerts.clinical.finding import Finding, Match, Seen
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import Sample, place
from shared.programmes import CombinationRule, Programme, SampleRule, inputs_of


class Spoken(NamedTuple):
    rule: str
    sample: Sample
    match: Match


def at_meetings(
    rule: CombinationRule, programme: Programme, record: Record, start: datetime | None
) -> Iterator[Seen]:
    spoken = list(_spoken(rule, programme, record, start))
    if not spoken:
        return  # none of them speaks of what is new, so nothing new has met
    if start is not None:
        spoken += _spoken(rule, programme, record, start - rule.within, start)
    spoken.sort(key=lambda one: (place(one.sample), one.rule))
    # Several answers of one form are one moment: the last of them says what has met.
    met: dict[str, Finding] = {}
    for index, last in enumerate(spoken):
        at = last.sample.at
        if (start is not None and at < start) or record.follows(programme, at) is None:
            continue
        latest: dict[str, Spoken] = {}
        for one in reversed(spoken[: index + 1]):
            if at - one.sample.at > rule.within:
                break
            latest.setdefault(one.rule, one)
        if len(latest) >= rule.needed:
            trigger = str(last.sample.fact.origin or last.sample.fact.id)
            met[trigger] = finding.of_rule(
                rule,
                programme,
                record.patient_id,
                _match(programme, list(latest.values())),
                at,
                trigger,
                max(one.sample.fact.received_at for one in latest.values()),
            )
    yield from met.items()


def _spoken(
    rule: CombinationRule,
    programme: Programme,
    record: Record,
    since: datetime | None,
    until: datetime | None = None,
) -> Iterator[Spoken]:
    for one in parts(rule, programme):
        wanted = programme.input_by_name[inputs_of(one)[0]]
        several = record.input(wanted).all.since(since)
        if until is not None:
            several = tuple([sample for sample in several if sample.at < until])
        for sample in sieve.of(one, programme)(record, several):
            match = persisting.speaks(one, programme, record, sample)
            if match is not None:
                yield Spoken(one.id, sample, match)


def parts(rule: CombinationRule, programme: Programme) -> Iterator[SampleRule]:
    for id_ in rule.of:
        one = programme.rule_by_id[id_]
        if not isinstance(one, SampleRule):
            raise TypeError(f"{id_} is not a rule of samples")
        yield one


def _match(programme: Programme, several: list[Spoken]) -> Match:
    """What they saw together, oldest first; the text may name their reasons."""
    several = sorted(several, key=lambda one: (place(one.sample), one.rule))

    def words(language: str) -> dict[str, str]:
        said = []
        for one in several:
            says = programme.rule_by_id[one.rule].says
            text = says.nb if language == "nb" else says.en
            said.append(text.format_map(one.match.words(language)))
        return {"reasons": "; ".join(said)}

    return Match(
        tuple(value for one in several for value in one.match.values),
        tuple(dict.fromkeys(id_ for one in several for id_ in one.match.facts)),
        tuple(dict.fromkeys(limit for one in several for limit in one.match.limits)),
        words,
    )
