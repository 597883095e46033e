"""`make measures`: what large and foreign messages cost, each beside a floor of the same run.

CPU time of reading, median of several; then a whole system in a folder of its own, over MLLP. Only
the ratios mean anything elsewhere. Ends with 1 if a bar was missed.
"""

import asyncio
import base64
import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from services.ingest.devices import fhir_r4, hl7_documents, hl7_message, hl7_oru
from services.ingest.devices.fhir_r4 import Received
from shared import exact
from shared.contracts import Item
from tests.bench import platform

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
TIMES = 15
CONNECTIONS, EACH = 20, 60
LARGE_ONES, LARGE_BYTES = 50, 3_600_000
PMD = Path(__file__).parents[1] / "devices" / "payloads" / "vkp_batch.json"

_HEAD = r"MSH|^~\&|Engine|Clinic|||20261123071500+0100||ORU^R01^ORU_R01|M-1|P|2.6"
_IMPLANT = "PID|||model:Example 1/serial:EX600368S^^^EXA^U"
_PERSON = "PID|||13116900216^^^&2.16.578.1.12.4.1.4.1&ISO^NNNOR"
_OBR = "OBR|1||R-1|182777000^monitoring of patient^SCT|||20261123071200+0100"


@dataclass(frozen=True, slots=True)
class Measure:
    """`floor`: what the least that must be done costs just now, in the same unit."""

    what: str
    value: float
    bar: float
    unit: str
    floor: float
    of: str
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def line(self) -> str:
        sign = "at least" if self.at_least else "at most"
        ratio = f"{self.value / self.floor:8.2f} x {self.of}" if self.floor else ""
        verdict = "met" if self.is_met else "MISSED"
        told = f"{self.value:8.1f} {self.unit:11}"
        return f"{self.what:42} {told} {sign} {self.bar:5.0f}  {verdict:6} {ratio}"


def cpu(work: Callable[[], object]) -> float:
    """Milliseconds of this process."""
    spent = []
    for _ in range(TIMES):
        began = time.process_time()
        work()
        spent.append((time.process_time() - began) * 1000)
    return statistics.median(spent)


def reading() -> list[Measure]:
    implant, orders, document, batch = bodies()
    splitting = "splitting the same text"
    return [
        Measure("HL7 v2, 292 OBX of an implant", cpu(lambda: read(implant)), 50, "ms CPU",
                cpu(lambda: split(implant)), splitting),
        Measure("HL7 v2, 292 OBX in 146 orders", cpu(lambda: read(orders)), 50, "ms CPU",
                cpu(lambda: split(orders)), splitting),
        Measure("HL7 v2 with a document, 1.3 MB", cpu(lambda: read(document)), 100, "ms CPU",
                cpu(lambda: split(document)), splitting),
        Measure("FHIR batch of 200, VKP profiles", cpu(lambda: received(batch)), 60, "ms CPU",
                cpu(lambda: exact.loads(batch, 200_000)), "reading the same JSON"),
    ]  # fmt: skip


def read(body: bytes) -> list[Item]:
    message = hl7_message.read(body)
    rest, _ = hl7_documents.split(message, NOW)
    return hl7_oru.items(rest, NOW) if hl7_documents.has_results(rest) else []


def received(body: bytes) -> Received:
    return fhir_r4.decode(body, "application/fhir+json", arrived=NOW)


def split(body: bytes) -> object:
    return [[field.split("^") for field in line.split("|")]
            for line in body.decode().split("\r")]  # fmt: skip


def bodies() -> tuple[bytes, bytes, bytes, bytes]:
    """Each is read as it is meant to be, or nothing is measured."""
    implant = _er7(_HEAD, _IMPLANT, _OBR, *(
        f"OBX|{n}|NM|{720000 + n}^MDC_IDC_X{n}^MDC|{n % 7}|{n}|ms^ms^UCUM|||||F|||20261123071200"
        for n in range(1, 293)
    ))  # fmt: skip
    orders = _er7(_HEAD, _PERSON, *(segment for n in range(146) for segment in (
        f"OBR|{n}||R-{n}|182777000^monitoring^SCT|||2026112307{n % 60:02d}00+0100", *pressure(120)
    )))  # fmt: skip
    file = base64.b64encode(b"%PDF-1.4\n" + os.urandom(1_000_000)).decode()
    document = _er7(_HEAD, _IMPLANT, _OBR,
                    f"OBX|1|ED|18750-0^R^LN||^application^pdf^Base64^{file}||||||F")  # fmt: skip
    entries = [one for one in json.loads(PMD.read_bytes())["entry"]
               if one.get("request", {}).get("method") != "DELETE"]  # fmt: skip
    many = [{**entries[n % len(entries)], "fullUrl": f"urn:uuid:{n}"} for n in range(200)]
    batch = json.dumps({"resourceType": "Bundle", "type": "batch", "entry": many}).encode()
    assert len(read(orders)) == 146
    assert read(implant)
    assert len(document) > 1_300_000
    assert len(received(batch).entries) == 200
    return implant, orders, document, batch


