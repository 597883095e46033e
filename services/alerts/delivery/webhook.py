"""A message as an HTTP POST of JSON, signed, so that the receiver knows it is ours and unchanged.

`Hjemvakt-Signature: t=<seconds since 1970>,v1=<hex>`: HMAC-SHA256 over `<t>.<body>`.
`Hjemvakt-Delivery` is the same in every attempt: a receiver that has it drops the repeat.
"""

import hashlib
import hmac
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from services.alerts.delivery import message as words
from services.alerts.delivery.message import Message
from services.alerts.delivery.outcome import Outcome, Result, of_status
from services.alerts.delivery.ways import Ways
from shared import exact


async def send(ways: Ways, client: httpx.AsyncClient, to: str, message: Message) -> Outcome:
    if ways.webhook_secret is None:
        return Outcome(Result.REFUSED, "not-configured")
    if ways.webhook_hosts and urlsplit(to).hostname not in ways.webhook_hosts:
        return Outcome(Result.REFUSED, "host-not-allowed")
    body = exact.dumps(words.payload(message))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Hjemvakt",
        "Hjemvakt-Delivery": str(message.id),
        "Hjemvakt-Signature": signature(ways.webhook_secret, int(time.time()), body),
    }
    return await post(client, to, headers, body)


def signature(secret: str, at: int, body: bytes) -> str:
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"


async def post(
    client: httpx.AsyncClient,
    to: str,
    headers: dict[str, str],
    body: bytes | None,
    extensions: dict[str, Any] | None = None,
) -> Outcome:
    """POST, or GET without a body. What the other side answers is not read, only its status."""
    try:
        request = client.build_request(
            "POST" if body is not None else "GET",
            to,
            headers=headers,
            content=body,
            extensions=extensions,
        )
        answer = await client.send(request, stream=True, follow_redirects=False)
        await answer.aclose()
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
        return Outcome(Result.REFUSED, "not-an-address")
    except httpx.TimeoutException:
        return Outcome(Result.FAILED, "timeout")
    except httpx.HTTPError:
        return Outcome(Result.FAILED, "no-connection")
    now = datetime.now(UTC)
    return of_status(answer.status_code, answer.headers.get("retry-after"), now)
