"""What the quarantine desk shows of many items at once: topics that nothing knows, one line each,
and how far an act on many has come. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.patients.measured.store_quarantine import Topic
from services.patients.page import sent, table_row, words, written
from services.patients.page.held import AT, Filter
from shared.contracts import Code
from shared.ledger.in_bulk import Left, Run

View = dict[str, Any]

ANNOUNCED = "/setup/devices/announced"
SHOWN_IN_THE_LIST = 5


def topics(
    found: Sequence[Topic], labels: Mapping[str, str], more: str, lang: str, now: datetime
) -> View:
    """One line per topic of a gateway. `more`: the address of the next lines."""
    t = words.words(lang)
    s = t["setup"]["held"]
    return {
        "topics": [
            {
                "topic": one.topic,
                "connection": labels.get(one.cred, one.cred),
                "n": one.waiting,
                "newest": written.moment(one.newest, now, t),
                "oldest": s["oldest"].format(at=written.moment(one.oldest, now, t)),
                "replaying": one.replaying,
                "href": Filter(code=Code.UNKNOWN_KIND, cred=one.cred, topic=one.topic).address(),
                "announced": f"{ANNOUNCED}/{one.suggestion}" if one.suggestion else "",
            }
            for one in found
        ],
        "more_topics": more,
    }


def of_topic(raw: bytes | None, announced: str | None, lang: str) -> View:
    """What one topic says, without its values, and the row that would know it."""
    s = words.words(lang)["setup"]["held"]
    said = table_row.said(raw) if raw else None
    if said is None:
        return {"shape": [], "table_row": "", "units_of_row": "", "announced": announced or ""}
    return {
        "shape": [
            {"key": key or s["bare"], "is": s["sorts"][sort]} for key, sort in said.keys.items()
        ],
        "table_row": table_row.row(said),
        "units_of_row": ", ".join(table_row.units(said)) if "?" in table_row.row(said) else "",
        "announced": announced or "",
    }


def acts(
    found: Sequence[tuple[Run, int]], names: Mapping[str, str], lang: str, now: datetime
) -> View:
    """The latest acts on many; what is under way says how far it is."""
    t = words.words(lang)
    s = t["setup"]["held"]
    return {
        "acts": [
            {
                "href": f"{AT}/runs/{run.id}",
                "name": s["acts"][run.act].format(n=run.number),
                "sub": s["act_by"].format(
                    by=names.get(run.by, run.by), at=written.moment(run.at, now, t)
                ),
                "under_way": s["progress"].format(done=run.number - replaying, n=run.number)
                if replaying else "",
            }
            for run, replaying in found
        ]
    }  # fmt: skip


def run(
    of: Run, left: Left, connection: str, names: Mapping[str, str], *, lang: str, now: datetime
) -> View:
    """`connection`: its name, if it is of one."""
    t = words.words(lang)
    s = t["setup"]["held"]
    code = Code(of.code)
    here = Filter(code=code, cred=of.cred, topic=of.topic)
    undone = ""
    if of.undone_at is not None:
        by = names.get(of.undone_by or "", of.undone_by or "")
        undone = s["undone"].format(by=by, at=written.moment(of.undone_at, now, t))
    return {
        "id": str(of.id),
        "heading": s["run"][of.act],
        "reason": sent.reason(code, lang),
        "of": " · ".join(one for one in (connection, of.topic or "") if one),
        "by": s["act_by"].format(by=names.get(of.by, of.by), at=written.moment(of.at, now, t)),
        "because": of.reason or "",
        "asked": of.number,
        "done": max(0, of.number - left.replaying),
        "is_done": left.replaying == 0,
        "is_rejection": of.act == "reject",
        "released": left.released,
        "rejected": left.rejected,
        "codes": [
            {
                "says": s["waits_of"].format(n=number, reason=sent.reason(Code(one), lang)),
                "href": Filter(code=Code(one), cred=of.cred, topic=of.topic).address(),
            }
            for one, number in left.codes.items()
        ],
        "undoes": of.act == "reject" and left.rejected > 0,
        "undone": undone,
        "list": here.address() if left.waiting or not left.replaying else Filter().address(),
    }
