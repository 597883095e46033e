"""Which samples a rule must be asked about. Nearly every one is well within its limits, and that is
seen at a glance: of each rule a sieve is made once, which holds back what the rule surely says
nothing of.

What is let through in vain costs time; what is held back in vain is an alert missed. So a sieve
only repeats what the rule itself asks first, or takes the extreme of all there is in place of what
the rule compares with (a test asks every rule about everything, and must hear the same).
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeGuard, assert_never

from services.alerts.clinical import measure, samples
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import Sample
from shared.programmes import (
    REFERENCE,
    BaselineRule,
    ChangeRule,
    CountRule,
    LimitRule,
    Programme,
    RateRule,
    SampleRule,
    ScoreRule,
    ShareRule,
    TargetRule,
    WindowRule,
)

# Of samples in order, those that the rule must be asked about.
Sieve = Callable[[Record, Sequence[Sample]], Sequence[Sample]]
NOTHING, INFINITE = Decimal(0), Decimal("Infinity")
Lets = Callable[[Record, Sample], bool]


class Band(NamedTuple):
    """Between these no limit of an input is passed, by the programme's own numbers. `named` are
    the limits that a patient may have otherwise."""

    low: Decimal
    high: Decimal
    named: frozenset[tuple[str, str]]

    def holds(self, record: Record, several: Sequence[Sample]) -> bool:
        if not self.named.isdisjoint(record.decided.limits):
            return False
        low, high = self.low, self.high
        return all([one.figure is None or low < one.figure < high for one in several])


def band(rules: Iterable[SampleRule], programme: Programme) -> Band:
    """Of the rules that are silent of each sample within one limit (`is_limited`)."""
    low, high, named = -INFINITE, INFINITE, set()
    for rule in rules:
        if not is_limited(rule) or rule.comparison is None:
            continue
        how, reference = rule.comparison
        limit: Decimal | None
        if isinstance(reference, str):
            named.add((programme.slug, reference))
            limit = programme.limit_by_name[reference].default
        else:
            limit = reference
        if limit is not None and how in ("above", "at_least"):
            high = min(high, limit)
        elif limit is not None:
            low = max(low, limit)
    return Band(low, high, frozenset(named))


def is_limited(rule: SampleRule) -> TypeGuard[LimitRule | CountRule | ShareRule]:
    return rule.kind in ("limit", "n-of-m", "share") and rule.comparison is not None


def of(rule: SampleRule, programme: Programme) -> Sieve:
    made: dict[str, Sieve] = programme.worked_out.setdefault("sieves", {})
    if rule.id not in made:
        made[rule.id] = _of(rule, programme)
    return made[rule.id]


def _of(rule: SampleRule, programme: Programme) -> Sieve:
    match rule.kind:
        case "limit":
            return _beyond(rule.comparison, programme)
        case "n-of-m" | "share":
            if rule.comparison is None:
                return _coded(rule.codes)
            return _beyond(rule.comparison, programme)
        case "coded":
            return _coded(rule.codes)
        case "change":
            return _each(_change(rule, programme))
        case "target":
            return _each(_target(rule, programme))
        case "window":
            return _each(_window(rule, programme))
        case "baseline":
            return _each(_baseline(rule, programme))
        case "rate":
            return _each(_rate(rule, programme))
        case "score":
            return _each(_form_score(rule))
        case _:
            assert_never(rule)


def _beyond(comparison: tuple[str, Decimal | str], programme: Programme) -> Sieve:
    """Of many samples at once: to ask for a limit that was the same all the time once is what
    makes replaying quick."""
    how, reference = comparison
    beyond, limit_at = measure.BEYOND[how], measure.reader(programme, reference)
    limit_key = (programme.slug, str(reference))

    def sieve(record: Record, several: Sequence[Sample]) -> Sequence[Sample]:
        if not several:
            return several
        decided = record.decided.limits.get(limit_key)
        if decided is not None and any(at > several[0].at for at, _ in decided):
            return several
        limit = limit_at(record, several[0])
        if limit is None:
            return ()
        return [one for one in several if one.figure is not None and beyond(one.figure, limit)]

    return sieve


def _coded(codes: Sequence[str | bool]) -> Sieve:
    return lambda record, several: [one for one in several if samples.answers(one.value, codes)]


def _each(lets: Lets) -> Sieve:
    return lambda record, several: [one for one in several if lets(record, one)]


def _change(rule: ChangeRule, programme: Programme) -> Lets:
    """By the most it can have moved: since the extreme of all there is. It rarely is enough, and
    then no window need be gone through, be it ever so full."""
    how, reference = rule.comparison
    beyond, limit_at = measure.BEYOND[how], measure.reader(programme, reference)
    against, rises = programme.input_by_name[rule.against], rule.direction == "rise"
    by_own = rule.percent_of == REFERENCE
    whole_at = (
        None if rule.percent_of is None or by_own else measure.reader(programme, rule.percent_of)
    )
    is_bounded = how in ("above", "at_least") and (rule.per is None or bool(rule.apart))
    # Scaled to a time, what moved in the least time counts for most.
    scale = None
    if rule.per is not None and rule.apart:
        scale = measure.seconds(rule.per), measure.seconds(rule.apart)

    def lets(record: Record, sample: Sample) -> bool:
        value, limit = sample.figure, limit_at(record, sample)
        if value is None or limit is None:
            return False
        whole = None
        if whole_at is not None and not (whole := whole_at(record, sample)):
            return False
        known = record.input(against).sure.figures
        edge = known.lowest if rises else known.highest
        if edge is None:
            return False
        if not is_bounded:
            return True
        if by_own:
            whole = edge
            if value <= 0:
                return True
        most = value - edge if rises else edge - value
        if scale is not None:
            most = max(most, NOTHING) * scale[0] / scale[1]
        if whole is not None:
            if whole <= 0:
                return True
            most = most / whole * 100
        return bool(beyond(most, limit))

    return lets


def _target(rule: TargetRule, programme: Programme) -> Lets:
    how, reference = rule.comparison
    beyond, limit_at = measure.BEYOND[how], measure.reader(programme, reference)
    target_at, direction = measure.reader(programme, rule.target), rule.direction

    def lets(record: Record, sample: Sample) -> bool:
        value, limit = sample.figure, limit_at(record, sample)
        target = target_at(record, sample)
        if value is None or limit is None or target is None:
            return False
        return bool(beyond(measure.distance(direction, value, target), limit))

    return lets


def _window(rule: WindowRule, programme: Programme) -> Lets:
    """No middle, and no extreme, of a window is beyond when the extreme of all there is is not."""
    how, reference = rule.comparison
    beyond, limit_at = measure.BEYOND[how], measure.reader(programme, reference)
    wanted, is_high = programme.input_by_name[rule.input], how in ("above", "at_least")
    is_bounded = rule.figure in ("mean", "median", "lowest", "highest")

    def lets(record: Record, sample: Sample) -> bool:
        value, limit = sample.figure, limit_at(record, sample)
        if limit is None:
            return False
        if value is None or not is_bounded or beyond(value, limit):
            return True
        known = record.input(wanted).sure.figures
        edge = known.highest if is_high else known.lowest
        return edge is not None and bool(beyond(edge, limit))

    return lets


def _baseline(rule: BaselineRule, programme: Programme) -> Lets:
    least_at, times_at = (measure.reader(programme, one) for one in (rule.least, rule.mads))
    wanted, direction = programme.input_by_name[rule.input], rule.direction

    def lets(record: Record, sample: Sample) -> bool:
        value, least = sample.figure, least_at(record, sample)
        if value is None or least is None or times_at(record, sample) is None:
            return False
        known = record.input(wanted).sure.figures
        if known.lowest is None or known.highest is None:
            return False
        if direction != "fall" and value - known.lowest > least:
            return True
        return direction != "rise" and known.highest - value > least

    return lets


def _rate(rule: RateRule, programme: Programme) -> Lets:
    limit_at = measure.reader(programme, rule.comparison[1])
    return lambda record, sample: sample.figure is not None and limit_at(record, sample) is not None


def _form_score(rule: ScoreRule) -> Lets:
    least = rule.at_least
    return lambda record, sample: (
        least is not None and sample.figure is not None and sample.figure >= least
    )
