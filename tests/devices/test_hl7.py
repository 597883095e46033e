"""HL7 v2 results: vital signs, implants and dialysis, as engines and portals really write them."""

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.devices import hl7_message, hl7_oru, refused
from shared import identity
from shared.contracts import Code, Draft, Item

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MSH = r"MSH|^~\&|Engine|Clinic|||20261123071500+0100||ORU^R01^ORU_R01|M-1|P|2.6"
PID = "PID|||13116900216^^^&2.16.578.1.12.4.1.4.1&ISO^NNNOR||Testesen^Test"
OBR = "OBR|1||R-1|182777000^monitoring of patient^SCT|||20261123071200+0100"
SYSTOLIC = "OBX|1|NM|150021^MDC_PRESS_BLD_NONINV_SYS^MDC|1.0.1.1|142|266016^MDC_DIM_MMHG^MDC|||||F"
DIASTOLIC = "OBX|2|NM|150022^MDC_PRESS_BLD_NONINV_DIA^MDC|1.0.1.2|88|266016^MDC_DIM_MMHG^MDC|||||F"
WEIGHT = "OBX|1|NM|188736^MDC_MASS_BODY_ACTUAL^MDC|1.0.2|82.4|263875^MDC_DIM_KILO_G^MDC|||||F"
IMPLANT = "PID|||model:Example 1/serial:EX600368S^^^EXA^U||Testesen^Test"


def message(*segments: str, end: str = "\r") -> bytes:
    return (end.join(segments) + end).encode()


def decoded(*segments: str, end: str = "\r") -> list[Item]:
    return hl7_oru.decode(message(*segments, end=end), NOW)[1]


def only(*segments: str) -> Item:
    [item] = decoded(*segments)
    return item


def drafts(items: list[Item]) -> dict[str, Draft]:
    return {draft.kind: draft for item in items for draft in item.drafts}


def values_of(item: Item) -> dict[str, Any]:
    return dict(item.drafts[0].body["values"])


def test_parts_of_one_pressure_are_one_reading_of_the_numbered_patient() -> None:
    item = only(MSH, PID, OBR, SYSTOLIC, DIASTOLIC)

    assert values_of(item) == {"systolic": Decimal(142), "diastolic": Decimal(88)}
    assert item.drafts[0].kind == "blood_pressure"
    assert item.at == datetime(2026, 11, 23, 6, 12, tzinfo=UTC)
    assert item.subject is not None
    assert (item.subject.system, item.subject.value) == (identity.FNR, "13116900216")


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\n\n", "\r\r\n"])
def test_any_line_end_and_framing_is_borne(end: str) -> None:
    plain = only(MSH, PID, OBR, SYSTOLIC, DIASTOLIC)
    body = b"\x0b" + message(MSH, PID, OBR, SYSTOLIC, DIASTOLIC, end=end) + b"\x1c\r"

    [item] = hl7_oru.decode(body, NOW)[1]

    assert (item.message_id, item.content, item.at) == (plain.message_id, plain.content, plain.at)


def test_the_same_results_in_a_new_message_have_the_same_name_and_content() -> None:
    again = MSH.replace("|M-1|", "|M-2|").replace("20261123071500", "20261123093000")

    first, second = only(MSH, PID, OBR, WEIGHT), only(again, PID, OBR, WEIGHT)

    assert (first.message_id, first.content) == (second.message_id, second.content)


def test_a_result_is_the_same_however_its_number_and_unit_are_spelt() -> None:
    first = only(MSH, PID, OBR, WEIGHT)
    for spelt in (
        WEIGHT.replace("|82.4|", "|82.40|"),
        WEIGHT.replace("263875^MDC_DIM_KILO_G^MDC", "kg^^UCUM"),
    ):
        assert only(MSH, PID, OBR, spelt).content == first.content
        assert spelt != WEIGHT
    for other in (WEIGHT.replace("|82.4|", "|82.5|"), WEIGHT[:-1] + "C"):
        assert only(MSH, PID, OBR, other).content != first.content


def test_two_orders_and_two_moments_are_readings_of_their_own() -> None:
    later = WEIGHT.replace("|||||F", "|||||F|||20261123073000+0100")
    other = OBR.replace("R-1", "R-2")

    items = decoded(MSH, PID, OBR, WEIGHT, later, other, WEIGHT)

    assert len({item.message_id for item in items}) == 3
    assert [item.at.minute for item in items if item.at] == [12, 30, 12]


