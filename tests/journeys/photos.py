"""Photos as a telephone takes them, and what an app does with them."""

import io
import json
import uuid
from datetime import datetime
from typing import Any

import httpx
from PIL import Image

from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient, bearer

PLACE = "67.2804 N 14.4049 E"


def photo(colour: str = "red", size: tuple[int, int] = (1200, 900), form: str = "JPEG") -> bytes:
    """With the place where it was taken, as telephones write it."""
    exif = Image.Exif()
    exif[0x010E] = PLACE
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, form, exif=exif)
    return out.getvalue()


def about(**more: Any) -> dict[str, Any]:
    taken: datetime = more.pop("taken", device.ago(2))
    return {
        "v": 1,
        "id": str(uuid.uuid4()),
        "kind": "wound_photo",
        "at": taken.isoformat(timespec="milliseconds"),
        "site": "venstre hæl",
        "context": {"ruler": True, "light": True},
        **more,
    }


def upload(
    hospital: Hospital,
    patient: Patient,
    file: bytes,
    said: dict[str, Any] | None,
    media_type: str = "image/jpeg",
) -> httpx.Response:
    headers = {**bearer(patient.secret), "content-type": media_type}
    if said is not None:
        headers["hjemvakt-about"] = json.dumps(said)
    return hospital.ingest.post("/v1/attachments", content=file, headers=headers)


def sent(hospital: Hospital, patient: Patient, file: bytes, said: dict[str, Any]) -> Any:
    """The receipt."""
    answer = upload(hospital, patient, file, said)
    assert answer.status_code == 200, answer.text
    [receipt] = answer.json()["results"]
    return receipt
