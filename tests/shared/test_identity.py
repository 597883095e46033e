from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import identity

KEY = bytes(range(32))
OTHER = bytes(32)


def made(day: int, month: int, year: int, individual: int = 0, first: int = 0) -> str:
    """A well-formed number for the date, made here; `first` is what the first check may leave."""
    for serial in range(individual, 1000):
        digits = [int(digit) for digit in f"{day:02}{month:02}{year:02}{serial:03}"]
        weights = (3, 7, 6, 1, 8, 9, 4, 5, 2)
        k1 = (first - sum(w * d for w, d in zip(weights, digits, strict=True))) % 11
        digits.append(k1)
        weights2 = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
        k2 = -sum(w * d for w, d in zip(weights2, digits, strict=True)) % 11
        if k1 < 10 and k2 < 10:
            return "".join(map(str, [*digits, k2]))
    raise AssertionError("no number for this date")


@pytest.mark.parametrize(
    ("day", "month", "name", "synthetic"),
    [
        (13, 9, "fnr", None),
        (53, 9, "d-number", None),
        (13, 89, "fnr", "tenor"),
        (13, 74, "fnr", "nhn"),
        (13, 49, "fnr", "nav"),
        (53, 89, "d-number", "tenor"),
        (53, 74, "d-number", "nhn"),
        (71, 52, "d-number", "nav"),
    ],
)
def test_a_number_tells_its_kind_and_its_test_population(
    day: int, month: int, name: str, synthetic: str | None
) -> None:
    kind = identity.kind_of(made(day, month, 72))

    assert kind is not None
    assert (kind.name, kind.synthetic) == (name, synthetic)


def test_help_numbers_start_with_eight_or_nine() -> None:
    kind = identity.kind_of(made(81, 34, 56))

    assert kind is not None
    assert (kind.name, kind.system) == ("fhn", identity.FHN)


@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_the_first_check_digit_follows_the_rule_of_2032(first: int) -> None:
    assert identity.kind_of(made(2, 1, 32, first=first)) is not None


def test_a_first_check_digit_outside_that_rule_is_wrong() -> None:
    assert identity.kind_of(made(2, 1, 32, first=4)) is None


@pytest.mark.parametrize("slip", range(11))
def test_one_digit_wrong_is_noticed_by_the_second_check(slip: int) -> None:
    number = made(13, 9, 72)
    wrong = number[:slip] + str((int(number[slip]) + 1) % 10) + number[slip + 1 :]

    assert identity.kind_of(wrong) is None


@pytest.mark.parametrize(
    ("day", "month", "year"),
    [(29, 2, 1), (31, 4, 80), (32, 1, 80), (0, 1, 80), (1, 13, 80), (1, 53, 80)],
)
def test_a_day_that_does_not_exist_is_wrong(day: int, month: int, year: int) -> None:
    assert identity.kind_of(made(day, month, year)) is None


@pytest.mark.parametrize("year", [0, 96, 24])
def test_a_leap_day_in_some_century_is_a_day(year: int) -> None:
    assert identity.kind_of(made(29, 2, year)) is not None


@pytest.mark.parametrize("text", ["", "1234567890", "123456789012", "1234567891A", "١٢٣٤٥٦٧٨٩٠١"])
def test_what_is_not_eleven_digits_is_no_number(text: str) -> None:
    assert identity.kind_of(text) is None


@given(st.text(max_size=14))
def test_no_text_makes_the_check_fail(text: str) -> None:
    identity.kind_of(text)


def test_in_test_only_synthetic_numbers_and_in_production_only_real_ones() -> None:
    real, synthetic = made(13, 9, 72), made(13, 89, 72)
    for number, mode in product((real, synthetic), ("test", "production")):
        fits = (number == synthetic) == (mode == "test")
        assert identity.acceptable(number, mode) is fits  # type: ignore[arg-type] # a literal


def test_the_allowed_few_are_accepted_in_test_only() -> None:
    real, synthetic = made(13, 9, 72), made(13, 89, 72)

    assert identity.acceptable(real, "test", {real})
    assert not identity.acceptable(synthetic, "production", {synthetic})


def test_the_hash_depends_on_key_system_and_value_but_not_on_spelling() -> None:
    number = made(13, 89, 72)
    hashed = identity.hashed(KEY, identity.FNR, number)

    assert len(hashed) == 32
    assert (
        identity.hashed(KEY, identity.FNR.removeprefix("urn:oid:"), f"{number[:6]} {number[6:]}")
        == hashed
    )
    assert identity.hashed(OTHER, identity.FNR, number) != hashed
    assert identity.hashed(KEY, identity.D_NUMBER, number) != hashed


def test_a_sealed_number_opens_with_its_key_and_system_only() -> None:
    number = made(13, 89, 72)
    sealed = identity.seal(KEY, identity.FNR, number)

    assert number.encode() not in sealed
    assert identity.unseal(KEY, identity.FNR, sealed) == number
    assert identity.seal(KEY, identity.FNR, number) != sealed
    for key, system, text in (
        (OTHER, identity.FNR, sealed),
        (KEY, identity.D_NUMBER, sealed),
        (KEY, identity.FNR, sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (KEY, identity.FNR, b"short"),
    ):
        with pytest.raises(identity.SealIsBroken):
            identity.unseal(key, system, text)
