"""What the lists of units and staff show, and what stands in their forms. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from services.patients.nouns import Staff, Unit
from services.patients.page import desk, frame, words, written
from services.patients.page.words import Words
from services.patients.setup.typed import DAYS
from shared import sensitive, watching
from shared.programmes import Programme

View = dict[str, Any]
Fields = Mapping[str, str]

ROLES = ("nurse", "physician", "administrator", "auditor", "researcher")
PAGE = 50


def paged(rows: Sequence[Any], page: int, place: str, asked: Fields) -> tuple[Sequence[Any], View]:
    """Those of one page, and the way to the next and the one before."""
    first = (page - 1) * PAGE
    said = {name: value for name, value in asked.items() if value}

    def at(number: int) -> str:
        return f"{place}?{urlencode({**said, 'page': number})}"

    return rows[first : first + PAGE], {
        "next": at(page + 1) if first + PAGE < len(rows) else "",
        "before": at(page - 1) if page > 1 else "",
        "number": len(rows),
    }


# --- units ------------------------------------------------------------------------------------


def units(
    found: Sequence[Unit],
    staff: Sequence[Staff],
    q: str,
    page: int,
    mine: frozenset[UUID],
    *,
    arranges: bool,
    lang: str,
    now: datetime,
) -> View:
    t = words.words(lang)
    hits = [one for one in found if q.lower() in f"{one.name} {one.short}".lower()]
    shown, ways = paged(hits, page, "/setup/units", {"q": q})
    return {
        **ways,
        "q": q,
        "arranges": arranges,
        "days": [{"id": day, "name": t["setup"]["enrol"]["days"][day], "on": n < 5}
                 for n, day in enumerate(DAYS)],
        "hours_at": desk.place("hours"),
        "rows": [_unit(one, staff, one.id in mine, t, now) for one in shown],
    }  # fmt: skip


def _unit(one: Unit, staff: Sequence[Staff], mine: bool, t: Words, now: datetime) -> View:
    here = [each for each in staff if one.id in each.units and each.left_at is None]
    s = t["setup"]["house"]
    return {
        "id": str(one.id),
        "name": one.name,
        "short": one.short,
        "mine": mine,
        "hours": hours(one.watching, t),
        "watch": frame.watching(watching.watching(one.watching, now), one.name, now, t),
        "staff": [
            {"n": n, "name": words.count(s["many"][role], n)}
            for role in ROLES
            if (n := sum(each.role == role for each in here))
        ],
        "staff_at": f"/setup/staff?{urlencode({'unit': str(one.id)})}",
    }


def hours(of: Mapping[str, Any], t: Words) -> list[str]:
    """ma–fr 07:45–15:30, one line for each period."""
    return [
        f"{_days(period['days'], t)} {period['from']}–{period['to']}"
        for period in of.get("hours", ())
    ]


def _days(named: Sequence[str], t: Words) -> str:
    said = t["setup"]["enrol"]["days"]
    places = sorted(DAYS.index(day) for day in named)
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return ", ".join(
        said[DAYS[run[0]]] if len(run) == 1 else f"{said[DAYS[run[0]]]}–{said[DAYS[run[-1]]]}"
        for run in runs
    )


def new_unit(said: Fields) -> View:
    """As the door for programs takes it: one period of hours, or none. Who does not watch every day
    does not watch on a public holiday either, before the hours' own page says otherwise."""
    days = [day for day in DAYS if f"day.{day}" in said]
    period = {"days": days, "from": said.get("from", ""), "to": said.get("to", "")}
    watched = [period] if days else []
    return {
        "name": said.get("name", ""),
        "short": said.get("short", ""),
        "watching": {
            "zone": "Europe/Oslo",
            "hours": watched,
            **({"holidays": True} if 0 < len(days) < len(DAYS) else {}),
        },
    }


# --- staff ------------------------------------------------------------------------------------


def staff(
    found: Sequence[Staff],
    units: Mapping[UUID, str],
    chosen: Fields,
    page: int,
    *,
    arranges: bool,
    lang: str,
    now: datetime,
) -> View:
    t = words.words(lang)
    hits = [one for one in found if _is_asked_for(one, chosen)]
    shown, ways = paged(hits, page, "/setup/staff", chosen)
    s = t["setup"]
    return {
        **ways,
        "q": chosen["q"],
        "is_filtered": any(chosen.values()),
        "arranges": arranges,
        "roles": [{"value": role, "name": s["roles"][role], "on": role == chosen["role"]}
                  for role in ROLES],
        "units": [{"value": str(id), "name": name, "on": str(id) == chosen["unit"]}
                  for id, name in units.items()],
        "left": chosen["left"],
        "rows": [
            {
                "href": f"/setup/staff/{one.id}",
                "name": one.name,
                "role": s["roles"].get(one.role, one.role),
                "units": ", ".join(units[id] for id in one.units if id in units),
                "hpr": one.hpr or "",
                "groups": len(one.groups),
                "left": written.moment(one.left_at, now, t) if one.left_at else "",
            }
            for one in shown
        ],
    }  # fmt: skip


def _is_asked_for(one: Staff, chosen: Fields) -> bool:
    return (
        (one.left_at is not None) == bool(chosen["left"])
        and chosen["q"].lower() in one.name.lower()
        and chosen["role"] in ("", one.role)
        and (not chosen["unit"] or chosen["unit"] in {str(id) for id in one.units})
    )


def person(
    one: Staff | None,
    said: Fields | None,
    units: Mapping[UUID, str],
    programmes: Mapping[str, Programme],
    *,
    arranges: bool,
    lang: str,
    now: datetime,
) -> View:
    """One member of staff, or (None) a new one. `said`: what was typed and could not be taken."""
    t = words.words(lang)
    s = t["setup"]
    typed = said if said is not None else _typed(one)
    names = {sensitive.ALL: s["house"]["every_group"]} | {
        slug: words.say(of.names, lang) for slug, of in programmes.items() if of.sensitive
    }
    for slug in one.groups if one else ():
        names.setdefault(slug, slug)
    return {
        "id": str(one.id) if one else "",
        "name": typed.get("name", ""),
        "hpr": typed.get("hpr", ""),
        "role": s["roles"].get(one.role, one.role) if one else "",
        "left": written.moment(one.left_at, now, t) if one and one.left_at else "",
        "arranges": arranges,
        "roles": [{"value": role, "name": s["roles"][role], "on": role == typed.get("role")}
                  for role in ROLES],
        "units": [{"id": str(id), "name": name, "on": f"unit.{id}" in typed}
                  for id, name in units.items()],
        "groups": [{"id": slug, "name": name, "on": f"group.{slug}" in typed}
                   for slug, name in names.items()],
    }  # fmt: skip


def _typed(one: Staff | None) -> dict[str, str]:
    if one is None:
        return {"role": "nurse"}
    return {
        "name": one.name, "role": one.role, "hpr": one.hpr or "",
        **{f"unit.{id}": "on" for id in one.units},
        **{f"group.{slug}": "on" for slug in one.groups},
    }  # fmt: skip


def member(said: Fields) -> View:
    """As the door for programs takes a member of staff."""
    body: View = {
        "name": said.get("name", ""),
        "role": said.get("role", ""),
        "units": sorted(name.removeprefix("unit.") for name in said if name.startswith("unit.")),
        "groups": sorted(name.removeprefix("group.") for name in said if name.startswith("group.")),
    }
    for name in ("hpr", "national_number"):
        if said.get(name, "").strip():
            body[name] = said[name].replace(" ", "")
    return body
