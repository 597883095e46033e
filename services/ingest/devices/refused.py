"""Why a whole body is unusable. Over HTTP it is answered with the code and the title; over MQTT,
where nobody would read that, the body is quarantined instead.
"""

from typing import Self

from shared import exact


class Refused(Exception):
    """The body is unusable."""

    code = "unusable"

    @property
    def title(self) -> str:
        return (self.__doc__ or "").strip()


class NotReadable(Refused):
    """The body is not JSON that can be read safely."""

    @classmethod
    def because(cls, fault: exact.Unreadable) -> Self:
        refused = cls()
        refused.code = fault.code
        refused.__doc__ = fault.__doc__
        return refused


class NotAnItem(Refused):
    """The body is neither an object nor an array of objects."""

    code = "not-an-item"


class TooManyItems(Refused):
    """The body has more items than one message may carry."""

    code = "too-many-items"


class NotAResource(Refused):
    """The body is not a FHIR resource: it has no resourceType."""

    code = "not-a-resource"


class ResourceNotTaken(Refused):
    """Taken are Observation, QuestionnaireResponse, and a Bundle of these."""

    code = "resource-not-taken"


class BundleNotTaken(Refused):
    """A Bundle must be of type batch or transaction, with its entries as a list."""

    code = "bundle-not-taken"


class MethodNotTaken(Refused):
    """An entry's request must be POST or PUT."""

    code = "method-not-taken"
