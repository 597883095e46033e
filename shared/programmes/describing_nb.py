"""What a rule says, in one Norwegian sentence with its numbers; in English see describing.py."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import assert_never

from shared import kinds
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

COMPARED = {"above": "over", "at_least": "minst", "below": "under", "at_most": "høyst"}
MOVED = {"above": "mer enn", "at_least": "minst", "below": "mindre enn", "at_most": "høyst"}
REFERENCES = {
    "last": "den siste verdien av",
    "lowest": "den laveste verdien av",
    "highest": "den høyeste verdien av",
    "median": "medianen av",
    "mean": "gjennomsnittet av",
}
FIGURES = {
    "mean": "gjennomsnittet",
    "median": "medianen",
    "sum": "summen",
    "lowest": "den laveste",
    "highest": "den høyeste",
    "range": "spennet",
}


def words(rule: Rule, programme: Programme) -> str:
    """When the rule speaks, in one Norwegian sentence with the default numbers."""
    match rule:
        case LimitRule():
            what = f"{_input(rule.input, programme)} er {_compared(rule.comparison, programme)}"
            if rule.clear is not None:
                clear = _number(rule.clear, programme)
                what += f" (én gang om dagen til verdien er tilbake på {clear} eller forbi)"
            return what + _persistence(rule.persistence, programme)
        case ChangeRule():
            return _change(rule, programme)
        case TargetRule():
            side = {"over": "over", "under": "under", "either": "fra"}[rule.direction]
            return (
                f"{_input(rule.input, programme)} er {_compared(rule.comparison, programme)} "
                f"{side} {_number(rule.target, programme)}"
                f"{_persistence(rule.persistence, programme)}"
            )
        case CountRule():
            apart = _apart(rule.apart)
            return (
                f"{_input(rule.input, programme)} er {_what(rule, programme)}, nå og i {rule.n} av "
                f"de siste {rule.m}{apart}, innen {span(rule.within)}"
            )
        case WindowRule():
            last = f"de siste {rule.last}" if rule.last else "alle"
            over = f", over minst {span(rule.spanning)}" if rule.spanning else ""
            return (
                f"{FIGURES[rule.figure]} av {last} av {_input(rule.input, programme)} gjennom "
                f"{span(rule.within)}{_points(rule.points)}{over} er "
                f"{_compared(rule.comparison, programme)}"
            )
        case ShareRule():
            last = f"de siste {rule.last}" if rule.last else "alle"
            return (
                f"{_input(rule.input, programme)} er {_what(rule, programme)}, nå og i minst "
                f"{_number(rule.share, programme)} prosent av {last} gjennom "
                f"{span(rule.within)}{_points(rule.points)}"
            )
        case BaselineRule():
            side = {"rise": "over", "fall": "under", "either": "fra"}[rule.direction]
            return (
                f"{_input(rule.input, programme)} ligger mer enn {_number(rule.mads, programme)} "
                f"median absolutte avvik, og {_number(rule.least, programme)}, {side} pasientens "
                f"egen median gjennom {span(rule.over)}{_points(rule.points)}"
            )
        case RateRule():
            per = f" per {_whole(rule.per, programme)}" if rule.per else ""
            hour = " per time" if rule.per_hour else ""
            return (
                f"{_input(rule.input, programme)}{hour}{per} er "
                f"{_compared(rule.comparison, programme)}"
            )
        case CombinationRule():
            many = "alle" if rule.needed == len(rule.of) else str(rule.needed)
            named = ", ".join(f"`{one}`" for one in rule.of)
            return f"{many} av {named} varsler innen {span(rule.within)}"
        case CodedRule():
            return f"{_input(rule.input, programme)} er {_codes(rule.codes)}"
        case ScoreRule():
            name = "NEWS2" if rule.score == "news2" else _input(rule.score, programme)
            if rule.single is not None:
                return f"ett enkelt mål i {name} gir {rule.single} poeng"
            below = f" og under {rule.below}" if rule.below is not None else ""
            certain = ", også når noen av målene mangler" if rule.score == "news2" else ""
            return f"{name} er minst {rule.at_least}{below}{certain}"
        case AbsenceRule():
            return (
                f"ikke noe nytt av {_input(rule.input, programme)} på "
                f"{_number(rule.longer_than, programme)} timer; en pause utsetter det"
            )
        case OverdueRule():
            only = f" ({_kinds(rule.kinds, ', ')})" if rule.kinds else ""
            return f"det planen venter{only}, er ikke kommet når fristen er ute"
        case UnansweredRule():
            return (
                f"{_input(rule.input, programme)} er ikke besvart {rule.workdays} arbeidsdager "
                f"etter at det kom, klokken {rule.by:%H:%M}"
            )
        case _:
            assert_never(rule)


def _change(rule: ChangeRule, programme: Programme) -> str:
    moved = "steget" if rule.direction == "rise" else "falt"
    ages = f"høyst {span(rule.within)} før"
    if rule.apart:
        ages = f"{span(rule.apart)} til {span(rule.within)} før"
    of = f" prosent av {_whole(rule.percent_of, programme)}" if rule.percent_of else ""
    per = f" per {span(rule.per).removeprefix('1 ')}" if rule.per else ""
    how, reference = rule.comparison
    came = "".join(
        f", {word} {_number(edge, programme)}"
        for word, edge in (("fra under", rule.from_below), ("til minst", rule.to_at_least))
        if edge is not None
    )
    return (
        f"{_input(rule.input, programme)} har {moved} fra {REFERENCES[rule.reference]} "
        f"{_input(rule.against, programme)} ({ages}{_points(rule.points)}) med "
        f"{MOVED[how]} {_number(reference, programme)}{of}{per}{came}"
        f"{_persistence(rule.persistence, programme)}"
    )


def retake(rule: Rule) -> str:
    if rule.retake is None:
        return ""
    if rule.colour == "red":
        return "; med en gang, og ber om en ny måling"
    return (
        f"; venter inntil {span(rule.retake.grace)} på en ny måling, som avgjør når den er tatt "
        f"innen {span(rule.retake.within)}"
    )


def handled(case: Handled) -> str:
    if case.by == "came":
        found = _kinds(case.kinds, " eller ") or "det som var ventet"
        said = f"{found} er kommet innen {span(case.within)}"
    else:
        several = "én senere verdi" if case.points == 1 else f"{case.points} senere verdier"
        said = f"{several} er kommet innen {span(case.within)}, og ingen er utenfor"
    return f"{said}, for første gang på {span(case.alone)}" if case.alone else said


def span(span: timedelta) -> str:
    minutes = span // timedelta(minutes=1)
    if minutes % 1440 == 0 and minutes:
        return f"{minutes // 1440} døgn"
    if minutes % 60 == 0 and minutes:
        return "1 time" if minutes == 60 else f"{minutes // 60} timer"
    return f"{minutes} minutter"


def _what(rule: CountRule | ShareRule, programme: Programme) -> str:
    if rule.comparison:
        return _compared(rule.comparison, programme)
    return f"besvart med {_codes(rule.codes)}"


def _apart(apart: timedelta) -> str:
    return f", minst {span(apart)} mellom dem" if apart else ""


def _persistence(persistence: Persistence | None, programme: Programme) -> str:
    if persistence is None:
        return ""
    said = f", i {persistence.n} av de siste {persistence.m}{_apart(persistence.apart)}"
    said += f", innen {span(persistence.within)}{_points(persistence.points)}"
    for step in persistence.sooner:
        said += f" ({step.n} når verdien er forbi {_number(step.beyond, programme)})"
    return said


def _points(points: int) -> str:
    return f", minst {points} av dem" if points > 1 else ""


def _whole(reference: Decimal | str, programme: Programme) -> str:
    """What something is divided by: the earlier value, an input, a limit or a number."""
    if reference == REFERENCE:
        return "den tidligere verdien"
    if isinstance(reference, str) and reference in programme.input_by_name:
        return _input(reference, programme)
    return _number(reference, programme)


def _input(name: str, programme: Programme) -> str:
    """As within a sentence; PHQ-9 and NEWS2 keep their letters."""
    text = programme.input_by_name[name].names.nb
    return text[0].lower() + text[1:] if text[1:2].islower() else text


def _compared(comparison: tuple[str, Decimal | str], programme: Programme) -> str:
    how, reference = comparison
    return f"{COMPARED[how]} {_number(reference, programme)}"


def _number(reference: Decimal | str, programme: Programme) -> str:
    """A named limit by the name that a nurse sees when she sets it."""
    if isinstance(reference, Decimal):
        return _decimal(reference)
    limit = programme.limit_by_name[reference]
    shown = "settes for hver pasient" if limit.default is None else _decimal(limit.default)
    return f"«{limit.names.nb}» ({shown})"


def _decimal(value: Decimal) -> str:
    return f"{value:f}".replace(".", ",")


def _codes(codes: tuple[str | bool, ...]) -> str:
    spoken = ["ja" if one is True else "nei" if one is False else f"«{one}»" for one in codes]
    return " eller ".join(spoken)


def _kinds(found: Iterable[str], between: str) -> str:
    return between.join(
        known.nb.lower() if (known := kinds.CATALOGUE.get(one)) else f"«{one}»" for one in found
    )
