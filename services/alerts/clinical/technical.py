"""What is wrong with the watching itself: a device that is offline, a flat battery, a counter
that started again, a reading that is unlike the patient's own, readings that could not be judged.
Not of any programme.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from services.alerts.clinical import doubts, finding, numbers, standing, wording
from services.alerts.clinical.doubts import Doubted
from services.alerts.clinical.finding import Finding, Said, Value, Waiting
from services.alerts.clinical.history import Record
from shared import kinds
from shared.contracts import Fact
from shared.programmes import Colour

# A home gateway drops off for minutes every day; half an hour is worth a person's time.
OFFLINE = timedelta(minutes=30)
BATTERY = (Decimal(15), Decimal(5))
PAUSE_OVER = "pause-over"

CHECK_DEVICE = {
    "nb": "Utstyret ditt har ikke kontakt med oss. Sjekk at det er på og har strøm.",
    "en": "Your equipment has lost contact with us. Check that it is on and has power.",
}
CHANGE_BATTERY = {
    "nb": "Batteriet i utstyret ditt er snart tomt. Bytt eller lad det.",
    "en": "The battery in your equipment is running low. Replace or charge it.",
}
NOTHING = {"nb": "", "en": ""}
FOLLOWED_AGAIN = {
    "nb": "Pausen din er over. Vi venter målinger fra deg som før.",
    "en": "Your pause is over. We expect readings from you as before.",
}
NOT_FOLLOWED = {
    "nb": "Du følges ikke opp nå. Ingen ser på målingene du sender.",
    "en": "You are not followed up now. Nobody looks at the readings you send.",
}
PAUSED = {
    "admission": {"nb": "Innleggelsen er over siden", "en": "The admission is over since"},
    "holiday": {"nb": "Feriepausen er over siden", "en": "The holiday is over since"},
    "other": {"nb": "Pausen er over siden", "en": "The pause is over since"},
}
# How far back an end is looked for; a record holds more than this.
ENDED = timedelta(days=60)
DOUBTS = {"unit": "unit-doubted", "identity": "identity-uncertain"}
SAID = {
    "unit": {
        "nb": "Måleenheten er tvilsom: {value} mot vanlig {usual}. Den er lagret og vurdert.",
        "en": "The unit of measure is in doubt: {value}, usually {usual}. It is stored and judged.",
    },
    "identity": {
        "nb": "Kan være målt på en annen: {value} mot vanlig {usual}. Den er lagret og vurdert.",
        "en": "May be somebody else's: {value}, usually {usual}. It is stored and judged.",
    },
}


def findings(record: Record, now: datetime, since: datetime | None = None) -> list[Finding]:
    found = [_reused(record, fact) for fact in record.reused if since is None or fact.at >= since]
    for fact, before in _statuses(record, since):
        if _went_offline(fact, before):
            until = _silent_at(record, fact)
            if until is not None and until <= now and not _came_back(record, fact, until):
                found.append(_offline(record, fact))
        found += _batteries(record, fact, before)
    found += _pauses_over(record, now, since)
    found += _after_end(record)
    doubted = doubts.since(record, since)
    found += [_doubted(record, one) for one in doubted if _watched(record, one.sample.at)]
    return found


def covers(since: datetime) -> dict[str, datetime]:
    """From which moment `findings(…, since)` answers completely, by rule."""
    return {
        "device-offline": since - OFFLINE,
        "device-battery": since,
        "id-reused": since,
        PAUSE_OVER: since,
        "data-after-end": since - ENDED,
        "data-not-followed": since - ENDED,
        **dict.fromkeys(DOUBTS.values(), since),
    }


def waiting(record: Record, now: datetime) -> list[Waiting]:
    """Devices that went offline too recently to say anything about, pauses that begin or end, and
    an end of follow-up that is shown for a while."""
    found = [
        Waiting("", "device-offline", "device-contact", "online", str(fact.id), until)
        for fact, before in _statuses(record, now)
        if _went_offline(fact, before)
        and (until := _silent_at(record, fact)) is not None
        and now < until
        and not _came_back(record, fact, until)
    ]
    found += [
        Waiting("", PAUSE_OVER, "pause", "pause", at.isoformat(), at)
        for at in standing.turns(record, now)
    ]
    return found


def could_not_be_judged(
    record: Record, programme: str, version: str, about: str, fact: Fact | None, at: datetime
) -> Finding:
    """Red and technical: nobody has looked at this patient's readings by these rules."""
    trigger = str(fact.origin or fact.id) if fact else at.isoformat()
    return _finding(
        record,
        "could-not-be-judged",
        "judging",
        at if fact is None else fact.at,
        f"{about}|{trigger}",
        fact,
        {
            "nb": f"Kunne ikke vurderes ({about}). Se på målingene selv, og meld fra til drift.",
            "en": f"Could not be judged ({about}). Look at the readings, and tell operations.",
        },
        NOTHING,
        colour="red",
        programme=programme,
        version=version,
    )