@pytest.mark.parametrize(
    ("sent", "at"),
    [
        ("20261123071200", datetime(2026, 11, 23, 6, 12, tzinfo=UTC)),  # no offset: in Norway
        ("20260723071200", datetime(2026, 7, 23, 5, 12, tzinfo=UTC)),
        ("202611230712", datetime(2026, 11, 23, 6, 12, tzinfo=UTC)),
        ("20261123071200.1234-0500", datetime(2026, 11, 23, 12, 12, tzinfo=UTC)),
    ],
)
def test_times_without_an_offset_are_norwegian(sent: str, at: datetime) -> None:
    assert only(MSH, PID, OBR.replace("20261123071200+0100", sent), WEIGHT).at == at


def test_a_day_is_a_day_and_nonsense_is_no_time() -> None:
    day = only(MSH, PID, OBR.replace("20261123071200+0100", "20261123"), WEIGHT)
    assert day.precision == "day"

    bad = only(MSH, PID, OBR.replace("20261123071200+0100", "20261399"), WEIGHT)
    assert [each.code for each in bad.errors] == [Code.BAD_TIME]


def test_the_time_above_in_the_tree_is_the_time_of_what_is_below() -> None:
    head = "OBX|1||150020^MDC_PRESS_BLD_NONINV^MDC|1.0.1|||||||X|||20261123070500+0100"

    item = only(MSH, PID, OBR, head, SYSTOLIC, DIASTOLIC)

    assert item.at == datetime(2026, 11, 23, 6, 5, tzinfo=UTC)


def test_a_test_is_kept_and_is_nobodys_measurement() -> None:
    doubted = WEIGHT.replace(
        "263875^MDC_DIM_KILO_G^MDC|||||F", "263875^MDC_DIM_KILO_G^MDC||TEST|||F"
    )

    for item in (only(MSH, PID, OBR, doubted), only(MSH.replace("|P|", "|T|"), PID, OBR, WEIGHT)):
        assert [draft.type for draft in item.drafts] == ["device-event"]
        assert not item.errors


def test_a_questionable_result_is_a_reading_that_says_so() -> None:
    doubted = WEIGHT.replace("MDC|||||F", "MDC||QUES~H|||P")

    body = only(MSH, PID, OBR, doubted).drafts[0].body

    assert body["quality"] == "questionable"
    assert (body["interpretation"], body["status"]) == (["H"], "preliminary")


def test_status_decides_between_ignoring_correcting_and_withdrawing() -> None:
    first = only(MSH, PID, OBR, WEIGHT)

    pulse = "OBX|2|NM|8867-4^Heart rate^LN||72|bpm|||||X"
    [kept] = decoded(MSH, PID, OBR, WEIGHT, pulse)
    assert values_of(kept) == {"value": Decimal("82.4")}

    corrected = only(MSH, PID, OBR, WEIGHT.replace("|82.4|", "|81.4|").replace("|||||F", "|||||C"))
    assert (corrected.how, corrected.replaces) == ("correction", first.message_id)
    assert values_of(corrected) == {"value": Decimal("81.4")}

    for letter in "DW":
        gone = only(MSH, PID, OBR, WEIGHT.replace("|||||F", f"|||||{letter}"))
        assert (gone.how, gone.replaces, gone.drafts) == ("void", first.message_id, ())


@pytest.mark.parametrize("unit", ["kg^Unit", "263875^MDC_DIM_KILO_G^MDC", "kg^kg^UCUM"])
def test_units_are_known_by_number_name_or_text(unit: str) -> None:
    sent = WEIGHT.replace("263875^MDC_DIM_KILO_G^MDC", unit)
    assert values_of(only(MSH, PID, OBR, sent)) == {"value": Decimal("82.4")}


def test_an_unknown_unit_and_a_bound_are_quarantined_and_named() -> None:
    strange = only(MSH, PID, OBR, WEIGHT.replace("263875^MDC_DIM_KILO_G^MDC", "furlong"))
    assert [(each.path, each.code) for each in strange.errors] == [("OBX.1", Code.UNKNOWN_UCUM)]

    bound = only(MSH, PID, OBR, WEIGHT.replace("|82.4|", "|>82.4|"))
    assert [each.code for each in bound.errors] == [Code.BAD_VALUE]


def test_what_is_not_known_is_text_beside_what_is_and_alone_it_waits() -> None:
    strange = "OBX|3|ST|99999^SOMETHING^99XYZ|1.0.1.3|seven|||||||F"

    known, beside = decoded(MSH, PID, OBR, WEIGHT, strange)
    assert known.drafts[0].kind == "body_weight"
    [component] = beside.drafts[0].body["foreign"]["components"]
    assert (component["text"], component["value"]) == ("SOMETHING", "seven")

    assert [each.code for each in only(MSH, PID, OBR, strange).errors] == [Code.UNKNOWN_CODE]


