"""The services' roles on a database server that is not ours."""

import asyncio
import json
import os
import secrets
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from deploy.local import keys
from deploy.local.postgres import OWNER, SERVICE_ROLES


class RoleIsNotOurs(Exception):
    """A service's role exists on the server, and its password is not known here."""


def urls(owner_url: str, kept: Path) -> dict[str, str]:
    """Role -> address. HJEMVAKT_DATABASE_* where given; otherwise the role is made.

    Passwords that were made here are kept in the file `kept`.
    """
    found = {OWNER: owner_url}
    missing = []
    for role in SERVICE_ROLES:
        if given := os.environ.get(_variable(role)):
            found[role] = given
        else:
            missing.append(role)
    if missing:
        passwords = json.loads(kept.read_text()) if kept.exists() else {}
        if new := [role for role in missing if role not in passwords]:
            passwords |= {role: secrets.token_hex(24) for role in new}
            asyncio.run(_make(owner_url, {role: passwords[role] for role in new}))
            keys.write_private(kept, json.dumps(passwords))
        found |= {role: _as_role(owner_url, role, passwords[role]) for role in missing}
    return found


async def _make(url: str, passwords: dict[str, str]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for role, password in passwords.items():
            if await connection.fetchval("select 1 from pg_roles where rolname = $1", role):
                raise RoleIsNotOurs(
                    f"Role {role} exists on the server of DATABASE_URL: "
                    f"set {_variable(role)} to its address."
                )
            # A literal is safe here: the name is ours, the password hexadecimal.
            await connection.execute(f"create role {role} login password '{password}'")
    finally:
        await connection.close()


def _variable(role: str) -> str:
    return f"HJEMVAKT_DATABASE_{role.removeprefix('hjv_').upper()}"


def _as_role(url: str, role: str, password: str) -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(password, safe='')}@{place}"))
