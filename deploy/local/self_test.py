"""The self-test's patient: an organisation, a unit and a patient who are nobody's, and whom the
unit tells. Made once, beside the running services; what alerts needs to know goes into a file."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from services.patients import store
from services.patients.equipment import issue, store_devices
from services.patients.hospital import store_ladders
from services.patients.nouns import Binding, Credential, Patient, Unit
from shared import access, ledger
from shared.database import Database
from shared.ladders import Ladder
from shared.mqtt_password import mosquitto_hash

ORG = "hjemvakt-selvtest"
BY = "system:selftest"
PROGRAMME = "home_dialysis"
NAME = "SELVTEST Ikke en pasient"
NOBODY_WATCHES: Mapping[str, Any] = {"zone": "Europe/Oslo", "hours": []}


class ExistsAlready(ValueError):
    """There is a self-test in this database already."""


async def make_in(url: str, ingest: str, tell: Mapping[str, str] | None) -> dict[str, str]:
    database = Database(url, name="self-test", size=1)
    await database.open()
    try:
        return await make(database, ingest, tell)
    finally:
        await database.close()


async def make(database: Database, ingest: str, tell: Mapping[str, str] | None) -> dict[str, str]:
    """`tell`: the channel (medium, to) that hears of every test; None: the alert is enough."""
    unit, patient_id, cred = uuid4(), uuid4(), issue.new_cred()
    secret = access.new_secret()
    hashed = mosquitto_hash(secret)
    async with database.transaction() as tx:
        now = await tx.fetchval("select clock_timestamp()")
        await store.add_organisation(tx, ORG)
        if not await store.add_unit(tx, ORG, Unit(unit, "Selvtest", "TEST", dict(NOBODY_WATCHES))):
            raise ExistsAlready
        number = await store.next_number(tx)
        person = Patient(
            patient_id, number, NAME, date(1900, 1, 1), None, "nb", unit, None, False, False
        )
        await store.add_patient(tx, ORG, person, None, BY)
        await store_devices.add_credential(
            tx,
            ORG,
            Credential(cred, "app", "Selvtest", unit, None, now, None, None),
            secret_hash=access.secret_hash(secret),
            mqtt_hash=hashed,
            by=BY,
        )
        holds = Binding(uuid4(), cred, "", None, patient_id, now, None, BY, None)
        await store_devices.add_binding(tx, ORG, holds)
        if tell is not None:
            await store_ladders.add(
                tx, ORG, unit, body=_ladder(tell), reason=NAME, valid_from=now, by=BY
            )
        for type_, body in _decisions(person, unit).items():
            await ledger.decide(tx, ORG, patient_id, type_, body, by=BY, at=now)
    return {
        "org": ORG,
        "patient_id": str(patient_id),
        "cred": cred,
        "secret": secret,
        "ingest": ingest,
    }


def _decisions(person: Patient, unit: UUID) -> Mapping[str, dict[str, Any]]:
    return {
        "patient-registered": {
            "name": person.name, "born": person.born.isoformat(), "unit_id": str(unit),
            "number": person.number, "deceased": False,
        },
        "enrolled": {
            "enrolment_id": str(uuid4()), "programme": PROGRAMME, "unit_id": str(unit), "plan": [],
        },
    }  # fmt: skip


def _ladder(tell: Mapping[str, str]) -> dict[str, Any]:
    """One step; what stands at its end is never reached, as each test closes what the last left."""
    said = {
        "channels": {"tell": dict(tell)},
        "steps": [
            {
                "name": "Selvtest",
                "after": {"red": "PT0S"},
                "targets": [{"who": "Selvtest", "channels": ["tell"]}],
            }
        ],
        "last": {
            "after": {"red": "PT24H"}, "who": "Selvtest", "phone": "00000000", "channels": ["tell"],
        },
    }  # fmt: skip
    return Ladder.of(said).stored()
