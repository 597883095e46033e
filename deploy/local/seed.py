"""A unit with staff and patients in a running system, made through the doors everybody uses.

Test mode only: log-ins come from the development issuer, names are invented, and national numbers
are synthetic.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import httpx

from deploy.local import broker_door, numbers
from deploy.local.running import Running
from shared import programmes as clinical
from shared import sensitive
from shared.programmes import Programme

ORG = "nordland"
AT_ONCE = 8
HELD_SINCE = timedelta(days=40)
HOURS = {
    "zone": "Europe/Oslo",
    "holidays": True,
    "hours": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "07:45", "to": "15:30"}],
}
STAFF = (
    ("Nina Eksempel", "nurse"),
    ("Per Eksempel", "nurse"),
    ("Lise Eksempel", "physician"),
    ("Arne Eksempel", "administrator"),
    ("Vera Eksempel", "auditor"),
)
# Who may read what sensitive programmes hold; the second nurse sees a neutral row.
TRUSTED = (STAFF[0], STAFF[2])
TARGET_WEIGHT = "target_weight"
NATIONAL = "urn:oid:2.16.578.1.12.4.1.4.1"
TRIES = 20

Say = Callable[[str], None]


class CannotSeed(ConnectionError):
    """The system does not take the seed."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Where the patients are made, the nurse who makes them, and how many stand there already."""

    id: str
    nurse: str
    programmes: Mapping[str, Programme]
    seed: int
    has: int = 0


def run(
    running: Running,
    *,
    patients: int,
    programmes: Sequence[str],
    say: Say,
    org: str = ORG,
    seed: int | None = None,
    unit: str | None = None,
) -> dict[str, Any]:
    """Make it all; what is returned is what `seed --json` prints. The same `seed`
    makes the same people again. Only more patients, where the `unit` of an earlier seed is named.
    """
    known = clinical.load_all()
    if missing := [slug for slug in programmes if slug not in known]:
        raise CannotSeed(f"There is no programme {', '.join(missing)}.")
    chosen = {slug: known[slug] for slug in programmes}
    dice = secrets.randbits(64) if seed is None else seed
    return asyncio.run(_run(running, org, unit, patients, chosen, say, dice))


async def _run(
    running: Running,
    org: str,
    unit_id: str | None,
    patients: int,
    chosen: Mapping[str, Programme],
    say: Say,
    seed: int,
) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=running.patients, trust_env=False, timeout=30) as client:
        door = Door(client)
        administrator = await door.token(role="administrator", org=org)
        if unit_id is None:
            unit, made = await _new(door, administrator, chosen, seed)
        else:
            unit = await _earlier(door, administrator, org, unit_id, chosen, seed)
            made = {"unit": {"id": unit_id}}
        people = await _patients(door, unit, patients, say)
    if people and running.mqtt:
        await asyncio.to_thread(broker_door.wait, running.mqtt, people[-1]["cred"],
                                people[-1]["secret"])  # fmt: skip
    return {"org": org, **made, "patients": people}


async def _new(
    door: "Door", administrator: str, chosen: Mapping[str, Programme], seed: int
) -> tuple[Unit, dict[str, Any]]:
    """A unit with staff and a system's log-in, and what is told of them."""
    made = await _unit(door, administrator)
    staff = [
        await _staff(
            door, administrator, made["id"], *one, [sensitive.ALL] if one in TRUSTED else []
        )
        for one in STAFF
    ]
    system = await door.post(
        administrator,
        "/v1/credentials",
        {"kind": "system", "label": "Seeded journal system", "unit_id": made["id"]},
    )
    return Unit(made["id"], staff[0]["token"], chosen, seed), {
        "unit": {"id": made["id"], "name": made["name"]},
        "staff": staff,
        "system": {"cred": system["cred"], "secret": system["secret"]},
    }


async def _unit(door: "Door", administrator: str) -> Any:
    """A new unit each time: an earlier seed's is left alone."""
    taken = {unit["name"] for unit in (await door.get(administrator, "/v1/units"))["units"]}
    name = next(
        name
        for n in range(1, len(taken) + 2)
        if (name := "Hjemmeoppfølging" if n == 1 else f"Hjemmeoppfølging {n}") not in taken
    )
    return await door.post(
        administrator, "/v1/units", {"name": name, "short": "HJEM", "watching": HOURS}
    )


async def _earlier(
    door: "Door", administrator: str, org: str, unit_id: str, chosen: Mapping[str, Programme],
    seed: int,
) -> Unit:  # fmt: skip
    """The unit of an earlier seed, with a nurse of it. Raises CannotSeed."""
    people = (await door.get(administrator, f"/development/people?org={org}"))["staff"]
    nurses = [one["id"] for one in people if one["role"] == "nurse" and unit_id in one["units"]]
    if not nurses:
        raise CannotSeed("There is no nurse in this unit.")
    path = f"/v1/patients?unit={unit_id}&limit=200"
    page = await door.get(administrator, path)
    has = len(page["patients"])
    while page["next"]:
        page = await door.get(administrator, f"{path}&cursor={page['next']}")
        has += len(page["patients"])
    return Unit(unit_id, await door.token(staff=nurses[0]), chosen, seed, has)


