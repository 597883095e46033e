"""Verbs: give a device a certificate for the key it has made, and withdraw it.

The authority's key and certificate are files of the organisation's, made by `hjemvakt
device-authority`. A withdrawn certificate is on the list that the broker gets at once. While one
authority takes another's place, the earlier one's files stand beside it: it signs for no device
any more, but its certificates serve on.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import structlog

from services.patients.equipment import store_certificates
from shared.access import certificates
from shared.access.certificates import Authority, Certificate

log = structlog.get_logger()

# An earlier certificate beside the one that was asked for with it: the answer may be lost, and a
# device at home be switched off.
OVERLAP = timedelta(days=14)


class CertificatesAreNotGiven(Exception):
    """This organisation gives its devices no certificates; ask for a secret"""


@dataclass(frozen=True, slots=True)
class Authorities:
    """`current` signs; `previous` only lists what of its own is withdrawn."""

    current: Authority
    previous: Authority | None

    def every(self) -> list[Authority]:
        return [self.current] if self.previous is None else [self.current, self.previous]

    def oldest(self) -> Authority:
        return self.previous or self.current

    @property
    def pem(self) -> str:
        return "".join(one.pem for one in self.every())


@dataclass(frozen=True, slots=True)
class Certifier:
    """`folder` holds `{org}.crt` and `{org}.key`; without it nobody gets a certificate."""

    folder: Path | None

    def authorities(self, org: str) -> Authorities:
        """CertificatesAreNotGiven, also where one of them cannot be read: nothing is concluded
        from half of what should be there."""
        if self.folder is None:
            raise CertificatesAreNotGiven
        try:
            previous = None
            # Of a name with a dot in it there is no organisation.
            if any((self.folder / f"{org}.previous.{end}").exists() for end in ("crt", "key")):
                previous = _kept(self.folder, f"{org}.previous")
            return Authorities(_kept(self.folder, org), previous)
        except FileNotFoundError:
            raise CertificatesAreNotGiven from None
        except (OSError, certificates.AuthorityIsUnusable) as error:
            log.error("An authority for devices is unusable.", org=org, fault=type(error).__name__)
            raise CertificatesAreNotGiven from None


def _kept(folder: Path, name: str) -> Authority:
    certificate = (folder / f"{name}.crt").read_bytes()
    return certificates.kept_authority(certificate, (folder / f"{name}.key").read_bytes())


async def give(
    tx: asyncpg.Connection,
    by: Authorities,
    org: str,
    cred: str,
    asked: str,
    now: datetime,
    *,
    beside: str | None = None,
) -> Certificate:
    """In place of the credential's earlier ones, which end at once, but for the one with the serial
    number `beside`. RequestIsNotUsable."""
    made = certificates.sign(by.current, org, cred, asked, now)
    await store_certificates.lock(tx, org)
    await store_certificates.withdraw(tx, org, cred, now, but=beside)
    if beside is not None:
        await store_certificates.end_later(tx, org, beside, now + OVERLAP)
    await store_certificates.add(tx, org, cred, made, now, authority=by.current.id)
    await _list(tx, by, org, now)
    return made


async def withdraw(
    tx: asyncpg.Connection, certifier: Certifier, org: str, cred: str, now: datetime
) -> None:
    """If it has any. The broker takes the credential's rights away in any case; without the
    authority's key only its list of withdrawn certificates stays as it was."""
    await store_certificates.lock(tx, org)
    if not await store_certificates.withdraw(tx, org, cred, now):
        return
    try:
        await _list(tx, certifier.authorities(org), org, now)
    except CertificatesAreNotGiven:
        log.error("A withdrawn certificate is on no list: its authority is away.", org=org)


async def keep_up(tx: asyncpg.Connection, certifier: Certifier, org: str, now: datetime) -> None:
    """With what time and the operator have changed: certificates that have served beside their
    successors for long enough, an authority that was put in another's place or taken away."""
    await store_certificates.lock(tx, org)
    try:
        by = certifier.authorities(org)
    except CertificatesAreNotGiven:
        return
    await store_certificates.adopt(tx, org, by.oldest().id)
    changed = [
        await store_certificates.withdraw_ended(tx, org, now),
        await store_certificates.withdraw_of_others(tx, org, [one.id for one in by.every()], now),
        await store_certificates.kept(tx, org) != by.pem,
    ]
    if any(changed):
        await _list(tx, by, org, now)
        log.info("What the broker knows of certificates was renewed.", org=org)


async def _list(tx: asyncpg.Connection, by: Authorities, org: str, now: datetime) -> None:
    await store_certificates.adopt(tx, org, by.oldest().id)
    lists = []
    for one in by.every():
        serials = await store_certificates.withdrawn(tx, org, one.id, now)
        lists.append(certificates.withdrawn(one, serials, now))
    await store_certificates.keep(tx, org, by.pem, "".join(lists), now)
