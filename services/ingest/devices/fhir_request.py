"""How a resource was sent: its method, and which message it names by an address or a condition.

Taken are POST, PUT to an id, and the one condition `identifier=system|value` of a conditional
create or update. Whatever else would decide what is stored is refused, not passed over.
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from services.ingest.devices import refused

_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")
_VERSION_CONDITIONS = ("ifMatch", "ifNoneMatch", "ifModifiedSince")


@dataclass(frozen=True, slots=True)
class Request:
    """`id` is that of PUT Type/id; `identifier` that of a condition, as FHIR's token."""

    method: str = "POST"
    id: str | None = None
    identifier: str | None = None


PLAIN = Request()


def method(sent: Any) -> str:
    """POST or PUT; POST of an entry that does not say. Raises MethodNotTaken."""
    told = sent.get("method") if isinstance(sent, dict) else None
    told = told.upper() if isinstance(told, str) else "POST"
    if told not in ("POST", "PUT"):
        raise refused.MethodNotTaken
    return told


def of(sent: Any, resource: dict[str, Any]) -> Request:
    """The request of a resource that is to be stored. Raises a kind of Refused."""
    how = method(sent)
    if not isinstance(sent, dict):
        return Request(how)
    if any(sent.get(name) is not None for name in _VERSION_CONDITIONS):
        raise refused.ConditionNotTaken
    path, _, query = str(sent.get("url") or "").partition("?")
    kind, own = str(resource.get("resourceType")), resource.get("id")
    if how == "POST":
        if query or _id(path, kind) is not None:
            raise refused.AddressNotTaken
        condition = sent.get("ifNoneExist")
        return Request(identifier=None if condition is None else identifier(condition))
    told = _id(path, kind)
    if query:
        if told is not None:
            raise refused.AddressNotTaken
        return Request(how, identifier=identifier(query))
    if told is not None and own is not None and own != told:
        raise refused.AnotherId
    return Request(how, id=told or (own if isinstance(own, str) else None))


def identifier(condition: Any) -> str:
    """The one token of `identifier=system|value`. Raises ConditionNotTaken."""
    if not isinstance(condition, str):
        raise refused.ConditionNotTaken
    asked = parse_qs(condition.lstrip("?"), keep_blank_values=True)
    tokens = asked.get("identifier", [])
    if asked.keys() != {"identifier"} or len(tokens) != 1:
        raise refused.ConditionNotTaken
    token = tokens[0]
    if "," in token or not token.rpartition("|")[2]:
        raise refused.ConditionNotTaken  # any of several
    return token


def _id(path: str, kind: str) -> str | None:
    """The id in `Type/id`, None of `Type`. Raises AddressNotTaken for anything else."""
    steps = [step for step in path.split("/") if step]
    if not steps or steps[-1] == kind:
        return None
    if kind not in steps[-2:] or not _ID.fullmatch(steps[-1]):
        raise refused.AddressNotTaken
    return steps[-1]
