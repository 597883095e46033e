"""A hospital's own programmes bring their own forms, and intake holds answers to those too."""

import shutil
from pathlib import Path

import asyncpg
import httpx
import pytest

from shared import programmes
from tests.ingest.conftest import Holder
from tests.ingest.given import FHIR, answers, code, in_force

OURS = "https://hjemvakt.example/fhir/Questionnaire/"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Home dialysis once more, under another name and with a form of another name."""
    folder = shutil.copytree(programmes.SHIPPED / "home_dialysis", tmp_path / "nyre_hjemme")
    for path in folder.iterdir():
        text = path.read_text().replace("home-dialysis-daily", "nyre-daglig")
        path.write_text(text.replace('"home_dialysis"', '"nyre_hjemme"'))
    monkeypatch.setenv("HJEMVAKT_PROGRAMMES", str(tmp_path))


@pytest.mark.parametrize("form", ["nyre-daglig", "home-dialysis-daily"])
async def test_answers_are_held_to_the_form(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection, form: str
) -> None:
    path, headers = "/fhir/QuestionnaireResponse", holder.headers | FHIR
    told = {"questionnaire": f"{OURS}{form}"}
    sound = {"linkId": "effluent", "answer": [{"valueCoding": {"code": "cloudy"}}]}
    unknown = {"linkId": "effluent", "answer": [{"valueCoding": {"code": "purple"}}]}

    stored = await http.post(path, json=answers(holder.patient_id, sound) | told, headers=headers)
    held = await http.post(path, json=answers(holder.patient_id, unknown) | told, headers=headers)

    assert (stored.status_code, held.status_code) == (201, 202)
    assert code(held) == "unknown-code"
    assert [body["questionnaire"] for body in await in_force(owner, holder)] == [form]
