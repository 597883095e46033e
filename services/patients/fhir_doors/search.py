"""Pure: what a FHIR search asks for. Strict: a parameter we do not know is an error, because a
search that ignored it would answer a wider question than was asked.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from services.patients import paging
from services.patients.numbers import looks_national
from shared import identity, kinds
from shared.contracts import Fact
from shared.wall_clock import OSLO

MOST = 200
USUAL = 50
FOREIGN = "foreign"  # the kind of readings whose codes the catalogue does not know

_DATE = re.compile(
    r"(?P<prefix>[a-z]{2})?(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<clock>\d\d:\d\d)(?::(?P<second>\d\d)(?:\.\d{1,9})?)?(?P<zone>Z|[ +-]\d\d:\d\d)?)?)?)?"
)

# Resource -> parameter -> (its type, what it means here). The capability statement says the same.
PARAMETERS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Patient": {
        "_id": ("token", "our id"),
        "name": ("string", "part of the name"),
        "identifier": ("token", "system|value; a national number only by POST _search"),
    },
    "Observation": {
        "patient": ("reference", "our id of the patient"),
        "subject": ("reference", "the same as patient"),
        "patient.identifier": ("token", "system|value; a national number only by POST _search"),
        "code": ("token", "system|code or code; several with comma"),
        "category": ("token", "several with comma"),
        "date": (
            "date",
            "when it was measured, or its period began: eq ge gt le lt sa eb; a date or a time "
            "without an offset is Norwegian time",
        ),
    },
    "QuestionnaireResponse": {
        "patient": ("reference", "our id of the patient"),
        "subject": ("reference", "the same as patient"),
        "patient.identifier": ("token", "system|value; a national number only by POST _search"),
        "questionnaire": ("reference", "url or name of the questionnaire"),
        "authored": ("date", "as date of Observation"),
    },
    "Questionnaire": {
        "_id": ("token", "name of the questionnaire"),
        "url": ("uri", "its canonical url"),
    },
    "Media": {
        "patient": ("reference", "our id of the patient"),
        "subject": ("reference", "the same as patient"),
        "patient.identifier": ("token", "system|value; a national number only by POST _search"),
        "created": ("date", "when it was taken, as date of Observation"),
    },
    "DocumentReference": {
        "patient": ("reference", "our id of the patient"),
        "subject": ("reference", "the same as patient"),
        "patient.identifier": ("token", "system|value; a national number only by POST _search"),
        "date": ("date", "as date of Observation"),
    },
    "Communication": {
        "patient": ("reference", "our id of the patient"),
        "subject": ("reference", "the same as patient"),
        "patient.identifier": ("token", "system|value; a national number only by POST _search"),
        "sent": ("date", "as date of Observation"),
    },
    "AuditEvent": {
        "patient": ("reference", "our id of the patient"),
        "agent": ("reference", "who did it: Practitioner/id, or the id alone"),
        "date": ("date", "as date of Observation"),
        "outcome": ("token", "4 refused, 8 failed"),
    },
    "Device": {
        "patient": ("reference", "who holds it or has held it"),
        "identifier": ("token", "the serial number"),
    },
}
RESULT = frozenset({"_count", "_cursor", "_sort", "_format"})
# A national number is never in an address: that ends in logs and histories.
HIDDEN = frozenset({"identifier", "patient.identifier"})
NATIONAL = frozenset({identity.FNR, identity.D_NUMBER, identity.FHN})


class NotSearchable(Exception):
    """The search cannot be answered as it is asked"""

    def __init__(self, diagnostics: str) -> None:
        super().__init__()
        self.diagnostics = diagnostics


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of one search, known and checked."""

    resource: str
    pairs: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name]

    def one(self, name: str) -> str | None:
        found = self.all(name)
        if len(found) > 1:
            raise NotSearchable(f"{name} may be given once.")
        return found[0] if found else None

    def count(self) -> int:
        given = self.one("_count")
        if given is None:
            return USUAL
        if not re.fullmatch(r"[1-9]\d{0,8}", given):
            raise NotSearchable("_count is a whole number above 0.")
        return min(int(given), MOST)

    def place(self) -> tuple[datetime, UUID] | None:
        return paging.place(self.one("_cursor"))

    def newest_first(self) -> bool:
        match self.one("_sort"):
            case None | "-date" | "-authored" | "-created":
                return True
            case "date" | "authored" | "created":
                return False
            case _:
                raise NotSearchable("_sort is by date or -date only.")

    def patient_id(self) -> UUID | None:
        """None when no patient is named by our id. Raises LookupError when the id is no id."""
        named = {*self.all("patient"), *self.all("subject")}
        if not named:
            return None
        if len(named) > 1:
            raise NotSearchable("One patient is searched at a time.")
        try:
            return UUID(named.pop().removeprefix("Patient/"))
        except ValueError:
            raise LookupError from None

    def identifier(self, name: str) -> tuple[str, str] | None:
        given = self.one(name)
        if given is None:
            return None
        system, bar, value = given.partition("|")
        if not bar or not system or not value:
            raise NotSearchable(f"{name} is written system|value.")
        return system, value


