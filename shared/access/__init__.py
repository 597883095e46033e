"""Who is asking, and what he may: staff and patients by their identity provider's token, systems by
client credentials, devices by their secret, the pages by a session.

Every route names in its signature who may ask. What came with a request is judged in `guard`; the
pure judgements are in `signed`, `tokens`, `dpop` and `profiles`.
"""

import structlog
from fastapi import FastAPI

from shared import settings
from shared.access import source, table, trust
from shared.access.caller import (
    CITIZENS,
    CLINICAL,
    PROBLEMS,
    Blocked,
    Caller,
    CrossSite,
    HprIsMissing,
    IssuerDoesNotAnswer,
    LevelIsTooLow,
    Locked,
    NobodysProxy,
    NonceIsMissing,
    NotAllowed,
    NotAuthenticated,
    NotGiven,
    NotRegisteredHere,
    NotRelated,
    ProofIsMissing,
    Role,
    ScopeIsMissing,
    TooManyRequests,
)
from shared.access.development import (
    ISSUER,
    SESSION_SECONDS,
    DevelopmentIssuer,
    DevelopmentIssuerInProduction,
)
from shared.access.door import (
    COOKIE,
    COOKIE_OF_PATIENTS,
    ON_BEHALF,
    Administrator,
    AnyStaff,
    Clinician,
    ClinicianOrAdministrator,
    ClinicianOrCitizen,
    ClinicianOrPatient,
    caller_of,
    cookie_name,
    cookie_of,
    needs,
    same_site,
)
from shared.access.guard import Guard
from shared.access.secret import new_secret, same, secret_hash
from shared.database import Database

log = structlog.get_logger()

__all__ = [
    "CITIZENS", "CLINICAL", "COOKIE", "COOKIE_OF_PATIENTS", "ISSUER", "ON_BEHALF", "PROBLEMS",
    "SESSION_SECONDS", "Administrator", "AnyStaff", "Blocked", "Caller", "Clinician",
    "ClinicianOrAdministrator", "ClinicianOrCitizen", "ClinicianOrPatient", "CrossSite",
    "DevelopmentIssuer", "DevelopmentIssuerInProduction", "Guard", "HprIsMissing",
    "IssuerDoesNotAnswer", "LevelIsTooLow", "Locked", "NobodysProxy", "NonceIsMissing",
    "NotAllowed", "NotAuthenticated", "NotGiven", "NotRegisteredHere", "NotRelated",
    "ProofIsMissing", "Role", "ScopeIsMissing", "TooManyRequests", "caller_of", "cookie_name",
    "cookie_of", "guard", "guard_of", "needs", "new_secret", "same", "same_site", "secret_hash",
    "table",
]  # fmt: skip


def guard(
    chosen: settings.AnyService, database: Database, *, people: bool = True, cookie: str = COOKIE
) -> Guard:
    """Who may come in by what is configured; without `people` only systems. `cookie` says whose
    sessions the pages have. IssuersAreUnusable, DevelopmentIssuerInProduction."""
    bearer = DevelopmentIssuer(chosen.development_key, chosen.mode)
    issuers = trust.read(chosen.issuers, chosen.mode)
    if issuers and chosen.mode == "production" and chosen.public_url is None:
        raise trust.IssuersAreUnusable("HJEMVAKT_PUBLIC_URL is needed beside HJEMVAKT_ISSUERS.")
    if people and not issuers and not bearer.is_open:
        log.warning("Nobody can log in: HJEMVAKT_ISSUERS names no identity provider.")
    return Guard(
        database,
        issuers,
        bearer,
        identity_keys=chosen.identity_keys,
        idle=chosen.idle_minutes * 60,
        people=people,
        of_patients=cookie == COOKIE_OF_PATIENTS,
    )


def guard_of(
    app: FastAPI, chosen: settings.AnyService, database: Database, *, cookie: str = COOKIE
) -> Guard:
    """The guard of a service for people, where its routes find it."""
    made = guard(chosen, database, cookie=cookie)
    app.state.issuer = made.bearer
    app.state.guard = made
    app.state.public_url = chosen.public_url
    app.state.secure_cookie = False
    app.state.cookie = cookie
    app.state.behind_proxy = chosen.behind_proxy
    app.state.failures = source.Failures(chosen.failures_per_minute)
    app.state.paces = source.Paces()
    return made
