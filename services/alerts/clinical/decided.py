"""What staff decided about one patient, as it was in force at any moment."""

from bisect import bisect_right
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, NamedTuple, TypeVar, get_args
from uuid import UUID

from services.alerts.clinical.numbers import decimal
from shared import attachments
from shared.attachments import Answer
from shared.contracts import Fact
from shared.programmes import PlanItem, Programme

T = TypeVar("T")

PauseKind = Literal["admission", "holiday", "other"]
KINDS: tuple[PauseKind, ...] = get_args(PauseKind)

INSTANT = timedelta(microseconds=1)
EVER = datetime.min.replace(tzinfo=UTC)

UNREADABLE = (AttributeError, KeyError, TypeError, ValueError, InvalidOperation)


class Enrolment(NamedTuple):
    """In force from `start` until `end`. `plan` is the patient's own, or None for the default.

    `first` is when the enrolment itself began: a change of plan does not begin it anew. It was
    `recorded` then or later: nothing was expected of the patient before anybody had said so.
    """

    id: UUID
    programme: str
    unit_id: str
    plan: tuple[PlanItem, ...] | None
    start: datetime
    end: datetime | None
    first: datetime
    recorded: datetime

    def covers(self, at: datetime) -> bool:
        return self.start <= at and (self.end is None or at < self.end)


class Pause(NamedTuple):
    """`called_off`: somebody ended it before its time."""

    id: str
    start: datetime
    end: datetime | None
    kind: PauseKind = "other"
    reason: str | None = None
    called_off: bool = False

    def covers(self, at: datetime) -> bool:
        return self.start <= at and (self.end is None or at < self.end)


@dataclass(slots=True)
class Decided:
    """Decisions read in the order they are valid from; of two from one moment, the one recorded
    last. Read once and then only looked at. `unreadable` are those that could not be read.
    """

    facts: tuple[Fact, ...] = ()
    born: date | None = None
    deceased: datetime | None = None
    pregnant: list[tuple[datetime, bool]] = field(default_factory=list)
    scales: list[tuple[datetime, int]] = field(default_factory=list)
    devices: set[str] = field(default_factory=set)  # every credential he was ever bound to
    holds: dict[tuple[str, str], str] = field(default_factory=dict)
    versions: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)
    limits: dict[tuple[str, str], list[tuple[datetime, Decimal | None]]] = field(
        default_factory=dict
    )
    segments: list[Enrolment] = field(default_factory=list)
    paused: dict[str, Pause] = field(default_factory=dict)
    ended_because: dict[UUID, str] = field(default_factory=dict)  # by enrolment
    answered: dict[UUID, Answer] = field(default_factory=dict)  # by origin of what the patient sent
    unreadable: list[Fact] = field(default_factory=list)

    @property
    def enrolments(self) -> tuple[Enrolment, ...]:
        return tuple(sorted(self.segments, key=lambda one: (one.start, one.id.int)))

    @property
    def pauses(self) -> tuple[Pause, ...]:
        return tuple(sorted(self.paused.values(), key=lambda one: (one.start, one.id)))

    @property
    def bound(self) -> dict[str, str]:
        """The credentials he is bound to, with their kind: device or app."""
        return {cred: kind for (cred, _), kind in self.holds.items()}

    def limit(self, programme: str, name: str, at: datetime) -> Decimal | None:
        """The limit set for this patient and valid at `at`; None means the default."""
        set_ = self.limits.get((programme, name))
        return _in_force(set_, at, None) if set_ else None

    def version(self, programme: Programme, at: datetime) -> Programme:
        """The version that judges him at `at`. Without a decision that names one, or when that one
        is not loaded, the newest that is."""
        if len(programme.versions) == 1:
            return programme
        name = _in_force(self.versions.get(programme.slug, []), at, "")
        return programme.versions.get(name, programme.newest)

    def judged_from(self, programme: Programme, at: datetime) -> datetime | None:
        """The first moment not before `at` at which this very version judges him."""
        if self.version(programme, at).version == programme.version:
            return at
        later = (moment for moment, _ in self.versions.get(programme.slug, ()) if moment > at)
        judged = (one for one in later if self.version(programme, one).version == programme.version)
        return next(judged, None)

    def versions_since(self, programme: Programme, at: datetime) -> list[Programme]:
        """All that have judged him since `at`, and the one just before it; the latest first."""
        decided = self.versions.get(programme.slug, [])
        moments = [at, *(moment for moment, _ in decided if moment >= at)]
        # At its very end a version may still have to take back what it said.
        if len(moments) > 1 and moments[1] == at:
            moments.insert(0, at - INSTANT)
        found = {one.version: one for one in (self.version(programme, at) for at in moments)}
        return list(reversed(found.values()))

    def not_loaded(self, programme: Programme, at: datetime) -> str:
        """The version that should judge him at `at` and cannot, because it is not here; or ''."""
        name = _in_force(self.versions.get(programme.slug, []), at, "")
        return "" if name in programme.versions else name

    def is_answered(self, fact: Fact) -> bool:
        """Whether staff have answered what he sent, or the one that this corrects."""
        return attachments.answer_to(fact, self.answered) is not None

    def spo2_scale(self, at: datetime) -> int:
        return _in_force(self.scales, at, 1)

    def is_pregnant(self, at: datetime) -> bool:
        return _in_force(self.pregnant, at, False)


