"""What every set-up page has around it: language, theme, who is logged in, the other pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.patients.page import words
from services.patients.page.frame import THEMES
from services.patients.page.words import Words

View = dict[str, Any]

CARE = frozenset({"nurse", "physician"})
HOUSE = CARE | {"administrator"}
AUDIT = frozenset({"auditor"})
ALL = HOUSE | AUDIT


@dataclass(frozen=True, slots=True)
class Tab:
    """`may`: the roles that have something to do there. The first page is /setup itself; with
    `beside` it is a page of the worklist's service."""

    name: str
    may: frozenset[str]
    beside: bool = False

    @property
    def href(self) -> str:
        if self.beside:
            return f"/{self.name}"
        return "/setup" if self.name == "start" else f"/setup/{self.name}"

    def at(self, worklist: str) -> str:
        return f"{worklist}{self.href}" if self.beside else self.href


# In the order of a new unit's first day.
TABS = (
    Tab("start", ALL),
    Tab("enrol", CARE),
    Tab("quarantine", HOUSE),
    Tab("devices", HOUSE),
    Tab("units", ALL),
    Tab("hours", ALL),
    Tab("staff", ALL),
    Tab("programmes", ALL),
    Tab("burden", CARE, beside=True),
    Tab("audit", AUDIT),
)


def tabs(role: str) -> list[Tab]:
    """Those that somebody of this role sees."""
    return [tab for tab in TABS if role in tab.may]


def place(name: str, more: str = "", *, into: bool = False) -> str:
    """The address of a tab, with a query or (`into`) of one thing in it."""
    tab = next(tab for tab in TABS if tab.name == name)
    return f"{tab.href}{'/' if into else '?'}{more}" if more else tab.href


def around(
    lang: str, theme: str | None, *, title: str, tab: str, csrf: str, me: Mapping[str, str] | None,
    worklist: str,
) -> View:  # fmt: skip
    t = words.words(lang)
    s = t["setup"]
    role = me["role"] if me else "nurse"
    return {
        "lang": t["page"]["lang"],
        "t": t,
        "s": s,
        "theme": theme if theme in THEMES else None,
        "title": f"{title} · {t['page']['product']}",
        "heading": title,
        "tab": tab,
        "tabs": [
            {"href": one.at(worklist), "name": s["tabs"][one.name], "on": one.name == tab}
            for one in tabs(me["role"])
        ] if me else [],
        "csrf": csrf,
        "me": {
            "name": me["name"],
            "initials": initials(me["name"]),
            "role": s["roles"].get(me["role"], ""),
        } if me else None,
        "worklist": worklist,
        "home": _home(role, worklist, s),
    }  # fmt: skip


def _home(role: str, worklist: str, s: Words) -> View:
    """Where one came from: the list is of patients, which only clinicians see."""
    if role in CARE:
        return {"href": f"{worklist}/", "name": s["to_worklist"]}
    if role == "administrator":
        return {"href": f"{worklist}/connections", "name": s["to_connections"]}
    return {"href": "/setup", "name": s["tabs"]["start"]}


def initials(name: str) -> str:
    words_of = name.split()
    return "".join(word[0] for word in (words_of[:1] + words_of[-1:])[: len(words_of)]).upper()
