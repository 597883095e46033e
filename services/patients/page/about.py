"""Pure: who may see the patient's record, who has seen it, and what he measures with."""

from datetime import datetime

from services.patients.mine import About, Mine
from services.patients.page import words, written
from services.patients.page.frame import View


def about_view(mine: Mine, about: About, lang: str, now: datetime) -> View:
    t = words.words(lang)
    a = t["about"]
    return {
        "name": mine.patient.name,
        # What he asked for and does not get is said, not passed over.
        "instead": a["instead"].get(mine.patient.language),
        "export": f"/v1/patients/{mine.patient.id}/export",
        "programmes": [words.say(one.names, lang) for one in mine.programmes.values()],
        "units": [one.name for one in about.units],
        "locked": any(one.staff is None for one in about.shields),
        "blocked": sum(one.staff is not None for one in about.shields),
        "devices": [
            {
                "name": f"{device.manufacturer} {device.model}" if device else a["device"],
                "since": written.date(binding.since, t),
            }
            for binding, device in about.devices
        ],
        # Why exactly somebody looked is the hospital's to tell; that it was an emergency is said.
        "looks": [
            {
                "who": one.name or a["roles"].get(one.role, one.role),
                "role": a["roles"].get(one.role, one.role),
                "when": f"{written.date(one.at, t)} {written.time(one.at)}",
                "what": a["what"].get(one.what, a["what"]["other"]),
                "emergency": one.is_emergency,
                "refused": one.outcome == "refused",
            }
            for one in about.looks
        ],
    }
