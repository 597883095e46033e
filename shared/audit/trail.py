"""Pure: who is asking in this request, as the audit trail writes him down.

The door says it once, when it knows; whoever writes later in the request takes it from here, so
that no verb can say somebody else.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

from shared.audit.event import Outcome, Who


@dataclass(slots=True)
class Trail:
    """What one request has written so far. `what` and `why` are the table's words for the act.
    `sends`: what comes in by it stands in the ledger, and only what is refused stands here."""

    who: Who
    what: str
    why: str
    written: set[Outcome] = field(default_factory=set)
    sends: bool = False


_trail: ContextVar[Trail | None] = ContextVar("trail", default=None)


@contextlib.contextmanager
def one_request() -> Iterator[None]:
    """From here on nobody's, and afterwards whose it was."""
    token = _trail.set(None)
    try:
        yield
    finally:
        _trail.reset(token)


def begin(who: Who, what: str, why: str) -> Trail:
    """The rest of this request is asked by him."""
    trail = Trail(who, what, why)
    _trail.set(trail)
    return trail


def here(org: str, by: str) -> Trail | None:
    """The trail of this request, if it is this person's."""
    found = _trail.get()
    return found if found is not None and (found.who.org, found.who.by) == (org, by) else None
