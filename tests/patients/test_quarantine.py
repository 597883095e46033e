"""The quarantine desk: seen, explained, filed by hand, read again, rejected."""

import html
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from services.patients.measured.reasons import REASONS
from shared.contracts import Alarm, Code, ItemError, Subject
from tests.patients.conftest import NOW, Ward


@pytest.fixture
async def cred(ward: Ward) -> str:
    return await ward.record.credential(ward.nurse, ward.unit)


async def items(ward: Ward, **params: Any) -> list[Any]:
    found: list[Any] = (await ward.nurse.get("/v1/quarantine", **params))["items"]
    return found


async def test_an_item_says_why_it_waits_and_what_it_holds(ward: Ward, cred: str) -> None:
    await ward.record.send(cred, {"value": Decimal("82.40")})

    page = await ward.nurse.get("/v1/quarantine")
    item = page["items"][0]
    assert item["code"] == "unbound"
    assert item["reason"]["nb"].startswith("Ingen pasient")
    assert item["reason"]["en"].startswith("No patient")
    assert item["unit_id"] == ward.unit
    assert item["sent"] == "{}"
    assert str(item["readings"][0]["values"]["value"]) == "82.40"
    assert page["counts"]["waiting"] == 1
    assert page["counts"]["codes"][0]["code"] == "unbound"


async def test_an_administrator_sees_that_it_waits_but_not_what_it_holds(
    ward: Ward, cred: str
) -> None:
    await ward.record.send(cred)

    administrator = await ward.record.administrator()
    item = (await administrator.get("/v1/quarantine"))["items"][0]
    assert item["code"] == "unbound"
    assert item["readings"] is None
    assert item["sent"] is None
    await administrator.post(f"/v1/quarantine/{item['id']}/reject", {"reason": "x"}, 403)


async def test_a_nurse_of_another_unit_does_not_see_the_item(ward: Ward, cred: str) -> None:
    await ward.record.send(cred)
    item = (await items(ward))[0]
    heart = await ward.record.unit("Hjerte")
    nurse = await ward.record.staff("nurse", heart)

    page = await nurse.get("/v1/quarantine")
    assert page["items"] == []
    assert page["counts"]["waiting"] == 0
    await nurse.post(f"/v1/quarantine/{item['id']}/reject", {"reason": "x"}, 404)
    theirs = await ward.record.patient(nurse, heart)
    await nurse.post(f"/v1/quarantine/{item['id']}/bind", {"patient_id": theirs}, 404)


async def test_another_organisation_sees_nothing(ward: Ward, cred: str) -> None:
    await ward.record.send(cred)
    item = (await items(ward))[0]
    unit = await ward.record.unit("Nyre", org="elsewhere")
    nurse = await ward.record.staff("nurse", unit, org="elsewhere")

    assert (await nurse.get("/v1/quarantine"))["items"] == []
    await nurse.post(f"/v1/quarantine/{item['id']}/reject", {"reason": "x"}, 404)


async def test_a_person_files_an_item_by_hand(ward: Ward, cred: str) -> None:
    await ward.record.send(cred)
    item = (await items(ward))[0]

    path = f"/v1/quarantine/{item['id']}"
    filed = await ward.nurse.post(f"{path}/bind", {"patient_id": ward.patient}, 200)
    assert filed["state"] == "released"
    assert filed["patient_id"] == ward.patient
    found = (await ward.nurse.get(f"{ward.path}/readings"))["readings"]
    assert [one["id"] for one in found] == [filed["fact_id"]]
    twice = await ward.nurse.post(f"{path}/bind", {"patient_id": ward.patient}, 409)
    assert twice["code"] == "not-waiting"
    assert await items(ward) == []
    released = await items(ward, state="released")
    assert released[0]["decided_by"] == ward.record.ids[ward.nurse.token or ""]


async def test_what_is_wrong_with_the_values_is_not_cured_by_a_name(ward: Ward, cred: str) -> None:
    errors = (ItemError("values.value", Code.IMPLAUSIBLE),)
    await ward.record.send(cred, {"value": Decimal(900)}, errors=errors)
    item = (await items(ward, code="implausible"))[0]

    path = f"/v1/quarantine/{item['id']}"
    refused = await ward.nurse.post(f"{path}/bind", {"patient_id": ward.patient}, 409)
    assert refused["code"] == "cannot-be-released"
    assert (await ward.nurse.post(f"{path}/replay", None, 200))["state"] == "replaying"
    assert (await items(ward))[0]["state"] == "replaying"


async def test_a_doubt_about_the_holder_is_settled_by_whoever_replays(
    ward: Ward, cred: str
) -> None:
    other = await ward.record.patient(ward.nurse, ward.unit)
    begin = (NOW - timedelta(days=30)).isoformat()
    switch = (NOW - timedelta(days=1)).isoformat()
    await ward.nurse.post(f"{ward.path}/bindings", {"cred": cred, "from": begin, "to": switch})
    await ward.nurse.post(f"/v1/patients/{other}/bindings", {"cred": cred, "from": switch})
    await ward.record.send(cred, at=NOW - timedelta(days=2), clock="unknown")
    item = (await items(ward, code="whose"))[0]

    released = await ward.nurse.post(f"/v1/quarantine/{item['id']}/replay", None, 200)
    assert released["state"] == "released"
    assert released["patient_id"] == ward.patient


