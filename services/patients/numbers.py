"""Which identity numbers the record takes, and the only forms in which it keeps them."""

from dataclasses import dataclass
from uuid import UUID

from shared import identity
from shared.identity import Mode, Row

NATIONAL_DIGITS = 11


class NumberIsNotAcceptable(Exception):
    """This identity number cannot be used here: test takes only synthetic ones, production real"""


class NumberNeedsItsSystem(Exception):
    """A national identity number must be sent under its own system"""


class PhoneIsNotUsable(Exception):
    """This is no telephone number: eight Norwegian digits, or + and the country's code"""


@dataclass(frozen=True, slots=True)
class Numbers:
    """`keys` seal and hash; `allowed` are the few further numbers that test mode takes."""

    keys: identity.Keys
    mode: Mode
    allowed: frozenset[str] = frozenset()

    def check(self, system: str, value: str) -> tuple[str, str]:
        """The identifier in its one spelling, or a refusal."""
        system, value = identity.plain_system(system), identity.plain_value(system, value)
        kind = identity.kind_of(value)
        if system not in identity.NATIONAL:
            if kind is not None:
                raise NumberNeedsItsSystem
            return system, value
        if not identity.acceptable(value, self.mode, self.allowed):
            raise NumberIsNotAcceptable
        if kind is not None and kind.system != system and value not in self.allowed:
            raise NumberNeedsItsSystem
        return system, value

    def of_person(self, number: str) -> list[Row]:
        """A national number or D-number sent without its system, under each key."""
        kind = identity.kind_of(number.replace(" ", ""))
        system, value = self.check(kind.system if kind else identity.FNR, number)
        return self.rows(system, value)

    def hashes(self, system: str, value: str) -> list[bytes]:
        return self.keys.hashes(system, value)

    def seal_phone(self, patient_id: UUID, sent: str | None) -> bytes | None:
        """A telephone number in the only form in which it is kept. PhoneIsNotUsable."""
        if sent is None:
            return None
        plain = identity.plain_phone(sent)
        if plain is None:
            raise PhoneIsNotUsable
        return self.keys.seal(identity.phone_of(patient_id), plain)

    def rows(self, system: str, value: str) -> list[Row]:
        return self.keys.rows(system, value)

    def has(self, key: str | None) -> bool:
        """Whether what is kept under this key can be opened here; None: before keys had names."""
        return key is None or key in self.keys.ids

    def unseal(self, system: str, sealed: bytes) -> str:
        return self.keys.unseal(system, sealed)


def looks_national(text: str) -> bool:
    """Whether a search text holds eleven digits: those must never stand in an address."""
    digits = [character for character in text if character.isdigit()]
    return len(digits) >= NATIONAL_DIGITS
