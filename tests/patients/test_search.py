"""What a FHIR search asks for, without a database."""

import contextlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.patients import paging
from services.patients.fhir_doors import search
from services.patients.fhir_doors.search import NotSearchable, asked, span
from shared.identity import FNR


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("dates", "since", "until"),
    [
        ([], None, None),
        (["2026-02-03"], "2026-02-02T23:00Z", "2026-02-03T23:00Z"),
        (["eq2026-07-01"], "2026-06-30T22:00Z", "2026-07-01T22:00Z"),
        (["2026"], "2025-12-31T23:00Z", "2026-12-31T23:00Z"),
        (["2026-12"], "2026-11-30T23:00Z", "2026-12-31T23:00Z"),
        (["ge2026-02-03"], "2026-02-02T23:00Z", None),
        (["gt2026-02-03"], "2026-02-03T23:00Z", None),
        (["le2026-02-03"], None, "2026-02-03T23:00Z"),
        (["lt2026-02-03"], None, "2026-02-02T23:00Z"),
        (["ge2026-02-03", "lt2026-03-01"], "2026-02-02T23:00Z", "2026-02-28T23:00Z"),
        (["ge2026-02-03T07:12:00Z"], "2026-02-03T07:12Z", None),
        (["2026-02-03T07:12:00+01:00"], "2026-02-03T06:12:00Z", "2026-02-03T06:12:01Z"),
        (["2026-02-03T07:12:00 01:00"], "2026-02-03T06:12:00Z", "2026-02-03T06:12:01Z"),
        (["le2026-02-03T07:12Z"], None, "2026-02-03T07:13Z"),
        (["lt2026-02-03T07:12:00.5Z"], None, "2026-02-03T07:12:00.500Z"),
        (["ge2026-02-03T07:12"], "2026-02-03T06:12Z", None),
        # The day the clocks change is 23 hours long.
        (["2026-03-29"], "2026-03-28T23:00Z", "2026-03-29T22:00Z"),
    ],
)
def test_a_date_is_a_stretch_of_time(dates: list[str], since: str, until: str) -> None:
    assert span(dates) == (since and utc(since), until and utc(until))


@pytest.mark.parametrize(
    "date", ["", "x", "ne2026", "ap2026", "26-1-1", "2026-13", "2026-02-30", "2026-02-03T25:00Z"]
)
def test_what_is_no_date_is_refused(date: str) -> None:
    with pytest.raises(NotSearchable):
        span([date])


@given(st.text(max_size=40))
def test_no_date_does_more_than_be_refused(text: str) -> None:
    with contextlib.suppress(NotSearchable):
        span([text])


def test_an_unknown_parameter_is_refused_unless_leniency_is_asked_for() -> None:
    pairs = [("patient", "x"), ("value-quantity", "gt5")]
    with pytest.raises(NotSearchable):
        asked("Observation", pairs, in_body=False)
    assert asked("Observation", pairs, in_body=False, lenient=True).pairs == (("patient", "x"),)


@pytest.mark.parametrize(
    "national",
    [f"{FNR}|1", f"{FNR}|13116900216", "urn:x|13116900216", "13116900216", "131169 00216"],
)
def test_a_national_number_stands_in_a_body_only(national: str) -> None:
    with pytest.raises(NotSearchable):
        asked("Observation", [("patient.identifier", national)], in_body=False)
    with pytest.raises(NotSearchable):
        asked("Patient", [("identifier", national)], in_body=False)
    assert asked("Observation", [("patient.identifier", national)], in_body=True).pairs


@pytest.mark.parametrize("in_body", [True, False])
def test_a_number_of_the_hospitals_own_stands_in_an_address_too(in_body: bool) -> None:
    found = asked("Observation", [("patient.identifier", "urn:x|S-900012")], in_body=in_body)
    assert found.identifier("patient.identifier") == ("urn:x", "S-900012")


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda at: 1900 < at.year < 2200), st.uuids())
def test_a_cursor_leads_back_to_its_place(at: datetime, id: UUID) -> None:
    assert paging.place(paging.cursor(at, id)) == (at, id)


@given(st.text(max_size=60))
def test_a_made_up_cursor_is_no_place(text: str) -> None:
    try:
        place = paging.place(text)
    except paging.PlaceIsUnknown:
        return
    assert place is not None
    assert place[0].utcoffset() == timedelta(0)


def test_a_code_names_its_kinds() -> None:
    weight = search.tokens(["http://loinc.org|29463-7"])
    assert search.kinds_with(weight, []) == ["body_weight", "foreign"]
    pulse = search.kinds_with(search.tokens(["8867-4"]), [])
    assert pulse == ["heart_rate", "foreign"]
    cuff = search.kinds_with(search.tokens(["urn:iso:std:iso:11073:10101|149546"]), [])
    assert cuff == ["heart_rate", "foreign"]
    assert search.kinds_with(weight, search.tokens(["survey"])) == ["foreign"]
    assert search.kinds_with([], []) is None