async def _staff(
    door: "Door", administrator: str, unit_id: str, name: str, role: str, groups: list[str]
) -> dict[str, Any]:
    units = [] if role in ("administrator", "auditor") else [unit_id]
    body = {"name": name, "role": role, "units": units, "groups": groups}
    made = await door.post(administrator, "/v1/staff", body)
    return {
        "id": made["id"],
        "name": name,
        "role": role,
        "token": await door.token(staff=made["id"]),
    }


async def _patients(door: "Door", unit: Unit, count: int, say: Say) -> list[dict[str, Any]]:
    slugs = list(unit.programmes)
    gate = asyncio.Semaphore(AT_ONCE)
    done = 0

    async def make(place: int) -> dict[str, Any]:
        nonlocal done
        programme = unit.programmes[slugs[place % len(slugs)]] if slugs else None
        async with gate:
            made = await _patient(door, unit, unit.has + place + 1, programme)
        done += 1
        if done % 20 == 0 or done == count:
            say(f"{done} of {count} patients.")
        return made

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(make(place)) for place in range(count)]
    return [task.result() for task in tasks]


async def _patient(
    door: "Door", unit: Unit, place: int, programme: Programme | None
) -> dict[str, Any]:
    """One patient with programme, dry weight, and a device that he has held for a while."""
    since = (datetime.now(UTC) - HELD_SINCE).isoformat(timespec="seconds")
    random = Random(f"{unit.seed}|{place}")
    weight = Decimal(random.randint(550, 960)) / 10
    patient_id, value = await _registered(door, unit, place, random)
    path = f"/v1/patients/{patient_id}"
    if programme is not None:
        enrolment = {"programme": programme.slug, "from": since}
        await door.post(unit.nurse, f"{path}/enrolments", enrolment)
        if TARGET_WEIGHT in programme.limit_by_name:
            body = {
                "programme": programme.slug,
                "name": TARGET_WEIGHT,
                "value": float(weight),
                "reason": "Tørrvekt ved oppstart",
                "from": since,
            }
            await door.post(unit.nurse, f"{path}/limits", body)
    device = await door.post(
        unit.nurse,
        "/v1/devices",
        {
            "manufacturer": "Eksempel",
            "model": "Hjemmeboks",
            "serial": f"HB-{secrets.token_hex(4)}",
            "unit_id": unit.id,
        },
    )
    credential = await door.post(
        unit.nurse,
        "/v1/credentials",
        {
            "kind": "device",
            "label": f"Hjemmeboks {place:02}",
            "unit_id": unit.id,
            "device_id": device["id"],
        },
    )
    binding = {"cred": credential["cred"], "from": since}
    await door.post(unit.nurse, f"{path}/bindings", binding)
    return {
        "id": patient_id,
        "identifier": {"system": NATIONAL, "value": value},
        "programme": programme.slug if programme else None,
        "cred": credential["cred"],
        "secret": credential["secret"],
        "device": device["id"],
        "token": await door.token(patient=patient_id),
        "dry_weight": str(weight),
    }


async def _registered(door: "Door", unit: Unit, place: int, random: Random) -> tuple[str, str]:
    """Id and national number; another number when somebody has this one."""
    for _ in range(TRIES):
        born = date(1935, 1, 1) + timedelta(days=random.randrange(60 * 365))
        value = numbers.synthetic(born, random)
        body = {
            "name": f"Test Testesen {place:02}",
            "born": born.isoformat(),
            "sex": random.choice(["female", "male"]),
            "unit_id": unit.id,
            "identifiers": [{"system": NATIONAL, "value": value}],
        }
        answer = await door.send(unit.nurse, "POST", "/v1/patients", body)
        if answer.status_code != 409:
            return Door.answered(answer)["id"], value
    raise CannotSeed("No free synthetic number was found.")


class Door:
    """The patients service, as its callers meet it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def token(self, **who: str) -> str:
        answer = await self.send(None, "POST", "/development/token", who)
        if answer.status_code == 404 and answer.json()["code"] == "not-here":
            raise CannotSeed("The system has no development log-in: it is not in test mode.")
        return str(self.answered(answer)["token"])

    async def get(self, token: str, path: str) -> Any:
        return self.answered(await self.send(token, "GET", path))

    async def post(self, token: str, path: str, body: Any) -> Any:
        return self.answered(await self.send(token, "POST", path, body))

    async def send(
        self, token: str | None, method: str, path: str, body: Any = None
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        try:
            for _ in range(TRIES):
                answer = await self._client.request(method, path, json=body, headers=headers)
                if answer.status_code != 503:
                    break
                await asyncio.sleep(0.2)
        except httpx.TransportError as error:
            raise CannotSeed("The patients service does not answer.") from error
        return answer

    @staticmethod
    def answered(answer: httpx.Response) -> Any:
        """The body, or what went wrong in one sentence without any value."""
        if answer.is_success:
            return answer.json()
        problem = answer.json()
        place = answer.request.url.path
        raise CannotSeed(f"{place} answered {answer.status_code} {problem.get('code')}.")
