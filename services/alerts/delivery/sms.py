"""A message as an SMS, by the HTTP gateway that the hospital has: its address, headers and body
are templates with {to}, {text} and {id}.
"""

import json
from typing import Any
from urllib.parse import quote

import httpx

from services.alerts.delivery import message as words
from services.alerts.delivery import webhook
from services.alerts.delivery.message import Message
from services.alerts.delivery.outcome import Outcome, Result
from services.alerts.delivery.ways import Ways


async def send(ways: Ways, client: httpx.AsyncClient, to: str, message: Message) -> Outcome:
    if ways.sms_url is None:
        return Outcome(Result.REFUSED, "not-configured")
    values = {"to": to, "text": words.text(message), "id": str(message.id)}
    headers = dict(ways.sms_headers)
    body = None
    if ways.sms_body is not None:
        body, media_type = filled(ways.sms_body, values)
        headers.setdefault("Content-Type", media_type)
    return await webhook.post(client, in_address(ways.sms_url, values), headers, body)


def in_address(template: str, values: dict[str, str]) -> str:
    return _put(template, {name: quote(value, safe="") for name, value in values.items()})


def filled(template: str, values: dict[str, str]) -> tuple[bytes, str]:
    """JSON when the template is; otherwise a form."""
    try:
        shape = json.loads(template)
    except ValueError:
        return in_address(template, values).encode(), "application/x-www-form-urlencoded"
    return json.dumps(_within(shape, values), ensure_ascii=False).encode(), "application/json"


def _within(shape: Any, values: dict[str, str]) -> Any:
    match shape:
        case str():
            return _put(shape, values)
        case list():
            return [_within(one, values) for one in shape]
        case dict():
            return {name: _within(one, values) for name, one in shape.items()}
        case _:
            return shape


def _put(template: str, values: dict[str, str]) -> str:
    """In one pass: a text that holds {to} stays what it is."""
    parts = template.split("{")
    made = parts[0]
    for part in parts[1:]:
        name, closed, rest = part.partition("}")
        made += values[name] + rest if closed and name in values else "{" + part
    return made
