"""The record follows the hospital's own register, and a nurse has the last word."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from services.patients import consumer
from shared.contracts import Draft
from shared.database import Database
from tests.patients.conftest import NOW, Ward
from tests.patients.conftest import record as record
from tests.patients.conftest import ward as ward

HOUR = timedelta(hours=1)


class Register:
    """A system's messages about one patient, acted on one by one."""

    def __init__(self, ward: Ward) -> None:
        self.ward, self.record = ward, ward.record
        self.visit = uuid4().hex

    async def says(self, event: str, at: datetime, *, visit: str | None = None, **body: Any) -> str:
        """What came of it."""
        told = {"v": 1, "event": event, "visit": visit or self.visit, "class": "I", **body}
        answer = await self.record.send(
            self.ward.record.ids["cred"], at=at, draft=Draft("administration", event, told)
        )
        assert answer.fact_id, answer
        return await self.outcome(answer.fact_id)

    async def outcome(self, fact: Any) -> str:
        query = "select state, outcome from patients.administration where fact_id = $1"
        for _ in range(100):
            [row] = await self.record.rows(query, fact)
            if row["state"] != "waiting":
                return str(row["outcome"])
            await asyncio.sleep(0.1)
        raise AssertionError("the message was not acted on")

    async def pauses(self) -> list[Any]:
        return list((await self.ward.nurse.get(f"{self.ward.path}/pauses"))["pauses"])


async def register(ward: Ward) -> Register:
    # To the ledger a binding is as good as a named subject; the doors let systems alone say this.
    cred = await ward.record.credential(ward.nurse, ward.unit)
    since = (NOW - timedelta(days=90)).isoformat()
    await ward.nurse.post(f"{ward.path}/bindings", {"cred": cred, "from": since})
    ward.record.ids["cred"] = cred
    return Register(ward)


async def test_a_stay_pauses_is_lengthened_and_ends(ward: Ward) -> None:
    told = await register(ward)

    assert await told.says("admitted", NOW - 48 * HOUR) == "paused"
    [pause] = await told.pauses()
    assert await told.says("moved", NOW - 24 * HOUR) == "paused for longer"
    [longer] = await told.pauses()
    assert longer["id"] == pause["id"]
    assert datetime.fromisoformat(longer["until"]) > datetime.fromisoformat(pause["until"])
    assert await told.says("discharged", NOW - HOUR) == "ended"
    assert await told.says("discharge-cancelled", NOW - HOUR / 2) == "paused"
    assert await told.says("admission-cancelled", NOW - HOUR / 4) == "ended"
    decided = [fact.type for fact in await ward.record.decisions(ward.patient)]
    assert decided.count("paused") == 3
    assert decided.count("pause-ended") == 2


async def test_a_pause_that_the_nurse_ended_is_not_begun_again_by_the_same_stay(
    ward: Ward,
) -> None:
    told = await register(ward)
    await told.says("admitted", NOW - 48 * HOUR)
    [pause] = await told.pauses()
    await ward.nurse.post(f"{ward.path}/pauses/{pause['id']}/end", status=204)

    assert await told.says("changed", NOW - HOUR) == "nothing new"
    assert [bool(one["ended_at"]) for one in await told.pauses()] == [True]
    assert await told.says("admitted", NOW - HOUR / 2, visit="next") == "paused"


async def test_a_nurses_own_pause_stands(ward: Ward) -> None:
    told = await register(ward)
    until = (NOW + timedelta(days=3)).isoformat()
    since = (NOW - timedelta(days=3)).isoformat()
    body = {"from": since, "until": until, "reason": "Ferie"}
    await ward.nurse.post(f"{ward.path}/pauses", body)

    assert await told.says("admitted", NOW - HOUR) == "paused"
    newest, own = await told.pauses()
    assert (own["reason"], own["ended_at"]) == ("Ferie", None)
    assert newest["from"] == own["until"]


async def test_older_news_of_a_person_does_not_undo_newer(ward: Ward) -> None:
    told = await register(ward)

    assert await told.says("changed", NOW - HOUR, person={"name": "Ny Testesen"}) == "changed"
    older = await told.says("changed", NOW - 2 * HOUR, person={"name": "Gammel Testesen"})
    assert older == "older than what is known"
    assert (await ward.nurse.get(ward.path))["name"] == "Ny Testesen"


async def test_one_message_that_cannot_be_acted_on_holds_up_nobody(ward: Ward) -> None:
    told = await register(ward)
    bad = {"v": 1, "event": "merged", "prior": ["not a hash"]}
    answer = await ward.record.send(
        ward.record.ids["cred"], draft=Draft("administration", "merged", bad)
    )
    assert await told.says("admitted", NOW - HOUR) == "paused"

    assert await told.outcome(answer.fact_id) == "ValueError"
    query = "select state, tries from patients.administration where fact_id = $1"
    [row] = await ward.record.rows(query, answer.fact_id)
    assert (row["state"], row["tries"]) == ("failed", consumer.MOST_TRIES)


async def test_two_replicas_act_once(ward: Ward) -> None:
    told = await register(ward)
    database = Database(ward.record.urls.patients, name="test", size=2, fenced=True)
    await database.open()
    another = consumer.Consumer(database)
    await another.open()
    try:
        outcomes = [
            await told.says("admitted", NOW - HOUR, visit=f"{number}") for number in range(6)
        ]
    finally:
        await another.close()
        await database.close()
    assert outcomes == ["paused"] + ["paused already"] * 5 or len(await told.pauses()) <= 2


async def test_linked_and_undone_by_hand(ward: Ward) -> None:
    other = await ward.record.patient(ward.nurse, ward.unit, name="Samme Testesen")
    links = f"{ward.path}/links"
    made = await ward.nurse.post(links, {"other_id": other, "reason": "Samme person"})

    both = await ward.nurse.get(f"/v1/patients/{other}/links")
    assert set(both["same_person"]) == {other, ward.patient}
    await ward.nurse.post(links, {"other_id": other, "reason": "Igjen"}, 409)
    await ward.nurse.post(links, {"other_id": ward.patient, "reason": "Seg selv"}, 422)
    ring = {"other_id": ward.patient, "reason": "Ring"}
    await ward.nurse.post(f"/v1/patients/{other}/links", ring, 409)
    await ward.nurse.post(f"{links}/{made['id']}/undo", {"reason": "Feil person"}, 200)
    await ward.nurse.post(f"{links}/{made['id']}/undo", {"reason": "Feil person"}, 404)
    for patient in (ward.patient, other):
        types = [fact.type for fact in await ward.record.decisions(patient)]
        assert types[-2:] == ["linked", "unlinked"]
