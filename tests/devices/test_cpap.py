"""Nights of a CPAP card and of the maker's app: by label, noon to noon, corrected as they grow."""

import contextlib
import io
import json
import warnings
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import edfio
import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest import card
from services.ingest.devices import cpap, foreign, refused, resmed
from shared.contracts import Code

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
FINE = ("AHI", "HI", "OAI", "CAI", "Leak.50", "Leak.95", "MaskPress.95")
FIRST_NIGHT = 20_774  # 2026-11-17, in days since 1970


# The older series: the same signals, under labels of its own, and no Date.
S9 = {"MaskOn": "Mask On", "MaskOff": "Mask Off", "MaskEvents": "Mask Events",
      "Duration": "Mask Dur", "Leak.50": "Leak Med", "Leak.95": "Leak 95",
      "MaskPress.95": "Mask Pres 95"}  # fmt: skip


def summary(
    *nights: dict[str, Any],
    without: tuple[str, ...] = (),
    names: dict[str, str] | None = None,
    began: date | None = None,
) -> bytes:
    """A STR.edf as a machine writes it: one record a day, several mask times in each."""
    labels = {"Date": 1, "MaskOn": 3, "MaskOff": 3, "MaskEvents": 1, "Duration": 1, "AHI": 1,
              "HI": 1, "OAI": 1, "CAI": 1, "Leak.50": 1, "Leak.95": 1, "MaskPress.95": 1,
              "SpO2.50": 1}  # fmt: skip
    signals = []
    for label, count in labels.items():
        if label in without:
            continue
        data: list[float] = []
        for place, night in enumerate(nights):
            told = night.get(label, FIRST_NIGHT + place if label == "Date" else [-1] * count)
            data += told if isinstance(told, list) else [told]
        signals.append(edfio.EdfSignal(
            numpy.array(data, dtype=float), count, label=(names or {}).get(label, label),
            physical_range=(-1, 240) if label in FINE else (-1, 30_000),
            digital_range=(-100, 24_000) if label in FINE else (-1, 30_000),
        ))  # fmt: skip
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recording = edfio.Recording(startdate=began) if began else None
        edfio.Edf(signals, data_record_duration=1, recording=recording).write(file)
    return file.getvalue()


NIGHT = {"MaskOn": [585, 900, -1], "MaskOff": [880, 1064, -1], "MaskEvents": 4, "Duration": 459,
         "AHI": 2.1, "HI": 0.4, "OAI": 1.2, "CAI": 0.5, "Leak.50": 0, "Leak.95": 0.1,
         "MaskPress.95": 11.2}  # fmt: skip
UNUSED = {"Duration": 0}
NOTHING: dict[str, Any] = {}


