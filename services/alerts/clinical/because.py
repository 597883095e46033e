"""Pure: why a reading did or did not alert, as a sentence that a nurse can read out."""

from datetime import datetime
from decimal import Decimal
from typing import assert_never

from services.alerts.clinical import wording
from services.alerts.clinical.whynot import Answer, Used, Why
from shared import kinds
from shared.contracts import Fact
from shared.programmes import (
    CombinationRule,
    CountRule,
    Programme,
    Rule,
    ScoreRule,
    ShareRule,
    Text,
)

WEEKDAYS = {
    "nb": ("Mandagens", "Tirsdagens", "Onsdagens", "Torsdagens", "Fredagens", "Lørdagens",
           "Søndagens"),
    "en": ("Monday's", "Tuesday's", "Wednesday's", "Thursday's", "Friday's", "Saturday's",
           "Sunday's"),
}  # fmt: skip
COLOURS = {"nb": {"red": "rødt", "yellow": "gult"}, "en": {"red": "red", "yellow": "yellow"}}
NOT_IN_FORCE = {
    "correction": ("er rettet siden, og teller ikke lenger", "was corrected and no longer counts"),
    "void": ("er trukket tilbake, og teller ikke lenger", "was withdrawn and no longer counts"),
    "refiled": (
        "er ført over på en annen, og teller ikke lenger her",
        "was filed on somebody else and no longer counts here",
    ),
}


def sentence(answer: Answer, programme: Programme, fact: Fact, language: str) -> str:
    """Tirsdagens 168/95 (3.3. kl. 07:12) ga ikke varsel fordi …"""
    said = named(fact, language)
    if answer.why is Why.SPOKE and answer.found is not None:
        colour = COLOURS[language][answer.rule.colour]
        gave = f"ga {colour} varsel" if language == "nb" else f"gave a {colour} alert"
        return f"{said} {gave}: {answer.found.reason[language]}{_version(programme, language)}."
    not_ = "ga ikke varsel fordi" if language == "nb" else "did not alert because"
    nb, en = _because(answer, programme, fact)
    why = nb if language == "nb" else en
    return f"{said} {not_} {why}{_version(programme, language)}."


def _version(programme: Programme, language: str) -> str:
    """Said where another version may have answered otherwise."""
    if len(programme.versions) == 1:
        return ""
    name = programme.version
    return (
        f" (versjon {name}, som gjaldt da)"
        if language == "nb"
        else f" (version {name}, then valid)"
    )


def not_in_force(how: str, fact: Fact, language: str) -> str:
    nb, en = NOT_IN_FORCE[how]
    return f"{named(fact, language)} {nb if language == 'nb' else en}."


def named(fact: Fact, language: str) -> str:
    """The reading as people speak of it: its weekday, its value, its moment."""
    local = fact.at.astimezone(wording.OSLO)
    day = WEEKDAYS[language][local.weekday()]
    moment = f"{wording.day(local.date(), language)} {_at(fact.at, language)}"
    return f"{day} {_value(fact, language)} ({moment})"


def _value(fact: Fact, language: str) -> str:
    if fact.type == "answers":
        return "skjema" if language == "nb" else "form"
    kind = kinds.CATALOGUE.get(fact.kind)
    if kind is None:
        return fact.kind
    values = fact.body["values"]
    if fact.kind == "blood_pressure" and {"systolic", "diastolic"} <= values.keys():
        return f"{_number(values['systolic'], 0)}/{_number(values['diastolic'], 0)}"
    name = (kind.nb if language == "nb" else kind.en).lower()
    name = name if language == "en" or not name.startswith("spo") else "SpO₂"
    main = kind.fields.get("value")
    if main is None or "value" not in values:
        return name
    return f"{name} {_number(values['value'], main.decimals, language)}"


def _number(value: object, decimals: int, language: str = "nb") -> str:
    if isinstance(value, int | Decimal):
        return wording.number(Decimal(value), decimals, language)
    return str(value)