def _statuses(record: Record, since: datetime | None) -> Iterator[tuple[Fact, Fact | None]]:
    """Each status from a little before `since`, with the one before it from the same source. A
    pause holds back what was said before it ended, so then from before the pause."""
    statuses = record.statuses
    first = 0
    if since is not None and statuses:
        held = [one.start for one in record.pauses if one.end and one.end + OFFLINE >= since]
        first = bisect_left(statuses, min([since, *held]) - OFFLINE, key=lambda fact: fact.at)
    for place in range(first, len(statuses)):
        fact = statuses[place]
        if fact.kind != "device_status" or not _watched(record, fact.at):
            continue
        earlier = (statuses[back] for back in range(place - 1, -1, -1))
        yield fact, next((one for one in earlier if one.source == fact.source), None)


def _went_offline(fact: Fact, before: Fact | None) -> bool:
    if before is not None and before.body.get("state") == "offline":
        return False
    return bool(fact.body.get("state") == "offline")


def _silent_at(record: Record, fact: Fact) -> datetime | None:
    """When somebody should hear that a device is offline: after half an hour, and after a pause
    anew; it may well be switched off in a holiday. None while a pause has no end."""
    until = fact.at + OFFLINE
    while (pause := record.paused(until)) is not None:
        if pause.end is None:
            return None
        until = pause.end + OFFLINE
    return until


def _came_back(record: Record, fact: Fact, until: datetime) -> bool:
    first = bisect_left(record.statuses, fact.at, key=lambda one: one.at)
    for one in record.statuses[first:]:
        if one.at > until:
            return False
        if one.source == fact.source and one.at > fact.at and one.body.get("state") == "online":
            return True
    return False


def _watched(record: Record, at: datetime) -> bool:
    return any(enrolment.covers(at) for enrolment in record.enrolments)


def _offline(record: Record, fact: Fact) -> Finding:
    at = wording.clock(fact.at)
    said = {"nb": f"Utstyr uten kontakt siden {at}", "en": f"Device out of contact since {at}"}
    return _finding(
        record, "device-offline", "device-contact", fact.at, _origin(fact), fact, said, CHECK_DEVICE
    )


def _batteries(record: Record, fact: Fact, before: Fact | None) -> list[Finding]:
    left, had = _battery(fact), _battery(before)
    if left is None:
        return []
    # Said when it falls below a level, not with every message while it stays there.
    crossed = [level for level in BATTERY if left <= level and (had is None or had > level)]
    if not crossed:
        return []
    shown = wording.number(left, 0, "nb")
    said = {"nb": f"Lavt batteri i utstyr: {shown} %", "en": f"Device battery low: {shown} %"}
    trigger = f"{_origin(fact)}|{min(crossed)}"
    one = _finding(
        record, "device-battery", "device-battery", fact.at, trigger, fact, said, CHANGE_BATTERY
    )
    return [one]


def _battery(fact: Fact | None) -> Decimal | None:
    value = None if fact is None else fact.body.get("battery")
    try:
        return None if value is None else numbers.decimal(value)
    except (TypeError, ValueError, ArithmeticError):
        return None


def _reused(record: Record, fact: Fact) -> Finding:
    said = {
        "nb": "Utstyret bruker meldingsnumre om igjen. Målingen er lagret og vurdert.",
        "en": "The device uses message ids again. The reading is stored and judged.",
    }
    return _finding(
        record, "id-reused", "device-identity", fact.at, _origin(fact), fact, said, NOTHING
    )