def zipped(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return file.getvalue()


def items_of(content: bytes) -> list[Any]:
    return cpap.of_card(resmed.read(content), NOW)


def test_a_night_is_read_by_its_labels_from_noon_to_noon() -> None:
    [item] = items_of(summary(NIGHT))

    assert item.at == datetime(2026, 11, 17, 20, 45, tzinfo=UTC)
    assert item.until == datetime(2026, 11, 18, 4, 44, tzinfo=UTC)
    values = item.drafts[0].body["values"]
    assert values["usage"] == 459
    assert round(values["ahi"], 1) == Decimal("2.1")
    assert round(values["leak_p95"], 0) == 6  # the card writes litres a second
    assert "spo2_p50" not in values


def test_a_day_without_a_record_is_nothing_and_an_unused_night_is_a_night_of_no_use() -> None:
    [item] = items_of(summary(NOTHING, UNUSED, NOTHING))
    body = item.drafts[0].body
    assert (body["values"]["usage"], body["absent"]) == (0, {"ahi": "not-performed"})


def test_a_model_that_writes_less_is_read_all_the_same() -> None:
    [item] = items_of(summary(NIGHT, without=("HI", "Leak.95", "SpO2.50")))
    assert "hi" not in item.drafts[0].body["values"]


def test_the_serial_number_is_beside_the_summary_in_either_form() -> None:
    text = b"#IMF 0001\r\n#SRN 22200000000\r\n#PNA AirSense_10_AutoSet\r\n"
    [item] = items_of(zipped(CARD__STR_dot_edf=summary(NIGHT), Identification_dot_tgt=text))
    assert item.serial == "22200000000"

    newer = {"FlowGenerator": {"IdentificationProfiles": {
        "Product": {"SerialNumber": "23200000000", "ProductName": "AirSense 11"}}}}  # fmt: skip
    content = zipped(STR_dot_edf=summary(NIGHT), Identification_dot_json=json.dumps(newer).encode())
    [item] = items_of(content)
    assert item.serial == "23200000000"


def test_a_night_that_has_grown_corrects_and_the_same_again_is_the_same() -> None:
    [first] = items_of(summary(NIGHT))
    [again] = items_of(summary(NIGHT))
    [grown] = items_of(summary({**NIGHT, "Duration": 480}))

    assert (again.message_id, again.content) == (first.message_id, first.content)
    assert (grown.message_id, grown.how) == (first.message_id, "correction")
    assert grown.content != first.content


def test_a_night_can_be_read_again_without_its_card() -> None:
    [item] = items_of(summary(NIGHT))
    [again] = foreign.again(item.raw, item.media_type, NOW)
    assert (again.message_id, again.content, again.drafts, again.at) == (
        item.message_id, item.content, item.drafts, item.at
    )  # fmt: skip


def test_the_makers_app_names_nights_by_date() -> None:
    sent = {
        "device": {"serialNumber": "SN1", "deviceType": "AirSense"},
        "sleep_records": [
            {"startDate": "2026-11-20", "totalUsage": 423, "ahi": 2.1, "maskPairCount": 3,
             "leakPercentile": 5, "sleepScore": 90},
            {"startDate": "yesterday", "totalUsage": 1, "ahi": 1},
            {"startDate": "2026-11-21", "totalUsage": 9000, "ahi": 1},
        ],
    }  # fmt: skip

    good, no_date, too_long = foreign.decode(json.dumps(sent).encode(), NOW)

    assert good.at == datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
    assert good.drafts[0].body["values"]["usage"] == 423
    assert no_date.errors
    assert too_long.errors


@pytest.mark.parametrize(
    "content",
    [b"", b"0" * 300, b"PK\x03\x04broken", zipped(other=b"x"), zipped(STR_dot_edf=b"no edf"),
     summary(NIGHT)[:400], summary(NIGHT, without=("Duration",))],
)  # fmt: skip
def test_what_is_no_card_is_refused(content: bytes) -> None:
    with pytest.raises(resmed.NotACard):
        resmed.read(content)


async def test_a_card_is_read_in_a_process_of_its_own_and_its_fault_stays_there() -> None:
    told = await card.read(zipped(STR_dot_edf=summary(NIGHT, UNUSED)))
    assert len(cpap.of_card(told, NOW)) == 2

    with pytest.raises(refused.NotACard):
        await card.read(b"PK\x03\x04broken")


@given(st.binary(max_size=200), st.integers(0, 4000))
@settings(max_examples=100, deadline=None)
def test_no_change_of_a_card_makes_it_fail(new: bytes, place: int) -> None:
    content = bytearray(summary(NIGHT, NIGHT))
    content[place : place + len(new)] = new
    try:
        told = resmed.read(bytes(content))
    except resmed.NotACard:
        return
    for item in cpap.of_card(told, NOW):
        assert item.errors or item.drafts


def test_the_older_series_has_labels_of_its_own_and_no_date() -> None:
    [newer] = items_of(summary(NIGHT))
    [older] = items_of(
        summary(NIGHT, without=("Date",), names=S9, began=date(1970, 1, 1) + timedelta(FIRST_NIGHT))
    )
    assert (older.at, older.until, older.message_id) == (newer.at, newer.until, newer.message_id)
    assert older.drafts[0].body["values"] == newer.drafts[0].body["values"]


@pytest.mark.parametrize("day", [-1, 30_000_000])
def test_a_record_of_no_day_is_none(day: float) -> None:
    kept = {"serial": "1", "product": None, "date": int(day), "signals": {"Duration": ["459"]}}
    assert cpap.of_night(kept, NOW) is None


@pytest.mark.parametrize(("most", "code"), [(b"240     ", None), (b"9e51    ", Code.IMPLAUSIBLE)])
def test_a_scale_that_no_machine_has_is_set_aside(most: bytes, code: Code | None) -> None:
    """The header says what a signal's numbers are multiplied with."""
    assert summary(NIGHT).count(b"240     ") == len(FINE)
    [item] = items_of(summary(NIGHT).replace(b"240     ", most))
    assert {error.code for error in item.errors} == ({code} if code else set())


def test_the_answer_of_the_apps_own_server_is_read_as_its_nights() -> None:
    record = {"startDate": "2026-11-20", "totalUsage": 412, "ahi": 2.1, "leakPercentile": 4,
              "maskPairCount": 2, "sleepScore": 91}  # fmt: skip
    about = {"fgDevices": [{"serialNumber": "23", "localizedName": "AirSense 10 AutoSet"}],
             "sleepRecords": {"items": [record]}}  # fmt: skip
    [item] = foreign.decode(json.dumps({"data": {"getPatientWrapper": about}}).encode(), NOW)
    plain = {"device": {"serialNumber": "23", "deviceType": "AirSense 10 AutoSet"},
             "sleep_records": [record]}  # fmt: skip
    [told] = foreign.decode(json.dumps(plain).encode(), NOW)
    assert (item.message_id, item.drafts) == (told.message_id, told.drafts)
    assert item.serial == "23"


def test_a_zip_whose_directory_points_before_its_beginning_is_no_card() -> None:
    content = zipped(STR_dot_edf=summary(NIGHT), Identification_dot_tgt=b"#SRN 1")
    place = content.rfind(b"PK\x05\x06")
    moved = content[: place + 16] + (len(content) * 2).to_bytes(4, "little") + content[place + 20 :]
    for broken in (moved, content[:40] + content[41:], content[100:]):
        with contextlib.suppress(resmed.NotACard):
            resmed.read(broken)
