"""All rules over one patient. Each (programme, rule group) runs under its own try: what fails is
itself a finding, and hides nothing else.
"""

import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime

from services.alerts.clinical import calling, doubts, finding, glance, rules, technical
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

    def fails(programme: str, version: str, group: str, error: Exception) -> None:
        if failed is not None:
            failed(programme, group, error)
        about = f"{programme}: {group}" if programme else group
        newest = record.newest()
        at = newest.at if newest else _start(record, now)
        found.append(technical.could_not_be_judged(record, programme, version, about, newest, at))

    # Whatever is raised, the other groups must still be judged.
    for slug in _enrolled(record):
        programme = programmes.get(slug)
        if programme is None:
            fails(slug, "", "unknown programme", LookupError(slug))
            continue
        for version in rules.judging(programme, record, since):
            try:
                groups = glance.stirred(version, record, since)
            except Exception:  # it is a group's own failure, and will be said of it
                groups = version.groups
            for group in groups:
                try:
                    found += rules.group_findings(version, group, record, now, since, waits)
                except Exception as error:
                    fails(slug, version.version, group.name, error)
    try:
        found += technical.findings(record, now, since)
    except Exception as error:
        fails("", "", "devices", error)
    if waits is not None:
        with contextlib.suppress(Exception):  # "could not be judged" has been said of it
            waits += technical.waiting(record, now)
    try:
        found += calling.findings(record, since)
    except Exception as error:
        fails("", "", calling.RULE, error)
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


def _start(record: Record, now: datetime) -> datetime:
    return record.enrolments[0].start if record.enrolments else now
