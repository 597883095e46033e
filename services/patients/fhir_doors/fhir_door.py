"""How a FHIR search comes in and its answer goes out."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Request, Response
from starlette.requests import ClientDisconnect

from services.patients.fhir_doors import search
from services.patients.fhir_doors.search import Asked, NotSearchable
from shared import exact, fhir, fhir_bundles

MEDIA = "application/fhir+json"
FORM = "application/x-www-form-urlencoded"
FORM_BODY: dict[str, Any] = {
    "requestBody": {
        "content": {
            FORM: {
                "schema": {"type": "object", "additionalProperties": {"type": "string"}},
                "example": {
                    "patient.identifier": "urn:oid:2.16.578.1.12.4.1.4.1|13116900216",
                    "code": "http://loinc.org|29463-7",
                    "date": "ge2026-02-01",
                },
            }
        }
    }
}


class NoSuchResource(Exception):
    """There is no such resource here"""


async def outcome(_request: Request, error: Exception) -> Response:
    """A search that cannot be answered, as FHIR says it."""
    assert isinstance(error, NotSearchable)
    text = error.diagnostics
    return answer(fhir_bundles.outcome("not-searchable", text, issue="not-supported"), 400)


def asking(resource: str) -> Callable[[Request], Coroutine[Any, Any, Asked]]:
    """A dependency: the search of this resource, by GET or by POST _search."""

    async def asked(request: Request) -> Asked:
        return await _asked(request, resource)

    return asked


async def _asked(request: Request, resource: str) -> Asked:
    pairs = list(request.query_params.multi_items())
    in_body = request.method == "POST"
    lenient = "handling=lenient" in request.headers.get("prefer", "")
    # In an address a hidden parameter is refused also when the rest comes in the body.
    search.asked(resource, pairs, in_body=False, lenient=lenient)
    if in_body:
        pairs += await _form(request)
    return search.asked(resource, pairs, in_body=in_body, lenient=lenient)


async def _form(request: Request) -> list[tuple[str, str]]:
    if request.headers.get("content-type", "").partition(";")[0].strip() != FORM:
        raise NotSearchable(f"_search takes {FORM}.")
    try:
        body = (await request.body()).decode()
        return parse_qsl(body, strict_parsing=bool(body), errors="strict", max_num_fields=50)
    except (UnicodeDecodeError, ValueError, ClientDisconnect):
        raise NotSearchable("The form cannot be read.") from None


def bundle(
    request: Request, asked: Asked, resources: list[fhir.Resource], rest: str | None
) -> Response:
    """A searchset. Its links name the patient by our id, whatever he was searched by."""
    here = f"{place(request)}/fhir"
    pairs = [
        pair for pair in asked.pairs if pair[0] not in search.HIDDEN or asked.resource == "Device"
    ]
    address = f"{here}/{asked.resource}"
    links = {"self": _url(address, pairs)}
    if rest is not None:
        onwards = [pair for pair in pairs if pair[0] != "_cursor"] + [("_cursor", rest)]
        links["next"] = _url(address, onwards)
    return answer(fhir_bundles.searchset(resources, here, links=links))


def place(request: Request) -> str:
    """Where we are, by our own setting: the Host header may say anything, and behind the front door
    it does not say https."""
    public: str | None = request.app.state.public_url
    return public or str(request.base_url).rstrip("/")


def _url(address: str, pairs: list[tuple[str, str]]) -> str:
    return f"{address}?{urlencode(pairs)}" if pairs else address


def answer(resource: Mapping[str, Any], status: int = 200) -> Response:
    return Response(exact.dumps(resource), status, media_type=MEDIA)
