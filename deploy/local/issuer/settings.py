"""What the services and the issuer of one box must agree on: names, keys, addresses."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.local import keys
from deploy.local.issuer.clients import Client
from deploy.local.issuer.realm import Realm
from shared.access import signed

AUDIENCE = "nhn:hjemvakt"
CITIZENS = "https://hjemvakt.example/patients"
STAFF = f"{AUDIENCE}/staff"
PAGE = "hjemvakt-page"
SYSTEM = "hjemvakt-system"
SYSTEM_SCOPES = tuple(
    f"{AUDIENCE}/{scope}"
    for scope in (
        "readings.read", "care.read", "readings.write", "answers.write", "attachments.write",
    )
)  # fmt: skip


def address(port: int, profile: str) -> str:
    return f"http://127.0.0.1:{port}/{profile}"


def write(
    directory: Path, port: int, *, alerts: str, patients: str, organisation: str
) -> tuple[Path, Path]:
    """The files of trusted issuers and of clients, for a data directory. Keys are kept."""
    page_key = _key(directory / "page.jwk")
    system_key = _key(directory / "system.jwk")
    clients = {
        PAGE: {
            "kind": "page",
            "key": signed.as_public(page_key),
            "scopes": ["openid", "profile", STAFF],
            "redirects": [f"{alerts}/login/callback", f"{patients}/me/login/callback"],
            "leaves": [f"{alerts}/login", f"{patients}/me/login"],
            "back_channel": {
                "helseid": f"{alerts}/back-channel/log-out",
                "idporten": f"{patients}/me/back-channel/log-out",
            },
        },
        SYSTEM: {
            "kind": "system",
            "key": signed.as_public(system_key),
            "scopes": list(SYSTEM_SCOPES),
            "organisation": organisation,
        },
    }
    trusted, known = directory / "issuers.toml", directory / "clients.json"
    keys.write_private(known, json.dumps(clients, indent=1))
    keys.write_private(trusted, _trusted(port, directory / "page.jwk", organisation))
    return trusted, known


def realms(port: int, known: Mapping[str, Any]) -> list[Realm]:
    return [
        Realm("helseid", address(port, "helseid"), AUDIENCE, _clients(known, "helseid")),
        Realm("idporten", address(port, "idporten"), CITIZENS, _clients(known, "idporten")),
    ]


def _clients(known: Mapping[str, Any], profile: str) -> dict[str, Client]:
    return {
        name: Client(
            name,
            one["kind"],
            one["key"],
            frozenset(one["scopes"]),
            redirects=frozenset(one.get("redirects", ())),
            leaves=frozenset(one.get("leaves", ())),
            back_channel=one.get("back_channel", {}).get(profile),
            organisation=one.get("organisation"),
        )
        for name, one in known.items()
    }


def _key(file: Path) -> signed.Key:
    if not file.exists():
        keys.write_private(file, json.dumps(signed.new_key().as_dict(private=True)))
    return signed.kept_key(file.read_bytes())


def _trusted(port: int, page_key: Path, organisation: str) -> str:
    return f"""# Made at every start by `hjemvakt up`, for its own development issuer.

[[issuer]]
name = "HelseID (test)"
profile = "helseid"
issuer = "{address(port, "helseid")}"
environment = "test"
audience = "{AUDIENCE}"
scope = "{STAFF}"
dpop = true
staff_by = "subject"

[issuer.client]
id = "{PAGE}"
key = {json.dumps(str(page_key))}
scopes = ["openid", "profile", "{STAFF}"]

[[issuer]]
name = "ID-porten (test)"
profile = "idporten"
issuer = "{address(port, "idporten")}"
environment = "test"
audience = "{CITIZENS}"
dpop = false
organisation = "{organisation}"

[issuer.client]
id = "{PAGE}"
key = {json.dumps(str(page_key))}
scopes = ["openid", "profile"]
"""
