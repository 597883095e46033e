"""Which identity numbers the record takes, and the only forms in which it keeps them."""

from dataclasses import dataclass
from uuid import UUID

from shared import identity
from shared.identity import Mode

NATIONAL_DIGITS = 11


class NumberIsNotAcceptable(Exception):
    """This identity number cannot be used here: test takes only synthetic ones, production real"""


class NumberNeedsItsSystem(Exception):
    """A national identity number must be sent under its own system"""


class PhoneIsNotUsable(Exception):
    """This is no telephone number: eight Norwegian digits, or + and the country's code"""


@dataclass(frozen=True, slots=True)
class Numbers:
    """`key` seals and hashes; `allowed` are the few further numbers that test mode takes."""

    key: bytes
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

    def of_person(self, number: str) -> bytes:
        """The hash of a national number or D-number sent without its system."""
        kind = identity.kind_of(number.replace(" ", ""))
        system, value = self.check(kind.system if kind else identity.FNR, number)
        return self.hashed(system, value)

    def hashed(self, system: str, value: str) -> bytes:
        return identity.hashed(self.key, system, value)

    def seal_phone(self, patient_id: UUID, sent: str | None) -> bytes | None:
        """A telephone number in the only form in which it is kept. PhoneIsNotUsable."""
        if sent is None:
            return None
        plain = identity.plain_phone(sent)
        if plain is None:
            raise PhoneIsNotUsable
        return self.seal(identity.phone_of(patient_id), plain)

    def seal(self, system: str, value: str) -> bytes:
        return identity.seal(self.key, system, value)

    def unseal(self, system: str, sealed: bytes) -> str:
        return identity.unseal(self.key, system, sealed)


def looks_national(text: str) -> bool:
    """Whether a search text holds eleven digits: those must never stand in an address."""
    digits = [character for character in text if character.isdigit()]
    return len(digits) >= NATIONAL_DIGITS