def _because(answer: Answer, programme: Programme, fact: Fact) -> tuple[str, str]:
    rule = answer.rule
    match answer.why:
        case Why.SPOKE:
            return "det ikke er vurdert ennå", "it has not been judged yet"
        case Why.NOT_ENROLLED:
            return (
                f"pasienten ikke var inkludert i {programme.names.nb} da",
                f"the patient was not enrolled in {programme.names.en} then",
            )
        case Why.LIMIT_NOT_SET:
            unset = [one.name for one in answer.limits if one.value is None]
            nb = " og ".join(f"«{_limit(programme, name).nb}»" for name in unset)
            en = " and ".join(f"“{_limit(programme, name).en}”" for name in unset)
            return f"grensen {nb} ikke er satt for pasienten", f"the limit {en} has not been set"
        case Why.NOT_BEYOND:
            return _not_beyond(rule, answer.limits, programme)
        case Why.NOT_YET_PERSISTENT:
            return _not_yet(answer, programme)
        case Why.RED_SPOKE:
            return (
                "et rødt varsel i samme gruppe gjaldt den samme målingen",
                "a red alert in the same group was about the same reading",
            )
        case Why.WAITS_FOR_RETAKE:
            nb, en = _until(answer.until)
            return f"en ny måling ventes{nb}", f"it waits for another reading{en}"
        case Why.CLEARED_BY_RETAKE:
            return (
                "en ny måling like etter ikke var utenfor grensen",
                "another reading soon after was not beyond the limit",
            )
        case Why.PAUSED:
            return "oppfølgingen var på pause", "follow-up was paused"
        case Why.COULD_NOT_BE_JUDGED:
            return (
                "regelen ikke kunne vurderes. Se på målingen selv, og meld fra til drift",
                "the rule could not be judged. Look at the reading, and tell operations",
            )
        case Why.GROUP_ALREADY_OPEN:
            return (
                "det alt var et åpent varsel i samme gruppe; funnet er lagt til der",
                "an alert in the same group was already open; the finding was added to it",
            )
        case Why.SNOOZED:
            return (
                "varselet i gruppen var utsatt; funnet er lagt til der",
                "the alert in the group was snoozed; the finding was added to it",
            )
        case Why.COVERED_BY_CLOSE:
            return (
                "funnet ble lagt til et varsel som siden er lukket av en som hadde sett det",
                "the finding was added to an alert that was since closed by somebody who saw it",
            )
        case _:
            assert_never(answer.why)


def _not_beyond(rule: Rule, limits: tuple[Used, ...], programme: Programme) -> tuple[str, str]:
    if isinstance(rule, ScoreRule):
        return "skåren ikke var høy nok", "the score was not high enough"
    if isinstance(rule, CombinationRule):
        return (
            "ikke alt som skal til, kom innen samme tid",
            "not all that it takes came within the same time",
        )
    if rule.kind == "coded":
        return "svaret ikke er et som varsles", "the answer is not one that alerts"
    if rule.kind == "absence":
        nb, en = _limits(limits, programme)
        return f"den neste kom i tide{nb}", f"the next one came in time{en}"
    nb, en = _limits(limits, programme)
    if rule.kind in ("change", "window", "baseline"):
        return (
            f"den ikke var utenfor grensen{nb}, eller det var for lite å sammenligne med",
            f"it was not beyond the limit{en}, or there was too little to compare it with",
        )
    return f"den ikke var utenfor grensen{nb}", f"it was not beyond the limit{en}"


def _not_yet(answer: Answer, programme: Programme) -> tuple[str, str]:
    rule = answer.rule
    nb, en = _limits(answer.limits, programme)
    persistence = getattr(rule, "persistence", None)
    counted = rule if isinstance(rule, CountRule) else persistence
    if counted is not None:
        n, m = counted.n, counted.m
        return (
            f"regelen venter til {n} av de siste {m} er utenfor grensen{nb}",
            f"the rule waits until {n} of the last {m} are beyond the limit{en}",
        )
    if isinstance(rule, ShareRule):
        return (
            f"for få av de siste målingene er utenfor grensen{nb}",
            f"too few of the latest readings are beyond the limit{en}",
        )
    nb_until, en_until = _until(answer.until)
    return (
        f"det ikke har gått lang nok tid{nb_until or nb}",
        f"not enough time has passed{en_until or en}",
    )


def _limits(limits: tuple[Used, ...], programme: Programme) -> tuple[str, str]:
    """The limits that were in force, and whose they were."""
    given = [(one, one.value) for one in limits if one.value is not None]
    if not given:
        return "", ""
    nb, en = [], []
    for one, value in given:
        name = _limit(programme, one.name)
        nb.append(
            f"{name.nb} {wording.limit(value, 0, 'nb')},"
            f" {'pasientens egen' if one.own else 'programmets'}"
        )
        en.append(
            f"{name.en} {wording.limit(value, 0, 'en')},"
            f" {'the patient’s own' if one.own else 'the programme’s'}"
        )
    return f" ({'; '.join(nb)})", f" ({'; '.join(en)})"


def _limit(programme: Programme, name: str) -> Text:
    return programme.limit_by_name[name].names


def _until(at: datetime | None) -> tuple[str, str]:
    if at is None:
        return "", ""
    return f" til {_at(at, 'nb')}", f" until {wording.clock(at)}"


def _at(at: datetime, language: str) -> str:
    return f"{'kl.' if language == 'nb' else 'at'} {wording.clock(at)}"
