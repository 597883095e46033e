"""Verbs: which version of a programme an organisation judges by, and making another one count."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import uuid4

import asyncpg

from services.patients.hospital import organise, store_programmes
from services.patients.nouns import Activation
from shared import ledger
from shared.access import Caller
from shared.database import Database
from shared.programmes import Programme, marking
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


class WhatIfIsNotShown(Exception):
    """Nobody has lately seen what this version would have made of the past"""


# Long enough for a meeting after the trial, and the patients are still those that were tried.
TRIAL_HOLDS = timedelta(hours=12)
LINES = 3  # of the page that is signed


def loaded_version(loaded: Loaded, slug: str, version: str) -> Programme:
    """NoSuchProgramme, VersionIsNotLoaded."""
    if slug not in loaded:
        raise NoSuchProgramme
    programme = loaded[slug].get(version)
    if programme is None:
        raise VersionIsNotLoaded
    return programme


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
    is read from that patient's decisions alone. NoSuchProgramme, VersionIsNotLoaded,
    ProgrammeIsNotApproved, AlreadyActive, WhatIfIsNotShown.
    """
    programme = loaded_version(loaded, slug, version)
    mark = marking.digest(programme)
    async with database.transaction() as tx:
        at = await store_programmes.lock_versions(tx, caller.org, alone=True)
        signed = {
            one.seat
            for one in await store_programmes.signatures(tx, caller.org, slug)
            if (one.version, one.digest) == (version, mark)
        }
        is_approved = bool(programme.approved_by and programme.approved_on)
        if mode == "production" and not (is_approved or len(signed) == LINES):
            raise ProgrammeIsNotApproved
        before = (await store_programmes.active(tx, caller.org)).get(slug)
        if before is not None and before.version == version:
            raise AlreadyActive
        since = at - TRIAL_HOLDS
        if not await store_programmes.shown(tx, caller.org, slug, version, mark, since):
            raise WhatIfIsNotShown
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
