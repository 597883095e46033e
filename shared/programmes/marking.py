"""What a signature and a trial are about: all that a version says, as one short mark."""

import hashlib

from shared.programmes.schema import Programme


def digest(programme: Programme) -> str:
    """SHA-256 of what the version says. Who approved it in the file is not part of it."""
    unsaid = {"approved_by", "approved_on"}
    if programme.trial is None:  # came later: what says nothing of it has the mark it had
        unsaid.add("trial")
    said = programme.model_dump_json(by_alias=True, exclude=unsaid)
    return hashlib.sha256(said.encode()).hexdigest()
