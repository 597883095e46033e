"""A hospital's own folder: a programme nobody had thought of, and a version of its own of one that
we ship. Only text is edited; the services read it when they start.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from deploy.local import broker, ports
from shared.programmes import SHIPPED, load
from tests.journeys import device, hospital, system
from tests.journeys.hospital import DIALYSIS, Hospital, Patient, eventually
from tests.programmes.spoiling import spoil

NEW = "gestational_diabetes"
FORM = "https://hjemvakt.example/fhir/Questionnaire/gestational-diabetes-daily"
OLD = load(DIALYSIS).version
OWN = f"{OLD}-nyre"
OTHERWISE = (
    "diastolic 112",
    "above 160 in two of three readings",
    "168 after two readings inside the limit",
    "a retake ten minutes later is the same sitting",
)
OSLO = ZoneInfo("Europe/Oslo")
DAY = 86_400.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The new programme, and home dialysis with red from 150 instead of 180."""
    own = tmp_path_factory.mktemp("programmes")
    shutil.copytree(Path(__file__).parent / NEW, own / NEW)
    shutil.copytree(SHIPPED / DIALYSIS, own / DIALYSIS)
    text = (own / DIALYSIS / "programme.toml").read_text()
    before, _, after = text.partition('name = "systolic_red_high"')
    assert "default = 180" in after
    text = (
        before + 'name = "systolic_red_high"' + after.replace("default = 180", "default = 150", 1)
    )
    (own / DIALYSIS / "programme.toml").write_text(text)
    spoil(own / DIALYSIS, "programme.toml", f'version = "{OLD}"', f'version = "{OWN}"')
    changed = command("programmes", "check", str(own))
    assert changed.returncode == 1
    assert "the case “diastolic 112” goes otherwise: hd-5-red-high speaks" in changed.stdout
    for case in OTHERWISE:  # they are about something else than the number that was changed
        named = f'name = "{case}"\n'
        spoil(own / DIALYSIS, "cases.toml", named, named + "limits = { systolic_red_high = 180 }\n")
    return own


@pytest.fixture(scope="module")
def ward(folder: Path) -> Iterator[Hospital]:
    if broker.find_mosquitto() is None:
        pytest.skip("Mosquitto is not installed: no journey through the running system was made")
    with system.started(HJEMVAKT_PROGRAMMES=str(folder)) as running:
        running.seed(1)
        yield running


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*hospital.COMMAND, *arguments],
        capture_output=True, text=True, timeout=60, env=hospital.environment(), check=False,
    )  # fmt: skip


def patient(ward: Hospital, programme: str, days: float = 30, plan: Any = ()) -> Patient:
    """With a device, enrolled so many days ago; nothing is expected unless a plan is given."""
    since = device.ago(days * DAY).isoformat(timespec="seconds")
    new = {"name": "Test Testesen", "born": "1991-04-17", "unit_id": ward.unit}
    id_ = ward.made(ward.patients, "/v1/patients", new, ward.nurse)["id"]
    enrolment = {"programme": programme, "from": since, "plan": list(plan)}
    ward.made(ward.patients, f"/v1/patients/{id_}/enrolments", enrolment, ward.nurse)
    cred, secret = ward.new_credential(ward.unit)
    ward.bind(id_, cred, since=since)
    return Patient(id_, cred, secret)


def glucose(value: float, **more: Any) -> Any:
    return device.item("glucose", {"value": value}, **more)


def asked(ward: Hospital, **body: Any) -> Any:
    answer = ward.alerts.post("/v1/what-if", json=body, headers=ward.nurse)
    assert answer.status_code == 200, answer.text
    return answer.json()


def why(ward: Hospital, who: Patient, receipt: Any, rule: str) -> Any:
    fact = receipt["ref"].removeprefix("Observation/")
    answer = ward.alerts.get(
        "/v1/why-not", params={"patient": who.id, "fact": fact}, headers=ward.nurse
    )
    assert answer.status_code == 200, answer.text
    return next(one for one in answer.json()["rules"] if one["rule"] == rule)


def soon_overdue() -> Any:
    """A plan with a glucose that is due in a few seconds, without grace."""
    due = datetime.now(OSLO) + timedelta(seconds=4)
    return {
        "id": "glucose-now", "names": {"nb": "Blodsukker", "en": "Glucose"}, "kind": "glucose",
        "opens": "00:00", "due": due.strftime("%H:%M:%S"), "grace": "PT0S",
    }  # fmt: skip


def test_a_new_programme_is_a_folder_and_nothing_else(ward: Hospital, folder: Path) -> None:
    checked = command("programmes", "check", str(folder))
    assert checked.returncode == 0, checked.stderr
    page = command("programmes", "describe", NEW, "--dir", str(folder))
    assert page.returncode == 0, page.stderr
    assert "Svangerskapsdiabetes" in page.stdout
    assert "11" in page.stdout

    known = ward.patients.get("/v1/programmes", headers=ward.nurse).json()["programmes"]
    assert NEW in {one["slug"] for one in known}

    who = patient(ward, NEW)
    first = ward.send_one(who, glucose(7.4, at=device.ago(2 * DAY)))
    calm = ward.send_one(who, glucose(5.2, at=device.ago(DAY)))
    high = ward.send_one(who, glucose(11.4))
    assert {one["result"] for one in (first, calm, high)} == {"stored"}
    alert = ward.alert(who, "glucose")
    assert alert["colour"] == "red"
    assert ward.alert_now(alert)["reason"] == "Blodsukker 11,4 (grense 11,0)"
    assert ward.alert_now(alert)["programme_version"] == "1.0"

    assert ward.row(who, programme=NEW)["programme"] == NEW
    assert ward.row(who, programme=DIALYSIS) is None
    told = why(ward, who, calm, "glucose-yellow-high")
    assert (told["programme"], told["why"]) == (NEW, "not-beyond")
    tried = asked(ward, programme=NEW, days=7, patient=who.id, limits={"glucose_red_high": 12})
    assert (tried["readings"], tried["counts"]["vanished"] + tried["counts"]["milder"]) == (3, 1)


