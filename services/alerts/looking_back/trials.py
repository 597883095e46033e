"""The page on which another version of a programme is tried on what was measured."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.alerts import door, page, sheet
from services.alerts.door import Has
from services.alerts.looking_back import trying
from services.alerts.reader import Reader
from shared import access
from shared.access import browser

router = APIRouter(include_in_schema=False)

DAYS = (7, 30, 90)
Slug = Annotated[str, Query(pattern=r"^[a-z0-9_-]{1,64}$")]
Name = Annotated[str, Query(min_length=1, max_length=64)]


@router.get("/what-if")
async def ask(
    request: Request, has: Has, caller: access.Clinician, programme: Slug, version: Name
) -> Response:
    by = door.reader(request, caller)
    return _page(request, has, by, programme, version, DAYS[1], None)


@router.post("/what-if")
async def answer(request: Request, has: Has, caller: access.Clinician) -> Response:
    """Of all patients in the caller's units; that it was shown is kept."""
    sent = await browser.form(request)
    browser.from_page(request, caller, sent.pop("csrf", None))
    by = door.reader(request, caller)
    days = next((one for one in DAYS if str(one) == sent.get("days")), DAYS[1])
    slug, version = sent.get("programme", ""), sent.get("version", "")
    asked = trying.Asked(slug, days, version=version)
    told = await trying.what_if(has, by, asked, sheet.language(request))
    return _page(request, has, by, slug, version, days, told)


def _page(
    request: Request,
    has: Has,
    by: Reader,
    slug: str,
    version: str,
    days: int,
    told: trying.Json | None,
) -> Response:
    programme = has.programmes.get(slug)
    if programme is None:
        raise trying.UnknownProgramme
    if version not in programme.versions:
        raise trying.VersionIsNotLoaded
    data = {
        **sheet.frame(request, by), "programme": programme.versions[version], "days": days,
        "offered": DAYS, "told": told, "back": request.app.state.setup_at or "",
    }  # fmt: skip
    return sheet.html(request, "trial.html", page.trial_view(data, sheet.language(request)))
