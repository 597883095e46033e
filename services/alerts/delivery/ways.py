"""What this installation has to send with. Addresses of people are the units' own data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from shared.identity import Keys

# So long a receiver may take; then it is the next channel's turn.
SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Ways:
    """None: this installation has no such channel."""

    public_url: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)
    webhook_hosts: frozenset[str] = frozenset()
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str | None = None
    host_headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    sms_url: str | None = field(default=None, repr=False)
    sms_body: str | None = field(default=None, repr=False)
    identity_keys: Keys | None = field(default=None, repr=False)  # open patients' numbers
    sms_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    push_key: EllipticCurvePrivateKey | None = field(default=None, repr=False)
    push_contact: str | None = None
    push_hosts: frozenset[str] = frozenset()
    push_ca: Path | None = None
