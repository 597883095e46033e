"""Pure: what the register's messages about one visit come to, in whatever order they arrived."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.contracts import Fact

# Without a word from the register for so long, the patient is thought to be at home again: a
# discharge that was lost must not leave somebody unwatched.
UNHEARD = timedelta(days=14)
LONGEST = timedelta(days=366)
# PV1-2. A visit of another class (outpatient, preadmission, recurring dialysis) is no stay. When
# it is not said, an admission is one.
STAYS_OVER = frozenset(("", "I", "E", "B"))


@dataclass(frozen=True, slots=True)
class Stay:
    """From when to when in hospital; without `left` he is there, thought to be until `until`."""

    since: datetime
    until: datetime
    left: datetime | None


def stay(facts: Iterable[Fact]) -> Stay | None:
    """The stay that these facts of one visit tell of; None when there is none."""
    since: datetime | None = None
    left: datetime | None = None
    until: datetime | None = None
    latest: datetime | None = None
    for fact in sorted(facts, key=lambda one: (one.at, one.received_at, one.id.int)):
        body = fact.body
        if body.get("test") or str(body.get("class", "")) not in STAYS_OVER:
            continue
        if expected := body.get("expected_end"):
            until = datetime.fromisoformat(str(expected))
        match body.get("event"):
            case "admitted":
                since = fact.at if since is None or left is not None else since
                left = None
            case "moved":
                since = since or fact.at
            case "discharged":
                since, left = since or fact.at, fact.at
            case "admission-cancelled":
                since = left = None
            case "discharge-cancelled":
                left = None
        latest = fact.at
    if since is None or latest is None:
        return None
    end = min(max(until or latest, latest + UNHEARD), since + LONGEST)
    return Stay(since, end, left)
