"""Who is asking, and what he may: staff and patients by their identity provider's token, systems by
client credentials, devices by their secret, the pages by a session.

Every route names in its signature who may ask. What came with a request is judged in `guard`; the
pure judgements are in `signed`, `tokens`, `dpop` and `profiles`.
"""

from fastapi import FastAPI

from shared import settings
from shared.access import table, trust
from shared.access.caller import (
    CLINICAL,
    PROBLEMS,
    Blocked,
    Caller,
    CrossSite,
    HprIsMissing,
    IssuerDoesNotAnswer,
    LevelIsTooLow,
    Locked,
    NotAllowed,
    NotAuthenticated,
    NotRegisteredHere,
    NotRelated,
    ProofIsMissing,
    Role,
    ScopeIsMissing,
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
    Administrator,
    AnyStaff,
    Clinician,
    ClinicianOrAdministrator,
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

__all__ = [
    "CLINICAL", "COOKIE", "COOKIE_OF_PATIENTS", "ISSUER", "PROBLEMS", "SESSION_SECONDS",
    "Administrator", "AnyStaff",
    "Blocked", "Caller", "Clinician", "ClinicianOrAdministrator", "ClinicianOrPatient",
    "CrossSite", "DevelopmentIssuer", "DevelopmentIssuerInProduction", "Guard", "HprIsMissing",
    "IssuerDoesNotAnswer", "LevelIsTooLow", "Locked", "NotAllowed", "NotAuthenticated",
    "NotRegisteredHere", "NotRelated", "ProofIsMissing", "Role", "ScopeIsMissing", "caller_of",
    "cookie_name", "cookie_of", "guard_of", "needs", "new_secret", "same", "same_site",
    "secret_hash", "table",
]  # fmt: skip


def guard_of(
    app: FastAPI, chosen: settings.AnyService, database: Database, *, cookie: str = COOKIE
) -> Guard:
    """The guard of a service, where its routes find it. `cookie` says whose sessions its pages
    have. IssuersAreUnusable, DevelopmentIssuerInProduction."""
    bearer = DevelopmentIssuer(chosen.development_key, chosen.mode)
    issuers = trust.read(chosen.issuers, chosen.mode)
    if issuers and chosen.mode == "production" and chosen.public_url is None:
        raise trust.IssuersAreUnusable("HJEMVAKT_PUBLIC_URL is needed beside HJEMVAKT_ISSUERS.")
    guard = Guard(
        database,
        issuers,
        bearer,
        identity_keys=chosen.identity_keys,
        idle=chosen.idle_minutes * 60,
        of_patients=cookie == COOKIE_OF_PATIENTS,
    )
    app.state.issuer = bearer
    app.state.guard = guard
    app.state.public_url = chosen.public_url
    app.state.secure_cookie = False
    app.state.cookie = cookie
    return guard
