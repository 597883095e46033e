"""All rules over one patient. Each (programme, rule group) runs under its own try: what fails is
itself a finding, and hides nothing else.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial

from services.alerts.clinical import calling, doubts, finding, rules, technical
from services.alerts.clinical.finding import Finding, Waiting
from services.alerts.clinical.history import Record
from shared.programmes import Programme

# Called with programme, group and the error, so that the edge can log it.
Failed = Callable[[str, str, Exception], None]


def judge(
    record: Record,
    programmes: Mapping[str, Programme],
    now: datetime,
    since: datetime | None = None,
    failed: Failed | None = None,
    waits: list[Waiting] | None = None,
) -> list[Finding]:
    """Every finding of every programme the patient is or was enrolled in, and the technical ones.

    `since` as in `rules.findings`. Never raises. What is seen to wait on the way is added to
    `waits`; `waiting` knows it all.
    """
    found: list[Finding] = []

    def guarded(
        programme: str, version: str, group: str, see: Callable[[], Iterable[Finding]]
    ) -> None:
        try:
            found.extend(see())
        except Exception as error:  # whatever it is, the other groups must still be judged
            if failed is not None:
                failed(programme, group, error)
            about = f"{programme}: {group}" if programme else group
            newest = record.newest()
            at = newest.at if newest else _start(record, now)
            found.append(
                technical.could_not_be_judged(record, programme, version, about, newest, at)
            )

    for slug in _enrolled(record):
        programme = programmes.get(slug)
        if programme is None:
            guarded(slug, "", "unknown programme", _unknown(slug))
            continue
        for version in rules.judging(programme, record, since):
            for group in version.groups:
                see = partial(rules.group_findings, version, group, record, now, since, waits)
                guarded(slug, version.version, group.name, see)
    guarded("", "", "devices", lambda: technical.findings(record, now, since))
    if waits is not None:
        with contextlib.suppress(Exception):  # "could not be judged" has been said of it
            waits += technical.waiting(record, now)
    guarded("", "", calling.RULE, lambda: calling.findings(record, since))
    for fact in (*record.unreadable, *record.decided.unreadable):
        if since is None or fact.at >= since:
            about = fact.kind or fact.type
            found.append(technical.could_not_be_judged(record, "", "", about, fact, fact.at))
    return [doubts.said(record, one) for one in finding.in_order(found)]


def waiting(
    record: Record, programmes: Mapping[str, Programme], now: datetime
) -> tuple[Waiting, ...]:
    """When the patient must be judged again though nothing comes. What fails waits for nothing:
    `judge` has already said so.
    """
    found: list[Waiting] = []
    for slug in _enrolled(record):
        if slug in programmes:
            try:
                for version in rules.judging(programmes[slug], record, now):
                    found += rules.waiting(version, record, now)
            except Exception:  # the finding "could not be judged" stands for it
                continue
    found += technical.waiting(record, now)
    return tuple(sorted(found, key=lambda one: (one.until, one.rule, one.trigger)))


def _enrolled(record: Record) -> list[str]:
    return list(dict.fromkeys(one.programme for one in record.enrolments))


def _unknown(slug: str) -> Callable[[], Iterable[Finding]]:
    def see() -> Iterable[Finding]:
        raise LookupError(slug)

    return see


def _start(record: Record, now: datetime) -> datetime:
    return record.enrolments[0].start if record.enrolments else now
