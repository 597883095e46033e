"""What every set-up page has around it: language, theme, who is logged in, the other pages."""

from collections.abc import Mapping
from typing import Any

from services.patients.page import words
from services.patients.page.frame import THEMES

View = dict[str, Any]

# In the order of a new unit's first day. Administrators see no patients.
TABS = ("enrol", "hours")
CLINICAL = frozenset({"enrol"})


def around(
    lang: str, theme: str | None, *, title: str, tab: str, csrf: str, me: Mapping[str, str] | None,
    worklist: str,
) -> View:  # fmt: skip
    t = words.words(lang)
    shown = [tab for tab in TABS if tab not in CLINICAL or (me and me["role"] != "administrator")]
    return {
        "lang": t["page"]["lang"],
        "t": t,
        "s": t["setup"],
        "theme": theme if theme in THEMES else None,
        "title": f"{title} · {t['page']['product']}",
        "heading": title,
        "tab": tab,
        "tabs": [
            {"href": f"/setup/{name}", "name": t["setup"]["tabs"][name], "on": name == tab}
            for name in shown
        ] if me else [],
        "csrf": csrf,
        "me": {
            "name": me["name"],
            "initials": initials(me["name"]),
            "role": t["setup"]["roles"].get(me["role"], ""),
        } if me else None,
        "worklist": worklist,
    }  # fmt: skip


def initials(name: str) -> str:
    words_of = name.split()
    return "".join(word[0] for word in (words_of[:1] + words_of[-1:])[: len(words_of)]).upper()
