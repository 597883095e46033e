"""Verbs: a device of the patient's asks to be told that something waits, and asks no more."""

import hashlib
from collections.abc import Collection
from datetime import datetime

from services.patients import look
from services.patients.look import Looker
from services.patients.me import mine, store_messages
from shared import push
from shared.database import Database

WHAT = "notices"
MOST = 10


class NoticesAreNotOffered(Exception):
    """Notices to devices are not set up here"""


class TooManyDevices(Exception):
    """So many devices are told already; end one first"""


async def begin(
    database: Database,
    looker: Looker,
    endpoint: str,
    keys: tuple[str, str],
    hosts: Collection[str],
    now: datetime,
) -> None:
    """push.NotAPushAddress, push.NotADevicesKeys, TooManyDevices."""
    push.address(endpoint, hosts)
    spelt = push.keys(*keys)
    patient_id, hash = mine.whose(looker), _hash(endpoint)
    async with look.opened(database, looker, patient_id, WHAT, changes=True) as seen:
        if await store_messages.count_devices(seen.tx, seen.org, patient_id, hash) >= MOST:
            raise TooManyDevices
        await store_messages.keep_device(seen.tx, seen.org, patient_id, hash, endpoint, spelt, now)


async def end(database: Database, looker: Looker, endpoint: str) -> bool:
    """Whether this device was told until now."""
    patient_id = mine.whose(looker)
    async with look.opened(database, looker, patient_id, WHAT, changes=True) as seen:
        return await store_messages.forget_device(seen.tx, seen.org, patient_id, _hash(endpoint))


def _hash(endpoint: str) -> bytes:
    return hashlib.sha256(endpoint.encode()).digest()
