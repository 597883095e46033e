"""A unit's escalation ladder as the page shows it, and who would hear of a red and when. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.patients.nouns import KeptLadder
from services.patients.page import hours, words, written
from services.patients.page.words import Words
from services.patients.setup import typed_hours, typed_ladder
from services.patients.setup.typed import Fault
from shared import ladders, watching, workdays
from shared.ladders import HourIsUncovered, Ladder, LadderIsUnusable, Severity

View = dict[str, Any]

MEDIA = ("webhook", "email", "sms")
NIGHT = time(3)


def editor(said: Mapping[str, str], faults: Iterable[Fault], more: str, lang: str) -> View:
    t = words.words(lang)
    problem = {one.at: t["setup"]["fault"][one.code].format(**one.members) for one in faults}
    names = hours.day_names(t)
    n_channels = max(typed_ladder.channels(said), 1) + (more == "more-channels")
    n_steps = max(typed_ladder.steps(said), 1) + (more == "more-steps")
    known = [said.get(f"c.{n}.name", "") for n in range(n_channels)]
    offered = [one for one in known if one]
    return {
        "channels": [
            {"id": f"c.{n}", "n": n + 1, **_fields(said, f"c.{n}", ("name", "medium", "to")),
             "problem": problem.get(f"c.{n}", "")}
            for n in range(min(n_channels, typed_ladder.MOST_CHANNELS))
        ],
        "offered": offered,
        "media": [(one, t["setup"]["ladder"]["media"][one]) for one in MEDIA],
        "severities": [
            (one, t["setup"]["ladder"]["severities"][one]) for one in typed_ladder.SEVERITIES
        ],
        "rungs": [_rung(said, n, more, problem, names) for n in
                  range(min(n_steps, typed_ladder.MOST_STEPS))],
        "last": {
            **_fields(said, "l", ("who", "phone", "again")), "waits": _waits(said, "l", problem),
            "by": _by(said, "l"), "again_problem": problem.get("l.again", ""),
        },
        "reminders": _by(said, "r"),
        "holidays": "holidays" in said,
        "zone": said.get("zone", "Europe/Oslo"),
        "language": said.get("language", "nb"),
        "faulty": any(problem),
    }  # fmt: skip


def _rung(
    said: Mapping[str, str], n: int, more: str, problem: Mapping[str, str], names: Mapping[str, str]
) -> View:
    rows = max(typed_ladder.rows(said, n), 1) + (more == f"more-rows-{n}")
    return {
        "id": f"s.{n}", "n": n + 1, "name": said.get(f"s.{n}.name", ""),
        "waits": _waits(said, f"s.{n}", problem),
        "rows": [
            {
                "id": row, "n": m + 1, **_fields(said, row, ("who", "from", "to")),
                "days": [{"id": day, "name": names[day], "on": f"{row}.{day}" in said}
                         for day in typed_hours.DAYS],
                "by": _by(said, row), "problem": problem.get(row, ""),
            }
            for m in range(min(rows, typed_ladder.MOST_ROWS)) for row in [f"s.{n}.t.{m}"]
        ],
    }  # fmt: skip


def _waits(said: Mapping[str, str], place: str, problem: Mapping[str, str]) -> list[View]:
    return [
        {"id": f"{place}.{how}", "how": how, "value": said.get(f"{place}.{how}", ""),
         "problem": problem.get(f"{place}.{how}", "")}
        for how in typed_ladder.SEVERITIES
    ]  # fmt: skip


def _by(said: Mapping[str, str], row: str) -> list[View]:
    """The channels in the order they are tried: two to choose, and as many as there are."""
    many = max(2, sum(f"{row}.{one}" in said for one in typed_ladder.CHANNELS))
    return [
        {"id": f"{row}.{one}", "value": said.get(f"{row}.{one}", ""), "n": n + 1}
        for n, one in enumerate(typed_ladder.CHANNELS[:many])
    ]


def _fields(said: Mapping[str, str], row: str, names: Sequence[str]) -> dict[str, str]:
    return {name: said.get(f"{row}.{name}", "") for name in names}


def refused(error: Exception, t: Words) -> str:
    """Why it is not kept: the hour that has nobody, or the place that cannot be used."""
    of = t["setup"]["ladder"]
    if isinstance(error, HourIsUncovered):
        about = {"day": day(str(error.members["day"]), t), "clock": error.members["from"]}
        if "after" in error.members:
            return str(of["uncovered_after"]).format(
                **about, after=day(str(error.members["after"]), t)
            )
        return str(of["uncovered"]).format(**about)
    assert isinstance(error, LadderIsUnusable)
    [fault] = error.members["errors"]
    says = of["wrong"].get(fault["code"], of["wrong"]["bad-value"])
    return f"{_where(fault['path'].split('.'), of)}: {says}"


def _where(path: list[str], of: Mapping[str, Any]) -> str:
    match path:
        case ["channels", name, *_]:
            return str(of["at_channel"]).format(name=name)
        case ["steps", n, "targets", m, *_]:
            return str(of["at_row"]).format(n=int(n) + 1, m=int(m) + 1)
        case ["steps", n, *_] if n.isdecimal():
            return str(of["at_step"]).format(n=int(n) + 1)
        case ["last", *_]:
            return str(of["last"])
        case ["reminders", *_]:
            return str(of["reminders"])
        case _:
            return str(of["title"])


def day(name: str, t: Words) -> str:
    if name == watching.HOLIDAY:
        return str(t["setup"]["hours"]["holiday"])
    return str(t["time"]["weekdays"][watching.DAYS.index(name)])


def heard(
    ladder: Ladder, now: datetime, asked: Mapping[str, str], lang: str
) -> tuple[list[View], View]:
    """If one came now, on Saturday night and on the next holiday; and at a moment asked for."""
    t = words.words(lang)
    of = t["setup"]["ladder"]
    zone = ZoneInfo(ladder.zone)
    local = now.astimezone(zone)
    saturday = local.date() + timedelta(days=(5 - local.weekday()) % 7 or 7)
    off = next(
        one for n in range(1, 400) if workdays.is_holiday(one := local.date() + timedelta(days=n))
    )
    night = datetime.combine(saturday, NIGHT, zone)
    noon = datetime.combine(off, time(12), zone)
    moments = [(of["now"], now), (_moment(night, t), night), (_moment(noon, t), noon)]
    how, colour = _severity(asked.get("colour", "red"))
    clock = typed_hours.clock(asked.get("clock", ""))
    name = asked.get("day", "")
    if clock is not None and name in watching.DAYS:
        ahead = (watching.DAYS.index(name) - local.weekday()) % 7
        chosen = datetime.combine(
            local.date() + timedelta(days=ahead), time.fromisoformat(clock), zone
        )
        moments = [(_moment(chosen, t), chosen)]
    told = [
        {
            "when": when,
            "rows": [
                {"after": _after(turn - at, t), "at": _at(turn, at, zone, t), "step": rung.name,
                 "who": ", ".join(target.who for target in rung.targets),
                 "by": [_channels(ladder, target.channels, of) for target in rung.targets],
                 "is_last": rung.is_last}
                for turn, rung in ladders.told(ladder, at, how, colour)
            ],
        }
        for when, at in moments
    ]  # fmt: skip
    asks = {
        "colour": asked.get("colour", "red") if asked.get("colour") in SEVERE else "red",
        "day": name, "clock": asked.get("clock", "")[:5],
        "days": [(one, day(one, t)) for one in watching.DAYS],
        "colours": [(one, of["severities"][one]) for one in SEVERE],
    }  # fmt: skip
    return told, asks


SEVERE = ("emergency", "red", "yellow", "technical")


def _severity(asked: str) -> tuple[Severity, str]:
    match asked:
        case "emergency":
            return "emergency", "red"
        case "yellow":
            return "yellow", "yellow"
        case "technical":
            return "technical", "yellow"
        case _:
            return "red", "red"


def _channels(ladder: Ladder, names: Iterable[str], of: Mapping[str, Any]) -> str:
    said = [f"{of['media'][ladder.channels[one].medium]} ({one})" for one in names]
    return str(of["and_if_it_fails"]).join(said)


def _moment(at: datetime, t: Words) -> str:
    return f"{hours.day_said(at.date(), t)}, {at:%H:%M}"


def _at(turn: datetime, came: datetime, zone: ZoneInfo, t: Words) -> str:
    local = turn.astimezone(zone)
    if local.date() == came.astimezone(zone).date():
        return f"{local:%H:%M}"
    return f"{t['time']['weekdays'][local.weekday()]} {local:%H:%M}"


def _after(span: timedelta, t: Words) -> str:
    minutes = span // timedelta(minutes=1)
    of = t["setup"]["ladder"]
    return str(of["after"].format(n=minutes) if minutes else of["at_once"])


def versions(
    kept: Sequence[KeptLadder], names: Mapping[str, str], now: datetime, lang: str
) -> list[View]:
    t = words.words(lang)
    in_force = next((one.version for one in kept if one.valid_from <= now), None)
    return [
        {
            "n": one.version, "by": names.get(one.by, one.by), "reason": one.reason,
            "since": f"{written.date(one.valid_from, t)} {written.time(one.valid_from)}",
            "in_force": one.version == in_force, "nobody": one.body is None,
            "later": one.valid_from > now,
        }
        for one in kept
    ]  # fmt: skip