def test_a_lone_heart_rate_is_one_and_not_part_of_a_pressure() -> None:
    sent = "OBX|1|NM|8867-4^Heart rate^LN||72|bpm|||||F"
    assert only(MSH, PID, OBR, sent).drafts[0].kind == "heart_rate"


def test_an_implant_is_known_by_its_serial_number_whatever_the_clinics_number() -> None:
    pid = IMPLANT.replace("^^^EXA^U", "^^^EXA^U~A10000641^^^^Clinic")
    voltage = "OBX|1|NM|721344^MDC_IDC_MSMT_BATTERY_VOLTAGE^MDC_IDC||2.65|V^V^UCUM|||||F"

    item = only(MSH, pid, OBR, voltage)

    assert (item.serial, item.subject) == ("EX600368S", None)
    assert values_of(item) == {"battery_voltage": Decimal("2.65")}


@pytest.mark.parametrize("system", ["MDC", "MDC_IDC", "MD"])
@pytest.mark.parametrize("answer", ["754115^MDC_IDC_ENUM_BATTERY_STATUS_RRT", "RRT^RRT^MDT", "ERI"])
def test_a_battery_to_be_replaced_is_an_event_by_number_or_by_name(
    system: str, answer: str
) -> None:
    status = f"OBX|1|CWE|721280^MDC_IDC_MSMT_BATTERY_STATUS^{system}||{answer}||||||F"

    assert drafts(decoded(MSH, IMPLANT, OBR, status))["cied_event"].body["values"] == {
        "value": "eri"
    }


def test_a_good_battery_is_no_event() -> None:
    status = "OBX|1|CWE|721280^MDC_IDC_MSMT_BATTERY_STATUS^MDC||754113^BATTERY_STATUS_BOS||||||F"
    assert "cied_event" not in drafts(decoded(MSH, IMPLANT, OBR, status))


def test_an_episode_is_an_event_at_its_own_time_and_a_zones_setting_is_none() -> None:
    zone = "OBX|1|CWE|731648^MDC_IDC_SET_ZONE_TYPE^MDC|1|754945^ENUM_ZONE_TYPE_Zone_VF^MDC||||||F"
    episode = (
        "OBX|2|NM|739536^MDC_IDC_EPISODE_ID^MDC|7|17||||||F",
        "OBX|3|DTM|739552^MDC_IDC_EPISODE_DTM^MDC|7|20261122031500+0100||||||F",
        "OBX|4|CWE|739568^MDC_IDC_EPISODE_TYPE^MDC|7|754945^EPISODE_TYPE_Epis_VF^MDC||||||F",
    )

    assert "cied_event" not in drafts(decoded(MSH, IMPLANT, OBR, zone))

    [event] = [
        item
        for item in decoded(MSH, IMPLANT, OBR, zone, *episode)
        if item.drafts and item.drafts[0].kind == "cied_event"
    ]
    assert values_of(event) == {"value": "vf"}
    assert event.at == datetime(2026, 11, 22, 2, 15, tzinfo=UTC)


def test_a_document_is_kept_with_its_item_however_it_was_wrapped() -> None:
    voltage = "OBX|1|NM|721344^MDC_IDC_MSMT_BATTERY_VOLTAGE^MDC||2.65|V|||||F"
    pdf = "OBX|2|ED|18750-0^Report^LN||EX^application^PDF^Base64^JVBERi0x\nLjQK\r\nJSVFT0Y=||||||F"

    items = decoded(MSH, IMPLANT, OBR, voltage, pdf)

    [kept] = [item for item in items if b"JVBERi0xLjQKJSVFT0Y=" in item.raw]
    assert kept.drafts[0].body["foreign"]["documents"] == 1


def test_null_and_an_empty_answer_are_no_result() -> None:
    null = "OBX|1|NM|721344^MDC_IDC_MSMT_BATTERY_VOLTAGE^MDC||Null|V|||||F"
    item = only(MSH, IMPLANT, OBR, null)
    assert [each.code for each in item.errors] == [Code.MISSING_VALUE]


