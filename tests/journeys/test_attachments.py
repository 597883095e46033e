"""A photo of a wound, from the telephone to the nurse, and who does not get to see it."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PIL import Image

from tests.journeys import photos
from tests.journeys.hospital import Hospital, Patient, bearer, eventually

WOUNDS = "chronic_wounds"


@pytest.fixture
def wounded(hospital: Hospital) -> Patient:
    """A patient in wound follow-up whom no other test uses."""
    since = (datetime.now(UTC) - timedelta(days=20)).isoformat(timespec="seconds")
    return hospital.new_patient(programme=WOUNDS, since=since, enrolled=since)


def listed(hospital: Hospital, patient: Patient) -> list[Any]:
    path = f"/v1/patients/{patient.id}/attachments"
    answer = hospital.patients.get(path, headers=hospital.nurse)
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["attachments"]
    return found


def test_a_photo_is_kept_promised_an_answer_and_shown_without_its_place(
    hospital: Hospital, wounded: Patient
) -> None:
    file = photos.photo()
    receipt = photos.sent(hospital, wounded, file, photos.about())

    assert receipt["result"] == "stored"
    assert receipt["ref"].startswith("Media/")
    by = datetime.fromisoformat(receipt["answer_by"])
    assert timedelta(days=1) < by - datetime.now(UTC) < timedelta(days=9)
    [one] = listed(hospital, wounded)
    assert datetime.fromisoformat(one["answer_by"]) == by
    assert (one["kind"], one["site"], one["answer"]) == ("wound_photo", "venstre hæl", None)
    assert (one["file"]["width"], one["file"]["height"]) == (1200, 900)

    shown = hospital.patients.get(one["url"], headers=hospital.nurse)
    small = hospital.patients.get(one["thumbnail"], headers=hospital.nurse)

    for answer in (shown, small):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert photos.PLACE.encode() not in answer.content
        Image.open(io.BytesIO(answer.content)).load()
    assert photos.PLACE.encode() in file
    log = hospital.patients.get(
        f"/v1/patients/{wounded.id}/access-log", headers=hospital.log_in("auditor")
    ).json()["looks"]
    assert [look["what"] for look in log].count("attachments") == 3


def test_the_nurses_page_shows_the_latest_beside_the_one_before(
    hospital: Hospital, wounded: Patient
) -> None:
    now = datetime.now(UTC)
    for days, colour in ((14, "green"), (7, "blue"), (0, "red")):
        taken = now - timedelta(days=days, seconds=5)
        photos.sent(hospital, wounded, photos.photo(colour), photos.about(taken=taken))

    page = hospital.alerts.get(f"/patients/{wounded.id}", headers=hospital.nurse)

    assert page.status_code == 200, page.text
    places = [
        piece.split('"')[0]
        for piece in page.text.split('src="')[1:]
        if piece.startswith(f"/patients/{wounded.id}/attachments/")
    ]
    assert len(places) == 2
    for place, red in zip(places, (True, False), strict=True):
        answer = hospital.alerts.get(place, headers=hospital.nurse)
        assert answer.status_code == 200
        pixel = Image.open(io.BytesIO(answer.content)).convert("RGB").getpixel((50, 50))
        assert isinstance(pixel, tuple)
        assert (pixel[0] > pixel[2]) is red
        whole = hospital.alerts.get(place.removesuffix("/thumbnail"), headers=hospital.nurse)
        assert whole.status_code == 200
        other = hospital.alerts.get(place, headers=hospital.log_in(units=[]))
        assert other.status_code == 404


def test_the_same_photo_again_is_a_duplicate_and_another_under_its_id_is_kept_too(
    hospital: Hospital, wounded: Patient
) -> None:
    said = photos.about()
    first = photos.sent(hospital, wounded, photos.photo("red"), said)
    again = photos.sent(hospital, wounded, photos.photo("red"), said)
    other = photos.sent(hospital, wounded, photos.photo("blue"), said)

    assert (again["result"], again["ref"]) == ("duplicate", first["ref"])
    assert again["answer_by"] == first["answer_by"]
    assert (other["result"], other["flags"]) == ("stored", ["id-reused"])
    assert other["ref"] != first["ref"]
    assert len(listed(hospital, wounded)) == 2


@pytest.mark.parametrize(
    ("file", "media_type", "status", "code"),
    [
        (b"GIF89a" + bytes(40), "image/jpeg", 415, "file-not-taken"),
        (b"<svg onload=alert(1)>", "image/png", 415, "file-not-taken"),
        (b"", "image/jpeg", 415, "file-not-taken"),
        (photos.photo(), "image/gif", 415, "media-type-not-taken"),
        (photos.photo(), "text/html", 415, "media-type-not-taken"),
        (bytes(20 * 1024 * 1024 + 1), "image/jpeg", 413, "too-large"),
    ],
    ids=["gif", "svg", "empty", "said to be gif", "said to be html", "too large"],
)
def test_what_is_no_photo_is_refused_with_what_to_send(
    hospital: Hospital, wounded: Patient, file: bytes, media_type: str, status: int, code: str
) -> None:
    answer = photos.upload(hospital, wounded, file, photos.about(), media_type)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert listed(hospital, wounded) == []


@pytest.mark.parametrize(
    ("about", "status"), [(None, 422), ("[]", 422), ("{", 400), ("x" * 5000, 422), ("{}", 200)]
)
def test_a_file_must_be_told_about(
    hospital: Hospital, wounded: Patient, about: str | None, status: int
) -> None:
    headers = {**bearer(wounded.secret), "content-type": "image/jpeg"}
    if about is not None:
        headers["hjemvakt-about"] = about
    file = photos.photo("yellow", (64, 64))

    answer = hospital.ingest.post("/v1/attachments", content=file, headers=headers)

    assert answer.status_code == status, answer.text
    if status == 200:
        [receipt] = answer.json()["results"]
        assert receipt["result"] == "quarantined"
        assert {one["path"] for one in receipt["errors"]} == {"id", "v", "at", "kind"}


def test_a_photo_that_broke_off_waits_for_a_person_and_no_half_of_it_is_shown(
    hospital: Hospital, wounded: Patient
) -> None:
    file = photos.photo()
    receipt = photos.sent(hospital, wounded, file[: len(file) // 2], photos.about())

    assert receipt["result"] == "quarantined"
    assert receipt["errors"] == [{"path": "file", "code": "unreadable"}]
    assert receipt["answer_by"] is None
    assert listed(hospital, wounded) == []
    [held] = hospital.quarantined(wounded.cred)
    replay = f"/v1/quarantine/{held['id']}/replay"
    assert hospital.patients.post(replay, headers=hospital.nurse).status_code == 200
    still = eventually(
        lambda: [one for one in hospital.quarantined(wounded.cred) if one["state"] == "waiting"]
    )
    assert still[0]["code"] == "unreadable"


def test_a_decompression_bomb_is_kept_away_from(hospital: Hospital, wounded: Patient) -> None:
    out = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(out, "PNG")
    assert len(out.getvalue()) < 100_000

    receipt = photos.sent(hospital, wounded, out.getvalue(), photos.about())

    assert receipt["result"] == "quarantined"
    assert receipt["errors"] == [{"path": "file.pixels", "code": "implausible"}]


def test_a_photo_of_an_unbound_telephone_is_released_to_who_gets_it(hospital: Hospital) -> None:
    patient = hospital.new_patient(programme=WOUNDS, bound=False)
    receipt = photos.sent(hospital, patient, photos.photo(), photos.about())
    assert (receipt["result"], receipt["answer_by"]) == ("quarantined", None)
    assert receipt["errors"] == [{"path": "device", "code": "unbound"}]

    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    hospital.bind(patient.id, patient.cred, since=since)

    [one] = listed(hospital, patient)
    shown = hospital.patients.get(one["url"], headers=hospital.nurse)
    assert shown.status_code == 200
    assert hospital.quarantined(patient.cred) == []


def test_one_in_quarantine_is_filed_by_hand(hospital: Hospital, wounded: Patient) -> None:
    cred, secret = hospital.new_credential()
    stray = Patient(wounded.id, cred, secret)
    photos.sent(hospital, stray, photos.photo("purple"), photos.about())
    [held] = hospital.quarantined(cred)
    [waiting] = held["readings"]
    assert (waiting["type"], waiting["kind"]) == ("attachment", "wound_photo")
    # Whose it is shows in the picture, so whoever is to file it may look at it.
    place = f"/v1/quarantine/{held['id']}/attachment"
    assert hospital.patients.get(place, headers=hospital.nurse).status_code == 200
    stranger = hospital.log_in(units=[])
    assert hospital.patients.get(place, headers=stranger).status_code == 404
    assert hospital.patients.get(place, headers=hospital.administrator).status_code == 403

    released = hospital.patients.post(
        f"/v1/quarantine/{held['id']}/bind",
        json={"patient_id": wounded.id},
        headers=hospital.nurse,
    )

    assert released.status_code == 200, released.text
    [one] = listed(hospital, wounded)
    assert one["source"] == cred
    assert hospital.patients.get(place, headers=hospital.nurse).status_code == 404


def test_nobody_else_gets_to_see_it(hospital: Hospital, wounded: Patient) -> None:
    photos.sent(hospital, wounded, photos.photo(), photos.about())
    [one] = listed(hospital, wounded)
    another = hospital.patient()
    unit = hospital.new_unit("Naboen", {"zone": "Europe/Oslo", "hours": []})
    strangers = {
        "another unit": hospital.log_in(units=[unit]),
        "another hospital": hospital.log_in(org="elsewhere"),
        "another patient": hospital.log_in("patient", units=[], patient=another.id),
    }
    own = hospital.log_in("patient", units=[], patient=wounded.id)

    assert hospital.patients.get(one["url"], headers=own).status_code == 200
    for headers in strangers.values():
        for path in (one["url"], one["thumbnail"]):
            answer = hospital.patients.get(path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "no-such-attachment")
    for role in ("administrator", "auditor"):
        assert hospital.patients.get(one["url"], headers=hospital.log_in(role)).status_code == 403
    assert hospital.patients.get(one["url"], headers=wounded.bearer).status_code == 401


def test_a_photo_of_somebody_else_is_withdrawn_and_gone_at_once(
    hospital: Hospital, wounded: Patient
) -> None:
    photos.sent(hospital, wounded, photos.photo(), photos.about())
    [one] = listed(hospital, wounded)
    own = f"/v1/patients/{wounded.id}/attachments/{one['id']}"

    answer = hospital.patients.post(
        f"{own}/void", json={"reason": "Viser en annen"}, headers=hospital.nurse
    )

    assert answer.status_code == 204, answer.text
    assert listed(hospital, wounded) == []
    places = (one["url"], one["thumbnail"])
    assert {hospital.patients.get(at, headers=hospital.nurse).status_code for at in places} == {404}
    on_page = f"/patients/{wounded.id}/attachments/{one['id']}"
    assert hospital.alerts.get(on_page, headers=hospital.nurse).status_code == 404
    page = hospital.alerts.get(f"/patients/{wounded.id}", headers=hospital.nurse)
    assert one["id"] not in page.text
    fhir = hospital.patients.get(f"/fhir/Media/{one['id']}", headers=hospital.nurse).json()
    assert fhir["status"] == "entered-in-error"
    assert "url" not in fhir["content"]
    again = hospital.patients.post(f"{own}/void", json={"reason": "x"}, headers=hospital.nurse)
    assert again.status_code == 409


def test_the_app_itself_may_withdraw_what_it_sent(hospital: Hospital, wounded: Patient) -> None:
    said = photos.about()
    photos.sent(hospital, wounded, photos.photo(), said)
    withdrawal = photos.about(replaces=said["id"], void=True, kind="wound")

    receipt = hospital.send_one(wounded, withdrawal)

    assert receipt["result"] == "voided", receipt
    assert listed(hospital, wounded) == []


def test_the_side_is_put_right_and_the_photo_stays(hospital: Hospital, wounded: Patient) -> None:
    photos.sent(hospital, wounded, photos.photo(), photos.about())
    [one] = listed(hospital, wounded)

    corrected = hospital.patients.post(
        f"/v1/patients/{wounded.id}/attachments/{one['id']}/correct",
        json={"site": "høyre hæl", "reason": "Feil side"},
        headers=hospital.nurse,
    )

    assert corrected.status_code == 201, corrected.text
    [now] = listed(hospital, wounded)
    assert (now["site"], now["id"]) == ("høyre hæl", corrected.json()["id"])
    assert now["id"] != one["id"]
    assert hospital.patients.get(now["url"], headers=hospital.nurse).status_code == 200
    assert hospital.patients.get(one["url"], headers=hospital.nurse).status_code == 404


def test_a_nurse_sends_a_photo_and_a_document_herself(hospital: Hospital, wounded: Patient) -> None:
    path = f"/v1/patients/{wounded.id}/attachments"
    taken = photos.about()["at"]

    def send(file: bytes, kind: str, media_type: str) -> Any:
        about = json.dumps({"kind": kind, "at": taken, "note": "Tatt på hjemmebesøk"})
        headers = {**hospital.nurse, "content-type": media_type, "hjemvakt-about": about}
        return hospital.patients.post(path, content=file, headers=headers)

    photo = send(photos.photo(), "photo", "image/jpeg")
    pdf = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF"
    document = send(pdf, "document", "application/pdf")
    wrong = send(pdf, "wound_photo", "application/pdf")

    assert (photo.status_code, document.status_code) == (201, 201), photo.text + document.text
    assert (wrong.status_code, wrong.json()["code"]) == (422, "attachment-is-not-usable")
    fetched = hospital.patients.get(document.json()["url"], headers=hospital.nurse)
    assert fetched.content == pdf
    assert fetched.headers["content-disposition"].startswith("attachment;")
    small = f"{document.json()['url']}/thumbnail"
    assert hospital.patients.get(small, headers=hospital.nurse).status_code == 404
    for resource in ("Media", "DocumentReference"):
        bundle = hospital.patients.get(
            f"/fhir/{resource}", params={"patient": wounded.id}, headers=hospital.nurse
        ).json()
        [entry] = bundle["entry"]
        made = entry["resource"]
        content = (
            made.get("content", {}) if resource == "Media" else made["content"][0]["attachment"]
        )
        got = hospital.patients.get(content["url"], headers=hospital.nurse)
        assert (got.status_code, got.headers["content-type"]) == (200, content["contentType"])


def test_an_answer_keeps_the_promise_and_the_patient_can_read_it(
    hospital: Hospital, wounded: Patient
) -> None:
    photos.sent(hospital, wounded, photos.photo("red"), photos.about())
    photos.sent(hospital, wounded, photos.photo("blue"), photos.about())
    latest = listed(hospital, wounded)[0]

    given = hospital.patients.post(
        f"/v1/patients/{wounded.id}/attachments/{latest['id']}/answer",
        json={"text": "Såret ser rent ut. Nytt bilde mandag."},
        headers=hospital.nurse,
    )

    assert given.status_code == 201, given.text
    own = hospital.log_in("patient", units=[], patient=wounded.id)
    path = f"/v1/patients/{wounded.id}/attachments"
    seen = hospital.patients.get(path, headers=own).json()["attachments"]
    assert {one["answer"]["text"] for one in seen} == {"Såret ser rent ut. Nytt bilde mandag."}


def test_a_promise_that_is_not_kept_is_on_the_worklist_until_somebody_answers(
    hospital: Hospital,
) -> None:
    """The photo came two weeks ago: promise and second promise are long over."""
    since = (datetime.now(UTC) - timedelta(days=20)).isoformat(timespec="seconds")
    patient = hospital.new_patient(programme=WOUNDS, since=since, enrolled=since)
    photos.sent(hospital, patient, photos.photo(), photos.about())
    row = eventually(lambda: hospital.row(patient))
    assert "answer" not in {one["group"] for one in row["alerts"]}
    waiting = eventually(lambda: hospital.row(patient)["answer_by"])
    assert datetime.fromisoformat(waiting) > datetime.now(UTC)