def test_the_new_programmes_form_is_held_to_its_options_and_judged(ward: Hospital) -> None:
    who = patient(ward, NEW)
    sent = device.answers(who.id, movements="less") | {"questionnaire": FORM}
    headers = who.bearer | {"content-type": "application/fhir+json"}

    stored = ward.ingest.post("/fhir/QuestionnaireResponse", json=sent, headers=headers)
    other = device.answers(who.id, movements="none") | {"questionnaire": FORM}
    held = ward.ingest.post("/fhir/QuestionnaireResponse", json=other, headers=headers)

    assert (stored.status_code, held.status_code) == (201, 202)
    assert ward.alert(who, "symptoms")["colour"] == "red"


def test_the_new_programmes_silence_is_told(ward: Hospital) -> None:
    who = patient(ward, NEW, days=0.9, plan=[soon_overdue()])

    alert = ward.alert(who, "missing", within=20)

    assert alert["lane"] == "technical"
    assert ward.alert_now(alert)["cause"] == "patient"


def test_an_activated_version_judges_from_then_on_and_the_one_before_what_was_before(
    ward: Hospital,
) -> None:
    before = patient(ward, DIALYSIS)
    ward.send_one(before, device.pressure(165, at=device.ago(3 * DAY)))
    own = ward.alert(before, "blood-pressure")
    assert ward.alert_now(own)["programme_version"] == OWN

    tried = asked(ward, programme=DIALYSIS, days=7, patient=before.id, version=OLD)
    assert (tried["version"], tried["tried_version"]) == (OWN, OLD)
    assert (tried["counts"]["vanished"], tried["counts"]["new"]) == (1, 0)

    who = patient(ward, DIALYSIS)
    path, chosen = f"/v1/programmes/{DIALYSIS}/activate", {"version": OLD, "reason": "Fagrådet"}
    refused = ward.patients.post(
        path, json={**chosen, "what_if_shown": True}, headers=ward.log_in("physician")
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "what-if-is-not-shown")
    asked(ward, programme=DIALYSIS, days=7, version=OLD)
    ward.made(ward.patients, path, chosen, ward.log_in("physician"))
    calm = ward.send_one(who, device.pressure(165))
    late = ward.send_one(who, device.pressure(166, at=device.ago(2 * DAY)))

    alert = ward.alert(who, "blood-pressure")
    shown = ward.alert_now(alert)
    assert shown["programme_version"] == OWN
    assert shown["reason"] == "Systolisk 166 (grense 150)"
    now = eventually(lambda: why(ward, who, calm, "hd-5-red-high"))
    assert (now["programme_version"], now["why"]) == (OLD, "not-beyond")
    then = why(ward, who, late, "hd-5-red-high")
    assert (then["programme_version"], then["why"]) == (OWN, "spoke")


def test_a_broken_folder_is_refused_with_its_line_and_what_runs_goes_on(
    ward: Hospital, folder: Path
) -> None:
    rules = (folder / NEW / "rules.toml").read_text()
    line = 1 + rules[: rules.index('kind = "coded"')].count("\n")
    spoil(folder / NEW, "rules.toml", 'kind = "coded"', 'kind = "codded"')
    try:
        checked = command("programmes", "check", str(folder))
        started = subprocess.run(
            [sys.executable, "-P", "-m", "services.alerts", "--port", str(ports.free_port())],
            capture_output=True, text=True, timeout=60, check=False,
            env=hospital.environment() | {
                "HJEMVAKT_PROGRAMMES": str(folder), "HJEMVAKT_MODE": "test",
                "HJEMVAKT_IDENTITY_KEY": "00" * 32,
                "HJEMVAKT_DATABASE_ALERTS": ward.addresses["database"],
            },
        )  # fmt: skip
        who = patient(ward, NEW)
        ward.send_one(who, glucose(2.4))
        alert = ward.alert(who, "glucose")
    finally:
        (folder / NEW / "rules.toml").write_text(rules)

    assert checked.returncode != 0
    for said in (checked.stderr + checked.stdout, started.stderr):
        assert f"rules.toml, line {line}" in said or f"rules.toml, line {line - 1}" in said, said
        assert "movements" in said
        assert "Traceback" not in said
    assert started.returncode == 2
    assert alert["colour"] == "red"


def test_nobody_may_activate_what_is_not_loaded(ward: Hospital) -> None:
    refused = ward.patients.post(
        f"/v1/programmes/{NEW}/activate",
        json={"version": "9", "what_if_shown": True, "reason": "x"},
        headers=ward.log_in("physician"),
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "version-is-not-loaded")
