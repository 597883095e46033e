"""Instruments in words: every number with its source and tag, and every licence, as Markdown."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import assert_never

from shared.instruments import forms
from shared.instruments.schema import (
    Band,
    CategoryMaximum,
    Given,
    Instrument,
    Mean,
    Rescaled,
    Scale,
    Sum,
    WeightedSum,
)

MAY = {"yes": "yes", "site": "no: the hospital's own", "no": "no: the hospital's own licence"}
GOOD = {"bad": "high is bad", "good": "high is good"}


def describe(instruments: Iterable[Instrument]) -> str:
    return "\n".join(_lines(sorted(instruments, key=lambda one: one.name.casefold()))) + "\n"


def _lines(found: list[Instrument]) -> Iterator[str]:
    completed = forms.load()
    yield "## Wording and licences"
    yield ""
    yield from _head("instrument", "measures", "wording here", "in", "licence", "ground", "checked")
    for one in found:
        form = completed.get(one.slug)
        yield _cells(
            f"[{one.name}](#{one.slug})",
            one.measures.en,
            MAY[one.licence.may_ship],
            ", ".join(sorted(forms.languages(form))) if form else "–",
            one.licence.licence,
            one.licence.ground,
            one.licence.licence_checked_on or "nobody yet",
        )
    for one in found:
        yield from _instrument(one)


def _instrument(one: Instrument) -> Iterator[str]:
    yield ""
    yield f'<a id="{one.slug}"></a>'
    yield ""
    yield f"## {one.name} ({one.measures.nb})"
    yield ""
    if one.needs_why:
        yield f"**The hospital's part:** {one.needs_why}"
        yield ""
    if one.licence.wording_from:
        yield f"**The wording here:** {one.licence.wording_from}"
        yield ""
    if one.scales:
        yield from _head("scale", "how", "missing", "", "bands", "cut-offs", "source", "evidence")
        yield from (_scale(scale) for scale in one.scales)
        yield ""
    for flag in one.red_flags:
        skipped = "; skipped is unknown, and somebody must look" if flag.safety else ""
        yield (
            f"- Red flag `{flag.name}` ({flag.colour}): {', '.join(flag.items)} at least "
            f"{_figure(flag.at_least)}, whatever the total{skipped}. **{flag.evidence}** "
            f"{flag.source}"
        )
    for change in one.changes:
        size = (
            f"{_figure(change.percent)} %"
            if change.percent is not None
            else f"{_figure(change.points or Decimal(0))} points"
        )
        of = "" if change.scale == "total" else f" of {change.scale}"
        yield f"- Smallest change that matters{of}: {size}. **{change.evidence}** {change.source}"
    if one.loinc.panel:
        yield (
            f"- LOINC: panel {one.loinc.panel}, total {one.loinc.total}. **{one.loinc.evidence}**"
        )
    yield from (f"- {note}" for note in one.notes)


def _scale(scale: Scale) -> str:
    return _cells(
        f"`{scale.name}`",
        how(scale),
        _missing(scale),
        GOOD[scale.high],
        "; ".join(map(_band, scale.bands)) or "–",
        "; ".join(
            f"{cut.name} from {_figure(cut.at_least)} (**{cut.evidence}**)"
            for cut in scale.cut_offs
        )
        or "–",
        scale.source,
        scale.evidence,
    )


def how(scale: Scale) -> str:
    """How the scale is scored, in a few English words."""
    match scale:
        case Sum():
            over = "" if scale.over == 1 else f" divided by {_figure(scale.over)}"
            return f"sum of {_items(scale.items)}{over}"
        case Mean():
            return f"mean of {_items(scale.items)}"
        case WeightedSum():
            pairs = zip(scale.items, scale.weights, strict=True)
            return " + ".join(f"{_figure(weight)} {item}" for item, weight in pairs)
        case Rescaled():
            turned = f"; turned: {_items(scale.turned)}" if scale.turned else ""
            return f"mean of {_items(scale.items)}, each stretched to 0–100{turned}"
        case CategoryMaximum():
            return (
                f"mean of the highest answer in {len(scale.categories)} categories; an aid lifts "
                f"to {_figure(scale.aided)}"
            )
        case Given():
            return "as handed over"
        case _:
            assert_never(scale)


def _items(items: tuple[str, ...]) -> str:
    return f"{items[0]} … {items[-1]} ({len(items)})" if len(items) > 5 else ", ".join(items)


def _missing(scale: Scale) -> str:
    if isinstance(scale, Given):
        return "–"
    if scale.at_least is None:
        return "no total"
    return f"mean of the others, from {scale.at_least} answered"


def _band(band: Band) -> str:
    edge, left_out = band.edge
    sex = f", {band.sex}" if band.sex else ""
    return f"{'>' if left_out else '≥'}{_figure(edge)} {band.words.en}{sex} (**{band.evidence}**)"


def _figure(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _head(*names: str) -> Iterator[str]:
    yield _cells(*names)
    yield _cells(*("---" for _ in names))


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
