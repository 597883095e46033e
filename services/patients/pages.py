"""The patient's own pages. What they show is read by `mine`, and filled by the pure `page`."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.patients import door, fhir_door, mine, page, send, sheet
from services.patients.door import Db, Now, Versions
from services.patients.mine import Mine
from services.patients.page import words
from services.patients.sending import Myself
from shared import exact

STATIC = Path(__file__).parent / "static"
TYPED = Literal[
    "body_weight", "blood_pressure", "heart_rate", "body_temp", "spo2", "resp_rate", "glucose",
    "pain", "peak_flow", "fev1", "wound",
]  # fmt: skip

router = APIRouter(prefix="/me", include_in_schema=False)


@router.get("")
async def today(
    request: Request, database: Db, loaded: Versions, now: Now, caller: Myself
) -> Response:
    found = await mine.mine(database, door.looker(request, caller), loaded, now, days=14)
    lang = sheet.language(request, found.patient.language)
    view = page.today_view(found, request.app.state.forms, lang, now)
    return sheet.html(request, "today.html", view, lang, title=view["hello"], tab="today")


@router.get("/enter/{kind}")
async def enter(
    request: Request,
    database: Db,
    loaded: Versions,
    now: Now,
    caller: Myself,
    kind: TYPED,
    replaces: UUID | None = None,
) -> Response:
    found = await mine.mine(database, door.looker(request, caller), loaded, now, days=60)
    lang = sheet.language(request, found.patient.language)
    view = page.entry_view(kind, found, lang, now, str(replaces) if replaces else "")
    return sheet.html(request, "entry.html", view, lang, title=view["ask"])


@router.get("/sent/{message}")
async def sent(
    request: Request, database: Db, loaded: Versions, now: Now, caller: Myself, message: UUID
) -> Response:
    """How far one thing has come, and what the rules have to say about it."""
    looker = door.looker(request, caller)
    found = await mine.mine(database, looker, loaded, now)
    lang = sheet.language(request, found.patient.language)
    t = words.words(lang)
    fact_id = send.fact_id(caller.org, found.patient.id, message)
    fact = next((one for one in found.facts if one.id == fact_id), None)
    view: dict[str, Any] = {
        "track": page.track(found, fact, request.app.state.forms, lang, now) if fact else None,
        "kind": fact.kind if fact and page.can_be_typed(fact.kind) else "",
        "message": str(message),
        "unit": page.unit_name(found),
        "told_cards": list(page.told(found, lang)),
        "more": page.today_view(found, request.app.state.forms, lang, now)["tasks"],
        "watch": page.today_view(found, request.app.state.forms, lang, now)["watch"],
    }
    title = t["sent"]["title"] if fact else t["sent"]["held"]
    return sheet.html(request, "sent.html", view, lang, title=title)


@router.get("/forms/{name}")
async def form(
    request: Request, database: Db, loaded: Versions, now: Now, caller: Myself, name: str
) -> Response:
    found = await mine.mine(database, door.looker(request, caller), loaded, now, days=1)
    forms: Mapping[str, Any] = request.app.state.forms
    if name not in page.form_names(found, forms):
        raise fhir_door.NoSuchResource
    lang = sheet.language(request, found.patient.language)
    known = request.app.state.questions[name]
    view = page.form_view(name, forms[name], known, lang) | _watch(found, lang, now)
    return sheet.html(request, "form.html", view, lang, title=view["form_title"])


@router.get("/photo")
async def photo(
    request: Request, database: Db, loaded: Versions, now: Now, caller: Myself
) -> Response:
    found = await mine.mine(database, door.looker(request, caller), loaded, now, days=1)
    lang = sheet.language(request, found.patient.language)
    title = words.words(lang)["photo"]["title"]
    wounds = any(due.kind == "attachment:wound_photo" for due in found.dues)
    view = {"wound": wounds} | _watch(found, lang, now)
    return sheet.html(request, "photo.html", view, lang, title=title)


@router.get("/trends")
async def trends(
    request: Request,
    database: Db,
    loaded: Versions,
    now: Now,
    caller: Myself,
    days: Annotated[int, Query(ge=14, le=90)] = 14,
) -> Response:
    chosen = page.DAYS[0] if days < page.DAYS[1] else page.DAYS[1]
    found = await mine.mine(database, door.looker(request, caller), loaded, now, days=chosen)
    lang = sheet.language(request, found.patient.language)
    view = page.trend_view(found, chosen, lang, now)
    title = words.words(lang)["trend"]["title"]
    return sheet.html(request, "trends.html", view, lang, title=title, tab="trends")


@router.get("/plan")
async def plan(
    request: Request, database: Db, loaded: Versions, now: Now, caller: Myself
) -> Response:
    found = await mine.mine(database, door.looker(request, caller), loaded, now, days=90)
    lang = sheet.language(request, found.patient.language)
    view = page.plan_view(found, lang) | _watch(found, lang, now)
    title = words.words(lang)["plan"]["title"]
    return sheet.html(request, "plan.html", view, lang, title=title, tab="plan")


@router.get("/about")
async def about(
    request: Request, database: Db, loaded: Versions, now: Now, caller: Myself
) -> Response:
    found, told = await mine.about(database, door.looker(request, caller), loaded, now)
    lang = sheet.language(request, found.patient.language)
    view = page.about_view(found, told, lang, now)
    title = words.words(lang)["about"]["title"]
    return sheet.html(request, "about.html", view, lang, title=title, tab="about")


@router.get("/worried")
async def worried(
    request: Request, database: Db, loaded: Versions, now: Now, caller: Myself
) -> Response:
    found = await mine.mine(database, door.looker(request, caller), loaded, now, days=1)
    lang = sheet.language(request, found.patient.language)
    shown = page.today_view(found, request.app.state.forms, lang, now)
    view = {name: shown[name] for name in ("watch", "told_cards", "more", "forms")}
    title = words.words(lang)["worried"]["title"]
    return sheet.html(request, "worried.html", view, lang, title=title)


# --- the same for everybody -------------------------------------------------------------------


@router.get("/offline")
async def offline(request: Request, now: Now) -> Response:
    """What the phone shows with no network, kept by it: nothing of any patient."""
    lang = sheet.language(request)
    kinds = [page.entry_view(kind, None, lang, now) for kind in page.TYPED]
    title = words.words(lang)["offline"]["title"]
    return sheet.html(request, "offline.html", {"kinds": kinds}, lang, title=title, is_mine=False)


@router.get("/worker.js")
async def worker() -> Response:
    """The service worker lies above the other files, because it serves this page too."""
    headers = {**sheet.HEADERS, "Service-Worker-Allowed": "/me"}
    script = (STATIC / "worker.js").read_text("utf-8")
    return Response(script, media_type="text/javascript", headers=headers)


@router.get("/manifest.webmanifest")
async def manifest(request: Request) -> Response:
    lang = sheet.language(request)
    t = words.words(lang)["page"]
    icons = [
        {"src": f"/me/static/icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png",
         "purpose": purpose}
        for size in (192, 512) for purpose in ("any", "maskable")
    ]  # fmt: skip
    told = {
        "name": t["product"], "short_name": t["product"], "lang": t["lang"], "id": "/me",
        "start_url": "/me", "scope": "/me", "display": "standalone",
        "background_color": "#F5F6F8", "theme_color": "#F5F6F8", "icons": icons,
    }  # fmt: skip
    return Response(
        exact.dumps(told), media_type="application/manifest+json", headers=sheet.HEADERS
    )


def _watch(found: Mine, lang: str, now: datetime) -> dict[str, Any]:
    t = words.words(lang)
    return {"watch": page.watching(found.watch, page.unit_name(found), now, t)}
