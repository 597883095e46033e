"""What rules compare: figures of samples, numbers of rules, and the words for values."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Literal

from services.alerts.clinical.finding import Value
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import Plain, Sample
from shared.programmes import Input, Programme

BEYOND = {"above": gt, "at_least": ge, "below": lt, "at_most": le}


def number(
    programme: Programme, record: Record, reference: Decimal | str, sample: Sample
) -> Decimal | None:
    """A figure as it stands, or the limit of that name in force when the sample was taken."""
    if not isinstance(reference, str):
        return reference
    if (programme.slug, reference) not in record.decided.limits:
        return programme.limit_by_name[reference].default
    own = record.limit(programme.slug, reference, sample.at)
    return programme.limit_by_name[reference].default if own is None else own


def reader(
    programme: Programme, reference: Decimal | str
) -> Callable[[Record, Sample], Decimal | None]:
    """`number` for a rule that is asked again and again."""
    if not isinstance(reference, str):
        return lambda record, sample: reference
    key, default = (programme.slug, reference), programme.limit_by_name[reference].default

    def limit(record: Record, sample: Sample) -> Decimal | None:
        if key not in record.decided.limits:
            return default
        own = record.limit(*key, sample.at)
        return default if own is None else own

    return limit


def distance(
    direction: Literal["over", "under", "either"], value: Decimal, target: Decimal
) -> Decimal:
    over = value - target
    if direction == "either":
        return abs(over)
    return over if direction == "over" else -over


def as_value(sample: Sample, value: Plain, about: Input) -> Value:
    if isinstance(value, tuple):
        value = ", ".join(str(one) for one in value)
    return Value(sample.kind, sample.field, value, about.ucum, sample.at)


def used(*pairs: tuple[Decimal | str, Decimal]) -> tuple[tuple[str, Decimal], ...]:
    return tuple((name, value) for name, value in pairs if isinstance(name, str))


def seconds(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(microseconds=1)) / 1_000_000
