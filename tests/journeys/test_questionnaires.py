"""Questionnaires end to end: answered, scored, red at once, and not for everybody to read."""

import time
import uuid
from typing import Any

import pytest

from tests.journeys import device
from tests.journeys.hospital import ALWAYS, NEVER, Hospital, Patient, eventually

ANXIETY = "anxiety_ocd_pro"
FHIR = {"content-type": "application/fhir+json"}
PATH = "/fhir/QuestionnaireResponse"
OFTEN, SEVERAL, NEVER_AT_ALL = "LA6570-1", "LA6569-3", "LA6568-5"
AT_ONCE = 5.0  # seconds from the answer to the alert
NEUTRAL = "Varsel i et annet program. Spør en kollega med tilgang."


def form(name: str, answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = device.item("questionnaire", {}, questionnaire=name, answers=answers, **more)
    del made["values"]
    return made


def phq9(**points: Any) -> dict[str, Any]:
    """All nine at 0, but for what is given as item_9=…; None leaves one out."""
    answers: dict[str, Any] = {f"item-{n}": NEVER_AT_ALL for n in range(1, 10)}
    answers |= {link.replace("_", "-"): one for link, one in points.items()}
    return {link: one for link, one in answers.items() if one is not None}


class Clinic:
    """A unit whose patients are in a sensitive programme, and two nurses of whom one may read."""

    def __init__(self, hospital: Hospital, hours: Any) -> None:
        self.hospital = hospital
        self.unit = hospital.new_unit("Angst", hours)
        made = {"name": "Kari Tillit", "role": "nurse", "units": [self.unit], "groups": [ANXIETY]}
        staff = hospital.made(hospital.patients, "/v1/staff", made, hospital.administrator)
        assert staff["groups"] == [ANXIETY]
        answer = hospital.patients.post("/development/token", json={"staff": staff["id"]})
        self.nurse = {"authorization": f"Bearer {answer.json()['token']}"}
        self.other = hospital.log_in(units=[self.unit])

    def patient(self, days: int = 1, programme: str = ANXIETY) -> Patient:
        since = device.ago(days * 86_400).isoformat(timespec="seconds")
        return self.hospital.new_patient(
            self.unit, programme=programme, since=since, enrolled=since
        )

    def alert(self, patient: Patient, rule: str, nurse: Any = None) -> Any:
        def found() -> Any:
            row = self.hospital.row(patient, nurse or self.nurse, unit=self.unit)
            alerts = row["alerts"] if row else ()
            return next((one for one in alerts if one["rule"] == rule), None)

        return eventually(found, 10)


@pytest.fixture(scope="module")
def clinic(hospital: Hospital) -> Clinic:
    return Clinic(hospital, NEVER)


def test_forms_are_served_with_the_state_of_their_licence(hospital: Hospital) -> None:
    answer = hospital.patients.get("/fhir/Questionnaire", headers=hospital.nurse)
    found = {entry["resource"]["id"]: entry["resource"] for entry in answer.json()["entry"]}

    assert found["phq-9"]["status"] == "active"
    assert found["phq-9"]["item"][0]["item"][8]["linkId"] == "item-9"
    assert found["home-dialysis-daily"]["status"] == "active"
    assert (found["kccq-12"]["status"], "item" in found["kccq-12"]) == ("draft", False)
    [licence] = found["kccq-12"]["extension"]
    said = {one["url"]: [*one.values()][1] for one in licence["extension"]}
    assert (said["may-ship"], said["wording"]) == ("no", "missing")
    stub = hospital.patients.get("/fhir/Questionnaire/kccq-12", headers=hospital.nurse).json()
    assert stub["item"]
    assert "text" not in stub["item"][0]


def test_a_red_answer_alerts_at_once_and_the_sender_is_told_whom_to_call(
    hospital: Hospital, clinic: Clinic
) -> None:
    patient = clinic.patient()
    sent = form("phq-9", {"item-9": SEVERAL}, status="in-progress")

    began = time.monotonic()
    receipt = hospital.send_one(patient, sent)
    alert = clinic.alert(patient, "mh-1-red")

    assert time.monotonic() - began < AT_ONCE
    assert (receipt["result"], alert["colour"]) == ("stored", "red")
    assert receipt["ref"].startswith("QuestionnaireResponse/")
    crisis = receipt["crisis"]
    assert [one["number"] for one in crisis["numbers"]] == ["113", "116117", "116123"]
    assert (crisis["watched_now"], receipt["watch"]["now"]) == (False, False)
    assert crisis["nb"].startswith("Ingen leser svaret ditt akkurat nå.")
    for lang in ("nb", "nn", "en"):
        assert all(number in crisis[lang] for number in ("113", "116 117", "116 123"))

    again = hospital.send_one(patient, sent)
    assert (again["result"], again["crisis"]) == ("duplicate", crisis)
    with hospital.device(patient) as app:
        over_mqtt = app.ask(form("phq-9", {"item-9": 2}))
    assert over_mqtt["crisis"]["numbers"] == crisis["numbers"]
    assert "crisis" not in hospital.send_one(patient, form("phq-9", phq9()))


def test_a_fhir_answer_that_is_red_carries_the_same_words(
    hospital: Hospital, clinic: Clinic
) -> None:
    patient = clinic.patient()
    sent = response(patient, "phq-9", {"item-9": {"valueCoding": {"code": OFTEN}}})

    answer = hospital.ingest.post(PATH, json=sent, headers=patient.bearer | FHIR)

    assert answer.status_code == 201
    crisis = answer.json()["issue"][-1]
    assert (crisis["severity"], crisis["details"]["coding"][0]["code"]) == ("information", "crisis")
    assert "116 123" in crisis["details"]["text"]
    numbers = [each["valueContactPoint"]["value"] for each in crisis["extension"]]
    assert numbers == ["113", "116117", "116123"]
    assert clinic.alert(patient, "mh-1-red-often")["emergency"]

    batch = device.bundle("batch", response(patient, "phq-9", {"item-9": {"valueInteger": 3}}))
    [entry] = hospital.ingest.post("/fhir", json=batch, headers=patient.bearer | FHIR).json()[
        "entry"
    ]
    assert entry["response"]["status"] == "202 Accepted"
    codes = [one["details"]["coding"][0]["code"] for one in entry["response"]["outcome"]["issue"]]
    assert codes == ["bad-value", "crisis"]


def test_a_red_answer_in_a_form_that_is_set_aside_is_a_red_alert_all_the_same(
    hospital: Hospital, clinic: Clinic
) -> None:
    patient = clinic.patient()

    began = time.monotonic()
    receipt = hospital.send_one(patient, form("PHQ-9", phq9(item_3="sometimes", item_9=OFTEN)))
    alert = clinic.alert(patient, "held-red")

    assert time.monotonic() - began < AT_ONCE
    assert receipt["result"] == "quarantined"
    assert receipt["errors"] == [{"path": "answers.item-3", "code": "unknown-code"}]
    assert "116 123" in receipt["crisis"]["nb"]
    assert (alert["colour"], alert["lane"]) == ("red", "clinical")
    scores = hospital.alerts.get(
        "/v1/scores", params={"patient": patient.id}, headers=clinic.nurse
    ).json()
    assert scores["questionnaires"] == []

    nobodys = Patient("", *hospital.new_credential(clinic.unit))
    assert hospital.send_one(nobodys, form("phq-9", phq9(item_9=3)))["crisis"]

    def on_the_platform() -> Any:
        found = hospital.alerts.get(
            "/v1/alerts", params={"patient": str(uuid.UUID(int=0))}, headers=clinic.nurse
        ).json()["alerts"]
        return [one for one in found if one["rule"] == "held-red"]

    assert eventually(on_the_platform, 10)[0]["colour"] == "red"


def test_scores_come_out_with_what_they_are_made_of(hospital: Hospital, clinic: Clinic) -> None:
    patient = clinic.patient(days=40)
    earlier = form("phq-9", phq9(item_1=3, item_2=3), at=device.ago(28 * 86_400))
    newest = form("phq-9", phq9(item_1=3, item_2=3, item_3=OFTEN, item_4=3))
    receipts = hospital.send(patient, earlier, newest)
    fact = receipts[1]["ref"]

    def scored() -> Any:
        found = hospital.alerts.get(
            "/v1/scores", params={"patient": patient.id}, headers=clinic.nurse
        ).json()["questionnaires"]
        return found if found and found[0]["fact"] == fact.split("/")[1] else None

    [phq] = eventually(scored, 10)
    assert (phq["instrument"], phq["version"], phq["total"], phq["complete"]) == (
        "phq-9", "1.0", 11, True,
    )  # fmt: skip
    assert (phq["band"]["name"], phq["missing"]) == ("moderate", [])
    assert phq["derivedFrom"] == [{"reference": fact}]
    assert phq["inputs"]["item-3"]["value"] == [OFTEN]
    assert phq["inputs"]["item-3"]["age_seconds"] < 60
    assert (phq["previous"]["total"], phq["change"]["by"]) == (6, 5)
    assert len(phq["change"]["matters"]) == 4

    [observation] = hospital.patients.get(
        "/fhir/Observation",
        params={"patient": patient.id, "code": "http://loinc.org|44261-6", "_count": 1},
        headers=clinic.nurse,
    ).json()["entry"]
    resource = observation["resource"]
    assert resource["valueQuantity"]["value"] == 11
    assert resource["derivedFrom"] == [{"reference": fact}]
    again = hospital.patients.get(f"/fhir/Observation/{resource['id']}", headers=clinic.nurse)
    assert again.json() == resource

    page = hospital.alerts.get(f"/patients/{patient.id}", headers=clinic.nurse).text
    assert "sum 11" in page
    assert "+5 siden sist" in page
    assert "Several days" in page or "More than half the days" in page


def test_what_we_hand_out_can_be_handed_in_again(hospital: Hospital, clinic: Clinic) -> None:
    patient = clinic.patient()
    sent = form("phq-9", phq9(item_2=2, item_9=None))
    kept = hospital.send_one(patient, sent)["ref"].split("/")[1]
    exported = hospital.patients.get(f"{PATH}/{kept}", headers=clinic.nurse).json()
    by_link = {item["linkId"]: item["answer"][0] for item in exported["item"]}
    assert by_link["item-2"]["valueCoding"]["code"] == OFTEN
    assert by_link["item-2"]["valueCoding"]["system"] == "http://loinc.org"

    exported["identifier"] = {"system": "urn:example:elsewhere", "value": str(uuid.uuid4())}
    answer = hospital.ingest.post(PATH, json=exported, headers=patient.bearer | FHIR)

    assert answer.status_code == 201, answer.text
    other = answer.headers["location"].rpartition("/")[2]
    second = hospital.patients.get(f"{PATH}/{other}", headers=clinic.nurse).json()
    assert second["item"] == exported["item"]
    assert second["questionnaire"] == exported["questionnaire"]
    scores = [
        hospital.patients.get(f"/fhir/Observation/score-{one}", headers=clinic.nurse).json()
        for one in (kept, other)
    ]
    assert "valueQuantity" not in scores[0]
    assert scores[0]["component"] == scores[1]["component"]


def test_the_calculator_scores_any_instrument_and_stores_nothing(hospital: Hospital) -> None:
    def ask(slug: str, **body: Any) -> Any:
        return hospital.alerts.post(f"/v1/scores/{slug}", json=body, headers=hospital.nurse)

    whole = ask("phq-9", answers=phq9(item_1=3, item_9=1)).json()
    assert (whole["total"], whole["band"]["name"], whole["missing"]) == (4, "minimal", [])
    assert [(one["item"], one["state"]) for one in whole["flags"]] == [("item-9", "raised")]
    part = ask("phq-9", answers={"item-1": 3}).json()
    assert (part["total"], part["lower_bound"], part["upper_bound"]) == (None, 3, 27)
    assert [(one["item"], one["state"]) for one in part["flags"]] == [("item-9", "unknown")]
    three = {"item-1": 1, "item-2": 1, "item-3": 1}
    assert ask("audit-c", answers=three).json()["sex_needed"]
    assert ask("audit-c", answers=three, sex="female").json()["band"]["name"] != "low"

    assert ask("phq-10", answers={"item-1": 1}).status_code == 404
    wrong = ask("phq-9", answers={"item-1": 7, "item-2": "often", "q": 1, "item-9": 3})
    assert wrong.status_code == 422
    assert [(one["path"], one["code"]) for one in wrong.json()["errors"]] == [
        ("answers.item-1", "implausible"),
        ("answers.item-2", "unknown-code"),
        ("answers.?", "unknown-field"),
    ]


def test_a_sensitive_programme_is_read_by_its_group_and_hidden_from_nobody(
    hospital: Hospital, clinic: Clinic
) -> None:
    patient = clinic.patient()
    receipt = hospital.send_one(patient, form("phq-9", phq9(item_9=3)))
    alert = clinic.alert(patient, "mh-1-red-often-points")

    row = hospital.row(patient, clinic.other, unit=clinic.unit)

    assert (row["colour"], row["reason"], row["programme"]) == ("red", NEUTRAL, "")
    assert {one["reason"]["nb"] for one in row["alerts"]} == {NEUTRAL}
    assert {one["colour"] for one in row["alerts"]} >= {"red"}
    for text in (
        hospital.alerts.get(f"/patients/{patient.id}", headers=clinic.other).text,
        hospital.alerts.get("/", params={"unit": clinic.unit}, headers=clinic.other).text,
        hospital.alerts.get(f"/v1/alerts/{alert['id']}", headers=clinic.other).text,
        hospital.alerts.get(
            "/v1/scores", params={"patient": patient.id}, headers=clinic.other
        ).text,
    ):
        assert "selvskading" not in text
        assert "PHQ-9 spørsmål" not in text
    fact = receipt["ref"].split("/")[1]
    assert hospital.patients.get(f"{PATH}/{fact}", headers=clinic.other).status_code == 404
    assert hospital.patients.get(f"{PATH}/{fact}", headers=clinic.nurse).status_code == 200
    readings = hospital.patients.get(
        f"/v1/patients/{patient.id}/readings", headers=clinic.other
    ).json()["readings"]
    assert [one for one in readings if "answers" in one] == []

    closing = {"note": "Ringt", "outcome": "useful"}
    refused = hospital.move(alert, "close", clinic.other, **closing)
    assert (refused.status_code, refused.json()["code"]) == (403, "not-your-group")
    now = hospital.alerts.get(f"/v1/alerts/{alert['id']}", headers=clinic.nurse).json()
    assert hospital.move(now, "close", clinic.nurse, **closing).status_code == 200


def test_a_number_that_is_red_is_red_as_a_whole_number_too(
    hospital: Hospital, clinic: Clinic
) -> None:
    patient = clinic.patient(programme="substance_use")
    asked = hospital.patients.get("/fhir/Questionnaire/substance-weekly", headers=hospital.nurse)
    assert '"missed-doses"' in asked.text

    receipt = hospital.send_one(patient, form("substance-weekly", {"missed-doses": 3}))

    assert receipt["crisis"]
    row = eventually(lambda: hospital.row(patient, clinic.other, unit=clinic.unit), 10)
    eventually(lambda: hospital.row(patient, clinic.other, unit=clinic.unit)["colour"] == "red", 10)
    assert row["programme"] == ""


def response(patient: Patient, name: str, answers: dict[str, Any]) -> dict[str, Any]:
    made = device.answers(patient.id)
    made["questionnaire"] = f"https://hjemvakt.example/fhir/Questionnaire/{name}"
    made["item"] = [{"linkId": link, "answer": [one]} for link, one in answers.items()]
    return made


def test_a_watched_unit_says_that_somebody_may_be_there(hospital: Hospital) -> None:
    watched = Clinic(hospital, ALWAYS)
    receipt = hospital.send_one(watched.patient(), form("phq-9", {"item-9": 1}))
    assert receipt["crisis"]["watched_now"] is True
    assert receipt["crisis"]["nb"].startswith("Det kan være at ingen leser svaret ditt")
