"""Programmes as a clinician reads them before she signs: pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.patients.hospital import signing
from services.patients.hospital.versions import chosen
from services.patients.nouns import Activation, Shown, Signature
from services.patients.page import enrolling, words, written
from shared.programmes import (
    TRIAL,
    Limit,
    Programme,
    Text,
    Trial,
    describing,
    describing_nb,
    limits_of,
    marking,
)
from shared.programmes.cases import Case
from shared.programmes.rules import Rule

View = dict[str, Any]

SPEECH = {"nb": describing_nb, "en": describing}
FILLED = re.compile(r"\{[^}]*\}")


def listed(
    loaded: Mapping[str, Mapping[str, Programme]],
    active: Mapping[str, Activation],
    signed: Sequence[Signature],
    lang: str,
    now: datetime,
) -> list[View]:
    t = words.words(lang)
    rows = []
    for slug, by_version in loaded.items():
        one = chosen(by_version, active.get(slug))
        newest = list(by_version)[-1]
        mine = [each for each in signed if each.programme == slug]
        since = active.get(slug)
        rows.append({
            "slug": slug, "name": words.say(one.names, lang),
            "purpose": words.say(one.purpose, lang), "version": one.version,
            "since": written.moment(since.since, now, t) if since else "",
            "newer": newest if newest != one.version else "",
            "signed": len(signing.of(mine, one)), "is_approved": signing.is_approved(mine, one),
            "undecided": len(one.undecided),
        })  # fmt: skip
    return sorted(rows, key=lambda row: str(row["name"]))


def page(
    one: Programme,
    by_version: Mapping[str, Programme],
    active: Activation | None,
    signed: Sequence[Signature],
    cases: Iterable[Case],
    lang: str,
    now: datetime,
) -> View:
    t = words.words(lang)
    counts = chosen(by_version, active).version
    names = list(by_version)
    place = names.index(one.version)
    return {
        "slug": one.slug,
        "name": words.say(one.names, lang),
        "purpose": words.say(one.purpose, lang),
        "misuse": words.say(one.misuse, lang),
        "version": one.version,
        "counts": one.version == counts,
        "versions": [
            {
                "version": name, "counts": name == counts, "on": name == one.version,
                "signed": len(signing.of(signed, by_version[name])),
                "approved": signing.is_approved(signed, by_version[name]),
            }
            for name in reversed(names)
        ],
        "since": written.moment(active.since, now, t) if active and one.version == counts else "",
        "by": (active.by_name or "") if active else "",
        "file_approved": f"{one.approved_by}, {one.approved_on:%d.%m.%Y}"
        if one.approved_by and one.approved_on else "",
        "digest": marking.digest(one),
        "groups": [
            {"name": group.name, "rules": [_rule(rule, one, lang) for rule in group.rules]}
            for group in one.groups
        ],
        "limits": [_limit(limit, lang) for limit in one.limits],
        "plan": [enrolling.expected(item, t, lang) for item in one.plan],
        "forms": [
            {"title": words.of_form(form, "title", lang),
             "questions": [words.of_form(item, "text", lang) for item in _items(form)]}
            for form in one.questionnaires
        ],
        "instruments": list(one.instruments),
        "handled": [
            {"id": case.id, "rules": ", ".join(case.rules), "says": _plain(case.says, lang),
             "source": case.source, "exactly": _sentence(SPEECH[lang].handled(case))}
            for case in one.handled
        ],
        "sample": one.handled_sample,
        "trial": _trial(one.trial or TRIAL, t),
        "cases": [
            {"name": case.name, "expect": ", ".join(case.expect)} for case in cases
        ],
        "undecided": [
            {"about": ", ".join(each.about), "asks": words.say(each.asks, lang),
             "evidence": each.evidence}
            for each in one.undecided
        ],
        "sources": list(one.sources),
        "before": names[place - 1] if place else "",
        "changes": changes(by_version[names[place - 1]], one, lang) if place else [],
        "evidence": t["setup"]["programmes"]["evidence"],
    }  # fmt: skip


def seats(
    signed: Sequence[Signature], one: Programme, role: str, me: str, lang: str, now: datetime
) -> list[View]:
    """The three lines, who has signed each, and whether this person may sign it."""
    t = words.words(lang)
    held = {each.seat: each for each in signing.of(signed, one)}
    has_signed = any(each.by == me for each in held.values())
    return [
        {
            "seat": seat, "name": t["setup"]["programmes"]["seats"][seat],
            "by": held[seat].by_name if seat in held else "",
            "hpr": (held[seat].hpr or "") if seat in held else "",
            "at": written.moment(held[seat].at, now, t) if seat in held else "",
            "words": held[seat].words if seat in held else "",
            "may": seat not in held and not has_signed and role == profession.value,
        }
        for seat, profession in signing.SEATS.items()
    ]  # fmt: skip


def tried(found: Shown | None, lang: str, now: datetime) -> str:
    t = words.words(lang)
    if found is None:
        return ""
    return str(t["setup"]["programmes"]["tried"]).format(
        by=found.by_name, at=written.moment(found.at, now, t), n=found.patients, days=found.days,
        before=found.before, after=found.after,
    )  # fmt: skip


def changes(before: Programme, after: Programme, lang: str) -> list[str]:
    """What is otherwise than in the version before, in sentences."""
    c = words.words(lang)["setup"]["programmes"]["change"]
    said: list[str] = []
    olds = {rule.id: rule for rule in before.rules}
    news = {rule.id: rule for rule in after.rules}
    said += [c["rule_new"].format(id=id) for id in news if id not in olds]
    said += [c["rule_gone"].format(id=id) for id in olds if id not in news]
    for id, rule in news.items():
        old = olds.get(id)
        if old is None or old == rule:
            continue
        parts = [name for name in type(rule).model_fields
                 if getattr(old, name, None) != getattr(rule, name)]  # fmt: skip
        if old.colour != rule.colour:
            said.append(c["rule_colour"].format(id=id, before=c[old.colour], after=c[rule.colour]))
        texts = {"says", "tells", "nurse", "source", "evidence", "names"}
        if set(parts) - texts - {"colour"}:
            said.append(c["rule_when"].format(
                id=id, before=SPEECH[lang].words(old, before), after=SPEECH[lang].words(rule, after)
            ))  # fmt: skip
        if set(parts) & texts:
            said.append(c["rule_texts"].format(id=id))
    said += list(_limit_changes(before, after, lang))
    for name in (
        "plan",
        "questionnaires",
        "handled",
        "life",
        "trial",
        "instruments",
        "inputs",
        "purpose",
    ):
        if getattr(before, name) != getattr(after, name):
            said.append(c[name])
    return said


def _trial(trial: Trial, t: words.Words) -> str:
    p = t["setup"]["programmes"]
    again = p["trial_again"].format(n=trial.again.days) if trial.again else p["trial_never"]
    return f"{p['trial'].format(days=trial.days, values=trial.values)} {again}"


def _limit_changes(before: Programme, after: Programme, lang: str) -> Iterable[str]:
    c = words.words(lang)["setup"]["programmes"]["change"]
    olds = {limit.name: limit for limit in before.limits}
    news = {limit.name: limit for limit in after.limits}
    for name, limit in news.items():
        said = words.say(limit.names, lang)
        old = olds.get(name)
        if old is None:
            yield c["limit_new"].format(name=said)
            continue
        if old.default != limit.default:
            yield c["limit_default"].format(
                name=said, before=enrolling.figure(old, old.default, lang),
                after=enrolling.figure(limit, limit.default, lang),
            )  # fmt: skip
        if (old.min, old.max) != (limit.min, limit.max):
            yield c["limit_bounds"].format(
                name=said, before=_bounds(old, lang), after=_bounds(limit, lang)
            )
    for name, limit in olds.items():
        if name not in news:
            yield c["limit_gone"].format(name=words.say(limit.names, lang))


def _rule(rule: Rule, one: Programme, lang: str) -> View:
    named = dict.fromkeys((*limits_of(rule), str(getattr(rule, "per", ""))))
    found = [one.limit_by_name[name] for name in named if name in one.limit_by_name]
    colour = "silent" if rule.lane == "technical" else rule.colour
    return {
        "id": rule.id, "colour": colour, "emergency": rule.emergency,
        "lane": rule.lane, "red": rule.colour,
        "says": _plain(rule.says, lang), "tells": words.say(rule.tells, lang),
        "nurse": words.say(rule.nurse, lang),
        "exactly": _sentence(f"{SPEECH[lang].words(rule, one)}{SPEECH[lang].retake(rule)}"),
        "limits": [
            {"says": enrolling.limit_line(limit, lang), "bounds": _bounds(limit, lang)}
            for limit in found
        ],
        "source": rule.source, "evidence": rule.evidence,
    }  # fmt: skip


def _limit(limit: Limit, lang: str) -> View:
    return {
        "says": words.say(limit.names, lang),
        "default": enrolling.figure(limit, limit.default, lang),
        "bounds": _bounds(limit, lang), "source": limit.source, "evidence": limit.evidence,
    }  # fmt: skip


def _bounds(limit: Limit, lang: str) -> str:
    return f"{_number(limit.min, lang)}–{_number(limit.max, lang)}"


def _number(value: Decimal, lang: str) -> str:
    return written.number(value, 3, lang)


def _plain(text: Text, lang: str) -> str:
    """What the nurse reads, with the places of the numbers left open."""
    return FILLED.sub("…", words.say(text, lang))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _items(form: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    for item in form.get("item", ()):
        yield item
        yield from _items(item)


def history(found: Iterable[Activation], lang: str, now: datetime) -> list[View]:
    """Which versions have counted, the newest first."""
    t = words.words(lang)
    return [
        {"version": one.version, "reason": one.reason, "by": one.by_name or one.by,
         "at": written.moment(one.since, now, t)}
        for one in found
    ]  # fmt: skip
