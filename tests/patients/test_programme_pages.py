"""What stands on a programme's page: every rule with its numbers, and what a version changed."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from services.patients.page import programmes as view
from shared import programmes
from shared.programmes import marking

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
DIALYSIS = programmes.load("home_dialysis")
LIMIT = DIALYSIS.limits[0]


@pytest.mark.parametrize("slug", sorted(programmes.load_all()))
@pytest.mark.parametrize("lang", ["nb", "en"])
def test_every_rule_and_limit_of_every_programme_stands_on_its_page(slug: str, lang: str) -> None:
    one = programmes.load(slug)

    shown = view.page(one, {one.version: one}, None, [], [], lang, NOW)

    rules = [rule["id"] for group in shown["groups"] for rule in group["rules"]]
    assert sorted(rules) == sorted(one.rule_by_id)
    assert len(shown["limits"]) == len(one.limits)
    assert (shown["counts"], shown["before"], shown["changes"]) == (True, "", [])
    assert all(rule["says"] and "{" not in rule["says"]
               for group in shown["groups"] for rule in group["rules"])  # fmt: skip


def test_what_a_version_changed_is_said_in_sentences() -> None:
    moved = LIMIT.model_copy(update={"max": LIMIT.max + Decimal(1)})
    rule = DIALYSIS.rules[0]
    other = rule.model_copy(update={"source": "Another source"})
    after = DIALYSIS.model_copy(update={
        "version": "next",
        "limits": (moved, *DIALYSIS.limits[1:]),
        "rules": (other, *DIALYSIS.rules[2:]),
        "plan": (),
    })  # fmt: skip

    said = view.changes(DIALYSIS, after, "nb")

    assert said[0] == f"Regelen {DIALYSIS.rules[1].id} er borte."
    assert said[1] == f"Regelen {rule.id} har andre tekster eller en annen kilde."
    assert f"Grensen «{LIMIT.names.nb}» kan settes" in said[2]
    assert said[3] == "Det ventes noe annet av pasienten."
    assert view.changes(DIALYSIS, DIALYSIS, "nb") == []


def test_a_mark_is_of_what_is_said_and_not_of_who_approved_it() -> None:
    approved = DIALYSIS.model_copy(update={"approved_by": "A", "approved_on": NOW.date()})
    moved = DIALYSIS.model_copy(update={"limits": DIALYSIS.limits[1:]})

    assert marking.digest(approved) == marking.digest(DIALYSIS)
    assert marking.digest(moved) != marking.digest(DIALYSIS)
