"""A worsening reaches a person at night, whoever or whatever fails on the way."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from deploy.local import broker
from tests import sinks
from tests.journeys import device, system
from tests.journeys.hospital import DIALYSIS, NEVER, Hospital, Patient, eventually
from tests.sinks import MailSink, Post, WebSink

SOON = 5.0
LEASE = 30.0


@dataclass
class Night:
    """A hospital whose units nobody watches, and where its messages arrive."""

    hospital: Hospital
    web: WebSink
    mail: MailSink

    def unit(self, name: str, **changes: Any) -> str:
        """A unit with a ladder of its own, by addresses that bear its name."""
        unit = self.hospital.new_unit(name, NEVER)
        ladder = {**self.ladder(unit), **changes}
        self.put(unit, ladder)
        return unit

    def put(self, unit: str, ladder: Any, status: int = 200) -> Any:
        answer = self.hospital.patients.put(
            f"/v1/units/{unit}/ladder",
            json={"ladder": ladder, "reason": "prøve"},
            headers=self.hospital.administrator,
        )
        assert answer.status_code == status, answer.text
        return answer.json()

    def ladder(self, unit: str) -> dict[str, Any]:
        return {
            "channels": {
                "first": {"medium": "webhook", "to": f"{self.web.url}/{unit}/first"},
                "mail": {"medium": "email", "to": f"{unit}@sykehus.example"},
                "second": {"medium": "webhook", "to": f"{self.web.url}/{unit}/second"},
                "last": {"medium": "sms", "to": "+4790000009"},
            },
            "steps": [
                {
                    "name": "Vakt",
                    "after": {"red": "PT0S"},
                    "targets": [{"who": "Vaktsykepleier", "channels": ["first", "mail"]}],
                },
                {
                    "name": "Bakvakt",
                    "after": {"red": "PT4S"},
                    "targets": [{"who": "Bakvakt", "channels": ["second"]}],
                },
            ],
            "last": {
                "after": {"red": "PT1H"},
                "who": "Overlege",
                "phone": "+47 90 00 00 09",
                "channels": ["last"],
            },
        }

    def red(self, unit: str) -> tuple[Patient, float]:
        patient = self.hospital.new_patient(unit)
        self.hospital.send_one(patient, device.low_pressure())
        return patient, time.time()

    def alerts(self, patient: Patient, unit: str) -> list[Any]:
        nurse = self.hospital.log_in(units=[unit])
        answer = self.hospital.alerts.get(
            "/v1/alerts", params={"patient": patient.id}, headers=nurse
        )
        assert answer.status_code == 200, answer.text
        found: list[Any] = answer.json()["alerts"]
        return found

    def acknowledge(self, patient: Patient, unit: str) -> None:
        nurse = self.hospital.log_in(units=[unit])
        for alert in self.alerts(patient, unit):
            answer = self.hospital.move(alert, "acknowledge", nurse)
            assert answer.status_code == 200, answer.text

    def arrived(self, path: str, n: int = 1, within: float = SOON) -> list[Post]:
        return eventually(lambda: found if len(found := self.web.at(path)) >= n else None, within)


@pytest.fixture(scope="module")
def night() -> Iterator[Night]:
    if broker.find_mosquitto() is None:
        pytest.skip("Mosquitto is not installed: no journey was made")
    with (
        sinks.web() as web,
        sinks.mail() as mail,
        system.started(
            HJEMVAKT_PUBLIC_URL="https://hjemvakt.sykehus.example",
            HJEMVAKT_WEBHOOK_SECRET="en-hemmelighet-til-proving",
            HJEMVAKT_SMTP_URL=mail.url,
            HJEMVAKT_MAIL_FROM="hjemvakt@sykehus.example",
            HJEMVAKT_SMS_URL=f"{web.url}/sms",
            HJEMVAKT_SMS_BODY='{"to": "{to}", "text": "{text}", "reference": "{id}"}',
            HJEMVAKT_UNDELIVERED_AFTER="2",
        ) as hospital,
    ):
        hospital.seed(1)
        yield Night(hospital, web, mail)


def test_a_red_at_night_is_told_within_seconds_and_then_to_the_next(night: Night) -> None:
    unit = night.unit("Natt")
    patient, sent = night.red(unit)

    (first,) = night.arrived(f"/{unit}/first")
    (second,) = night.arrived(f"/{unit}/second", within=4 + SOON)

    assert first.at - sent < SOON
    assert 3.5 < second.at - first.at < 4 + SOON
    assert second.json["text"].startswith("Hjemvakt: Ingen har svart.")
    shown = eventually(
        lambda: next(
            (
                one
                for one in night.alerts(patient, unit)
                if [each["state"] for each in one["notified"]["deliveries"]] == ["delivered"] * 2
            ),
            None,
        )
    )
    assert (shown["notified"]["step"], shown["notified"]["of"]) == (2, 3)
    assert shown["notified"]["escalated_at"]
    assert shown["notified"]["next_at"]
    row = night.hospital.row(patient, night.hospital.log_in(units=[unit]), unit=unit)
    assert {one["escalated"]["step"] for one in row["alerts"] if one["escalated"]} == {2}


def test_who_has_answered_is_not_passed_over(night: Night) -> None:
    unit = night.unit("Svart")
    patient, _ = night.red(unit)
    night.arrived(f"/{unit}/first")

    night.acknowledge(patient, unit)
    time.sleep(6)

    assert night.web.at(f"/{unit}/second") == []


def test_with_the_provider_down_the_next_channel_tells(night: Night) -> None:
    unit = night.unit("Nede")
    night.web.statuses[f"/{unit}/first"] = 500
    patient, _ = night.red(unit)

    letter = eventually(
        lambda: next((one for one in night.mail.letters if unit in one["to"]), None), SOON
    )

    assert letter["message-id"].strip("<>").removesuffix("@hjemvakt") == (
        night.web.at(f"/{unit}/first")[0].delivery
    )
    night.acknowledge(patient, unit)


def test_what_reaches_nobody_is_a_technical_red_on_the_list(night: Night) -> None:
    unit = night.unit("Stille")
    for path in ("first", "second"):
        night.web.statuses[f"/{unit}/{path}"] = 500
    night.mail.refuses = 451
    try:
        night.red(unit)
        nurse = night.hospital.log_in(units=[unit])

        def alarm() -> Any:
            answer = night.hospital.alerts.get(
                "/v1/alerts", params={"state": "open"}, headers=nurse
            )
            found = answer.json()["alerts"]
            return next((one for one in found if one["rule"] == "undelivered"), None)

        shown = eventually(alarm, 25)
        listed = night.hospital.alerts.get(
            "/v1/deliveries", params={"unit": unit, "state": "failed"}, headers=nurse
        )
        assert (shown["lane"], shown["colour"], shown["unit"]["id"]) == ("technical", "red", unit)
        assert listed.json()["deliveries"]
    finally:
        night.mail.refuses = None
        night.web.statuses.clear()


def test_killed_between_sending_and_noting_it_sends_again_with_the_same_id(night: Night) -> None:
    unit = night.unit("Drept")
    night.web.hold = 3.0
    try:
        night.red(unit)
        night.arrived(f"/{unit}/first")
        os.kill(night.hospital.pid("alerts"), signal.SIGKILL)
    finally:
        night.web.hold = 0.0

    posts = night.arrived(f"/{unit}/first", 2, LEASE + 20)

    assert len({one.delivery for one in posts}) == 1


def test_a_ladder_with_a_gap_is_refused_and_a_whole_one_can_be_tried(night: Night) -> None:
    unit = night.unit("Prøve")
    gap = night.ladder(unit)
    days = {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "00:00", "to": "24:00"}
    for step in gap["steps"]:
        step["targets"][0]["hours"] = [days]

    refused = night.put(unit, gap, 422)
    tried = night.hospital.alerts.post(
        "/v1/deliveries/test", json={"unit": unit}, headers=night.hospital.administrator
    )

    assert (refused["code"], refused["day"], refused["from"]) == (
        "hour-is-uncovered", "sat", "00:00",
    )  # fmt: skip
    assert tried.status_code == 202
    (post,) = night.arrived(f"/{unit}/first")
    assert post.json["kind"] == "test"
    eventually(lambda: [one for one in night.mail.letters if unit in one["to"]], SOON)


def test_a_patient_who_agreed_to_it_is_reminded_by_sms_before_the_nurse_hears(
    night: Night,
) -> None:
    hospital = night.hospital
    unit = hospital.new_unit("SMS", NEVER)
    ladder = night.ladder(unit)
    ladder["channels"]["patients"] = {"medium": "sms", "to": "patient"}
    night.put(unit, {**ladder, "reminders": ["patients"]})
    nurse = hospital.log_in(units=[unit])
    new = {"name": "Test Testesen", "born": "1961-04-17", "unit_id": unit, "language": "nn",
           "phone": "900 00 042", "sms_reminders": True}  # fmt: skip
    made = hospital.made(hospital.patients, "/v1/patients", new, nurse)
    assert made["has_phone"] is True
    assert "phone" not in made
    due = datetime.now(ZoneInfo("Europe/Oslo")) + timedelta(seconds=5)  # not before he is enrolled
    item = {
        "id": "weight", "names": {"nb": "Vekt", "en": "Weight"}, "kind": "body_weight",
        "opens": "00:00", "due": due.strftime("%H:%M:%S"), "grace": "PT2H",
        "remind_after": "PT5S",
    }  # fmt: skip
    enrolment = {"programme": DIALYSIS, "plan": [item], "from": device.ago(3600).isoformat()}
    hospital.made(hospital.patients, f"/v1/patients/{made['id']}/enrolments", enrolment, nurse)

    def sent() -> list[Post]:
        return [one for one in night.web.at("/sms") if one.json["to"] == "+4790000042"]

    [reminder] = eventually(sent, 70)

    assert "ikkje fått" in reminder.json["text"]
    assert night.alerts(Patient(made["id"], "", ""), unit) == []
    for log in (hospital.directory / "logs").glob("*.log"):
        assert "90000042" not in log.read_text(), log.name


def test_nothing_that_was_sent_names_a_patient_or_a_value(night: Night) -> None:
    """Last of the module: over all that ever went out of it."""
    assert len(night.web.posts) > 5
    assert night.mail.letters
    found = night.hospital.patients.get(
        "/v1/patients", params={"limit": "200"}, headers=night.hospital.administrator
    ).json()["patients"]
    secret = [
        words
        for one in found
        for words in (one["id"], one["number"], one["name"], "Testesen", one["born"])
    ]
    secret += ["84", "mmHg", "blodtrykk", "dialyse", "systolic", "blood", "1961"]
    secret += [night.hospital.seeded["patients"][0]["identifier"]["value"]]
    for post in night.web.posts:
        # Ids of units and deliveries are ours and random; the rest is words.
        said = post.json.get("text", "") + str(sorted(post.json))
        everything = post.body.decode() + post.path
        assert not [one for one in secret if len(one) > 2 and one in everything.lower()]
        assert not [one for one in secret if one.lower() in _words_of(said)]
    for letter in night.mail.letters:
        said = letter.as_string()
        assert not [one for one in secret if len(one) > 4 and one in said]


def _words_of(text: str) -> str:
    """Without the link, whose id is random and may hold any two digits."""
    return " ".join(one for one in text.lower().split() if not one.startswith("https://"))
