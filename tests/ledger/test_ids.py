"""Ids are made from names, so nobody has to look one up, and they outlive a restore."""

import random
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from shared import kinds, ledger
from shared.contracts import Result
from tests.ledger.hospital import Hospital
from tests.ledger.items import message, reading

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@given(NAMES)
def test_an_id_is_a_uuid_of_version_8(name: str) -> None:
    made = ledger.named_id(name)
    assert (made.version, made.variant) == (8, "specified in RFC 4122")
    assert made == ledger.named_id(name)


def test_an_id_is_known_for_ever() -> None:
    """The published value of one id: changed, every stored `replaces` would point nowhere."""
    assert ledger.fact_id("hus", "c-abc", "0190f3a2-7c1e-7b4a-9b1d-2f6f0c1a0001") == UUID(
        "ee7b138e-0252-84cb-b810-b0267774001e"
    )


@given(st.lists(st.tuples(NAMES, NAMES), min_size=2, max_size=6, unique=True))
@settings(max_examples=50)
def test_different_messages_have_different_ids(pairs: list[tuple[str, str]]) -> None:
    made = {
        ledger.fact_id("hus", cred, message_id, part)
        for cred, message_id in [(c.replace("|", ""), m) for c, m in pairs]
        for part in (0, 1)
    }
    names = {(c.replace("|", ""), m) for c, m in pairs}
    assert len(made) == 2 * len(names)


async def test_python_and_sql_make_the_same_ids(hospital: Hospital) -> None:
    strange = ["", "a", "æøå|ß|日本", "x" * 500, "sha256:00", "😀 e\u0301", "a|b||0", "\x01\t\n"]
    async with hospital.patients.connection() as connection:
        for name in strange:
            made = await connection.fetchval("select ledger.named_id($1)", name)
            assert made == ledger.named_id(name)
    async with hospital.owner.connection() as connection:
        for name in strange:
            for part, reuse in ((0, ""), (1, ""), (0, "ab12"), (7, "ab12")):
                made = await connection.fetchval(
                    "select ledger.fact_id($1, 'c-1', $2, $3, $4)",
                    hospital.org, name, part, reuse,
                )  # fmt: skip
                assert made == ledger.fact_id(hospital.org, "c-1", name, part, reuse)


async def test_the_stored_facts_bear_the_ids_that_anybody_can_work_out(
    hospital: Hospital,
) -> None:
    patient = await hospital.patient()
    cred = await hospital.held_by(patient)
    item = reading(pulse="71")

    [answer] = await hospital.send(cred, item)

    item_id, pulse_id = (
        ledger.fact_id(hospital.org, cred, item.message_id, part) for part in (0, 1)
    )
    assert answer.fact_id == item_id
    facts = {fact.kind: fact for fact in await hospital.facts(patient)}
    assert (facts["body_weight"].id, facts["pulse"].id) == (item_id, pulse_id)
    assert all(fact.origin == fact.id for fact in facts.values())


async def test_an_id_is_never_the_place_in_the_array(hospital: Hospital) -> None:
    cred = await hospital.held_by(await hospital.patient())
    items = [reading(pulse="70" if n % 2 else None) for n in range(8)]
    expected = {item.message_id: ledger.fact_id(hospital.org, cred, item.message_id)
                for item in items}  # fmt: skip
    shuffled = random.Random(1).sample(items, len(items))

    first = await hospital.send(cred, *shuffled)
    again = await hospital.send(cred, *items)

    for sent, answers, result in (
        (shuffled, first, Result.STORED),
        (items, again, Result.DUPLICATE),
    ):
        for item, answer in zip(sent, answers, strict=True):
            assert (answer.result, answer.fact_id) == (result, expected[item.message_id])


async def test_the_same_message_of_another_credential_is_another_fact(
    hospital: Hospital,
) -> None:
    patient = await hospital.patient()
    item = reading(message())
    answers = [(await hospital.send(await hospital.held_by(patient), item))[0] for _ in range(2)]
    assert [answer.result for answer in answers] == [Result.STORED, Result.STORED]
    assert answers[0].fact_id != answers[1].fact_id


def test_a_message_never_becomes_more_facts_than_a_correction_aims_at() -> None:
    most = max(1 + len(kind.split) for kind in kinds.CATALOGUE.values())
    assert most <= ledger.PARTS
