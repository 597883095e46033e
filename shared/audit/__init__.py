"""Who saw and did what: one place that writes it, one table that holds it, and nothing is shown
that could not be written.

`note` writes in the transaction that reads; `Backstop` writes at the envelope what no verb wrote:
refusals, what is about no patient, who is nobody we know. `sealing` makes the days tamper-evident.
"""

from shared.audit.backstop import Backstop
from shared.audit.event import NOBODY, Event, Outcome, Who
from shared.audit.trail import Trail, begin, one_request
from shared.audit.writing import LookCannotBeLogged, change, note

__all__ = [
    "NOBODY", "Backstop", "Event", "LookCannotBeLogged", "Outcome", "Trail", "Who", "begin",
    "change", "note", "one_request",
]  # fmt: skip