def test_a_dialysis_session_is_one_reading() -> None:
    session = (
        "OBX|1|NM|152636^MDC_HDIALY_UF_RATE^MDC|1.1.3.1|820|265266^MDC_DIM_MILLI_L_PER_HR^MDC|||||F",
        "OBX|2|NM|152348^MDC_HDIALY_BLD_FLOW^MDC|1.1.4.1|310|265216^MDC_DIM_MILLI_L_PER_MIN^MDC|||||F",
    )

    item = only(MSH, PID, OBR, *session)

    assert item.drafts[0].kind == "hd_session"
    assert values_of(item) == {"uf_rate": Decimal(820), "blood_flow": Decimal(310)}


@pytest.mark.parametrize("extra", ["|", "||"])
def test_a_header_whose_fields_are_out_of_place_is_read(extra: str) -> None:
    shifted = MSH.replace("|||2026", f"||{extra}|2026")
    sent, _ = hl7_oru.decode(message(shifted, PID, OBR, WEIGHT), NOW)
    assert (sent.kind, sent.control_id, sent.version) == (("ORU", "R01"), "M-1", "2.6")


def test_escapes_and_other_delimiters_are_read() -> None:
    other = [each.replace("|", "!") for each in (MSH, PID, OBR, WEIGHT)]
    assert values_of(only(*other)) == {"value": Decimal("82.4")}

    name = "OBX|2|ST|1^X||a\\T\\b\\S\\c\\F\\d||||||F"
    [_, beside] = decoded(MSH, PID, OBR, WEIGHT, name)
    [component] = beside.drafts[0].body["foreign"]["components"]
    assert component["value"] == "a&b^c|d"


def test_the_secret_of_the_header_is_not_kept() -> None:
    secret = "s" * 40
    item = only(MSH.replace("||ORU", f"|{secret}|ORU"), PID, OBR, WEIGHT)
    assert secret.encode() not in item.raw


def test_every_item_can_be_read_again_from_what_is_kept_of_it() -> None:
    note = "NTE|1||Measured sitting"
    weight = "OBX|5|NM|188736^MDC_MASS_BODY_ACTUAL^MDC|1.0.2|82.4|263875^MDC_DIM_KILO_G^MDC|||||F"
    items = decoded(MSH, PID, OBR, SYSTOLIC, DIASTOLIC, note, weight)

    assert any(b"Measured sitting" in item.raw for item in items)
    for item in items:
        [again] = hl7_oru.decode(item.raw, NOW)[1]
        assert (again.message_id, again.content, again.drafts) == (
            item.message_id, item.content, item.drafts
        )  # fmt: skip


@pytest.mark.parametrize("body", [b"", b"MSH", b"PID|1", b'{"v":1}', b"\x00\x01", b"MSHx^~\\&"])
def test_what_is_not_hl7_is_refused(body: bytes) -> None:
    with pytest.raises(refused.NotHl7):
        hl7_oru.decode(body, NOW)


def test_other_messages_are_not_taken() -> None:
    with pytest.raises(refused.MessageNotTaken):
        hl7_oru.decode(message(MSH.replace("ORU^R01^ORU_R01", "ADT^A01"), PID), NOW)


WHOLE = message(MSH, IMPLANT, OBR, SYSTOLIC, DIASTOLIC)


@given(
    st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 1), st.binary(max_size=4), st.integers(0, 6)),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=300, deadline=None)
def test_no_mutation_makes_it_fail(changes: list[tuple[int, bytes, int]]) -> None:
    body = bytearray(WHOLE)
    for place, new, gone in changes:
        body[place : place + gone] = new
    try:
        _, items = hl7_oru.decode(bytes(body), NOW)
    except refused.Refused:
        return
    assert items
    for item in items:
        assert item.errors or item.drafts or item.how == "void"


def test_a_large_message_costs_little() -> None:
    """292 results and a report of 1.3 MB: the bounds are ten times what was measured."""
    many = [
        f"OBX|{n}|NM|721344^MDC_IDC_MSMT_BATTERY_VOLTAGE^MDC|{n}|2.65|V|||||F" for n in range(292)
    ]
    began = time.process_time()
    decoded(MSH, IMPLANT, OBR, *many)
    assert time.process_time() - began < 0.5

    report = f"OBX|1|ED|18750-0^Report^LN||EX^application^PDF^Base64^{'QUJD' * 330_000}||||||F"
    began = time.process_time()
    decoded(MSH, IMPLANT, OBR, WEIGHT, report)
    assert time.process_time() - began < 1.0


def test_the_header_says_how_it_is_to_be_acknowledged() -> None:
    sent = hl7_message.read(message(MSH + "|||AL|NE", PID, OBR))
    assert (sent.accept, sent.reply) == ("AL", "NE")


