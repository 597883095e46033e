"""`hjemvakt replay`: push a folder of payload files through the intake, as their senders would.

Each file ends as stored, duplicate, corrected, voided, quarantined, refused or ignored, and says
why. A file whose receipts are fewer than its readings, or an answer that is no answer, is a fault.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from deploy.local import answers, payloads, replay_broker, subjects
from deploy.local.payloads import Message, Payload
from deploy.local.replay_ward import ORG, ReplayWard
from deploy.local.running import Running
from deploy.local.subjects import Foreign
from shared import exact

MOST_BYTES = 20 * 1024 * 1024
NEW = ("stored", "corrected", "voided")
Say = Callable[[str], None]
EVERY = 10.0  # seconds between two words about how far it is
UNREADABLE = "unreadable"


@dataclass(slots=True)
class Line:
    """What became of one file."""

    file: str
    family: str
    counts: Counter[str] = field(default_factory=Counter)
    codes: set[str] = field(default_factory=set)
    why: str = ""
    faults: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        if self.faults:
            return "; ".join(self.faults)
        if not self.codes and not self.counts.keys() - {"ignored"}:
            return f"ignored: {self.why} ({self.family})"
        told = [
            f"{self.counts[result]} {result}" for result in answers.RESULTS if self.counts[result]
        ]
        sentence = ", ".join(told) or "nothing"
        because = ", ".join(sorted(self.codes))
        if because:
            sentence += f" ({because})"
        return f"{sentence}: {self.why}" if self.why else sentence

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "family": self.family,
            "outcome": self.outcome,
            **{result: self.counts[result] for result in answers.RESULTS},
            "codes": sorted(self.codes),
            "faults": self.faults,
        }


def run(
    running: Running,
    *,
    folder: Path,
    make_patients: bool,
    say: Say,
    twice: bool = False,
    show: Callable[[Line], None] | None = None,
) -> dict[str, Any]:
    """`{"files": [...], "totals": {...}, "faults": n, "broken_off": …, "left": n}`, and with
    `twice` what was new again. `show` is told of each file when it is done."""
    files = [_read(path, folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    if not files:
        say(f"There are no files in {folder}.")
        return {**_report([]), "broken_off": False, "left": 0}
    with closing(ReplayWard(running, make_patients)) as ward:
        pusher = _Pusher(running.ingest, running.mqtt, ward)
        with closing(pusher):
            if make_patients:
                say(f"Making patients for {pusher.make_patients(files)} foreign subjects …")
            lines = _pushed(pusher, files, say, show)
            report = {**_report(lines), "broken_off": len(lines) < len(files)}
            report["left"] = len(files) - len(lines)
            if twice and not report["broken_off"]:
                say("Once more …")
                again = _pushed(pusher, files, say, None)
                second = _report(again)
                new = sum(second["totals"][result] for result in NEW)
                report["second"] = {"totals": second["totals"], "new": new}
                report["faults"] += second["faults"]
                if new:
                    report["faults"] += 1
                    say(f"The second time {new} readings were new: they should all be known.")
                else:
                    say("The second time nothing was new.")
    return report


def _pushed(
    pusher: "_Pusher", files: list[Payload], say: Say, show: Callable[[Line], None] | None
) -> list[Line]:
    """All of them, or as many as were done when it was broken off."""
    lines: list[Line] = []
    told = time.monotonic()
    try:
        for payload in files:
            lines.append(pusher.push(payload))
            if show is not None:
                show(lines[-1])
            if time.monotonic() - told > EVERY:
                told = time.monotonic()
                say(f"{len(lines)} of {len(files)} files …")
    except KeyboardInterrupt:
        pass
    return lines


def _read(path: Path, folder: Path) -> Payload:
    """What cannot be read is a fault of its own line, and the others go on."""
    file = path.relative_to(folder).as_posix()
    try:
        if path.stat().st_size > MOST_BYTES:
            return Payload(file, "other", why="larger than 20 MiB")
        content = path.read_bytes()
    except OSError as error:
        return Payload(file, UNREADABLE, why=error.strerror or type(error).__name__)
    return payloads.read(file, content)


def _report(lines: list[Line]) -> dict[str, Any]:
    totals: Counter[str] = Counter()
    for line in lines:
        totals += line.counts
    return {
        "files": [line.as_json() for line in lines],
        "totals": {result: totals[result] for result in answers.RESULTS},
        "faults": sum(len(line.faults) for line in lines),
    }


class _Pusher:
    def __init__(self, ingest: str, mqtt: str, ward: ReplayWard) -> None:
        self._ward = ward
        self._mqtt = mqtt
        self._http = httpx.Client(base_url=ingest, trust_env=False, timeout=60)
        self._maps = False
        self._refused: set[Foreign] = set()
        self._passes: Counter[str] = Counter()

    def close(self) -> None:
        self._http.close()

    def make_patients(self, files: list[Payload]) -> int:
        self._maps = True
        foreign: set[Foreign] = set()
        slots: set[str] = set()
        for payload in files:
            for message in (*payload.messages, *payload.fallback):
                if message.media_type == payloads.HL7:
                    who, serial = subjects.of_hl7(message.body)
                    foreign |= {who} if who else set()
                    slots |= {serial} if serial else set()
                elif message.door == payloads.BROKER:
                    slots |= replay_broker.slots(message.body)
                elif message.door == payloads.UPLOADS:
                    slots.add("")
                elif message.media_type == payloads.FHIR:
                    foreign |= subjects.of(payloads.loads(message.body), payload.file)
                else:
                    slots |= set(_slots(payloads.loads(message.body)))
        for one in sorted(foreign, key=lambda each: (each.system, each.value)):
            if not self._ward.make_patient(one):
                self._refused.add(one)
                self._ward.make_patient(one.instead)
        for slot in sorted(slots):
            self._ward.make_holder(slot)
        return len(foreign) + len(slots)

    def push(self, payload: Payload) -> Line:
        line = Line(payload.file, payload.family, why=payload.why)
        self._passes[payload.file] += 1
        if payload.family == UNREADABLE:
            line.faults.append(f"the file cannot be read: {payload.why}")
            return line
        if not payload.messages:
            line.counts["ignored"] += 1
            return line
        try:
            self._send_all(payload.messages, payload, line)
            if payload.fallback and line.counts["refused"] and not line.faults:
                line.why = "the transaction is refused whole, its readings sent one by one"
                self._send_all(payload.fallback, payload, line)
        except httpx.HTTPError as error:
            line.faults.append(f"no answer ({type(error).__name__})")
        return line

    def _send_all(self, messages: tuple[Message, ...], payload: Payload, line: Line) -> None:
        for message in messages:
            if message.door == payloads.BROKER:
                self._publish(message, line)
                continue
            body = self._body(message, payload.file)
            secret = self._ward.secret_for(_names_its_subject(message), self._maps)
            answer = self._http.post(
                message.door,
                content=body,
                headers={"authorization": f"Bearer {secret}", "content-type": message.media_type},
            )
            first = self._passes[payload.file] == 1
            statuses = answers.statuses_of(body, message) if first else []
            _count(message, answer, statuses, line)

    def _publish(self, message: Message, line: Line) -> None:
        if self._ward.device is None:
            line.counts["ignored"] += 1
            line.why = "a capture needs --make-patients: somebody must hold the device"
            return
        receipts = replay_broker.publish(self._mqtt, ORG, *self._ward.device, message.body)
        if not receipts:
            line.counts["ignored"] += 1
            line.why = "no measurement in it"
        for receipt in receipts:
            line.counts[receipt["result"]] += 1
            line.codes |= {error["code"] for error in receipt["errors"]}

    def _body(self, message: Message, file: str) -> bytes:
        body: bytes = message.body
        if self._maps and message.media_type == payloads.FHIR:
            sent = payloads.loads(body)
            if subjects.mapped(sent, file, self._refused):
                return exact.dumps(sent)
        return body


def _count(message: Message, answer: httpx.Response, statuses: list[str], line: Line) -> None:
    if answer.status_code >= 500:
        line.faults.append(f"the intake answered {answer.status_code}")
        return
    try:
        told = answer.text if message.media_type == payloads.HL7 else answer.json()
    except json.JSONDecodeError:
        line.faults.append("the intake's answer is not JSON")
        return
    if answer.status_code >= 400:
        line.counts["refused"] += 1
        line.codes |= set(answers.codes_of(told)) or {f"status {answer.status_code}"}
        return
    try:
        outcomes = list(answers.outcomes(message, answer.status_code, told, statuses))
    except (KeyError, TypeError, AttributeError):
        line.faults.append("the intake's answer has not the agreed shape")
        return
    if message.items not in (None, len(outcomes)):
        line.faults.append(f"{message.items} readings were sent, {len(outcomes)} answered")
    for result, codes in outcomes:
        line.counts[result] += 1
        line.codes |= set(codes)


def _names_its_subject(message: Message) -> bool:
    """As a system does; our own JSON and an implant's report speak for a device's holder."""
    if message.media_type == payloads.HL7:
        return subjects.of_hl7(message.body)[1] is None
    return message.media_type == payloads.FHIR


def _slots(sent: Any) -> Iterator[str]:
    """Behind which name of a shared gateway each item of our own JSON was measured."""
    for one in sent if isinstance(sent, list) else [sent]:
        if isinstance(one, dict) and ("kind" in one or "v" in one):
            slot = one.get("patient")
            yield slot if isinstance(slot, str) and slot else ""