def pressure(systolic: int) -> tuple[str, str]:
    unit = "266016^MDC_DIM_MMHG^MDC"
    return (
        f"OBX|1|NM|150021^MDC_PRESS_BLD_NONINV_SYS^MDC|1.0.1.1|{systolic}|{unit}|||||F",
        f"OBX|2|NM|150022^MDC_PRESS_BLD_NONINV_DIA^MDC|1.0.1.2|80|{unit}|||||F",
    )


def _er7(*segments: str) -> bytes:
    return ("\r".join(segments) + "\r").encode()


# --- a whole system, over MLLP --------------------------------------------------------------------


async def over_mllp(running: platform.Platform) -> list[Measure]:
    place = urlsplit(running.addresses["mllp"])
    address = (place.hostname or "127.0.0.1", place.port or 2575)
    pid = int(running.addresses["pids"]["ingest"])
    secret = str(running.seeded["system"]["secret"])
    number = running.seeded["patients"][0]["identifier"]["value"]

    def message(name: str, more: str = "") -> bytes:
        at = datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
        return _er7(
            rf"MSH|^~\&|E|C|||{at}|{secret}|ORU^R01^ORU_R01|{name}|P|2.6",
            f"PID|||{number}^^^&2.16.578.1.12.4.1.4.1&ISO^NNNOR",
            f"OBR|1||{name}|182777000^m^SCT|||{at}", *pressure(120), *([more] if more else ()),
        )  # fmt: skip

    idle = await asyncio.start_server(_acknowledges_at_once, "127.0.0.1", 0)
    floor, _ = await rate(idle.sockets[0].getsockname(), message, "floor")
    idle.close()
    await rate(address, message, "warm")
    told, answers = await rate(address, message, "told")
    if answers != {"AA": CONNECTIONS * EACH}:
        sys.exit(f"INVALID: {dict(answers)} of {CONNECTIONS * EACH} messages")
    before = resident(pid)
    peak, large = await memory(address, message, pid)
    if large != {"AA": LARGE_ONES}:
        sys.exit(f"INVALID: {dict(large)} of {LARGE_ONES} large messages")
    return [
        Measure("MLLP, 20 connections, after the commit", told, 200, "messages/s", floor,
                "a listener that does nothing", at_least=True),
        Measure("MLLP, 50 connections with 4.8 MB each", peak, 200, "MB resident", before,
                "before them"),
    ]  # fmt: skip


async def rate(
    address: Any, message: Callable[[str], bytes], run: str
) -> tuple[float, Counter[str]]:
    """Messages a second of connections that each wait for their acknowledgement."""
    began = time.perf_counter()
    each = await asyncio.gather(*(
        talk(address, [message(f"{run}-{one}-{n}") for n in range(EACH)])
        for one in range(CONNECTIONS)
    ))  # fmt: skip
    spent = time.perf_counter() - began
    return CONNECTIONS * EACH / spent, sum(each, Counter())


async def memory(
    address: Any, message: Callable[[str, str], bytes], pid: int
) -> tuple[float, Counter[str]]:
    file = base64.b64encode(os.urandom(LARGE_BYTES)).decode()
    more = f"OBX|3|ED|18750-0^R^LN||^application^octet^Base64^{file}||||||F"
    peak = 0.0

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, resident(pid))
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    each = await asyncio.gather(
        *(talk(address, [message(f"large-{one}", more)]) for one in range(LARGE_ONES))
    )
    watching.cancel()
    return peak, sum(each, Counter())


async def talk(address: Any, messages: list[bytes]) -> Counter[str]:
    answers: Counter[str] = Counter()
    reader, writer = await asyncio.open_connection(address[0], address[1], limit=2**23)
    for one in messages:
        writer.write(b"\x0b" + one + b"\x1c\r")
        await writer.drain()
        answer = await reader.readuntil(b"\x1c\r")
        answers[answer.partition(b"MSA|")[2][:2].decode()] += 1
    writer.close()
    return answers


async def _acknowledges_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            await reader.readuntil(b"\x1c\r")
            writer.write(b"\x0bMSH|^~\\&\rMSA|AA|1\r\x1c\r")
    except asyncio.IncompleteReadError:
        writer.close()


def resident(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    found = reading()
    with platform.running(1) as running:
        found += asyncio.run(over_mllp(running))
    print("\n".join(one.line() for one in found))
    sys.exit(0 if all(one.is_met for one in found) else 1)


if __name__ == "__main__":
    main()
