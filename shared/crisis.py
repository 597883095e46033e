"""Pure: what a sender's app shows at once after a red answer, before anybody has read it.

Only an answer that is red by itself brings it; nothing here is a judgement of the patient.
"""

from collections.abc import Mapping

from shared.contracts import Alarm, Crisis, Watch

_EMERGENCY = {"number": "113", "nb": "Akutt fare", "nn": "Akutt fare", "en": "Emergency"}
_DOCTOR = {"number": "116117", "nb": "Legevakt", "nn": "Legevakt", "en": "Out-of-hours doctor"}
_HELPLINE = {
    "number": "116123",
    "nb": "Mental Helse, hjelpetelefonen",
    "nn": "Mental Helse, hjelpetelefonen",
    "en": "Mental Helse helpline",
}

_UNWATCHED: Mapping[str, str] = {
    "nb": "Ingen leser svaret ditt akkurat nå.",
    "nn": "Ingen les svaret ditt akkurat no.",
    "en": "Nobody is reading your answer right now.",
}
_WATCHED: Mapping[str, str] = {
    "nb": "Det kan være at ingen leser svaret ditt akkurat nå, så ikke vent på oss.",
    "nn": "Det kan vere at ingen les svaret ditt akkurat no, så ikkje vent på oss.",
    "en": "Nobody may be reading your answer right now, so do not wait for us.",
}
_HARM: Mapping[str, str] = {
    "nb": "Ring 113 ved akutt fare. Legevakt 116 117. Mental Helse 116 123, hele døgnet. "
    "Ikke vær alene: ring noen du stoler på.",
    "nn": "Ring 113 ved akutt fare. Legevakt 116 117. Mental Helse 116 123, heile døgnet. "
    "Ikkje ver åleine: ring nokon du stolar på.",
    "en": "Call 113 in an emergency. Out-of-hours doctor 116 117. Mental Helse helpline 116 123, "
    "day and night. Do not be alone: call somebody you trust.",
}
_URGENT: Mapping[str, str] = {
    "nb": "Et av svarene dine kan haste. Ring 113 ved akutt fare. Legevakt 116 117.",
    "nn": "Eit av svara dine kan haste. Ring 113 ved akutt fare. Legevakt 116 117.",
    "en": "One of your answers may be urgent. Call 113 in an emergency. "
    "Out-of-hours doctor 116 117.",
}


def told(alarm: Alarm | None, watch: Watch) -> Crisis | None:
    if alarm is None:
        return None
    watched, what = _WATCHED if watch.now else _UNWATCHED, _HARM if alarm.harm else _URGENT
    numbers = (_EMERGENCY, _DOCTOR, *((_HELPLINE,) if alarm.harm else ()))
    said = {lang: f"{watched[lang]} {what[lang]}" for lang in ("nb", "nn", "en")}
    return Crisis(said["nb"], said["nn"], said["en"], numbers, watch.now)
