"""Scoring of questionnaires, pure: answers by linkId in, a score or its bounds out.

A skipped question is never 0. Without enough answers there is no total, only the lowest and the
highest it can be.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple, assert_never

from shared.instruments import answers as given_answers
from shared.instruments.schema import (
    SEXES,
    Band,
    Category,
    CategoryMaximum,
    Given,
    Instrument,
    Mean,
    Question,
    Rescaled,
    Scale,
    Sex,
    Sum,
    WeightedSum,
    bands_for,
    items_of,
)

HUNDRED = Decimal(100)
ZERO = Decimal(0)
_EXACT = Context(prec=28)

Points = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Part:
    """One scale. Bounds are what the total can be whatever the missing answers are.

    A total beside missing answers was worked out from the others, as the instrument allows.
    `least_band` holds already, however the missing answers turn out; so do the cut-offs `reached`.
    """

    total: Decimal | None
    complete: bool
    lower_bound: Decimal
    upper_bound: Decimal
    missing: tuple[str, ...]
    band: Band | None
    least_band: Band | None
    reached: tuple[str, ...]
    sex_needed: bool


@dataclass(frozen=True, slots=True)
class Score:
    """Total, bounds and bands are those of the scale `total`; None where there is no such scale.

    `sex_needed`: the band depends on the sex, which we were not told.
    """

    total: Decimal | None
    subscores: Mapping[str, Part]
    complete: bool
    lower_bound: Decimal | None
    upper_bound: Decimal | None
    missing: tuple[str, ...]
    band: Band | None
    least_band: Band | None
    reached: tuple[str, ...]
    sex_needed: bool
    flags: tuple[given_answers.Raised, ...]


class Term(NamedTuple):
    """One item, category or scale: its value if known, and what it can be."""

    value: Decimal | None
    low: Decimal
    high: Decimal
    missing: tuple[str, ...] = ()
    undecided: bool = False  # answered in part: no mean of others may stand in for it


def score(instrument: Instrument, answers: given_answers.Answers, sex: str | None = None) -> Score:
    """Raises CannotBeScored. A sex other than female and male counts as not told."""
    told = next((one for one in SEXES if one == sex), None)
    points = given_answers.read(instrument, answers)
    terms = {
        link: _item(link, question, points, told)
        for link, question in instrument.question_of.items()
    }
    parts: dict[str, Part] = {}
    for scale in instrument.scales:
        if not all(_is_left_out(name, instrument, points) for name in items_of(scale)):
            part = parts[scale.name] = _part(scale, _terms(scale, terms, instrument), told)
            terms[scale.name] = Term(part.total, part.lower_bound, part.upper_bound, part.missing)
    total = parts.pop("total", None)
    missing = tuple(_missing(instrument, terms, [*parts.values(), *([total] if total else [])]))
    return Score(
        total=total.total if total else None,
        subscores=parts,
        complete=not missing and bool(points),
        lower_bound=total.lower_bound if total else None,
        upper_bound=total.upper_bound if total else None,
        missing=missing,
        band=total.band if total else None,
        least_band=total.least_band if total else None,
        reached=total.reached if total else (),
        sex_needed=told is None
        and (
            any(instrument.question_of[link].only_for for link in missing)
            or (total is not None and total.sex_needed)
        ),
        flags=given_answers.flags(instrument, answers),
    )


def _missing(
    instrument: Instrument, terms: Mapping[str, Term], parts: Sequence[Part]
) -> Iterator[str]:
    """Questions in the form's order; of those in a scale only what the scale misses."""
    scored = {name for scale in instrument.scales for name in items_of(scale)}
    missed = {link for part in parts for link in part.missing}
    for link, question in instrument.question_of.items():
        unanswered = terms[link].value is None and not question.optional
        if link in missed or (unanswered and link not in scored):
            yield link


def _is_left_out(name: str, instrument: Instrument, points: Points) -> bool:
    """Not asked of everybody, and not answered."""
    question = instrument.question_of.get(name)
    return question is not None and question.optional and name not in points


def _item(link: str, question: Question, points: Points, sex: Sex | None) -> Term:
    if link in points:
        return Term(points[link], points[link], points[link])
    if question.only_for is not None and sex is not None and question.only_for != sex:
        return Term(ZERO, ZERO, ZERO)
    return Term(None, question.least, question.most, (link,))