def _doubted(record: Record, one: Doubted) -> Finding:
    sample, field = one.sample, kinds.CATALOGUE[one.sample.kind].fields[one.sample.field]
    value = sample.figure
    assert value is not None
    said = {
        language: text.format(
            value=f"{wording.number(value, field.decimals, language)} {field.ucum or ''}",
            usual=wording.number(one.usual, field.decimals, language),
        )
        for language, text in SAID[one.doubt].items()
    }
    rule = DOUBTS[one.doubt]
    trigger = f"{_origin(sample.fact)}|{sample.field}"
    made = _finding(record, rule, rule, sample.at, trigger, sample.fact, said, NOTHING)
    shown = Value(sample.kind, sample.field, value, field.ucum or "", sample.at)
    return replace(made, values=(shown,))


def _pauses_over(record: Record, now: datetime, since: datetime | None) -> list[Finding]:
    """A pause ends audibly, unless somebody ended it, another one goes on, or nobody follows."""
    found = []
    for pause in record.pauses:
        end = pause.end
        if end is None or pause.called_off or end > now or (since is not None and end < since):
            continue
        if record.paused(end) is not None or not _watched(record, end):
            continue
        said = {
            language: f"{PAUSED[pause.kind][language]} {wording.day(local, language)}"
            for local in (end.astimezone(wording.OSLO).date(),)
            for language in ("nb", "en")
        }
        found.append(
            _finding(record, PAUSE_OVER, "pause", end, pause.id, None, said, FOLLOWED_AGAIN)
        )
    return found


def _after_end(record: Record) -> list[Finding]:
    """One for each end of follow-up, be it death, after which something was measured, and one for
    whoever was never followed: nobody judges it, and somebody must tell him so."""
    ends = [one.end for one in record.enrolments if one.end is not None]
    if len(ends) < len(record.enrolments):
        return []
    newest = record.newest()
    if newest is None:
        return []
    if not record.enrolments:
        said = {
            "nb": "Sender målinger, men følges ikke opp i noe program. Ingen vurderer dem",
            "en": "Sends readings, but is enrolled in no programme. Nobody judges them",
        }
        return [
            _finding(
                record, "data-not-followed", "after-end", newest.at, "never", newest, said,
                NOT_FOLLOWED,
            )
        ]  # fmt: skip
    end = max(ends)
    if newest.at <= end:
        return []
    day = wording.day(end.astimezone(wording.OSLO).date(), "nb")
    day_en = wording.day(end.astimezone(wording.OSLO).date(), "en")
    ended = {"nb": "oppfølgingen ble avsluttet", "en": "follow-up ended"}
    if record.decided.deceased is not None:
        ended = {"nb": "pasienten er registrert død", "en": "the patient died"}
    said = {
        "nb": f"Sender fortsatt målinger, men {ended['nb']} {day}. Ingen vurderer dem",
        "en": f"Still sends readings, but {ended['en']} {day_en}. Nobody judges them",
    }
    return [
        _finding(
            record, "data-after-end", "after-end", end, end.isoformat(), newest, said, NOT_FOLLOWED
        )
    ]


def _origin(fact: Fact) -> str:
    return str(fact.origin or fact.id)


def _finding(
    record: Record,
    rule: str,
    group: str,
    at: datetime,
    trigger: str,
    fact: Fact | None,
    said: Said,
    tells: Said,
    *,
    colour: Colour = "yellow",
    programme: str = "",
    version: str = "",
) -> Finding:
    facts: tuple[UUID, ...] = () if fact is None else (fact.id,)
    battery = _battery(fact)
    values = (Value("device_status", "battery", battery, "%", at),) if battery is not None else ()
    return Finding(
        id=finding.identity(record.patient_id, programme, rule, colour, trigger),
        programme=programme,
        programme_version=version,
        rule=rule,
        group=group,
        colour=colour,
        lane="technical",
        emergency=False,
        at=at,
        facts=facts,
        values=values,
        limits=(),
        reason=dict(said),
        patient_text=dict(tells),
    )
