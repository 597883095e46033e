"""The patient's own pages. What they show is read by `mine`, and filled by the pure `page`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.patients import door, page
from services.patients.door import Db, Now, Versions
from services.patients.fhir_doors import fhir_door
from services.patients.hospital.versions import Loaded
from services.patients.look import Looker
from services.patients.me import mine, send, sheet
from services.patients.me.mine import Mine
from services.patients.me.sending import Myself
from services.patients.page import words
from shared import exact
from shared.database import Database

STATIC = Path(__file__).parent / "static"
TYPED = Literal[
    "body_weight", "blood_pressure", "heart_rate", "body_temp", "spo2", "resp_rate", "glucose",
    "pain", "peak_flow", "fev1", "wound",
]  # fmt: skip

router = APIRouter(prefix="/me", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Visit:
    """A patient before one of his own pages."""

    request: Request
    database: Database
    loaded: Loaded
    now: datetime
    looker: Looker

    async def mine(self, days: int) -> tuple[Mine, str]:
        """What is his, and in which language he reads it."""
        found = await mine.mine(self.database, self.looker, self.loaded, self.now, days=days)
        return found, self.language(found.patient.language)

    def language(self, own: str) -> str:
        return sheet.language(self.request, own)

    @property
    def forms(self) -> Mapping[str, Any]:
        forms: Mapping[str, Any] = self.request.app.state.forms
        return forms

    def shown(
        self, template: str, view: dict[str, Any], lang: str, *, title: str, tab: str = ""
    ) -> Response:
        return sheet.html(self.request, template, view, lang, title=title, tab=tab)


def _visit(request: Request, database: Db, loaded: Versions, now: Now, caller: Myself) -> Visit:
    return Visit(request, database, loaded, now, door.looker(request, caller))


Visiting = Annotated[Visit, Depends(_visit)]


@router.get("")
async def today(_caller: Myself, visit: Visiting) -> Response:
    found, lang = await visit.mine(14)
    view = page.today_view(found, visit.forms, lang, visit.now)
    return visit.shown("today.html", view, lang, title=view["hello"], tab="today")


@router.get("/enter/{kind}")
async def enter(
    _caller: Myself, visit: Visiting, kind: TYPED, replaces: UUID | None = None
) -> Response:
    found, lang = await visit.mine(60)
    view = page.entry_view(kind, found, lang, visit.now, str(replaces) if replaces else "")
    return visit.shown("entry.html", view, lang, title=view["ask"])


@router.get("/sent/{message}")
async def sent(_caller: Myself, visit: Visiting, message: UUID) -> Response:
    """How far one thing has come, and what the rules have to say about it."""
    found, lang = await visit.mine(14)
    t = words.words(lang)
    fact_id = send.fact_id(visit.looker.org, found.patient.id, message)
    fact = next((one for one in found.facts if one.id == fact_id), None)
    shown = page.today_view(found, visit.forms, lang, visit.now)
    view: dict[str, Any] = {
        "track": page.track(found, fact, visit.forms, lang, visit.now) if fact else None,
        "kind": fact.kind if fact and page.can_be_typed(fact.kind) else "",
        "message": str(message),
        "unit": page.unit_name(found),
        "told_cards": shown["told_cards"],
        "more": shown["tasks"],
        "watch": shown["watch"],
    }
    title = t["sent"]["title"] if fact else t["sent"]["held"]
    return visit.shown("sent.html", view, lang, title=title)


@router.get("/forms/{name}")
async def form(_caller: Myself, visit: Visiting, name: str) -> Response:
    found, lang = await visit.mine(1)
    if name not in page.form_names(found, visit.forms):
        raise fhir_door.NoSuchResource
    known = visit.request.app.state.questions[name]
    view = page.form_view(name, visit.forms[name], known, lang) | _watch(found, lang, visit.now)
    return visit.shown("form.html", view, lang, title=view["form_title"])


@router.get("/photo")
async def photo(_caller: Myself, visit: Visiting) -> Response:
    found, lang = await visit.mine(1)
    wounds = any(due.kind == "attachment:wound_photo" for due in found.dues)
    view = {"wound": wounds} | _watch(found, lang, visit.now)
    return visit.shown("photo.html", view, lang, title=words.words(lang)["photo"]["title"])


@router.get("/messages")
async def letters(_caller: Myself, visit: Visiting) -> Response:
    """What the patient and his unit have written to each other."""
    found, written = await mine.letters(visit.database, visit.looker, visit.loaded, visit.now)
    lang = visit.language(found.patient.language)
    view = page.letters_view(found, written, lang, visit.now)
    title = words.words(lang)["letters"]["title"]
    return visit.shown("messages.html", view, lang, title=title, tab="messages")


@router.get("/trends")
async def trends(
    _caller: Myself, visit: Visiting, days: Annotated[int, Query(ge=14, le=90)] = page.DAYS[0]
) -> Response:
    chosen = page.DAYS[0] if days < page.DAYS[1] else page.DAYS[1]
    found, lang = await visit.mine(chosen)
    view = page.trend_view(found, chosen, lang, visit.now)
    title = words.words(lang)["trend"]["title"]
    return visit.shown("trends.html", view, lang, title=title, tab="trends")


@router.get("/plan")
async def plan(_caller: Myself, visit: Visiting) -> Response:
    found, lang = await visit.mine(90)
    view = page.plan_view(found, lang) | _watch(found, lang, visit.now)
    title = words.words(lang)["plan"]["title"]
    return visit.shown("plan.html", view, lang, title=title, tab="plan")


@router.get("/about")
async def about(_caller: Myself, visit: Visiting) -> Response:
    found, told = await mine.about(visit.database, visit.looker, visit.loaded, visit.now)
    lang = visit.language(found.patient.language)
    view = page.about_view(found, told, lang) | {"push_key": visit.request.app.state.push_key or ""}
    title = words.words(lang)["about"]["title"]
    return visit.shown("about.html", view, lang, title=title, tab="about")


@router.get("/access")
async def access(_caller: Myself, visit: Visiting) -> Response:
    """Who may see the record, whom it is shut for, and who has seen it."""
    found = await mine.access(visit.database, visit.looker, visit.now)
    lang = visit.language(found.patient.language)
    view = page.access_view(found, lang, visit.now)
    title = words.words(lang)["access"]["title"]
    return visit.shown("access.html", view, lang, title=title, tab="about")


@router.get("/worried")
async def worried(_caller: Myself, visit: Visiting) -> Response:
    found, lang = await visit.mine(1)
    shown = page.today_view(found, visit.forms, lang, visit.now)
    view = {name: shown[name] for name in ("watch", "told_cards", "more", "forms")}
    return visit.shown("worried.html", view, lang, title=words.words(lang)["worried"]["title"])


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
    return {"watch": page.watched(found.watches, now, t)}
