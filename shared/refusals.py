"""Pure: how a service's refusals stand in its OpenAPI, for whoever writes a client."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from shared.access import table
from shared.access.table import Act

Json = dict[str, Any]
MEDIA = "application/problem+json"
PROBLEM = "Problem"
# What may be answered whoever asks for whatever. Those of a service come to it.
ALWAYS = {
    400: ["http-400"],
    401: [],
    403: [],
    404: ["not-found"],
    408: ["too-slow"],
    409: [],
    413: ["too-large"],
    415: [],
    422: ["invalid-request"],
    429: ["too-many-requests"],
    503: ["database-is-away"],
}
SAYS = {
    400: "It cannot be read",
    401: "Not logged in, or by a token or proof that will not do; WWW-Authenticate says how",
    403: "Not for this caller",
    404: "It does not exist, or not for this caller",
    408: "The body came too slowly",
    409: "It does not fit what is there now",
    413: "The body is too large",
    415: "Not of a kind that is taken",
    422: "It is read and cannot be used; `errors` says where",
    429: "Too often; Retry-After says when again",
    503: "Not now; Retry-After says when again",
}
_WITH_A_BODY = (408, 413, 415)


def complete(schema: Json, codes: Mapping[int, list[str]]) -> None:
    """Put the refusals into a service's document. `codes`: its own, by status."""
    parts = schema.setdefault("components", {})
    parts.setdefault("schemas", {})[PROBLEM] = _problem()
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, which is not ours
        parts["schemas"].pop(name, None)
    known: dict[int, list[str]] = defaultdict(
        list, {status: [*own] for status, own in ALWAYS.items()}
    )
    for status, own in codes.items():
        known[status] += [one for one in own if one not in known[status]]
    parts["responses"] = {**parts.get("responses", {}), **_responses(known)}
    for path, doors in schema["paths"].items():
        for method, door in doors.items():
            act = table.by_route().get(f"{method.upper()} {path}")
            for status in _possible(method, path, door, act):
                if _is_silent_on(door["responses"], status):
                    named = f"#/components/responses/{_name(status)}"
                    door["responses"][str(status)] = {"$ref": named}


def _is_silent_on(responses: Json, status: int) -> bool:
    """Whether the door says nothing of it itself."""
    return "HTTPValidationError" in str(responses.get(str(status), "HTTPValidationError"))


def _possible(method: str, path: str, door: Json, act: Act | None) -> Iterator[int]:
    if act is None or (act.open and "requestBody" not in door and "{" not in path):
        if "422" in door["responses"] or path.startswith("/v1"):
            yield 422
        return
    yield from (400, 404, 422, 429, 503)
    if not act.open:
        yield from (401, 403)
    elif any(one["name"] == "dpop" for one in door.get("parameters", ())):
        yield 401  # no log-in, but a proof that may not do
    if method != "get":
        yield 409
        yield from _WITH_A_BODY if "requestBody" in door else ()


def _responses(known: Mapping[int, list[str]]) -> Json:
    return {
        _name(status): {
            "description": f"{SAYS[status]}. Codes: {', '.join(sorted(codes))}" if codes
            else SAYS[status],
            "content": {MEDIA: {"schema": {"$ref": f"#/components/schemas/{PROBLEM}"}}},
        }
        for status, codes in sorted(known.items())
        if status in SAYS
    }  # fmt: skip


def _name(status: int) -> str:
    return f"Refused{status}"


def _problem() -> Json:
    """RFC 9457. `code` is stable; what was sent is never said again."""
    fault = {
        "type": "object",
        "properties": {
            "loc": {"type": "array", "items": {}},
            "type": {"type": "string"},
            "msg": {"type": "string"},
        },
    }
    return {
        "type": "object",
        "required": ["title", "status", "code"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string"},
            "errors": {"type": "array", "items": fault},
            "more": {"type": "integer", "description": "faults that are not named"},
        },
        "additionalProperties": True,
    }
