"""No change to a good payload makes any decoder fail, whatever gives way in it."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest.devices import refused
from tests.devices import mutations
from tests.devices.mutations import DECODERS, MUTATIONS, TOGETHER, Decoder

EVERY = pytest.mark.parametrize("decoder", DECODERS, ids=lambda each: each.name)


@EVERY
def test_every_payload_is_read_before_it_is_changed(decoder: Decoder) -> None:
    for body in decoder.bodies:
        items = decoder.read(body)
        assert any(item.drafts or item.how == "void" for item in items), items
        mutations.sound(items)


@EVERY
def test_no_mutation_makes_a_decoder_fail(decoder: Decoder) -> None:
    @given(st.integers(0, 2**63))
    @settings(
        max_examples=max(1, MUTATIONS // TOGETHER),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def tried(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(TOGETHER):
            body = mutations.changed(chance.choice(decoder.bodies), mutations.edits(chance))
            try:
                items = decoder.read(body)
            except refused.Refused:
                continue
            except Exception as fault:
                raise AssertionError(body[:2000]) from fault
            mutations.sound(items)

    tried()
