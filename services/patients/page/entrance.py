"""What the first set-up page shows: what waits, by desk, and who was searched for. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from services.patients.measured.store_quarantine import Count
from services.patients.nouns import Draft
from services.patients.page import desk, enrolling, sent, trial_weeks, words, written
from services.patients.page.words import Words
from services.patients.setup.finding import Found
from services.patients.setup.store_entrance import Doubted, Quiet
from shared.access import CLINICAL, Role
from shared.contracts import Code
from shared.limits.nouns import SuggestedOf
from shared.limits.nouns import Waiting as WaitingLimit
from shared.programmes import Programme

View = dict[str, Any]

SEE_WHAT_WAITS = (*CLINICAL, Role.ADMINISTRATOR)
MANY = 100  # more of what is prepared or proposed is not counted here


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for somebody; of patients only for those who treat them."""

    quarantine: list[Count] = field(default_factory=list)
    quiet: list[Quiet] = field(default_factory=list)
    silent: int = 0
    doubted: list[Doubted] = field(default_factory=list)
    in_doubt: int = 0
    drafts: list[tuple[Draft, str]] = field(default_factory=list)
    limits: list[WaitingLimit] = field(default_factory=list)
    suggested: list[SuggestedOf] = field(default_factory=list)

    def of_patients(
        self,
        drafts: list[tuple[Draft, str]],
        limits: list[WaitingLimit],
        suggested: list[SuggestedOf],
    ) -> Self:
        return replace(self, drafts=drafts, limits=limits, suggested=suggested)


def entrance(
    waiting: Waiting,
    found: Found,
    units: Mapping[UUID, str],
    role: Role,
    programmes: Mapping[str, Programme],
    lang: str,
    now: datetime,
    worklist: str,
) -> View:
    t = words.words(lang)
    is_clinician = role in CLINICAL
    cards = []
    if role in SEE_WHAT_WAITS:
        cards += [_quarantine(waiting, lang, now), _devices(waiting, lang, now)]
    if is_clinician:
        cards += [
            _suggested(waiting, programmes, lang, now, worklist),
            _limits(waiting, programmes, lang, now, worklist), _drafts(waiting, lang, now),
        ]  # fmt: skip
    return {
        "finds": role in SEE_WHAT_WAITS,
        "asked": found.asked,
        "elsewhere": found.elsewhere,
        "find": found.text,
        "hits": [
            {**one, "href": f"{worklist}/patients/{one['id']}" if is_clinician else ""}
            for one in enrolling.found(found.patients, units, now)
        ],
        "enrols": is_clinician,
        "cards": cards,
        "pages": [
            {"href": tab.at(worklist), "name": t["setup"]["tabs"][tab.name],
             "why": t["setup"]["entrance"]["about"][tab.name]}
            for tab in desk.tabs(role.value) if tab.name != "start"
        ],
    }  # fmt: skip


def _card(id: str, tab: str, n: int, rows: list[View], said: Words, more: str = "") -> View:
    """One of the desks: how many wait, the first of them, or that nothing does. `tab`: its page,
    where it has one."""
    return {
        "id": id, "n": n, "rows": rows, "name": said["name"], "none": said["none"],
        "href": desk.place(tab, more) if tab else "", "all": said["all"], "says": "",
    }  # fmt: skip


def _quarantine(waiting: Waiting, lang: str, now: datetime) -> View:
    t = words.words(lang)
    e = t["setup"]["entrance"]
    counts = sorted(waiting.quarantine, key=lambda one: (-one.waiting, one.code))
    rows = [
        {
            "name": sent.reason(Code(one.code), lang),
            "href": desk.place("quarantine", f"code={one.code}"),
            "n": one.waiting,
            "sub": e["oldest"].format(at=written.moment(one.oldest, now, t)),
        }
        for one in counts
    ]
    n = sum(one.waiting for one in counts)
    return _card("quarantine", "quarantine", n, rows, e["quarantine"])


def _devices(waiting: Waiting, lang: str, now: datetime) -> View:
    t = words.words(lang)
    e = t["setup"]["entrance"]
    rows = [
        {
            "name": one.label,
            "href": desk.place("quarantine", f"cred={one.cred}"),
            "n": one.waiting,
            "sub": e["in_doubt"],
        }
        for one in waiting.doubted
    ] + [
        {
            "name": one.label,
            "href": desk.place("devices", one.cred, into=True),
            "n": None,
            "sub": e["heard"].format(at=written.moment(one.heard_at, now, t))
            if one.heard_at
            else e["never_heard"].format(at=written.moment(one.held_since, now, t)),
        }
        for one in waiting.quiet
    ]
    card = _card(
        "devices", "devices", waiting.silent + waiting.in_doubt, rows, e["devices"], "state=silent"
    )
    card["says"] = " · ".join(
        words.count(e[name], n)
        for name, n in (("silent", waiting.silent), ("doubted", waiting.in_doubt))
        if n
    )
    return card


def _drafts(waiting: Waiting, lang: str, now: datetime) -> View:
    e = words.words(lang)["setup"]["entrance"]
    at_step = words.words(lang)["setup"]["enrol"]["at_step"]
    rows = [
        {"name": one["name"], "href": one["href"], "n": None,
         "sub": f"{at_step.format(n=one['n'], step=one['step'])} · {one['at']}"}
        for one in enrolling.unfinished(waiting.drafts, lang, now)
    ]  # fmt: skip
    return _card("begun", "enrol", len(rows), rows, e["begun"])


def _limits(
    waiting: Waiting, programmes: Mapping[str, Programme], lang: str, now: datetime, worklist: str
) -> View:
    t = words.words(lang)
    e = t["setup"]["entrance"]
    rows = [
        {
            "name": one.name,
            "href": f"{worklist}/patients/{one.patient_id}#limits",
            "n": None,
            "sub": e["proposed"].format(
                what=limit_name(programmes, one.proposal.programme, one.proposal.name, t, lang),
                by=one.proposal.by_name or e["somebody"],
                at=written.moment(one.proposal.proposed_at, now, t),
            ),
        }
        for one in waiting.limits
    ]
    return _card("limits", "", len(rows), rows, e["limits"])


def _suggested(
    waiting: Waiting, programmes: Mapping[str, Programme], lang: str, now: datetime, worklist: str
) -> View:
    e = words.words(lang)["setup"]["entrance"]
    rows = [
        {
            "name": row["name"],
            "href": row["href"],
            "n": None,
            "sub": f"{row['programme']} · {words.count(e['suggested_limits'], len(row['limits']))}",
        }
        for row in trial_weeks.rows(waiting.suggested, programmes, {}, lang, now, worklist)
    ]
    card = _card("suggested", "", len(rows), rows, e["suggested"])
    return {**card, "href": "/setup/trial-weeks"}


def limit_name(
    programmes: Mapping[str, Programme], slug: str | None, name: str, t: Words, lang: str
) -> str:
    programme = programmes.get(slug or "")
    limit = programme.limit_by_name.get(name) if programme else None
    return words.say(limit.names, lang) if limit else str(t["setup"]["entrance"]["scale"])
