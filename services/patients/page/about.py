"""Pure: what the patient is followed in and measures with, and his settings."""

from services.patients.me.mine import About, Mine
from services.patients.page import words, written
from services.patients.page.frame import View


def about_view(mine: Mine, about: About, lang: str) -> View:
    t = words.words(lang)
    return {
        "name": mine.patient.name,
        # What he asked for and does not get is said, not passed over.
        "instead": list(words.not_translated(t["about"]["instead"], mine.patient.language, lang)),
        "export": f"/v1/patients/{mine.patient.id}/export",
        "programmes": [words.say(one.names, lang) for one in mine.programmes.values()],
        "devices": [
            {
                "name": f"{device.manufacturer} {device.model}" if device else t["about"]["device"],
                "since": written.date(binding.since, t),
            }
            for binding, device in about.devices
        ],
    }