def _terms(scale: Scale, terms: Mapping[str, Term], instrument: Instrument) -> list[Term]:
    match scale:
        case Rescaled():
            return [
                _stretched(terms[link], instrument.question_of[link], link in scale.turned)
                for link in scale.items
            ]
        case CategoryMaximum():
            return [_category(one, terms, scale.aided) for one in scale.categories]
        case Sum() | Mean() | WeightedSum() | Given():
            return [terms[name] for name in scale.items]
        case _:
            assert_never(scale)


def _stretched(term: Term, question: Question, turned: bool) -> Term:
    """To 0-100 between the ends of the question, upside down if turned."""

    def stretch(value: Decimal) -> Decimal:
        from_end = question.most - value if turned else value - question.least
        return _EXACT.divide(HUNDRED * from_end, question.most - question.least)

    low, high = sorted((stretch(term.low), stretch(term.high)))
    return Term(None if term.value is None else stretch(term.value), low, high, term.missing)


def _category(category: Category, terms: Mapping[str, Term], aided: Decimal) -> Term:
    """The highest answer; an aid lifts it to `aided`, and matters only below that."""
    items, aid = [terms[link] for link in category.items], terms[category.aid]
    highest = max((item.value for item in items if item.value is not None), default=None)
    low = max(item.low for item in items)
    high = max(item.high for item in items)
    matters = low < aided
    low = max(low, aided) if aid.low else low
    high = max(high, aided) if aid.high else high
    missing = tuple(link for item in items for link in item.missing)
    if aid.value is None and matters:
        return Term(None, low, high, (*missing, *aid.missing), undecided=highest is not None)
    return Term(None if highest is None else low, low, high, missing)


def _part(scale: Scale, terms: Sequence[Term], sex: Sex | None) -> Part:
    lower = _combined(scale, [term.low for term in terms])
    upper = _combined(scale, [term.high for term in terms])
    total = _total(scale, terms)
    missing = tuple(link for term in terms for link in term.missing)
    mildest = lower if scale.high == "bad" else upper
    certain = lower if total is None else total
    return Part(
        total=total,
        complete=not missing,
        lower_bound=lower,
        upper_bound=upper,
        missing=missing,
        band=None if total is None else _band(scale, total, sex),
        least_band=_band(scale, mildest, sex),
        reached=tuple(cut.name for cut in scale.cut_offs if certain >= cut.at_least),
        sex_needed=sex is None and _band_depends_on_sex(scale, mildest if total is None else total),
    )


def _total(scale: Scale, terms: Sequence[Term]) -> Decimal | None:
    values = [term.value for term in terms if term.value is not None]
    enough = len(terms) if scale.at_least is None else scale.at_least
    if len(values) < enough or any(term.undecided for term in terms):
        return None
    mean = _EXACT.divide(sum(values, ZERO), Decimal(len(values)))
    return _combined(scale, [mean if term.value is None else term.value for term in terms])


def _combined(scale: Scale, values: Sequence[Decimal]) -> Decimal:
    """The scale's value for one value per term; it never falls when a term rises."""
    match scale:
        case Sum():
            raw = _EXACT.divide(sum(values, ZERO), scale.over)
        case Mean() | Rescaled() | CategoryMaximum():
            raw = _EXACT.divide(sum(values, ZERO), Decimal(len(values)))
        case WeightedSum():
            raw = sum((w * v for w, v in zip(scale.weights, values, strict=True)), ZERO)
        case Given():
            raw = values[0]
        case _:
            assert_never(scale)
    return raw.quantize(Decimal(1).scaleb(-scale.decimals), rounding=ROUND_HALF_UP)


def _band(scale: Scale, total: Decimal, sex: Sex | None) -> Band | None:
    """The band of this sex; of either where they agree and the sex was not told."""
    if sex is None:
        return None if _band_depends_on_sex(scale, total) else _band(scale, total, SEXES[0])
    reached = [band for band in bands_for(scale, sex) if band.begins_below(total)]
    return reached[-1] if reached else None


def _band_depends_on_sex(scale: Scale, total: Decimal) -> bool:
    names = {band and band.name for band in (_band(scale, total, sex) for sex in SEXES)}
    return len(names) > 1
