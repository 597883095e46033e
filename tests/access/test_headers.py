"""What every answer of every service says to a browser, whatever was asked and by whom."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from shared import patience
from tests.access.test_table import apps as apps
from tests.access.test_table import route_names

ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}


def client(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://here")


async def test_every_answer_of_every_route_has_them(apps: Mapping[str, FastAPI]) -> None:
    """Databases are away and nobody is logged in: refusals and failures have them too."""
    faults = []
    for name, app in apps.items():
        async with client(app) as asking:
            places = [*route_names(app), "GET /nowhere", "POST /nowhere", "DELETE /livez"]
            for place in places:
                method, _, path = place.partition(" ")
                path = re.sub(r"\{[^}]+\}", lambda _: str(uuid4()), path)
                answer = await asking.request(method, path)
                faults += _faults(f"{name} {place} {answer.status_code}", answer)
    assert not faults, "\n".join(faults)


def _faults(place: str, answer: httpx.Response) -> list[str]:
    said = [
        f"{place}: {header}"
        for header, value in ALWAYS.items()
        if answer.headers.get(header) != value
    ]
    policy = answer.headers.get("content-security-policy", "")
    for part in ("default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        if part not in policy:
            said.append(f"{place}: {part}")
    if "unsafe" in policy or "http" in policy:
        said.append(f"{place}: {policy}")
    if "geolocation=()" not in answer.headers.get("permissions-policy", ""):
        said.append(f"{place}: permissions-policy")
    for told in ("server", "x-powered-by"):
        if told in answer.headers:
            said.append(f"{place}: {told}")
    return said


async def test_the_pages_own_files_have_them_too(apps: Mapping[str, FastAPI]) -> None:
    async with client(apps["alerts"]) as asking:
        answer = await asking.get("/static/desk.css")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"
    assert [one for one in _faults("css", answer) if "cache-control" not in one] == []


async def test_a_body_that_does_not_come_is_not_waited_for(apps: Mapping[str, FastAPI]) -> None:
    app = patience.BodyInTime(apps["patients"], seconds=0.2)
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {
        "type": "http", "method": "POST", "path": "/development/token", "raw_path": b"/x",
        "query_string": b"", "headers": [(b"content-type", b"application/json")],
        "http_version": "1.1", "scheme": "http", "server": ("here", 80), "client": ("1.1.1.1", 1),
    }  # fmt: skip
    await asyncio.wait_for(app(scope, receive, send), 5)
    assert sent[0]["status"] == 408


@pytest.mark.parametrize("name", ["ingest", "patients", "alerts"])
async def test_no_answer_leads_elsewhere(apps: Mapping[str, FastAPI], name: str) -> None:
    """A foreign Host header changes no address that is answered."""
    async with client(apps[name]) as asking:
        for place in route_names(apps[name]):
            method, _, path = place.partition(" ")
            if "{" in path:
                continue
            answer = await asking.request(method, path, headers={"host": "evil.example"})
            assert "evil.example" not in answer.headers.get("location", ""), place
