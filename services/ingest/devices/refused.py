"""Why a whole body is unusable. Over HTTP it is answered with the code and the title; over MQTT,
where nobody would read that, the body is quarantined instead.
"""

from typing import Self

from shared import exact


class Refused(Exception):
    """The body is unusable."""

    code = "unusable"
    status = 422  # of the whole answer, or of one entry's

    @property
    def title(self) -> str:
        return (self.__doc__ or "").strip()


class NotReadable(Refused):
    """The body is not JSON that can be read safely."""

    status = 400

    @classmethod
    def because(cls, fault: exact.Unreadable) -> Self:
        refused = cls()
        refused.code = fault.code
        refused.__doc__ = fault.__doc__
        return refused


class NotStorable(Refused):
    """A text in the file holds what cannot be kept: a NUL, or half of a surrogate pair."""

    code = "not-storable"


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
    """Taken are Observation, QuestionnaireResponse, Communication, a Bundle of these, and by
    themselves Media and DocumentReference."""

    code = "resource-not-taken"


class BundleNotTaken(Refused):
    """A Bundle must be of type batch or transaction, with its entries as a list."""

    code = "bundle-not-taken"


class MethodNotTaken(Refused):
    """Only POST and PUT are taken. To withdraw, send it with status entered-in-error."""

    code = "method-not-taken"
    status = 405


class AddressNotTaken(Refused):
    """The address must be of the resource's own type: POST Type, PUT Type/id or Type?identifier."""

    code = "address-not-taken"


class AnotherId(Refused):
    """The id in the address is not that of the resource."""

    code = "another-id"
    status = 400


class ConditionNotTaken(Refused):
    """The only condition taken is one identifier=system|value; versions cannot be asked for."""

    code = "condition-not-taken"
    status = 412


class NotNamed(Refused):
    """An update must name its message: an identifier, or an id that the sender chose itself."""

    code = "not-named"


class NotHl7(Refused):
    """The body is not an HL7 v2 message in ER7: it does not begin with MSH."""

    code = "not-hl7"


class MessageNotTaken(Refused):
    """Of HL7 v2, results (ORU) are taken, and of ADT A01, A02, A03, A08, A11, A13, A31 and A40."""

    code = "message-not-taken"


class SenderNotTaken(Refused):
    """Who is in hospital and who is one person is told by a credential of kind system alone."""

    code = "sender-not-taken"


class TooManyUnknown(Refused):
    """More of this topic waits from today than a person will look through: nothing knows it."""

    code = "too-many-unknown"


class NotACard(Refused):
    """Neither a CPAP card's summary (STR.edf) nor a zip with one in it."""

    code = "not-a-card"


class FormatNotKnown(Refused):
    """The file is of no format that is taken here."""

    code = "format-not-known"
