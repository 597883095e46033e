"""Pure: what the rules see of a patient's record, and how far back what they answer is complete."""

from datetime import datetime

import structlog

from services.alerts.clinical import calling, judge, rules, technical
from services.alerts.clinical.finding import Finding, Waiting
from services.alerts.clinical.history import Record
from services.alerts.judging.raising import Covers
from services.alerts.rows.row import Programmes

log = structlog.get_logger()


class Covered:
    """From which moment a rule was answered for. Worked out when it is asked, which is only of
    rules that have spoken before."""

    def __init__(
        self,
        record: Record,
        programmes: Programmes,
        since: datetime,
        failed: set[tuple[str, str]],
    ) -> None:
        self._record, self._programmes, self._since = record, programmes, since
        self._failed = failed
        self._known: dict[tuple[str, str], datetime | None] = {}

    def get(self, key: tuple[str, str]) -> datetime | None:
        if key not in self._known:
            try:
                self._known[key] = self._of(*key)
            except Exception:  # then nothing counts as gone; what failed is a finding already
                self._known[key] = None
        return self._known[key]

    def _of(self, slug: str, rule_id: str) -> datetime | None:
        if not slug:
            own = {calling.RULE: self._since, **technical.covers(self._since)}
            return own.get(rule_id)
        programme = self._programmes.get(slug)
        if programme is None or all(one.programme != slug for one in self._record.enrolments):
            return None
        found = [
            rules.covers_of(rule, version, group, self._record, self._since)
            for version in rules.judging(programme, self._record, self._since)
            for group in version.groups
            if (slug, group.name) not in self._failed
            for rule in group.rules
            if rule.id == rule_id
        ]
        return max(found, default=None)


def find(
    record: Record,
    programmes: Programmes,
    now: datetime,
    since: datetime,
    waits: list[Waiting] | None = None,
) -> tuple[list[Finding], Covers]:
    """What the rules see, and what they looked at: a group that failed has looked at nothing.
    What will speak later unless something comes is added to `waits`."""
    failed: set[tuple[str, str]] = set()

    def note(programme: str, group: str, error: Exception) -> None:
        failed.add((programme, group))
        log.error(
            "A rule group could not be judged.",
            patient=str(record.patient_id),
            programme=programme,
            group=group,
            fault=type(error).__name__,
        )

    found = judge.judge(record, programmes, now, since, note, waits)
    return found, Covered(record, programmes, since, failed)
