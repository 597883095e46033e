"""The issuer's own pages: plain HTML, everything escaped, one style sheet."""

import base64
import hashlib
from collections.abc import Sequence
from html import escape

from deploy.local.issuer.people import Person

STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}"
    "fieldset{border:1px solid #777;border-radius:.4rem}label{display:block;padding:.5rem}"
    "button,input[type=text]{font:inherit;padding:.5rem 1rem;margin-top:1rem}"
    ".role{color:#555}.note{border-left:.3rem solid #b50;padding-left:.7rem}"
)
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
ROLES = {
    "nurse": "sykepleier", "physician": "lege", "administrator": "administrator",
    "auditor": "personvernombud",
}  # fmt: skip


def log_in(profile: str, people: Sequence[Person], client_id: str, request_uri: str) -> str:
    hidden = _hidden("client_id", client_id) + _hidden("request_uri", request_uri)
    if profile == "idporten":
        whom = (
            "<label>Syntetisk fødselsnummer "
            '<input type="text" name="pid" inputmode="numeric" autocomplete="off" required>'
            "</label>"
        )
    else:
        whom = "".join(_choice(one, first=place == 0) for place, one in enumerate(people))
        whom = f"<fieldset><legend>Hvem er du?</legend>{whom}</fieldset>"
    if profile != "idporten" and not people:
        return _page("Logg inn", "<p>Ingen er registrert ennå. Kjør <code>hjemvakt seed</code>.")
    note = (
        '<p class="note">Testinnlogging: den tror på det du velger, og finnes bare i testmodus.</p>'
    )
    button = '<button type="submit">Logg inn</button>'
    return _page("Logg inn", f'{note}<form method="post">{hidden}{whom}{button}</form>')


def refused(code: str) -> str:
    return _page("Det gikk ikke", f"<p>Begynn innloggingen på nytt ({escape(code)}).</p>")


def logged_out() -> str:
    return _page("Logget ut", "<p>Du er logget ut.</p>")


def _choice(one: Person, *, first: bool) -> str:
    chosen = " checked" if first else ""
    role = ROLES.get(one.role, one.role)
    return (
        f'<label><input type="radio" name="person" value="{escape(one.subject)}" required{chosen}> '
        f'{escape(one.name)} <span class="role">{escape(role)} · {escape(one.org)}</span></label>'
    )


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def _page(title: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="nb"><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width">'
        '<link rel="icon" href="data:,">'
        f"<style>{STYLE}</style><main><h1>{title}</h1>{content}</main></html>"
    )
