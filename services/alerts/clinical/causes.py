"""Pure: why nothing comes of a patient, as far as can be known: his device, his phone, a portal,
or himself. (That it is ours is decided before: then nobody is called silent.)

From what he is bound to, what his devices said of themselves, and whether the portal that speaks
for him has been heard of since, by anybody.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from services.alerts.clinical.history import Record
from shared.contracts import Fact

Cause = Literal["patient", "device", "phone", "portal"]

LOW_BATTERY = 15
# What tells of itself does so at least daily.
OUT_OF_CONTACT = timedelta(hours=26)
TELLS_OF_ITSELF = 2
PEOPLE = ("staff:", "patient:")


def portal_of(record: Record) -> str | None:
    """The system that speaks for the patient: it brought his last reading, and he is not bound to
    it. Staff who enter what was phoned in are no portal."""
    newest = record.newest()
    return None if newest is None else portal(record, newest)


def portal(record: Record, fact: Fact) -> str | None:
    """The system that brought a fact, unless it is the patient's own device, himself, or staff."""
    if fact.source.startswith(PEOPLE) or fact.source in record.decided.devices:
        return None
    return fact.source


def of(
    record: Record, due_at: datetime | None, now: datetime, heard: datetime | None = None
) -> Cause:
    """`due_at` is when the first of what is missing was expected, `heard` when his portal last
    brought anything, for anybody."""
    bound = record.decided.bound
    given_back = record.decided.devices - bound.keys()
    for cred in sorted({one.source for one in record.statuses} - given_back):
        if _is_out_of_contact(record, cred, now):
            return "phone" if bound.get(cred) == "app" else "device"
    if portal_of(record) is None:
        return "patient"
    # It has brought what others measured since his was due: then his was not there to bring.
    delivers = heard is not None and due_at is not None and heard > due_at
    return "patient" if delivers else "portal"


def _is_out_of_contact(record: Record, cred: str, now: datetime) -> bool:
    statuses = [one for one in record.statuses if one.source == cred]
    last = statuses[-1]
    battery = last.body.get("battery")
    if isinstance(battery, int | Decimal) and battery <= LOW_BATTERY:
        return True
    if last.body.get("state") == "offline":
        return True
    newest = record.newest()
    latest = last.received_at
    if newest is not None and newest.source == cred:
        latest = max(latest, newest.received_at)
    return len(statuses) >= TELLS_OF_ITSELF and now - latest > OUT_OF_CONTACT