# --- what other makers and engines write ----------------------------------------------------------


def test_a_value_without_a_unit_is_not_guessed_at_and_a_count_needs_none() -> None:
    weight = WEIGHT.replace("263875^MDC_DIM_KILO_G^MDC", "")
    pulse = "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.0.1|72||||||F"

    assert [one.code for one in only(MSH, PID, OBR, weight).errors] == [Code.UNKNOWN_UCUM]
    assert values_of(only(MSH, PID, OBR, pulse)) == {"value": Decimal(72)}


def test_a_value_without_a_unit_in_an_implants_report_is_kept_as_text_beside_the_others() -> None:
    rows = (
        "OBX|1|NM|721344^MDC_IDC_MSMT_BATTERY_VOLTAGE^MDC|1|2.98|V^V^UCUM|||||F",
        "OBX|2|NM|737520^MDC_IDC_STAT_BRADY_RA_PERCENT_PACED^MDC|1|0.45||||||F",
        "OBX|3|NM|737888^MDC_IDC_STAT_THERAPY_ATP_DELIVERED_RECENT^MDC|1|2||||||F",
    )

    report, rest = decoded(MSH, IMPLANT, OBR, *rows)

    assert values_of(report) == {"battery_voltage": Decimal("2.98"), "atp_recent": Decimal(2)}
    [part] = rest.drafts[0].body["foreign"]["components"]
    assert part["value"] == "0.45"


def test_a_battery_that_counts_in_years_is_told_in_months() -> None:
    row = "OBX|1|NM|721472^MDC_IDC_MSMT_BATTERY_REMAINING_LONGEVITY^MDC|1|7.5|a^year^UCUM|||||F"

    assert values_of(only(MSH, IMPLANT, OBR, row)) == {"battery_longevity": Decimal("90.0")}


def test_the_same_measurement_twice_in_one_report_is_two_of_them() -> None:
    impedance = "OBX|{}|NM|722432^MDC_IDC_MSMT_LEADCHNL_RA_IMPEDANCE_VALUE^MDC|{}|{}|Ohm|||||F"
    rows = (impedance.format(1, 1, 450), impedance.format(2, 2, 610))

    items = decoded(MSH, IMPLANT, OBR, *rows)

    assert [values_of(one) for one in items] == [
        {"ra_impedance": Decimal(450)}, {"ra_impedance": Decimal(610)},
    ]  # fmt: skip
    assert len({one.message_id for one in items}) == 2


@pytest.mark.parametrize(
    ("kind", "answer", "value"),
    [
        ("SN", "^82.4", Decimal("82.4")),
        ("SN", "=^82.4", Decimal("82.4")),
        ("SN", ">^82.4", None),
        ("SN", "^80^-^82.4", None),
        ("NM", "82.4~83.1", None),
        ("NM", "82,4", Decimal("82.4")),
    ],
)
def test_a_structured_number_is_one_and_a_bound_or_two_are_none(
    kind: str, answer: str, value: Decimal | None
) -> None:
    row = WEIGHT.replace("|NM|", f"|{kind}|").replace("|82.4|", f"|{answer}|")

    item = only(MSH, PID, OBR, row)

    if value is None:
        assert [one.code for one in item.errors] == [Code.BAD_VALUE]
    else:
        assert values_of(item) == {"value": value}


@pytest.mark.parametrize(
    "who", ["MODEL:Iperia 7/SERIAL:12345678^^^BIO^U", "model:E110/serial:12345678^^^BSX^U"]
)
def test_an_implant_is_its_serial_number_whoever_made_it(who: str) -> None:
    row = "OBX|1|NM|721344^MDC_IDC_MSMT_BATTERY_VOLTAGE^MDC|1|2.98|V|||||F"

    item = only(MSH, f"PID|||{who}~^^^^Patient ID", OBR, row)

    assert (item.serial, item.subject) == ("12345678", None)


def test_an_oximeters_pulse_in_a_place_of_its_own_is_a_heart_rate() -> None:
    rows = (
        "OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.0.1.1|96|262688^MDC_DIM_PERCENT^MDC|||||F",
        "OBX|2|NM|149530^MDC_PULS_OXIM_PULS_RATE^MDC|1.0.2.1|71|264864^BEAT_PER_MIN^MDC|||||F",
    )

    found = drafts(decoded(MSH, PID, OBR, *rows))

    assert {kind: one.body["values"] for kind, one in found.items()} == {
        "spo2": {"value": Decimal(96)}, "heart_rate": {"value": Decimal(71)},
    }  # fmt: skip
