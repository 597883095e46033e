"""Devices and credentials: a secret is shown once, changed, and stopped."""

import asyncio
import hashlib
from typing import Any

import asyncpg

from tests.patients.conftest import Record, Ward


async def test_a_secret_is_shown_once_and_stored_hashed(ward: Ward) -> None:
    body = {"kind": "device", "label": "Vekt 14", "unit_id": ward.unit}
    made = await ward.nurse.post("/v1/credentials", body)
    shown = await ward.nurse.get(f"/v1/credentials/{made['cred']}")

    assert made["cred"].startswith("c-")
    assert len(made["cred"]) == 18
    assert len(made["secret"]) >= 22
    assert "secret" not in shown
    rows = await ward.record.rows(
        "select c.secret_hash, c.mqtt_hash, s.org from patients.credential c "
        "join patients.secret s using (secret_hash)"
    )
    assert rows[0]["secret_hash"] == hashlib.sha256(made["secret"].encode()).digest()
    assert rows[0]["mqtt_hash"].startswith("$7$")
    assert rows[0]["org"] == "nordland"


async def test_an_old_secret_stops_at_rotation_and_all_at_revocation(ward: Ward) -> None:
    cred = await ward.record.credential(ward.nurse, ward.unit)
    rotated = await ward.nurse.post(f"/v1/credentials/{cred}/rotate", None, 200)

    rows = await ward.record.rows("select secret_hash from patients.secret")
    assert [row[0] for row in rows] == [hashlib.sha256(rotated["secret"].encode()).digest()]
    revoked = await ward.nurse.post(f"/v1/credentials/{cred}/revoke", None, 200)
    again = await ward.nurse.post(f"/v1/credentials/{cred}/revoke", None, 200)
    assert revoked["revoked_at"] == again["revoked_at"] is not None
    assert await ward.record.rows("select from patients.secret") == []
    refused = await ward.nurse.post(f"/v1/credentials/{cred}/rotate", None, 409)
    assert refused["code"] == "credential-is-revoked"


async def test_the_broker_is_told_of_every_change(ward: Ward) -> None:
    heard: list[Any] = []
    connection = await asyncpg.connect(ward.record.urls.owner)
    try:
        await connection.add_listener("credentials", lambda *event: heard.append(event[-1]))
        cred = await ward.record.credential(ward.nurse, ward.unit)
        await ward.nurse.post(f"/v1/credentials/{cred}/rotate", None, 200)
        await ward.nurse.post(f"/v1/credentials/{cred}/revoke", None, 200)
        for _ in range(50):
            if len(heard) == 3:
                break
            await asyncio.sleep(0.02)
    finally:
        await connection.close()
    assert heard == ["nordland"] * 3


async def test_only_an_administrator_lets_a_system_in(record: Record) -> None:
    unit = await record.unit()
    nurse = await record.staff("nurse", unit)
    body = {"kind": "system", "label": "EPJ"}

    await nurse.post("/v1/credentials", body, 403)
    administrator = await record.administrator()
    made = await administrator.post("/v1/credentials", body)
    assert made["unit_id"] is None
    device = {"kind": "device", "label": "Vekt"}
    assert (await administrator.post("/v1/credentials", device, 422))["code"] == "unknown-unit"


async def test_a_device_is_registered_lent_and_retired(ward: Ward) -> None:
    body = {"manufacturer": "A&D", "model": "UC-352", "serial": "5210", "unit_id": ward.unit}
    made = await ward.nurse.post("/v1/devices", body)
    assert (await ward.nurse.post("/v1/devices", body, 409))["code"] == "device-is-known"

    cred = await ward.nurse.post(
        "/v1/credentials",
        {"kind": "device", "label": "x", "unit_id": ward.unit, "device_id": made["id"]},
    )
    bound = await ward.nurse.post(f"{ward.path}/bindings", {"cred": cred["cred"]})
    assert bound["device_id"] == made["id"]
    retired = await ward.nurse.patch(f"/v1/devices/{made['id']}", {"retired": True})
    assert retired["retired_at"]
    found = await ward.nurse.get("/v1/devices", serial="5210")
    assert [device["id"] for device in found["devices"]] == [made["id"]]


async def test_credentials_and_devices_page(ward: Ward) -> None:
    for n in range(5):
        await ward.record.credential(ward.nurse, ward.unit)
        body = {"manufacturer": "A", "model": "B", "serial": str(n), "unit_id": ward.unit}
        await ward.nurse.post("/v1/devices", body)

    for path, key, name in (
        ("/v1/credentials", "credentials", "cred"),
        ("/v1/devices", "devices", "id"),
    ):
        seen: list[str] = []
        more: dict[str, str] = {}
        while True:
            page = await ward.nurse.get(path, limit=2, **more)
            seen += [one[name] for one in page[key]]
            if page["next"] is None:
                break
            more = {"cursor": page["next"]}
        assert len(seen) == len(set(seen)) == 5


async def test_the_other_roles_read_only_what_they_need(ward: Ward) -> None:
    allowed = {
        ward.record.urls.ingest: [
            "unit",
            "credential",
            "secret",
            "binding",
            "authority",
            "certificate",
        ],
        ward.record.urls.alerts: [
            *("unit", "staff", "staff_number", "shield", "emergency", "ladder"),
            *("link", "proxy_number", "personal_limit", "proposal", "suggested_limit"),
        ],
    }
    tables = await ward.record.rows(
        "select table_name from information_schema.tables where table_schema = 'patients'"
    )
    for url, names in allowed.items():
        connection = await asyncpg.connect(url)
        try:
            for table in (row["table_name"] for row in tables):
                may = await connection.fetchval(
                    "select has_table_privilege($1, 'select')", f"patients.{table}"
                )
                assert may is (table in names), (url.split("@")[0].split(":")[1], table)
        finally:
            await connection.close()


async def test_every_key_starts_with_the_organisation(ward: Ward) -> None:
    rows = await ward.record.rows(
        """
        select c.relname, a.attname
        from pg_index i
        join pg_class c on c.oid = i.indrelid
        join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'patients'
        join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
        where i.indisunique and c.relname <> 'version'
        """
    )
    assert {row["relname"] for row in rows if row["attname"] != "org"} == {"secret"}
