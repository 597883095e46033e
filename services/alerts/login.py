"""The development issuer's log-in: in test mode, whoever reaches it may be any of the staff."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts import door, page, sheet, views
from services.alerts.door import Has
from shared import access
from shared.access import Caller, Role

router = APIRouter(include_in_schema=False)


@router.get("/login")
async def login_page(
    request: Request,
    has: Has,
    next: Annotated[str, Query(max_length=500)] = "/",
    problem: Annotated[str | None, Query(max_length=64, pattern="^[a-z-]+$")] = None,
) -> Response:
    """In test mode, whoever reaches this page may log in as any of the staff."""
    people = await views.people(has) if request.app.state.issuer.is_open else []
    people.sort(key=lambda one: list(Role).index(Role(one["role"])))  # nurses first
    data = {
        **sheet.looks(request),
        "people": [
            {
                "id": f"{one['org']}:{one['id']}",
                "name": one["name"],
                "role": one["role"],
                "unit": one["unit"],
            }
            for one in people
        ],
        "next": _inside(next),
        "problem": problem,
    }
    return sheet.html(request, "login.html", page.login_view(data, sheet.language(request)))


@router.post("/login")
async def log_in(request: Request, has: Has) -> Response:
    access.same_site(request)
    form = await door.form(request)
    org, _, person = form.get("person", "").partition(":")
    found = [
        one for one in await views.people(has) if one["org"] == org and str(one["id"]) == person
    ]
    if not found:
        return RedirectResponse("/login?problem=unknown", 303, headers=sheet.HEADERS)
    caller = Caller(
        id=str(found[0]["id"]),
        name=found[0]["name"],
        role=Role(found[0]["role"]),
        org=org,
        units=frozenset(found[0]["units"]),
        hpr=found[0]["hpr"],
        groups=frozenset(found[0]["groups"]),
    )
    token = request.app.state.issuer.token(caller)
    response = RedirectResponse(_inside(form.get("next", "/")), 303, headers=sheet.HEADERS)
    secure = request.app.state.secure_cookie
    response.set_cookie(
        access.cookie_name(secure=secure),
        token,
        max_age=access.SESSION_SECONDS,
        httponly=True,
        samesite="lax",
        secure=secure,
    )
    return response


@router.post("/logout")
async def log_out(request: Request) -> Response:
    access.same_site(request)
    response = RedirectResponse("/login", 303, headers=sheet.HEADERS)
    secure = request.app.state.secure_cookie
    response.delete_cookie(
        access.cookie_name(secure=secure), httponly=True, samesite="lax", secure=secure
    )
    return response


def _inside(place: str) -> str:
    """A place on this site, whatever was asked for."""
    is_ours = place.startswith("/") and not place.startswith(("//", "/\\"))
    return place if is_ours and place.isprintable() else "/"
