"""Rows that are kept as they were drawn: at no moment may they say anything else than a row that is
drawn just then."""

import gzip
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.alerts import page
from services.alerts.page import row as page_row
from services.alerts.rows import drawn
from shared import desk
from tests.alerts import given
from tests.alerts.given import World
from tests.alerts.test_page import ALERTS, NOW, ago, row, worklist
from tests.alerts.test_worklist import many

PATIENT = "5f2d8c5e-2f4a-4a51-9b1c-0d7a1c1f0a11"


def of(**more: Any) -> dict[str, Any]:
    given_row = row(3, **more)
    return given_row | {"patient": {**given_row["patient"], "id": PATIENT}}


ROWS = {
    "fresh": of(),
    "snoozed": of(colour="yellow", alert={"snoozed_until": ago(minutes=-4)}),
    "answer promised": of(answer_by=ago(minutes=-3)),
    "paused": of(colour="green", paused={"until": ago(minutes=-6), "reason": "reise"}),
    "a value nearly a day old": of(
        values=[
            {"kind": "body_weight", "field": "value", "value": Decimal("84.7"), "ucum": "kg",
             "at": ago(hours=23, minutes=57)}
        ],
    ),
    "waits for two hours": of(waiting_since=ago(hours=1, minutes=55)),
    "deadline": of(deadline=ago(minutes=-2)),
}  # fmt: skip


@pytest.mark.parametrize("which", ROWS)
@pytest.mark.parametrize("lang", ["nb", "en"])
def test_while_a_row_is_kept_it_reads_as_if_drawn_just_now(which: str, lang: str) -> None:
    given_row = ROWS[which]
    kept = drawn.draw(given_row, None, NOW, lang)

    moments = [NOW + timedelta(seconds=seconds) for seconds in range(0, 660, 20)]
    for now in (one for one in moments if one < kept.until):
        fresh = page_row.drawn(given_row, None, now, lang)
        assert kept.at(now)["html"] == fresh["html"]
        assert {name: fresh[name] for name in drawn.ASKED if name != "value"} == {
            name: kept.view[name] for name in drawn.ASKED if name != "value"
        }
    assert NOW < kept.until <= NOW + drawn.LONGEST + drawn.APART


@pytest.mark.parametrize(
    ("which", "minutes"),
    [("snoozed", 4), ("answer promised", 3), ("a value nearly a day old", 3), ("deadline", 2)],
)
def test_a_row_is_drawn_again_when_somebodys_time_is_up(which: str, minutes: int) -> None:
    assert drawn.until(ROWS[which], NOW) == NOW + timedelta(minutes=minutes)


def test_a_row_is_drawn_again_at_midnight() -> None:
    late = NOW.replace(hour=22, minute=58)  # 23:58 in Norway
    assert drawn.until(of(waiting_since=None, values=[]), late) == late.replace(
        hour=23, minute=0, second=0
    )


async def test_what_has_changed_is_shown_and_what_is_shut_is_not_kept(world: World) -> None:
    patients = await many(world)
    async with given.client(world) as client:
        first = (await client.get("/")).text
        assert (await client.get("/")).text.count("kvittert") == first.count("kvittert") > 0

        await world.move(await world.alert(patients["older"], "target-weight"), "acknowledge")
        again = (await client.get("/")).text
        assert again.count("kvittert") == first.count("kvittert") + 1

        async with world.owner.transaction() as tx:
            await tx.execute(
                "insert into patients.shield (org, id, patient_id, staff_id, at, by)"
                " values ($1, gen_random_uuid(), $2, $3, now(), 'patient')",
                given.ORG,
                patients["newer"],
                world.nurse.id,
            )
        shut = _row(await _list(client), str(patients["newer"]))
        assert "Pasienten har sperret for deg" in shut
        assert "kg" not in shut


async def _list(client: Any) -> str:
    return str((await client.get("/")).text)


def _row(markup: str, patient: str) -> str:
    found = re.search(rf'<li class="row [^>]*id="row-{patient}.*?</li>', markup, re.S)
    assert found
    return found.group()


def test_the_first_view_of_five_hundred_is_small() -> None:
    """Everything that the browser fetches, compressed: 150 kB at most."""
    rows = [_unlike(n) for n in range(500)]
    markup = page.render("worklist.html", page.worklist_view(worklist(*rows), "nb", NOW))
    files = re.findall(r'(?:href|src)="/static/([^"]+)"', markup)
    scripts = ALERTS / "static"
    found = [_file(name, scripts, desk.STATIC) for name in {*files, "live.js"}]
    assert markup.count('class="row ') == 500

    size = sum(len(gzip.compress(one, 6)) for one in (markup.encode(), *found))

    assert size < 150_000, size


def _unlike(n: int) -> dict[str, Any]:
    """Of each his own name, figures and drawing, as in a unit."""
    names = ("Anne", "Bjørn", "Eva", "Knut", "Ola", "Siri", "Turid", "Åse")
    colour = "red" if n % 12 == 0 else "yellow" if n % 3 == 0 else "green"
    weight = Decimal(500 + n * 37 % 480) / 10
    made = row(n, colour)
    return made | {
        "patient": {
            "id": f"{n * 7919 % 65536:08x}-0000-4000-8000-{n * 104729:012x}",
            "name": f"{names[n % 8]} {names[n * 5 % 8]}sen Testesen {n}",
            "born": f"19{30 + n % 60}-{1 + n % 12:02}-{1 + n % 28:02}",
        },
        "number": f"S-{900000 + n * 13}",
        "programme_name": {"nb": "Hjemmedialyse", "en": "Home dialysis"},
        "reason": {"nb": f"Vekt +{weight / 30:.2f} kg siden siste dialyse (grense 1,5)"},
        "values": [{**made["values"][0], "value": weight, "at": ago(minutes=n * 3)}],
        "spark_kind": "body_weight",
        "spark_field": "value",
        "spark": [
            [ago(hours=12 * day + n % 9), weight + Decimal((day * n) % 23) / 10]
            for day in range(28)
        ],
        "spark_limits": [None, weight + 2],
    }


def _file(name: str, *folders: Path) -> bytes:
    return next((one / name).read_bytes() for one in folders if (one / name).is_file())