def asked(
    resource: str, pairs: Iterable[tuple[str, str]], *, in_body: bool, lenient: bool = False
) -> Asked:
    """Check the names. `lenient` (Prefer: handling=lenient) leaves out what we do not know."""
    known = PARAMETERS[resource].keys() | RESULT
    kept = []
    for name, value in pairs:
        if name not in known:
            if lenient:
                continue
            raise NotSearchable(f"Known here are: {', '.join(sorted(known))}.")
        if name in HIDDEN and not in_body and resource != "Device" and _is_national(value):
            raise NotSearchable(f"A national number as {name} is searched with POST _search only.")
        if "\0" in value or len(value) > 2000:
            raise NotSearchable(f"{name} is not a usable value.")
        kept.append((name, value))
    answer = Asked(resource, tuple(kept))
    if (form := answer.one("_format")) and form not in {"json", "application/fhir+json"}:
        raise NotSearchable("_format is json.")
    return answer


def _is_national(given: str) -> bool:
    """By its system, or by its form where the system says nothing."""
    system, bar, value = given.partition("|")
    return system in NATIONAL or looks_national(value if bar else given)


def span(dates: Iterable[str]) -> tuple[datetime | None, datetime | None]:
    """since <= at < until for all the date parameters together."""
    since: list[datetime] = []
    until: list[datetime] = []
    for text in dates:
        prefix, first, after = _range(text)
        if prefix in {"eq", "ge"}:
            since.append(first)
        if prefix in {"gt", "sa"}:
            since.append(after)
        if prefix in {"eq", "le"}:
            until.append(after)
        if prefix in {"lt", "eb"}:
            until.append(first)
    return max(since, default=None), min(until, default=None)


def _range(text: str) -> tuple[str, datetime, datetime]:
    """Prefix, first moment and the moment after the last one: a day lasts a day."""
    found = _DATE.fullmatch(text)
    prefix = found["prefix"] or "eq" if found else ""
    if found is None or prefix not in {"eq", "ge", "gt", "le", "lt", "sa", "eb"}:
        raise NotSearchable("A date is YYYY, YYYY-MM, YYYY-MM-DD or a time, after eq ge gt le lt.")
    try:
        year, month, day = int(found["year"]), int(found["month"] or 1), int(found["day"] or 1)
        start = date(year, month, day)
        if found["clock"] is None:
            end = _following(start, month=found["month"], day=found["day"])
            return prefix, _midnight(start), _midnight(end)
        return prefix, *_instant(text.removeprefix(found["prefix"] or ""), found["second"])
    except (ValueError, OverflowError):
        raise NotSearchable("There is no such date.") from None


def _instant(text: str, second: str | None) -> tuple[datetime, datetime]:
    moment = datetime.fromisoformat(text.replace(" ", "+"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=OSLO)
    step = timedelta(minutes=1) if second is None else timedelta(seconds=1)
    if "." in text:
        step = timedelta(microseconds=1)
    return moment.astimezone(UTC), moment.astimezone(UTC) + step


def _following(start: date, *, month: str | None, day: str | None) -> date:
    if day is not None:
        return start + timedelta(days=1)
    if month is not None:
        return (start.replace(day=28) + timedelta(days=4)).replace(day=1)
    return start.replace(year=start.year + 1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=OSLO).astimezone(UTC)


def tokens(values: Iterable[str]) -> list[list[tuple[str | None, str]]]:
    """(system or None, code) of each parameter: within one any may match, all of them must."""
    found = []
    for value in values:
        alternatives: list[tuple[str | None, str]] = []
        for part in value.split(","):
            system, bar, code = part.rpartition("|")
            alternatives.append((system if bar else None, code))
        found.append(alternatives)
    return found


def kinds_with(
    codes: list[list[tuple[str | None, str]]], categories: list[list[tuple[str | None, str]]]
) -> list[str] | None:
    """Kinds that can match; None is any. What each fact bears is still to be looked at."""
    if not codes and not categories:
        return None
    possible = [
        kind.name
        for kind in kinds.CATALOGUE.values()
        if all(_kind_bears(kind, wanted) for wanted in codes)
        and all(any(code == kind.category for _, code in wanted) for wanted in categories)
    ]
    return [*possible, FOREIGN]


def bears(fact: Fact, resource: Mapping[str, object], asked: Asked) -> bool:
    """Whether an Observation has the codes and categories asked for."""
    for wanted in tokens(asked.all("code")):
        kind = kinds.CATALOGUE.get(fact.kind)
        whole = kind is not None and "split_from" not in fact.body and _kind_bears(kind, wanted)
        if not whole and not any(_same(coding, wanted) for coding in _codings(resource["code"])):
            return False
    for wanted in tokens(asked.all("category")):
        concepts = resource["category"]
        assert isinstance(concepts, list)
        if not any(_same(each, wanted) for concept in concepts for each in _codings(concept)):
            return False
    return True


def _kind_bears(kind: kinds.Kind, wanted: list[tuple[str | None, str]]) -> bool:
    own = set(kind.codes)
    if kind.name == "heart_rate":
        # A cuff's or an oximeter's pulse is a heart rate under the code of its device.
        for other in kinds.CATALOGUE.values():
            own.update(code for name in other.split for code in other.fields[name].codes)
    return any(
        kinds.find([(system, code)]) is kind
        if system and kinds.find([(system, code)]) is not None
        else any(_same(coding, [(system, code)]) for coding in own)
        for system, code in wanted
    )


def _same(coding: tuple[str, str], wanted: list[tuple[str | None, str]]) -> bool:
    return any(
        coding[1] == code and (system is None or kinds.known((system, code))[0] == coding[0])
        for system, code in wanted
    )


def _codings(concept: object) -> list[tuple[str, str]]:
    assert isinstance(concept, Mapping)
    return [
        kinds.known((str(coding.get("system", "")), str(coding.get("code", ""))))
        for coding in concept.get("coding", ())
    ]
