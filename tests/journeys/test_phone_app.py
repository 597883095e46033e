"""The example app of docs/app-developers.md, run as its reader would run it, on a bad network."""

import importlib.util
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys import hospital as toolkit
from tests.journeys.hospital import Hospital, Patient, eventually
from tests.journeys.test_messages import move, waits

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "phone_app.py"


def loaded() -> Any:
    spec = importlib.util.spec_from_file_location("phone_app", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["phone_app"] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def bad_network(to: str, tricks: list[str]) -> Iterator[str]:
    """What lies between phone and hospital: each request takes the next trick, then all is well.
    `503` never arrives; `cut` arrives, and its answer is lost."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            trick = tricks.pop(0) if tricks else ""
            if trick == "503":
                self.send_response(503)
                self.send_header("content-length", "0")
                self.end_headers()
                return
            names = ("authorization", "content-type")
            headers = {name: self.headers[name] for name in names if self.headers[name]}
            answer = httpx.post(f"{to}{self.path}", content=body, headers=headers, trust_env=False)
            if trick == "cut":
                self.connection.close()
                return
            self.send_response(answer.status_code)
            self.send_header("content-type", answer.headers["content-type"])
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def enrolled(
    hospital: Hospital, patient: Patient, tmp_path: Path
) -> Iterator[Callable[[str], Any]]:
    """The app with a secret of its own, by a one-time code, held by the patient."""
    body = {"kind": "app", "label": "eksempel", "unit_id": hospital.unit, "minutes": 15}
    made = hospital.made(hospital.patients, "/v1/enrolment-codes", body, hospital.nurse)
    hospital.bind(patient.id, made["cred"])

    def app(intake: str) -> Any:
        phone = loaded().App(tmp_path / "phone.sqlite", intake, hospital.addresses["patients"])
        opened.enter_context(closing(phone))
        if not phone.kept.execute("select 1 from phone").fetchone():
            phone.enrol(made["code"])
        return phone

    with ExitStack() as opened:
        yield app


def test_nothing_is_lost_and_nothing_is_twice_on_a_bad_network(
    hospital: Hospital, patient: Patient, enrolled: Callable[[str], Any]
) -> None:
    before = len(hospital.readings(patient))
    with bad_network(hospital.addresses["ingest"], ["503", "cut"]) as intake:
        app = enrolled(intake)
        first = app.reading("body_weight", value=82.4)
        app.send()
        assert app.states() == {first: "waiting"}, "503 has taken nothing"
        app.send()
        assert app.states() == {first: "waiting"}, "the receipt was lost"
        second = app.reading("body_weight", value=9999)
        app.send(patience=20)

    assert app.states() == {first: "duplicate", second: "quarantined"}
    assert len(hospital.readings(patient)) == before + 1
    codes = [one["code"] for one in hospital.quarantined(_cred(hospital, patient))]
    assert codes == ["implausible"]


def test_a_form_that_is_red_by_itself_brings_the_numbers_at_once(
    hospital: Hospital, enrolled: Callable[[str], Any]
) -> None:
    app = enrolled(hospital.addresses["ingest"])
    form = app.answers("home-dialysis-daily", None, effluent="cloudy")
    app.send(patience=5)

    assert app.states()[form] == "stored"
    assert "113" in app.crisis(form)


def test_a_message_is_answered_and_the_app_knows_who_has_seen_what(
    hospital: Hospital, patient: Patient, enrolled: Callable[[str], Any]
) -> None:
    app = enrolled(hospital.addresses["ingest"])
    app.message("Kan jeg bade?")
    app.reading("body_weight", value=81.2)
    app.send(patience=5)
    row = waits(hospital, patient)

    told = app.messages(patient.id, patient.token)
    assert told["answered_by"]
    assert (told["messages"][0]["seen_at"], told["messages"][0]["answered_at"]) == (None, None)
    move(hospital, patient, "answer", row["version"], text="Ja")

    told = app.messages(patient.id, patient.token)
    assert told["messages"][0]["answered_at"]
    assert told["messages"][1]["text"] == "Ja"
    sent = app.seen(patient.id, patient.token)
    assert sent[0]["kind"] == "body_weight"
    assert sent[0]["seen_at"] is None


def test_it_runs_from_the_command_line(
    hospital: Hospital, patient: Patient, enrolled: Callable[[str], Any], tmp_path: Path
) -> None:
    enrolled(hospital.addresses["ingest"]).kept.close()
    place = ["--file", str(tmp_path / "phone.sqlite"), "--intake", hospital.addresses["ingest"]]
    place += ["--record", hospital.addresses["patients"]]

    done = subprocess.run(
        [sys.executable, str(EXAMPLE), *place, "weight", "80.5"],
        capture_output=True, text=True, timeout=60, check=False, env=toolkit.environment(),
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert list(json.loads(done.stdout).values()) == ["stored"]
    eventually(lambda: "80.5" in json.dumps(hospital.readings(patient)))


def _cred(hospital: Hospital, patient: Patient) -> str:
    path = f"/v1/patients/{patient.id}/bindings"
    found = hospital.patients.get(path, headers=hospital.nurse).json()["bindings"]
    return str(next(one["cred"] for one in found if one["cred"] != patient.cred))
