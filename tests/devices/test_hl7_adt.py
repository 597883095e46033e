"""ADT as registers write it: who, when, which stay; no number but as a hash."""

import contextlib
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.devices import hl7_adt, hl7_message, refused
from shared import identity
from shared.contracts import Code, Item

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
FNR = "13116900216"
PID = (
    f"PID|1||{FNR}^^^&2.16.578.1.12.4.1.4.1&ISO^NNNOR||Olsen^Kari^Berit^^^^L~Olsen^Kaia||19690213|F"
)
EVN = "EVN||20261123071500+0100|||||20261123070000+0100"
PV1 = "PV1|1|I|4EAST^12^1||||||||||||||||V-77^^^Clinic"


def msh(event: str, control: str = "M-1", processing: str = "P") -> str:
    made = "20261123071600+0100"
    return rf"MSH|^~\&|PAS|Clinic|||{made}||ADT^{event}^ADT_A01|{control}|{processing}|2.5"


def hashed(system: str, value: str) -> bytes:
    return sha256(f"{system}|{value}".encode()).digest()


def hashes(system: str, value: str) -> list[bytes]:
    """Under two keys: while one is exchanged for another, rows are under either."""
    return [hashed(system, value), hashed(system, f"{value}'")]


def decoded(*segments: str) -> list[Item]:
    return hl7_adt.decode(hl7_message.read("\r".join(segments).encode()), hashes, NOW)


def test_an_admission_has_its_time_its_visit_and_its_patient() -> None:
    [item] = decoded(msh("A01"), EVN, PID, PV1)

    assert item.subject is not None
    assert (item.subject.system, item.subject.value) == (identity.FNR, FNR)
    assert item.at == datetime(2026, 11, 23, 6, 15, tzinfo=UTC)
    [draft] = item.drafts
    assert (draft.type, draft.kind) == ("administration", "admitted")
    assert (draft.body["visit"], draft.body["class"]) == ("V-77", "I")
    assert "person" not in draft.body
    assert FNR not in str(draft.body)


@pytest.mark.parametrize(
    ("event", "means"),
    [("A02", "moved"), ("A03", "discharged"), ("A08", "changed"), ("A31", "changed"),
     ("A11", "admission-cancelled"), ("A13", "discharge-cancelled")],
)  # fmt: skip
def test_each_event_by_its_word(event: str, means: str) -> None:
    [item] = decoded(msh(event), EVN, PID, PV1)
    assert item.drafts[0].kind == means


def test_demographics_take_the_legal_name_and_the_birth_date_as_it_is_written() -> None:
    [item] = decoded(msh("A08"), EVN, PID, PV1)
    person = {"name": "Kari Berit Olsen", "born": "1969-02-13", "sex": "female"}
    assert item.drafts[0].body["person"] == person


def test_a_death_is_told_with_its_time_and_a_life_is_not() -> None:
    dead = PID + "|" * 21 + "20261122" + "|Y"
    [item] = decoded(msh("A08"), EVN, dead)
    assert item.drafts[0].body["person"]["died"] == "2026-11-21T23:00:00+00:00"
    [alive] = decoded(msh("A08"), EVN, PID + "|" * 22 + "N")
    assert "died" not in alive.drafts[0].body["person"]


def test_a_merge_names_the_other_by_hash_and_several_merges_are_several_items() -> None:
    other = "41814065640^^^&2.16.578.1.12.4.1.4.1&ISO"
    pair = (PID, f"MRG|{other}~L-9^^^PAS^MR")
    [one] = decoded(msh("A40"), EVN, *pair)
    assert one.drafts[0].body["prior"] == sorted(
        each.hex()
        for told in ((identity.FNR, "41814065640"), ("urn:hjv:hl7:PAS", "L-9"))
        for each in hashes(*told)
    )
    assert len({item.message_id for item in decoded(msh("A40"), EVN, *pair, *pair)}) == 2


def test_what_lacks_its_person_its_time_or_its_other_number_waits() -> None:
    def code(*segments: str) -> Code:
        [item] = decoded(*segments)
        assert item.drafts == ()
        return item.errors[0].code

    assert code(msh("A01"), EVN, "PID|1||") == Code.UNKNOWN_SUBJECT
    assert code(msh("A01"), EVN) == Code.MISSING_VALUE
    assert code(msh("A40"), EVN, PID) == Code.MISSING_VALUE
    timeless = msh("A01").replace("20261123071600+0100", "20261123")
    assert code(timeless, "EVN||20261123", PID) == Code.BAD_TIME


def test_a_resend_is_the_same_item_and_a_later_message_is_not() -> None:
    [first] = decoded(msh("A08"), EVN, PID, PV1)
    [again] = decoded(msh("A08"), EVN, PID, PV1)
    [later] = decoded(msh("A08", "M-2"), EVN, PID, PV1)
    assert (first.message_id, first.content) == (again.message_id, again.content)
    assert later.message_id != first.message_id


def test_a_test_message_says_so() -> None:
    [item] = decoded(msh("A01", processing="T"), EVN, PID, PV1)
    assert item.drafts[0].body["test"] is True


WHOLE = "\r".join((msh("A40"), EVN, PID, "MRG|41814065640^^^&2.16.578.1.12.4.1.4.1&ISO", PV1))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.characters()), max_size=12))
def test_no_mutation_of_a_message_makes_the_decoder_fail(changes: list[tuple[int, str]]) -> None:
    text = list(WHOLE)
    for place, character in changes:
        text[place] = character
    body = "".join(text).encode("utf-8", "surrogatepass")
    with contextlib.suppress(refused.Refused):
        hl7_adt.again(body, datetime(2026, 11, 23, tzinfo=UTC), hashes)
