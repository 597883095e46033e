"""The auditor's pages: what they show, what they refuse, and the tables for a spreadsheet."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.patients.page import audit as view
from services.patients.page.audit import Asked
from services.patients.privacy import audit_pages
from shared import spreadsheet
from shared.audit import Event
from tests.patients.conftest import Person, Ward

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def event(**more: Any) -> Event:
    said: dict[str, Any] = {
        "org": "nordland", "at": NOW, "id": uuid4(), "by": "s1", "role": "nurse", "hpr": None,
        "units": [], "on_behalf": None, "patients": [], "what": "readings", "why": "treatment",
        "outcome": "shown", "about": None, "address": "10.0.0.1", "door": "GET /v1/x",
        "request_id": "r", "times": 1, "name": "Nina",
    }  # fmt: skip
    return Event(**said | more)


# --- what is asked for ------------------------------------------------------------------------


def test_a_clock_time_is_norways_in_summer_and_in_winter() -> None:
    assert audit_pages.moment("2026-07-01T08:00") == datetime(2026, 7, 1, 6, tzinfo=UTC)
    assert audit_pages.moment("2026-01-01T08:00") == datetime(2026, 1, 1, 7, tzinfo=UTC)
    assert audit_pages.moment("") is None


@pytest.mark.parametrize(
    ("since", "until", "fault"),
    [("i går", "", "not-a-time"), ("2026-03-02T08:00", "2026-03-02T08:00", "not-a-period"),
     ("2026-03-02T08:00", "2026-03-02T09:00", ""), ("0001-01-01T00:00", "", "not-a-time")],
)  # fmt: skip
def test_what_is_no_time_or_no_period_is_said(since: str, until: str, fault: str) -> None:
    assert audit_pages.read(Asked(since=since, until=until)).fault == fault


# --- what is shown ----------------------------------------------------------------------------


def test_a_list_of_many_says_how_many_and_of_few_which() -> None:
    ids = [uuid4() for _ in range(4)]
    numbers = {id: f"S-{n}" for n, id in enumerate(ids)}
    many, few = view.acts(
        [event(patients=ids), event(patients=ids[:2])], numbers, Asked(), "nb"
    )  # fmt: skip
    assert (many["patients"], many["many"]) == ([], "4 pasienter")
    assert [one["number"] for one in few["patients"]] == ["S-0", "S-1"]


def test_a_text_that_a_spreadsheet_would_calculate_is_made_text() -> None:
    made = spreadsheet.table(view.acts_table([event(name="=HYPERLINK(1)")], {}))
    assert b";'=HYPERLINK(1);" in made


# --- with the record --------------------------------------------------------------------------


async def page(person: Person, path: str, status: int = 200, **asked: str) -> str:
    answer: httpx.Response = await person.client.get(
        path, params=asked, headers={"Authorization": f"Bearer {person.token}"}
    )
    assert answer.status_code == status, answer.text
    return answer.text


async def test_by_person_and_by_patient_and_the_look_itself_is_in_it(ward: Ward) -> None:
    other = await ward.record.patient(ward.nurse, ward.unit)
    await ward.nurse.get(f"{ward.path}/readings")
    number = (await ward.nurse.get(ward.path))["number"]
    elsewhere = (await ward.nurse.get(f"/v1/patients/{other}"))["number"]
    auditor = await ward.record.auditor()
    by = ward.record.ids[ward.nurse.token or ""]

    shown = await page(auditor, "/setup/audit", by=by)
    assert number in shown
    assert elsewhere in shown
    of_one = await page(auditor, "/setup/audit", patient=number)
    assert number in of_one
    assert elsewhere not in of_one.replace("placeholder", "")
    assert "Test Testesen" not in shown, "names of patients are not needed to find them"
    later = await page(auditor, "/setup/audit")
    assert "tilgangsloggen" in later
    assert "Ingen pasient har dette" in await page(auditor, "/setup/audit", patient="S-1")


async def test_whose_records_somebody_has_seen_as_a_page_and_as_a_table(ward: Ward) -> None:
    await ward.nurse.get(f"{ward.path}/readings")
    number = (await ward.nurse.get(ward.path))["number"]
    auditor = await ward.record.auditor()
    by = ward.record.ids[ward.nurse.token or ""]
    assert number in await page(auditor, "/setup/audit/patients", by=by)
    assert "Velg en ansatt" in await page(auditor, "/setup/audit/patients")
    table = await page(auditor, "/setup/audit/patients.csv", by=by)
    rows = list(csv.reader(io.StringIO(table.removeprefix("\ufeff")), delimiter=";"))
    assert (rows[0][0], rows[1][0], rows[1][1]) == ("number", number, ward.patient)
    acts = await page(auditor, "/setup/audit/acts.csv", by=by)
    assert len(acts.splitlines()) > 2
    nobody = {"by": by, "from": "2020-01-01T00:00", "to": "2020-01-02T00:00"}
    assert number not in await page(auditor, "/setup/audit/patients", **nobody)


async def test_looks_that_want_an_explanation(ward: Ward) -> None:
    strange = await ward.record.unit("Hjerte")
    curious = await ward.record.staff("nurse", strange)
    for _ in range(3):
        patient = await ward.record.patient(ward.nurse, ward.unit)
        await curious.get(f"/v1/patients/{patient}/readings", 403)
    auditor = await ward.record.auditor()
    assert "uten behandlingsrelasjon" in await page(auditor, "/setup/audit/suspicions")
    long = {"from": "2020-01-01T00:00", "to": "2020-12-01T00:00"}
    assert "tre måneder" in await page(auditor, "/setup/audit/suspicions", **long)


async def test_a_day_that_is_not_sealed_is_said(ward: Ward) -> None:
    auditor = await ward.record.auditor()
    assert "Ikke forseglet" not in await page(auditor, "/setup/audit/days")
    day = datetime.now(UTC) - timedelta(days=2)
    await ward.record.rows(
        """
        insert into audit.event
            (org, at, id, by, role, units, patients, what, why, outcome, times)
        values ($1, $2, gen_random_uuid(), 'x', 'nurse', '{}', '{}', 'list', 'treatment',
                'shown', 1)
        """,
        ward.record.org,
        day,
    )
    assert f"Ikke forseglet ennå: {day:%d.%m.%Y}" in await page(auditor, "/setup/audit/days")


@pytest.mark.parametrize("path", ["", "/patients", "/suspicions", "/days", "/acts.csv"])
async def test_only_an_auditor_comes_there(ward: Ward, path: str) -> None:
    await page(ward.nurse, f"/setup/audit{path}", 403)


async def test_acts_page_to_the_end(ward: Ward) -> None:
    for _ in range(audit_pages.PAGE + 5):
        await ward.nurse.get(ward.path)
    auditor = await ward.record.auditor()
    by = ward.record.ids[ward.nurse.token or ""]
    first = await page(auditor, "/setup/audit", by=by)
    assert 'rel="next"' in first
    cursor = first.split("cursor=")[1].split('"')[0]
    assert 'rel="next"' not in await page(auditor, "/setup/audit", by=by, cursor=cursor)