async def test_what_was_filed_before_its_binding_changed_is_not_read_anew(
    ward: Ward, cred: str
) -> None:
    """Read anew it would bear the ids of its first filing, and could never be stored again: not
    for the right holder either, whose binding would fail on it."""
    begin = {"cred": cred, "from": (NOW - timedelta(days=30)).isoformat()}
    made = await ward.nurse.post(f"{ward.path}/bindings", begin)
    stored = await ward.record.send(cred, at=NOW - timedelta(days=2))
    await ward.nurse.post(f"{ward.path}/bindings/{made['id']}/withdraw", None, 200)
    item = (await items(ward, code="unbound"))[0]

    one = await ward.nurse.post(f"/v1/quarantine/{item['id']}/replay", None, 409)
    assert one["code"] == "cannot-be-released"
    asked = await ward.nurse.post("/v1/quarantine/replay", {"code": "unbound"}, 202)
    assert asked == {"replaying": 0, "run": None}

    other = await ward.record.patient(ward.nurse, ward.unit)
    right = await ward.nurse.post(f"/v1/patients/{other}/bindings", begin)
    assert right["refiled"]["released"] == 1
    found = (await ward.nurse.get(f"/v1/patients/{other}/readings"))["readings"]
    assert len(found) == 1
    assert found[0]["id"] != str(stored.fact_id)


async def test_only_a_person_rejects_and_the_item_stays_on_file(ward: Ward, cred: str) -> None:
    await ward.record.send(cred)
    item = (await items(ward))[0]

    path = f"/v1/quarantine/{item['id']}"
    await ward.nurse.post(f"{path}/reject", {}, 422)
    rejected = await ward.nurse.post(f"{path}/reject", {"reason": "En kaffekopp"}, 200)
    assert rejected["state"] == "rejected"
    assert await items(ward) == []
    kept = await items(ward, state="rejected")
    assert kept[0]["decided_because"] == "En kaffekopp"
    assert (await ward.nurse.post(f"{path}/replay", None, 409))["code"] == "not-waiting"


async def test_the_list_is_narrowed_and_paged(ward: Ward, cred: str) -> None:
    other = await ward.record.credential(ward.nurse, ward.unit)
    for _ in range(5):
        await ward.record.send(cred)
    await ward.record.send(other)

    assert len(await items(ward, cred=other)) == 1
    assert len(await items(ward, code="whose")) == 0
    seen: list[str] = []
    more: dict[str, str] = {}
    while True:
        page = await ward.nurse.get("/v1/quarantine", limit=2, **more)
        assert page["counts"]["waiting"] == 6
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        more = {"cursor": page["next"]}
    assert len(seen) == len(set(seen)) == 6


async def test_a_message_about_somebody_else_waits_for_a_person(ward: Ward, cred: str) -> None:
    since = (NOW - timedelta(days=1)).isoformat()
    await ward.nurse.post(f"{ward.path}/bindings", {"cred": cred, "from": since})
    other = await ward.record.patient(ward.nurse, ward.unit)
    await ward.record.send(cred, subject=Subject(patient_id=UUID(other)))
    item = (await items(ward))[0]
    assert item["code"] == "subject-mismatch"
    # Read again, it asks the same question; only a person answers it.
    again = await ward.nurse.post(f"/v1/quarantine/{item['id']}/replay", None, 200)
    assert again["state"] == "replaying"


async def unknown(ward: Ward, cred: str, topic: str, **more: Any) -> None:
    """What a gateway said where no table knows."""
    errors = (ItemError("topic", Code.UNKNOWN_KIND),)
    await ward.record.send(cred, errors=errors, topic=topic, **more)


async def test_all_of_one_topic_are_rejected_and_taken_back_together(ward: Ward, cred: str) -> None:
    for topic in ("neighbour/kitchen", "neighbour/kitchen", "scale/7"):
        await unknown(ward, cred, topic)
    body = {"code": "unknown-kind", "cred": cred, "topic": "neighbour/kitchen"}
    await ward.nurse.post("/v1/quarantine/reject", body, 422)  # without a reason
    done = await ward.nurse.post("/v1/quarantine/reject", {**body, "reason": "Naboens"}, 200)
    assert done["rejected"] == 2
    assert [one["topic"] for one in await items(ward)] == ["scale/7"]
    run = await ward.nurse.get(f"/v1/quarantine/runs/{done['run']}")
    by = ward.record.ids[ward.nurse.token or ""]
    assert (run["act"], run["number"], run["rejected"], run["by"]) == ("reject", 2, 2, by)
    assert {one["decided_because"] for one in await items(ward, state="rejected")} == {"Naboens"}

    undone = await ward.nurse.post(f"/v1/quarantine/runs/{done['run']}/undo", None, 200)
    assert undone == {"reopened": 2}
    assert len(await items(ward, topic="neighbour/kitchen")) == 2
    run = await ward.nurse.get(f"/v1/quarantine/runs/{done['run']}")
    assert (run["rejected"], run["undone_by"]) == (0, by)
    # Taken back twice, nothing more happens.
    again = await ward.nurse.post(f"/v1/quarantine/runs/{done['run']}/undo", None, 200)
    assert again == {"reopened": 0}


