"""Commands of whoever keeps the data: is the audit trail whole, what has expired, new keys.

They speak to the database as its owner: DATABASE_URL, or the database of a system on this box.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import asyncpg
import typer

from deploy.local import words

T = TypeVar("T")

YEARS = 10  # as long as a hospital usually keeps it; never less than three
Url = Annotated[
    str | None, typer.Option(envvar="DATABASE_URL", help="The owner's address: postgresql://…")
]


def verify(
    anchors: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="What `audit anchor` printed before."),
    ] = None,
    url: Url = None,
    data_dir: words.DataDir = words.DEFAULT_DATA_DIR,
) -> None:
    """Hold every sealed day of the audit trail against its rows; name what was changed."""
    from shared.audit import sealing

    lines = (anchors.read_text() if anchors else "").splitlines()
    kept = sealing.anchors_of([json.loads(line) for line in lines if line.strip()])
    faults = run(url, data_dir, lambda connection: sealing.verify(connection, kept))
    for fault in faults:
        print(fault)
    if faults:
        words.fail(f"The audit trail has been tampered with: {len(faults)} faults.")
    words.say(f"The audit trail is whole, and as it was at {len(kept)} digests taken outside.")


def seal(url: Url = None, data_dir: words.DataDir = words.DEFAULT_DATA_DIR) -> None:
    """Seal the days that are over now; the service does it by itself every ten minutes."""
    from shared.audit import sealing

    words.say(f"{run(url, data_dir, sealing.seal)} days were sealed.")


def anchor(url: Url = None, data_dir: words.DataDir = words.DEFAULT_DATA_DIR) -> None:
    """Print the digest of every sealed day, one JSON object a line, to be kept elsewhere."""
    from shared.audit import store

    for row in run(url, data_dir, store.days):
        print(
            json.dumps(
                {
                    "org": row["org"],
                    "day": row["day"].isoformat(),
                    "rows": row["rows"],
                    "digest": bytes(row["digest"]).hex(),
                }
            )
        )


def expire(
    years: Annotated[int, typer.Option(min=3, envvar="HJEMVAKT_AUDIT_YEARS")] = YEARS,
    delete: Annotated[
        bool, typer.Option("--delete", help="Do it. Without, it is only said what would go.")
    ] = False,
    url: Url = None,
    data_dir: words.DataDir = words.DEFAULT_DATA_DIR,
) -> None:
    """Delete what in the audit trail is older than so many years. The chain of days stays."""
    from shared.audit import sealing, store

    today = datetime.now(UTC).date()
    before = today.replace(year=today.year - years, day=min(today.day, 28))
    if not delete:
        count = run(url, data_dir, lambda connection: store.older(connection, before))
        words.say(f"{count} rows are older than {before}. Nothing was deleted.")
        return
    gone = run(url, data_dir, lambda connection: sealing.expire(connection, before))
    words.say(f"{gone} rows older than {before} were deleted.")


def rotate(
    finish: Annotated[
        bool, typer.Option("--finish", help="Forget what is kept under the other key.")
    ] = False,
    key: Annotated[
        str | None, typer.Option(envvar="HJEMVAKT_IDENTITY_KEY", help="The services' key.")
    ] = None,
    other: Annotated[
        str | None, typer.Option(envvar="HJEMVAKT_IDENTITY_KEY_OTHER", help="The other one.")
    ] = None,
    url: Url = None,
    data_dir: words.DataDir = words.DEFAULT_DATA_DIR,
) -> None:
    """Keep every national number under both keys, so that the services can change over; with
    --finish under HJEMVAKT_IDENTITY_KEY alone. While the services work (docs/audit.md)."""
    from deploy.local import keys, rotating
    from shared import identity

    first = key or keys.identity_key(data_dir)
    if other is None:
        words.fail("Name the other key with HJEMVAKT_IDENTITY_KEY_OTHER.")
    both = identity.Keys(bytes.fromhex(first), bytes.fromhex(other))
    does = rotating.finish if finish else rotating.rotate
    done = run(url, data_dir, lambda connection: does(connection, both))
    words.say(f"{done.kept} numbers are kept under {'the key' if finish else 'both keys'}.")
    if done.by_hand:
        words.say(f"Enter the national number anew of {len(done.by_hand)} members of staff:")
        for one in done.by_hand:
            print(one)
    if done.relatives:
        words.say(f"Let {len(done.relatives)} relatives in anew (patient, and what lets them in):")
        for one in done.relatives:
            print(one)
    if done.broken:
        words.fail(f"{done.broken} numbers were sealed with neither key; they were left.")


def self_test(
    file: Annotated[Path, typer.Argument(help="Where to write it, for HJEMVAKT_SELF_TEST.")],
    ingest: Annotated[
        str | None, typer.Option(help="Ingest as alerts reaches it. Without: that of --data-dir.")
    ] = None,
    tell: Annotated[
        str | None,
        typer.Option(help="Who hears of every test: webhook:https://…, email:… or sms:…"),
    ] = None,
    url: Url = None,
    data_dir: words.DataDir = words.DEFAULT_DATA_DIR,
) -> None:
    """Make the patient who is nobody and tests the platform for ever (docs/notifications.md)."""
    from deploy.local import keys, self_test
    from shared.ladders import LadderIsUnusable

    if file.exists():
        words.fail(f"{file} exists already.")
    medium, _, to = (tell or "").partition(":")
    address = url or words.running(data_dir).database
    if address is None:
        words.fail("Name the database with DATABASE_URL.")
    door = ingest or words.running(data_dir).ingest
    try:
        made = asyncio.run(
            self_test.make_in(address, door, {"medium": medium, "to": to} if tell else None)
        )
    except self_test.ExistsAlready:
        words.fail("This database has a self-test already.")
    except LadderIsUnusable:
        words.fail("--tell is webhook:https://…, email:… or sms:…")
    keys.write_private(file, json.dumps(made))
    words.say(f"{file} says whom alerts tests with: name it with HJEMVAKT_SELF_TEST.")


def run(url: str | None, data_dir: Path, does: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    address = url or words.running(data_dir).database
    if address is None:
        words.fail("Name the database with DATABASE_URL.")

    async def asked() -> T:
        connection = await asyncpg.connect(address)
        try:
            return await does(connection)
        finally:
            await connection.close()

    return asyncio.run(asked())