def read(facts: Iterable[Fact]) -> Decided:
    ordered = sorted(
        {fact.id: fact for fact in facts}.values(),
        key=lambda fact: (fact.at, fact.received_at, fact.id.int),
    )
    decided = Decided(tuple(ordered))
    for fact in ordered:
        try:
            _apply(decided, fact, fact.body)
        except UNREADABLE:
            decided.unreadable.append(fact)
    if decided.deceased is not None:
        _end(decided.segments, None, decided.deceased)
    return decided


def taken_back(facts: Iterable[Fact], new: Container[UUID]) -> datetime | None:
    """From when the patient must be judged again because of decisions among `new` that say that
    what was written before was a mistake: he did not die, or was born another day. None when they
    change nothing of the past."""
    since: datetime | None = None
    born: Any = None
    died: datetime | None = None
    for fact in sorted(facts, key=lambda fact: (fact.at, fact.received_at, fact.id.int)):
        if fact.type not in ("patient-registered", "patient-changed"):
            continue
        was_born, had_died = born, died
        born = fact.body.get("born") or born
        if "deceased" in fact.body:
            died = (died or fact.at) if fact.body["deceased"] else None
        if fact.id in new and was_born is not None and born != was_born:
            return EVER
        if fact.id in new and had_died is not None and died is None:
            since = min(had_died, since or had_died)
    return since


def _apply(decided: Decided, fact: Fact, body: Mapping[str, Any]) -> None:
    match fact.type:
        case "patient-registered" | "patient-changed":
            if body.get("born"):
                decided.born = date.fromisoformat(str(body["born"]))
            if "pregnant" in body:
                decided.pregnant.append((fact.at, body["pregnant"] is True))
            if "deceased" in body:
                decided.deceased = (decided.deceased or fact.at) if body["deceased"] else None
        case "enrolled":
            _enrol(decided, fact, body)
        case "bound":
            cred = str(body["cred"])
            decided.devices.add(cred)
            decided.holds[cred, str(body.get("slot") or "")] = str(body.get("kind") or "device")
        case "unbound":
            decided.holds.pop((str(body["cred"]), str(body.get("slot") or "")), None)
        case "programme-activated":
            _follow(decided, str(body["programme"]), fact.at, str(body["version"]))
        case "answered":
            decided.answered |= attachments.answers([fact])
        case "enrolment-ended":
            enrolment_id = UUID(str(body["enrolment_id"]))
            _end(decided.segments, enrolment_id, fact.at)
            if body.get("reason"):
                decided.ended_because[enrolment_id] = str(body["reason"])
        case "limit-set":
            value = None if body["value"] is None else decimal(body["value"])
            named = (str(body["programme"]), str(body["name"]))
            decided.limits.setdefault(named, []).append((fact.at, value))
        case "spo2-scale-decided":
            decided.scales.append((fact.at, 2 if int(body["scale"]) == 2 else 1))
        case "paused":
            key = str(body["pause_id"])
            reason = str(body["reason"]) if body.get("reason") else None
            decided.paused[key] = Pause(
                key, fact.at, _moment(body.get("until")), _kind(body.get("kind")), reason
            )
        case "pause-ended":
            pause = decided.paused.get(str(body["pause_id"]))
            if pause and (pause.end is None or fact.at < pause.end):
                decided.paused[pause.id] = pause._replace(end=fact.at, called_off=True)
        case _:
            pass  # bindings are not about judging


def _enrol(decided: Decided, fact: Fact, body: Mapping[str, Any]) -> None:
    """A second decision on the same enrolment changes its plan from then on."""
    enrolment_id, own = UUID(str(body["enrolment_id"])), None
    if body.get("plan") is not None:
        try:
            own = tuple(PlanItem.model_validate(item) for item in body["plan"])
        except UNREADABLE:
            # Readings are still judged; that the plan is unreadable is said out loud.
            decided.unreadable.append(fact)
    same = [one for one in decided.segments if one.id == enrolment_id]
    first = min((one.first for one in same), default=fact.at)
    recorded = min((one.recorded for one in same), default=fact.received_at)
    _end(decided.segments, enrolment_id, fact.at)
    programme, unit = str(body["programme"]), str(body.get("unit_id") or "")
    decided.segments.append(
        Enrolment(enrolment_id, programme, unit, own, fact.at, None, first, recorded)
    )
    if body.get("version"):
        _follow(decided, programme, fact.at, str(body["version"]))


def _follow(decided: Decided, programme: str, at: datetime, version: str) -> None:
    decided.versions.setdefault(programme, []).append((at, version))


def _end(segments: list[Enrolment], enrolment_id: UUID | None, at: datetime) -> None:
    for place, one in enumerate(segments):
        if enrolment_id in (None, one.id) and (one.end is None or at < one.end):
            segments[place] = one._replace(end=max(at, one.start))


def _in_force(decisions: list[tuple[datetime, T]], at: datetime, otherwise: T) -> T:
    place = bisect_right(decisions, at, key=lambda decision: decision[0])
    return decisions[place - 1][1] if place else otherwise


def _kind(text: Any) -> PauseKind:
    """Pauses of before there were kinds, and kinds of a later release, are pauses all the same."""
    return next((one for one in KINDS if one == text), "other")


def _moment(text: Any) -> datetime | None:
    if text is None:
        return None
    at = text if isinstance(text, datetime) else datetime.fromisoformat(str(text))
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at