async def test_nobody_rejects_what_came_after_he_looked(ward: Ward, cred: str) -> None:
    await unknown(ward, cred, "scale/7")
    seen = (await items(ward))[0]["received_at"]
    await unknown(ward, cred, "scale/7")
    body = {"code": "unknown-kind", "reason": "Naboens", "until": seen}
    assert (await ward.nurse.post("/v1/quarantine/reject", body, 200))["rejected"] == 1
    assert len(await items(ward)) == 1


async def test_red_answers_and_what_patients_write_are_never_rejected_unread(
    ward: Ward, cred: str
) -> None:
    red = Alarm("home-dialysis-daily", ("peritonitis",), False)
    errors = (ItemError("answers", Code.UNKNOWN_CODE),)
    await ward.record.send(cred, errors=errors, alarm=red)
    await ward.record.send(cred, errors=errors)
    body = {"code": "unknown-code", "reason": "Prøvedata"}
    assert (await ward.nurse.post("/v1/quarantine/reject", body, 200))["rejected"] == 1
    assert len(await items(ward)) == 1


async def test_one_rejected_by_mistake_waits_again_and_tells_its_past(
    ward: Ward, cred: str
) -> None:
    await ward.record.send(cred)
    item = (await items(ward))[0]
    path = f"/v1/quarantine/{item['id']}"
    assert (await ward.nurse.post(f"{path}/reopen", None, 409))["code"] == "not-rejected"
    await ward.nurse.post(f"{path}/reject", {"reason": "En kaffekopp"}, 200)
    assert (await ward.nurse.post(f"{path}/reopen", None, 200))["state"] == "waiting"
    page = (await ward.nurse.get(f"/setup/quarantine/{item['id']}")).text
    assert "En kaffekopp" in page
    filed = await ward.nurse.post(f"{path}/bind", {"patient_id": ward.patient}, 200)
    assert filed["state"] == "released"


async def test_only_who_may_settle_does_it_in_bulk_and_only_of_the_own_house(
    ward: Ward, cred: str
) -> None:
    await unknown(ward, cred, "scale/7")
    body = {"code": "unknown-kind", "reason": "Naboens"}
    administrator = await ward.record.administrator()
    await administrator.post("/v1/quarantine/reject", body, 403)
    heart = await ward.record.unit("Hjerte")
    other = await ward.record.staff("nurse", heart)
    assert (await other.post("/v1/quarantine/reject", body, 200)) == {"rejected": 0, "run": None}
    done = await ward.nurse.post("/v1/quarantine/reject", body, 200)
    await other.post(f"/v1/quarantine/runs/{done['run']}/undo", None, 404)
    elsewhere = await ward.record.unit("Nyre", org="elsewhere")
    stranger = await ward.record.staff("nurse", elsewhere, org="elsewhere")
    for method, path in (("GET", ""), ("POST", "/undo")):
        answer = await stranger.ask(method, f"/v1/quarantine/runs/{done['run']}{path}", 404)
        assert answer["code"] == "no-such-run"
    replayed = await ward.nurse.post("/v1/quarantine/replay", {"code": "unbound"}, 202)
    assert replayed["run"] is None


async def test_the_desk_folds_the_topics_and_proposes_the_row(ward: Ward, cred: str) -> None:
    raw = b'{"topic":"acme/17/weight","payload":"{\\"weight\\":81.25,\\"unit\\":\\"kg\\"}"}'
    for _ in range(3):
        await unknown(ward, cred, "acme/17/weight", raw=raw)
    page = (await ward.nurse.get("/setup/quarantine")).text
    assert page.count("<code>acme/17/weight</code>") == 1
    where = "/setup/quarantine?code=unknown-kind&topic=acme/17/weight"
    of_topic = (await ward.nurse.get(f"{where}&cred={cred}")).text
    assert "[[gateway]]" in of_topic
    assert of_topic.count("data-row") == 3
    administrator = await ward.record.administrator()
    theirs = (await administrator.get(f"{where}&cred={cred}")).text
    assert "[[gateway]]" in theirs
    assert "81.25" not in theirs


async def test_many_topics_are_turned_over_and_none_is_left_out(ward: Ward, cred: str) -> None:
    for number in range(27):
        await unknown(ward, cred, f"neighbour/{number:02}")
    seen: set[str] = set()
    where = "/setup/quarantine?code=unknown-kind"
    for _ in range(2):
        page = (await ward.nurse.get(where)).text
        found = re.findall(r"<code>(neighbour/\d\d)</code>", page)
        assert len(found) == len(set(found))
        seen |= set(found)
        more = re.search(r'href="([^"]*topics=[^"]*)"', page)
        where = html.unescape(more[1]) if more else ""
    assert len(seen) == 27
    assert where == ""


def test_every_code_has_words() -> None:
    assert set(REASONS) == set(Code)
