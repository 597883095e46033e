"""Verbs: a patient lets a relative see, until a day; and takes it back.

What is given ends by itself: every request of the relative looks it up. He never changes anything,
gives nothing on, and sees nothing of a sensitive programme.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from services.patients import look
from services.patients.look import Looker
from services.patients.nouns import Given, Proxy, Represented
from services.patients.privacy import store_proxies
from shared.access import Caller
from shared.database import Database
from shared.identity import Row

# A child's parents until it is of age is the longest there is a reason for.
LONGEST = timedelta(days=18 * 366)
WHAT = "proxies"


class NotAProxyPeriod(Exception):
    """The end must come after the beginning, lie ahead, and be at most 18 years away"""


class NoSuchProxy(Exception):
    """The patient has given nothing of this id that still is in force"""


class ProxyOfHimself(Exception):
    """The patient himself needs nobody's leave"""


class TooManyProxies(Exception):
    """So many people are let in already; end one first"""


MOST = 20


async def give(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    *,
    number: Sequence[Row],
    name: str,
    relation: str,
    may: list[Given],
    since: datetime | None,
    until: datetime,
    now: datetime,
) -> Proxy:
    begins = since or now
    if until <= begins or until <= now or until - begins > LONGEST:
        raise NotAProxyPeriod
    role = looker.caller.role.value
    proxy = Proxy(
        uuid4(), name, relation, sorted(set(may)), begins, until, now, looker.by, role, None
    )
    async with look.opened(database, looker, patient_id, WHAT, changes=True) as seen:
        if await store_proxies.is_his_own(
            seen.tx, seen.org, patient_id, [row.hash for row in number]
        ):
            raise ProxyOfHimself
        if await store_proxies.count(seen.tx, seen.org, patient_id, now) >= MOST:
            raise TooManyProxies
        await store_proxies.add(seen.tx, seen.org, patient_id, number, proxy)
    return proxy


async def end(
    database: Database, looker: Looker, patient_id: UUID, proxy_id: UUID, now: datetime
) -> None:
    """At once, also for what the relative has open just now."""
    async with look.opened(database, looker, patient_id, WHAT, changes=True) as seen:
        if not await store_proxies.end(seen.tx, seen.org, patient_id, proxy_id, now, by=seen.by):
            raise NoSuchProxy


async def represented(database: Database, looker: Looker) -> list[Represented]:
    """Whom the caller may ask on behalf of. That he was shown their names stands in their logs."""
    caller: Caller = looker.caller
    async with database.transaction() as tx:
        found = await store_proxies.represented(tx, caller.org, caller.numbers)
        await look.logged(tx, looker, [one.id for one in found], WHAT, why="on-behalf-of")
    return found
