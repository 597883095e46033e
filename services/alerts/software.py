"""Which software and which programmes made a row: after an upgrade rows and findings may rightly
differ from those of before, and that is no alarm.
"""

import hashlib
from functools import cache
from pathlib import Path

from services.alerts.rows.row import Programmes

_made: dict[tuple[int, ...], str] = {}


def made_by(programmes: Programmes) -> str:
    """The same in every process that runs the same code with the same programmes."""
    key = tuple(id(programme) for programme in programmes.values())
    if key not in _made:
        told = hashlib.sha256(_code())
        for slug, programme in sorted(programmes.items()):
            told.update(f"{slug}|{[*programme.versions.values()]!r}".encode())
        _made[key] = told.hexdigest()[:16]
    return _made[key]


@cache
def _code() -> bytes:
    told = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        told.update(path.read_bytes())
    return told.digest()
