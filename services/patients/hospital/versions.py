"""Verbs: which version of a programme an organisation judges by, and making another one count."""

from collections.abc import Mapping
from uuid import uuid4

import asyncpg

from services.patients.hospital import organise, store_programmes
from services.patients.nouns import Activation
from shared import ledger
from shared.access import Caller
from shared.database import Database
from shared.programmes import Programme
from shared.settings import Mode

# All versions that can be judged by: slug -> version -> programme, the newest last.
Loaded = Mapping[str, Mapping[str, Programme]]


class NoSuchProgramme(Exception):
    """There is no programme of this name here"""


class VersionIsNotLoaded(Exception):
    """This version of the programme is not among those that are loaded"""


class ProgrammeIsNotApproved(Exception):
    """Nobody has approved this version; in production only an approved one is used"""


class AlreadyActive(Exception):
    """This version is the active one already"""


async def in_force(tx: asyncpg.Connection, org: str, loaded: Loaded) -> dict[str, Programme]:
    """What the organisation judges by; a programme it never activated is the newest loaded."""
    active = await store_programmes.active(tx, org)
    return {slug: chosen(by_version, active.get(slug)) for slug, by_version in loaded.items()}


def chosen(by_version: Mapping[str, Programme], active: Activation | None) -> Programme:
    newest = list(by_version.values())[-1]
    return by_version.get(active.version, newest) if active else newest


async def activate(
    database: Database,
    caller: Caller,
    loaded: Loaded,
    mode: Mode,
    slug: str,
    *,
    version: str,
    reason: str,
) -> Activation:
    """From now on every patient in the programme is judged by this version.

    Each of them gets the decision among his own, so that what was in force at a reading's moment
    is read from that patient's decisions alone.
    """
    if slug not in loaded:
        raise NoSuchProgramme
    programme = loaded[slug].get(version)
    if programme is None:
        raise VersionIsNotLoaded
    if mode == "production" and not (programme.approved_by and programme.approved_on):
        raise ProgrammeIsNotApproved
    async with database.transaction() as tx:
        at = await store_programmes.lock_versions(tx, caller.org, alone=True)
        before = (await store_programmes.active(tx, caller.org)).get(slug)
        if before is not None and before.version == version:
            raise AlreadyActive
        activation = Activation(uuid4(), slug, version, reason, at, caller.id, caller.name)
        await store_programmes.add(tx, caller.org, activation)
        await organise.noted(tx, caller, "programmes", f"{slug} {version}")
        body = {
            "activation_id": str(activation.id),
            "programme": slug,
            "version": version,
            "before": before.version if before else None,
            "reason": reason,
        }
        for patient_id in await store_programmes.enrolled_in(tx, caller.org, slug):
            await ledger.decide(
                tx, caller.org, patient_id, "programme-activated", body, by=caller.id, at=at
            )
    return activation
