"""Secrets of one data directory, made at the first start and readable by their owner only."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from shared import push
from shared.access import DevelopmentIssuer


def identity_key(directory: Path) -> str:
    """Seals national numbers; without it the stored ones cannot be read again."""
    return _kept(directory / "identity.key", lambda: secrets.token_hex(32)).read_text().strip()


def development_key(directory: Path) -> Path:
    """Signs the tokens of a system without a hospital's log-in."""
    return _kept(directory / "development.jwk", DevelopmentIssuer.new_key)


def push_key(directory: Path) -> Path:
    """Signs notices to patients' devices; another one, and every device must ask anew."""
    return _kept(directory / "push.pem", lambda: push.new_key().decode())


def _kept(path: Path, make: Callable[[], str]) -> Path:
    if not path.exists():
        write_private(path, make())
    return path


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, mode 0600 from the first moment."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
