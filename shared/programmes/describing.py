"""What a rule says, in one English sentence with its numbers."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import assert_never

from shared.programmes.parts import Life, Trial
from shared.programmes.rules import (
    REFERENCE,
    AbsenceRule,
    BaselineRule,
    ChangeRule,
    CodedRule,
    CombinationRule,
    CountRule,
    Handled,
    LimitRule,
    OverdueRule,
    Persistence,
    RateRule,
    Rule,
    ScoreRule,
    ShareRule,
    TargetRule,
    UnansweredRule,
    WindowRule,
)
from shared.programmes.schema import Programme

COMPARED = {"above": "above", "at_least": "at least", "below": "below", "at_most": "at most"}


def words(rule: Rule, programme: Programme) -> str:
    """When the rule speaks, in one English sentence with the default numbers."""
    match rule:
        case LimitRule():
            what = f"{_input(rule.input, programme)} is {_compared(rule.comparison, programme)}"
            if rule.clear is not None:
                clear = _number(rule.clear, programme)
                what += f" (once a day until it is back at {clear} or past it)"
            return what + _persistence(rule.persistence, programme)
        case ChangeRule():
            since = f"the {rule.reference} {_input(rule.against, programme)}"
            per = f" per {span(rule.per)}" if rule.per else ""
            of = f" percent of {_whole(rule.percent_of, programme)}" if rule.percent_of else ""
            ages = f"at most {span(rule.within)} before"
            if rule.apart:
                ages = f"{span(rule.apart)} to {span(rule.within)} before"
            came = "".join(
                f", {word} {_number(edge, programme)}"
                for word, edge in (
                    ("from below", rule.from_below),
                    ("to at least", rule.to_at_least),
                )
                if edge is not None
            )
            return (
                f"{_input(rule.input, programme)} shows a {rule.direction} from {since} "
                f"({ages}{_points(rule.points)}) of "
                f"{_compared(rule.comparison, programme)}{of}{per}{came}"
                f"{_persistence(rule.persistence, programme)}"
            )
        case TargetRule():
            side = {"over": "over", "under": "under", "either": "from"}[rule.direction]
            return (
                f"{_input(rule.input, programme)} is {_compared(rule.comparison, programme)} "
                f"{side} {_number(rule.target, programme)}"
                f"{_persistence(rule.persistence, programme)}"
            )
        case CountRule():
            what = (
                _compared(rule.comparison, programme)
                if rule.comparison
                else f"answered {_codes(rule.codes)}"
            )
            apart = f", at least {span(rule.apart)} apart" if rule.apart else ""
            return (
                f"{_input(rule.input, programme)} is {what}, now and in {rule.n} of the last "
                f"{rule.m}{apart}, within {span(rule.within)}"
            )
        case WindowRule():
            last = f"the last {rule.last}" if rule.last else "all"
            over = f", over at least {span(rule.spanning)}" if rule.spanning else ""
            return (
                f"the {rule.figure} of {last} of {_input(rule.input, programme)} in "
                f"{span(rule.within)}{_points(rule.points)}{over} is "
                f"{_compared(rule.comparison, programme)}"
            )
        case ShareRule():
            what = (
                _compared(rule.comparison, programme)
                if rule.comparison
                else f"answered {_codes(rule.codes)}"
            )
            last = f"the last {rule.last}" if rule.last else "those"
            return (
                f"{_input(rule.input, programme)} is {what}, now and in at least "
                f"{_number(rule.share, programme)} percent of {last} in "
                f"{span(rule.within)}{_points(rule.points)}"
            )
        case BaselineRule():
            side = {"rise": "above", "fall": "below", "either": "from"}[rule.direction]
            return (
                f"{_input(rule.input, programme)} is more than {_number(rule.mads, programme)} "
                f"median absolute deviations, and {_number(rule.least, programme)}, {side} the "
                f"patient's own median of {span(rule.over)}{_points(rule.points)}"
            )
        case RateRule():
            per = f" per {_whole(rule.per, programme)}" if rule.per else ""
            hour = " per hour" if rule.per_hour else ""
            return (
                f"{_input(rule.input, programme)}{hour}{per} is "
                f"{_compared(rule.comparison, programme)}"
            )
        case CombinationRule():
            many = "all" if rule.needed == len(rule.of) else str(rule.needed)
            named = ", ".join(f"`{one}`" for one in rule.of)
            return f"{many} of {named} speak within {span(rule.within)}"
        case CodedRule():
            return f"{_input(rule.input, programme)} is {_codes(rule.codes)}"
        case ScoreRule():
            name = "NEWS2" if rule.score == "news2" else _input(rule.score, programme)
            if rule.single is not None:
                return f"a single parameter of {name} scores {rule.single}"
            below = f" and below {rule.below}" if rule.below is not None else ""
            certain = ", even with parameters missing" if rule.score == "news2" else ""
            return f"{name} is at least {rule.at_least}{below}{certain}"
        case AbsenceRule():
            return (
                f"nothing more of {_input(rule.input, programme)} for "
                f"{_number(rule.longer_than, programme)} hours; a pause puts it off"
            )
        case OverdueRule():
            only = f" ({', '.join(rule.kinds)})" if rule.kinds else ""
            return f"what the plan expects{only} has not come when its grace is over"
        case UnansweredRule():
            return (
                f"{_input(rule.input, programme)} has not been answered {rule.workdays} working "
                f"days after it was received, at {rule.by:%H:%M}"
            )
        case _:
            assert_never(rule)


def _persistence(persistence: Persistence | None, programme: Programme) -> str:
    if persistence is None:
        return ""
    apart = f", at least {span(persistence.apart)} apart" if persistence.apart else ""
    said = f", in {persistence.n} of the last {persistence.m}{apart}"
    said += f", within {span(persistence.within)}{_points(persistence.points)}"
    for step in persistence.sooner:
        said += f" ({step.n} when beyond {_number(step.beyond, programme)})"
    return said


def _points(points: int) -> str:
    return f", at least {points} of them" if points > 1 else ""


def _whole(reference: Decimal | str, programme: Programme) -> str:
    """What something is divided by: the earlier value, an input, a limit or a number."""
    if reference == REFERENCE:
        return "the earlier value"
    if isinstance(reference, str) and reference in programme.input_by_name:
        return _input(reference, programme)
    return _number(reference, programme)


def retake(rule: Rule) -> str:
    if rule.retake is None:
        return ""
    if rule.colour == "red":
        return "; at once, and asks for a retake"
    return (
        f"; waits up to {span(rule.retake.grace)} for a retake, which decides if taken within "
        f"{span(rule.retake.within)}"
    )


def handled(case: Handled) -> str:
    if case.by == "came":
        kinds = " or ".join(f"`{kind}`" for kind in case.kinds) or "what was expected"
        said = f"{kinds} has come within {span(case.within)}"
    else:
        several = "one later value has" if case.points == 1 else f"{case.points} later values have"
        said = f"{several} come within {span(case.within)} and none is beyond"
    return f"{said}, for the first time in {span(case.alone)}" if case.alone else said


def trial(trial: Trial) -> str:
    again = f"again after {span(trial.again)}" if trial.again else "never again"
    return (
        f"Limits of the patient's own are suggested once there are {trial.values} values over "
        f"{trial.days} days; where one is kept, {again}."
    )


def life(life: Life) -> Iterator[str]:
    yield (
        f"An acknowledged red comes back after {span(life.acknowledged_red)} (at most "
        f"{span(life.acknowledged_red_at_most)} if chosen)."
    )
    yield (
        f"An acknowledged yellow is closed as expired after {span(life.acknowledged_yellow)}; if a "
        f"time is chosen, at most {span(life.acknowledged_yellow_at_most)}, it comes back."
    )
    yield f"An alert is put off for at most {span(life.snoozed_at_most)}."


def _input(name: str, programme: Programme) -> str:
    text = programme.input_by_name[name].names.en
    return (
        text if text.isupper() or text.startswith(("SpO", "NEWS")) else text[0].lower() + text[1:]
    )


def _compared(comparison: tuple[str, Decimal | str], programme: Programme) -> str:
    how, reference = comparison
    return f"{COMPARED[how]} {_number(reference, programme)}"


def _number(reference: Decimal | str, programme: Programme) -> str:
    if isinstance(reference, Decimal):
        return f"{reference:f}"
    default = programme.limit_by_name[reference].default
    shown = "to be set" if default is None else f"{default:f}"
    return f"`{reference}` ({shown})"


def _codes(codes: tuple[str | bool, ...]) -> str:
    spoken = ["yes" if one is True else "no" if one is False else one for one in codes]
    return " or ".join(spoken)


def span(span: timedelta) -> str:
    minutes = span // timedelta(minutes=1)
    if minutes % 1440 == 0 and minutes:
        return f"{minutes // 1440} d"
    return f"{minutes // 60} h" if minutes % 60 == 0 and minutes else f"{minutes} min"
