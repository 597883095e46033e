"""Verbs: give a device a certificate for the key it has made, and withdraw it.

The authority's key and certificate are files of the organisation's, made by `hjemvakt
device-authority`. A withdrawn certificate is on the list that the broker gets at once.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg
import structlog

from services.patients.equipment import store_certificates
from shared.access import certificates
from shared.access.certificates import Authority, Certificate

log = structlog.get_logger()


class CertificatesAreNotGiven(Exception):
    """This organisation gives its devices no certificates; ask for a secret"""


@dataclass(frozen=True, slots=True)
class Certifier:
    """`folder` holds `{org}.crt` and `{org}.key`; without it nobody gets a certificate."""

    folder: Path | None

    def authority(self, org: str) -> Authority:
        """CertificatesAreNotGiven."""
        if self.folder is None:
            raise CertificatesAreNotGiven
        try:
            certificate = (self.folder / f"{org}.crt").read_bytes()
            key = (self.folder / f"{org}.key").read_bytes()
            return certificates.kept_authority(certificate, key)
        except FileNotFoundError:
            raise CertificatesAreNotGiven from None
        except (OSError, certificates.AuthorityIsUnusable) as error:
            log.error("An authority for devices is unusable.", org=org, fault=type(error).__name__)
            raise CertificatesAreNotGiven from None


async def give(
    tx: asyncpg.Connection, by: Authority, org: str, cred: str, asked: str, now: datetime
) -> Certificate:
    """In place of the credential's earlier one. RequestIsNotUsable."""
    made = certificates.sign(by, org, cred, asked, now)
    await store_certificates.lock(tx, org)
    await store_certificates.withdraw(tx, org, cred, now)
    await store_certificates.add(tx, org, cred, made, now)
    await _list(tx, by, org, now)
    return made


async def withdraw(
    tx: asyncpg.Connection, certifier: Certifier, org: str, cred: str, now: datetime
) -> None:
    """If it has one. The broker takes the credential's rights away in any case; without the
    authority's key only its list of withdrawn certificates stays as it was."""
    await store_certificates.lock(tx, org)
    if not await store_certificates.withdraw(tx, org, cred, now):
        return
    try:
        await _list(tx, certifier.authority(org), org, now)
    except CertificatesAreNotGiven:
        log.error("A withdrawn certificate is on no list: its authority is away.", org=org)


async def _list(tx: asyncpg.Connection, by: Authority, org: str, now: datetime) -> None:
    serials = await store_certificates.withdrawn(tx, org, now)
    await store_certificates.keep(tx, org, by.pem, certificates.withdrawn(by, serials, now), now)
