"""The ledger: append facts, take the hand-over, read a patient's facts.

An append's answer may be given to a sender only after its commit. The rules, each with the
schedule that breaks a simpler version, stand beside the SQL in shared/migrations.
"""

from shared.ledger.appending import (
    DEFINITE,
    NotIndivisible,
    append,
    append_as_patient,
    append_as_staff,
    append_whatever_comes,
)
from shared.ledger.bindings import (
    BindingsAreBusy,
    Refiled,
    lock_bindings,
    refile,
)
from shared.ledger.deciding import (
    decide,
    decisions,
)
from shared.ledger.handover import (
    ALERTS,
    DONE,
    TAKE_SETTINGS,
    Taken,
    done,
    oldest_waiting,
    patients_with_rows,
    take,
    take_rest,
    waiting_patients,
)
from shared.ledger.ids import (
    NOBODY,
    PARTS,
    fact_id,
    named_id,
)
from shared.ledger.items import (
    Answer,
    Entry,
    Sender,
    drafts_of,
    extra_of,
    rank,
)
from shared.ledger.quarantine import (
    CannotBeReleased,
    NotWaiting,
    Quarantined,
    ask_replay,
    count_quarantined,
    quarantined,
    reject,
    release,
)
from shared.ledger.reading import (
    AHEAD,
    Reach,
    answers,
    facts,
    in_force,
    in_reach,
    read,
    touched,
)
from shared.ledger.waking import (
    CHANNEL,
    REPLAY_CHANNEL,
    organisations,
    wake,
    wake_alone,
)

__all__ = [
    "AHEAD",
    "ALERTS",
    "CHANNEL",
    "DEFINITE",
    "DONE",
    "NOBODY",
    "PARTS",
    "REPLAY_CHANNEL",
    "TAKE_SETTINGS",
    "Answer",
    "BindingsAreBusy",
    "CannotBeReleased",
    "Entry",
    "NotIndivisible",
    "NotWaiting",
    "Quarantined",
    "Reach",
    "Refiled",
    "Sender",
    "Taken",
    "answers",
    "append",
    "append_as_patient",
    "append_as_staff",
    "append_whatever_comes",
    "ask_replay",
    "count_quarantined",
    "decide",
    "decisions",
    "done",
    "drafts_of",
    "extra_of",
    "fact_id",
    "facts",
    "in_force",
    "in_reach",
    "lock_bindings",
    "named_id",
    "oldest_waiting",
    "organisations",
    "patients_with_rows",
    "quarantined",
    "rank",
    "read",
    "refile",
    "reject",
    "release",
    "take",
    "take_rest",
    "touched",
    "waiting_patients",
    "wake",
    "wake_alone",
]
