"""What is not open to everybody of the unit is shown as an alert of its colour, and as no more."""

from dataclasses import replace

import pytest

from services.alerts.rows import neutral
from shared import sensitive
from shared.contracts import Draft
from tests.alerts import given
from tests.alerts.given import PROGRAMMES, World, ago

ANXIETY = "anxiety_ocd_pro"
SECRET = ("selvskading", "PHQ-9", "Angst og tvang", ANXIETY, "mh-1")


async def red(world: World) -> str:
    patient = await given.patient(world, programme=ANXIETY)
    body = {"v": 1, "questionnaire": "phq-9", "answers": {"item-9": [3]}}
    item = replace(
        given.systolic(120, ago(minutes=1)), drafts=(Draft("answers", "questionnaire", body),)
    )
    await given.send(world, patient, item)
    await world.judge()
    return str(patient)


async def test_a_nurse_without_the_group_sees_the_colour_and_whom_to_ask(world: World) -> None:
    patient = await red(world)

    async with given.client(world, groups=()) as client:
        listed = (await client.get("/v1/worklist")).json()
        seen = [
            await client.get("/v1/worklist"),
            await client.get("/"),
            await client.get(f"/patients/{patient}"),
            await client.get(f"/patients/{patient}/chart.json"),
            await client.get("/v1/alerts", params={"patient": patient}),
            await client.get("/v1/scores", params={"patient": patient}),
        ]
        refused = await client.get("/v1/worklist", params={"programme": ANXIETY})

    assert [one.status_code for one in seen] == [200] * 6
    [row] = listed["rows"]
    assert (row["colour"], row["reason"]) == ("red", neutral.SAID["nb"])
    assert (row["alerts"][0]["colour"], row["alerts"][0]["state"]) == ("red", "open")
    assert neutral.SAID["nb"] in seen[1].text
    assert neutral.SAID["nb"] in seen[2].text
    for answer in seen[:5]:
        assert [word for word in SECRET if word in answer.text] == [], answer.url
    assert seen[5].json()["questionnaires"] == []
    assert (refused.status_code, refused.json()["code"]) == (403, "not-your-group")


@pytest.mark.parametrize("group", [ANXIETY, sensitive.ALL])
async def test_a_nurse_with_the_group_reads_it(world: World, group: str) -> None:
    patient = await red(world)

    async with given.client(world, groups=(group,)) as client:
        page = (await client.get(f"/patients/{patient}")).text
        scores = (await client.get("/v1/scores", params={"patient": patient})).json()

    assert "minst 3, høyst 27" in page
    assert "PHQ-9 spørsmål 9" in page
    assert [one["questionnaire"] for one in scores["questionnaires"]] == ["phq-9"]


def test_every_sensitive_programme_is_closed_without_its_group() -> None:
    shut = sensitive.closed(PROGRAMMES, frozenset())
    assert shut == {slug for slug, one in PROGRAMMES.items() if one.sensitive}
    assert ANXIETY in shut
    assert sensitive.closed(PROGRAMMES, {sensitive.ALL}) == frozenset()
    assert sensitive.closed(PROGRAMMES, {ANXIETY}) == shut - {ANXIETY}
    assert "phq-9" in sensitive.hidden_forms(PROGRAMMES, [ANXIETY], frozenset())
    assert sensitive.hidden_forms(PROGRAMMES, ["home_dialysis"], frozenset()) == frozenset()
