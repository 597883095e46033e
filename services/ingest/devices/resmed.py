"""A ResMed card's summary of nights (STR.edf), read by the labels of its signals.

Models write from 78 to 97 signals, in their own order; what a model does not write is absent. A
record is one day from noon to noon, Norwegian time; -1 is nothing. Used in a process of its own
(services/ingest/card.py): a card is a stranger's file, and numpy is large.
"""

import io
import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import edfio

MOST_UNPACKED = 40 * 1024 * 1024
MOST_FILES = 20_000
_DIGITS = Decimal("0.0001")
_MOST = Decimal(10**9)
_NONE = "-1"


class NotACard(ValueError):
    """Neither a STR.edf nor a zip with one in it."""


def read(content: bytes) -> dict[str, Any]:
    """`{"serial", "product", "nights": [{"date": days since 1970, "signals": {label: […]}}]}`.

    Numbers are texts, so that they stay exact. Raises NotACard.
    """
    summary, identification = _files(content)
    serial, product = _identified(identification)
    try:
        recording = edfio.read_edf(io.BytesIO(summary))
        signals = {signal.label.strip(): signal for signal in recording.signals}
        per_night = {label: signal.data.reshape(recording.num_data_records, -1)
                     for label, signal in signals.items()}  # fmt: skip
    except Exception as error:  # edfio raises many kinds for a broken file
        raise NotACard from error
    if not {"Duration", "Mask Dur"} & per_night.keys():
        raise NotACard
    dates = _dates(per_night, recording)
    nights = [
        {
            "date": dates[place],
            "signals": {label: [_text(number) for number in rows[place]]
                        for label, rows in per_night.items() if label != "Crc16"},
        }
        for place in range(recording.num_data_records)
    ]  # fmt: skip
    return {"serial": serial, "product": product, "nights": nights}


def _dates(per_night: Mapping[str, Any], recording: Any) -> list[int]:
    """Days since 1970 of each record: as it says itself, else counted from the file's first day."""
    try:
        if "Date" in per_night:
            return [int(rows[0]) for rows in per_night["Date"]]
        first = (recording.startdate - date(1970, 1, 1)).days
    except Exception as error:  # no number in it, or edfio: the header's date is not one
        raise NotACard from error
    return [first + place for place in range(recording.num_data_records)]


def _files(content: bytes) -> tuple[bytes, bytes]:
    """STR.edf and Identification.* of a card; a bare STR.edf alone."""
    if not content.startswith(b"PK"):
        return content, b""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as card:
            wanted: dict[str, zipfile.ZipInfo] = {}
            for info in card.infolist()[:MOST_FILES]:
                name = info.filename.rsplit("/", 1)[-1].lower()
                if name == "str.edf" or name in ("identification.tgt", "identification.json"):
                    wanted.setdefault(name, info)
            if "str.edf" not in wanted:
                raise NotACard
            if sum(info.file_size for info in wanted.values()) > MOST_UNPACKED:
                raise NotACard
            read = {name: _within(card, info) for name, info in wanted.items()}
    except NotACard:
        raise
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError, EOFError, OSError,
            ValueError, struct.error) as error:  # fmt: skip
        raise NotACard from error
    said = read.get("identification.tgt") or read.get("identification.json") or b""
    return read["str.edf"], said


def _within(card: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The file, and no more of it than it said: a bomb says less than it is."""
    with card.open(info) as file:
        content = file.read(MOST_UNPACKED + 1)
    if len(content) > MOST_UNPACKED:
        raise NotACard
    return content


def _identified(said: bytes) -> tuple[str | None, str | None]:
    """The serial number and the product: #SRN and #PNA, or the JSON of newer models."""
    text = said.decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        try:
            told: Mapping[str, Any] = json.loads(text)
            product = told["FlowGenerator"]["IdentificationProfiles"]["Product"]
            return str(product["SerialNumber"]), str(product["ProductName"])
        except (ValueError, KeyError, TypeError):
            return None, None
    lines = dict(
        line[1:].split(" ", 1) for line in text.splitlines() if line[:1] == "#" and " " in line
    )
    return lines.get("SRN", "").strip() or None, lines.get("PNA", "").strip() or None


def _text(number: float) -> str:
    """With the digits that a card has. What no card measures is told as it stands, to be set aside;
    what is no number at all is the card's own way of saying that there is none."""
    exact = Decimal(repr(float(number)))
    if not exact.is_finite():
        return _NONE
    if abs(exact) > _MOST:
        return str(exact)
    return str(exact.quantize(_DIGITS, ROUND_HALF_UP).normalize())
