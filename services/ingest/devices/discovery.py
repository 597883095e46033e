"""What a device announces of itself (Home Assistant's discovery) as suggestions to bind it.

An announcement is never a reading. It says on which topic, in which unit and of what a device will
speak; a person says whose that is and what it measures, and only then is the topic read
(`row`). A template that reckons with the value is not one that we can read: nothing is guessed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.ingest.devices.gateway_table import Gateway, Reading, Source
from shared import exact, kinds

MOST = 100  # of one announcement
BARE = "payload"  # the path of a value that is the whole payload

_LONGEST = 64
_LONGEST_TOPIC = 200
_SHORT = {
    "stat_t": "state_topic",
    "val_tpl": "value_template",
    "dev_cla": "device_class",
    "unit_of_meas": "unit_of_measurement",
    "uniq_id": "unique_id",
    "dev": "device",
    "cmps": "components",
    "p": "platform",
    "ids": "identifiers",
    "cns": "connections",
    "mf": "manufacturer",
    "mdl": "model",
    "sn": "serial_number",
}
# A kind of one number, and how its sensor is called: its device class, or a word in its name.
_CLASSES = {
    "weight": "body_weight",
    "temperature": "body_temp",
    "blood_glucose_concentration": "glucose",
}
_WORDS = {
    "body_weight": ("weight", "scale", "vekt"),
    "heart_rate": ("heart", "pulse", "bpm", "puls"),
    "spo2": ("spo2", "oxygen", "saturation"),
    "resp_rate": ("respiratory", "respiration", "breathing"),
    "body_temp": ("body", "fever", "thermometer"),
    "glucose": ("glucose", "sugar"),
}
_WORD = re.compile(r"[a-z0-9]+")
_TEMPLATE = re.compile(
    r"\{\{-?\s*(?P<of>value_json(?:\.\w+|\['[^']+'\]|\[\"[^\"]+\"\])+|value)"
    r"(?P<filters>(?:\s*\|\s*\w+(?:\([^()|]*\))?)*)\s*-?\}\}"
)
_STEP = re.compile(r"\.(\w+)|\[['\"]([^'\"]+)['\"]\]")
_FILTER = re.compile(r"\|\s*(\w+)")
# Filters that leave a value as it is; of another the value is a different one.
_HARMLESS = frozenset(("is_defined", "float", "int", "round", "default", "string"))
_MAC = re.compile(r"[0-9A-Fa-f]{12}")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One sensor of a device. `kinds` is what it can be by its unit, `kind` the likely one.
    `read_by` names the row of the table that reads this already: then only a holder is missing."""

    topic: str
    path: str
    name: str
    unit: str
    kinds: tuple[str, ...]
    kind: str | None
    manufacturer: str | None
    model: str | None
    serial: str
    read_by: str | None


def read(table: Sequence[Gateway], payload: bytes, below: str) -> list[Suggestion]:
    """The sensors announced that a kind of ours could be. `below`: what the gateway's own topics
    stand under, gw/{org}/{cred}/."""
    try:
        sent = exact.loads(payload)
    except exact.Unreadable:
        return []
    if not isinstance(sent, dict) or not exact.storable(exact.Part(sent, payload)):
        return []
    told = (_sensor(one, table, below) for one in _sensors(_spelt(sent)))
    return [one for one in told if one is not None][:MOST]


def row(topic: str, path: str, unit: str, kind: str, slot: str) -> Gateway:
    """A suggestion that a person has taken, as a row of the table."""
    fields = {"value": Source(from_=path, unit=unit)}
    return Gateway(
        name=f"taken: {topic} {path}",
        topic=_pattern(topic),
        text=path == BARE,
        # What a scale says between weighings, and "unavailable", are no measurements.
        positive=(path,),
        clock=("none",),
        holder=slot,
        reading=Reading(kind, fields),
    )


