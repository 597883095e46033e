"""Who says nothing of who he is, is told so at every door that asks; and no page's form is taken
from anywhere but that page."""

import re
from collections.abc import Iterator, Mapping
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from shared import access
from shared.access import table
from tests.access.test_table import apps as apps
from tests.access.test_table import route_names

SERVICES = ("ingest", "patients", "alerts")
SAFE = {"GET", "HEAD"}
API = ("/v1/", "/fhir", "/hl7v2")
# What a page's script reads or sends: it is told, and leads the person to the log-in itself.
BY_SCRIPT = ("/me/session",)
CODES = ("not-authenticated", "unauthenticated")


def asked_of(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Every door that asks who is there, with ids of nothing."""
    for name in route_names(app):
        act = table.by_route().get(name)
        if act is not None and not act.open:
            method, _, path = name.partition(" ")
            yield method, re.sub(r"\{[^}]+\}", lambda _: str(uuid4()), path)


def is_told(method: str, path: str, answer: httpx.Response) -> bool:
    """A person who reads a page is led to where he logs in; a program is told by code."""
    reads_a_page = method == "GET" and not path.startswith(API) and path not in BY_SCRIPT
    if reads_a_page and answer.status_code == 303:
        place = answer.headers["location"]
        return place.startswith(("/login?next=%2F", "/me/login?next=%2Fme"))
    if answer.status_code == 405:
        return path.startswith("/fhir")  # where things are sent, nothing is read
    if answer.status_code != 401 or not answer.headers.get("www-authenticate"):
        return False
    is_a_page = answer.headers["content-type"].startswith("text/html")
    return is_a_page or answer.json().get("code") in CODES


@pytest.mark.parametrize("name", SERVICES)
async def test_who_shows_nothing_is_told_so_at_every_door(
    apps: Mapping[str, FastAPI], name: str
) -> None:
    faults, tried = [], 0
    transport = httpx.ASGITransport(apps[name], raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        for method, path in asked_of(apps[name]):
            answer = await client.request(method, path)
            tried += 1
            if not is_told(method, path, answer):
                faults.append(f"{method} {path}: {answer.status_code}")
    assert not faults, "\n".join(faults)
    assert tried > 20


@pytest.mark.parametrize("name", ["patients", "alerts"])
async def test_no_form_is_taken_from_another_site_or_without_its_pages_word(
    apps: Mapping[str, FastAPI], name: str
) -> None:
    """By a session's cookie alone, as a browser sends it along whoever has made the form."""
    app = apps[name]
    faults, tried = [], 0
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        for method, path in asked_of(app):
            if method in SAFE:
                continue
            for of in (access.COOKIE, access.COOKIE_OF_PATIENTS):
                cookie = {"cookie": f"{of}={'x' * 43}"}
                for made in (
                    {},
                    {"origin": "https://evil.example"},
                    {"origin": "null"},
                    {"sec-fetch-site": "cross-site"},
                    {"sec-fetch-site": "same-site"},
                    {"sec-fetch-site": "none"},
                    {"sec-fetch-site": "cross-site", "origin": "http://here"},
                ):
                    answer = await client.request(method, path, headers=cookie | made)
                    tried += 1
                    if answer.status_code not in (401, 403):
                        faults.append(f"{method} {path} {made}: {answer.status_code}")
    assert not faults, "\n".join(faults)
    assert tried > 100
