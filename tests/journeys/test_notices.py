"""A patient's phone is told that there is an answer, and is forgotten when it is gone."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from deploy.local import broker
from tests import push_service
from tests.journeys import system
from tests.journeys.hospital import Hospital, Patient, eventually
from tests.journeys.test_messages import move, waits, write
from tests.push_service import Phone, PushService


@pytest.fixture(scope="module")
def service() -> Iterator[PushService]:
    with push_service.started() as started:
        yield started


@pytest.fixture(scope="module")
def told(service: PushService) -> Iterator[Hospital]:
    if broker.find_mosquitto() is None:
        pytest.skip("Mosquitto is not installed: no journey was made")
    with system.started(
        HJEMVAKT_PUSH_HOSTS=service.host, HJEMVAKT_PUSH_CA=str(service.certificate)
    ) as hospital:
        hospital.seed(4)
        yield hospital


def ask(hospital: Hospital, patient: Patient, phone: Phone, path: str = "") -> httpx.Response:
    body: dict[str, Any] = dict(phone.subscription)
    if path:
        del body["keys"]
    headers = {"authorization": f"Bearer {patient.token}"}
    return hospital.patients.post(f"/me/notices{path}", json=body, headers=headers)


def answer(hospital: Hospital, patient: Patient) -> None:
    write(hospital, patient, "Hei")
    move(hospital, patient, "answer", waits(hospital, patient)["version"], text="Hemmelig svar")


def test_every_phone_that_asked_is_told_and_nothing_is_said_of_what(
    told: Hospital, service: PushService
) -> None:
    patient, phones = told.patient(), [service.phone(), service.phone()]
    for phone in phones:
        assert ask(told, patient, phone).status_code == 200

    answer(told, patient)

    for phone in phones:
        [post] = eventually(lambda phone=phone: service.posts(phone))  # type: ignore[misc]
        said = phone.read(post.body).decode()
        assert "Du har fått svar" in said
        assert "Hemmelig" not in said


def test_a_phone_that_asks_no_more_is_told_no_more(told: Hospital, service: PushService) -> None:
    patient, on, off = told.patient(), service.phone(), service.phone()
    for phone in (on, off):
        ask(told, patient, phone)
    ended = ask(told, patient, off, "/end")
    assert ended.json() == {"told": False, "ended": True}

    answer(told, patient)

    eventually(lambda: service.posts(on))
    assert service.posts(off) == []


def test_a_phone_that_its_service_knows_no_more_is_forgotten(
    told: Hospital, service: PushService
) -> None:
    patient, gone, there = told.patient(), service.phone(410), service.phone()
    for phone in (gone, there):
        ask(told, patient, phone)
    answer(told, patient)
    eventually(lambda: service.posts(there) and service.posts(gone))

    answer(told, patient)

    eventually(lambda: len(service.posts(there)) == 2)
    assert len(service.posts(gone)) == 1
    assert ask(told, patient, gone, "/end").json()["ended"] is False


def test_an_address_inside_the_hospital_is_refused(told: Hospital) -> None:
    patient = told.patient()
    for endpoint in ("https://127.0.0.1/x", "http://localhost/x", "https://fcm.googleapis.com/x"):
        refused = ask(told, patient, Phone(endpoint))
        assert (refused.status_code, refused.json()["code"]) == (422, "not-a-push-address")