def _sensors(sent: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The announcement itself, or each component of a device that announces all at once."""
    components = sent.get("components")
    if not isinstance(components, dict):
        yield dict(sent)
        return
    for one in components.values():
        if isinstance(one, dict) and one.get("platform") == "sensor":
            yield {**{key: sent[key] for key in ("~", "device", "state_topic") if key in sent},
                   **one}  # fmt: skip


def _sensor(sent: Mapping[str, Any], table: Sequence[Gateway], below: str) -> Suggestion | None:
    topic, path = _topic(sent, below), _path(sent.get("value_template"))
    unit = sent.get("unit_of_measurement")
    if topic is None or path is None or not isinstance(unit, str):
        return None
    name = _text(sent.get("name")) or _text(sent.get("unique_id")) or topic
    about = f"{name} {sent.get('unique_id')} {topic}"
    fit = _fitting(unit, _text(sent.get("device_class")), about)
    if not fit:
        return None
    device = sent.get("device")
    device = device if isinstance(device, dict) else {}
    return Suggestion(
        topic=topic,
        path=path,
        name=name,
        unit=unit,
        kinds=tuple(fit),
        kind=next((kind for kind, likely in fit.items() if likely), None),
        manufacturer=_text(device.get("manufacturer")),
        model=_text(device.get("model")),
        serial=_serial(device) or topic[:_LONGEST],
        read_by=next((row.name for row in table if _reads(row, topic, fit)), None),
    )


def _fitting(unit: str, told: str | None, about: str) -> dict[str, bool]:
    """The kinds that it can be, and whether it is said to be that. What is said to be another thing
    (a battery, a room's moisture) is none, and no unit alone makes a measurement of a person."""
    found: dict[str, bool] = {}
    words = set(_WORD.findall(about.lower()))
    if told is not None and told not in _CLASSES:
        return {}
    for name, spoken in _WORDS.items():
        if kinds.spelt(unit) not in kinds.CATALOGUE[name].fields["value"].accept:
            continue
        is_said = not words.isdisjoint(spoken)
        # A temperature is mostly that of a room: it is only suggested as such.
        if told is None and is_said:
            found[name] = True
        elif told is not None and _CLASSES[told] == name:
            found[name] = is_said or name != "body_temp"
    return found


def _reads(row: Gateway, topic: str, fit: Mapping[str, bool]) -> bool:
    if row.reading is None or row.reading.kind not in fit:
        return False
    ours, theirs = row.topic.split("/"), topic.split("/")
    return len(ours) == len(theirs) and all(
        mine.startswith("{") or other == "+" or mine == other
        for mine, other in zip(ours, theirs, strict=True)
    )


def _topic(sent: Mapping[str, Any], below: str) -> str | None:
    told = sent.get("state_topic")
    if not isinstance(told, str):
        return None
    start = sent.get("~")
    if isinstance(start, str):
        told = start + told[1:] if told.startswith("~") else told
        told = told[:-1] + start if told.endswith("~") else told
    if told.startswith("gw/") and not told.startswith(below):
        return None  # of another gateway: what it says does not come by this one
    told = told.removeprefix(below)
    levels = told.split("/")
    plain = all(level == "+" or (level and not set("+#{}") & set(level)) for level in levels)
    return told if plain and len(told) <= _LONGEST_TOPIC else None


def _pattern(topic: str) -> str:
    levels = topic.split("/")
    return "/".join(f"{{any{place}}}" if level == "+" else level
                    for place, level in enumerate(levels))  # fmt: skip


def _path(template: Any) -> str | None:
    """Where the value stands; None when it is not simply there."""
    if template is None:
        return BARE
    found = _TEMPLATE.fullmatch(template.strip()) if isinstance(template, str) else None
    if found is None or not _HARMLESS.issuperset(_FILTER.findall(found["filters"])):
        return None
    steps = [first or second for first, second in _STEP.findall(found["of"])]
    if any("." in step for step in steps):
        return None
    return ".".join(steps)[:_LONGEST_TOPIC] if steps else BARE


def _serial(device: Mapping[str, Any]) -> str | None:
    """Its serial number, its address, or what it is known by; an address as gateways write it."""
    listed = device.get("connections")
    pairs = [one for one in listed if isinstance(one, list)] if isinstance(listed, list) else []
    addresses = [one[1] for one in pairs if len(one) == 2 and one[0] in ("mac", "bluetooth")]
    known = device.get("identifiers")
    names = known if isinstance(known, list) else [known]
    for told in (device.get("serial_number"), *addresses, *names):
        if text := _text(told):
            if _MAC.fullmatch(text):
                return ":".join(text.upper()[at : at + 2] for at in range(0, 12, 2))
            return text
    return None


def _spelt(sent: Any) -> Any:
    """The long names of what is announced in short ones."""
    if not isinstance(sent, dict):
        return sent
    return {
        _SHORT.get(key, key): (
            {name: _spelt(one) for name, one in each.items()}
            if _SHORT.get(key, key) == "components" and isinstance(each, dict)
            else _spelt(each)
        )
        for key, each in sent.items()
    }


def _text(told: Any) -> str | None:
    """Plain text of a length that can be shown, and named as the slot of a binding."""
    if not isinstance(told, str):
        return None
    return "".join(sign if " " <= sign <= "~" else "?" for sign in told.strip())[:_LONGEST] or None


def is_one(table: Sequence[Gateway], topic: str) -> bool:
    """Whether this topic is one of announcements, by the first row that knows it."""
    first = next((each for each in table if each.matches(topic) is not None), None)
    return first is not None and first.discovery
