"""Every critical answer of every programme is red at once, alone in its form and among others."""

from typing import Any

import pytest

from services.alerts.clinical import judge
from services.alerts.clinical.history import Record
from shared import instruments, programmes
from shared.programmes import Programme, critical
from tests.clinical import given

PROGRAMMES = programmes.load_all()


def asked(programme: Programme) -> list[tuple[str, str, Any]]:
    """Form, linkId and each red answer as an app sends it."""
    found = []
    for one in _of(programme):
        found += [(one.form, one.link, red) for red in _red(one)]
    return list(dict.fromkeys(found))


def _of(programme: Programme) -> list[critical.Critical]:
    own = {form["url"].rpartition("/")[2] for form in programme.questionnaires}
    wanted = own | set(programme.instruments)
    several = critical.of([programme])
    return [one for name in wanted for one in several.get(name, ()) if _speaks_of(programme, one)]


def _speaks_of(programme: Programme, one: critical.Critical) -> bool:
    """An instrument's flag is red at the door in any programme; here, where a rule reads it."""
    return any(
        source.questionnaire == one.form and source.answer in (one.link, f"#flag.{one.flag}")
        for each in programme.inputs
        for source in each.sources
    )


def _red(one: critical.Critical) -> list[Any]:
    if one.codes:
        return [*one.codes]
    if one.comparison is not None:
        return [int(one.comparison[1])]
    question = instruments.load(one.form).question_of[one.link]
    return [code for code in getattr(question, "codes", ()) if one.speaks(code)]


CASES = [
    (slug, form, link, red)
    for slug, programme in PROGRAMMES.items()
    for form, link, red in asked(programme)
]


def judged(slug: str, form: str, answers: dict[str, Any]) -> list[Any]:
    body = {
        "enrolment_id": str(given.ENROLMENT), "programme": slug, "unit_id": "u", "plan": [],
    }  # fmt: skip
    told = {"v": 1, "questionnaire": form, "answers": answers, "status": "in-progress"}
    record = Record.of(
        given.PATIENT,
        [
            given.fact("enrolled", "", given.ago(days=30), body),
            given.fact("answers", "questionnaire", given.ago(seconds=5), told),
        ],
    )
    return judge.judge(record, PROGRAMMES, given.NOW, given.ago(minutes=1), _must_not)


def _must_not(*about: Any) -> None:
    raise AssertionError(about)


def test_there_are_many() -> None:
    assert len(CASES) > 80
    assert {"anxiety_ocd_pro", "home_dialysis", "substance_use"} <= {case[0] for case in CASES}


@pytest.mark.parametrize(("slug", "form", "link", "red"), CASES)
def test_it_is_red_at_once(slug: str, form: str, link: str, red: Any) -> None:
    for answers in ({link: [red]}, {"another-question": ["x"], link: [red]}):
        found = judged(slug, form, answers)
        assert any(one.colour == "red" and one.at <= given.NOW for one in found), found
