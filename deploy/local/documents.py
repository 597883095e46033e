"""Pages of `docs/` that are made from the code, so that they cannot say what is no longer true."""

import json
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from deploy.local import licences
from services.alerts.clinical import lifecycle
from services.ingest import asyncapi
from services.ingest.devices import gateway_table, hl7_adt, hl7_observed, hl7_oru
from shared import instruments, programmes
from shared.access import table
from shared.programmes import LIFE

DOCS = Path(__file__).parents[2] / "docs"
PROGRAMMES = "programmes"
_FOLLOWS = {
    "admitted": "a pause from then on; what is measured meanwhile is judged",
    "moved": "the pause goes on, or begins",
    "discharged": "the pause ends",
    "changed": "name, birth date, sex and death as they are told; newer news stand",
    "admission-cancelled": "the pause ends",
    "discharge-cancelled": "the pause begins again",
    "merged": "the record of MRG-1 is linked; nothing moves, and it can be undone",
}
LIFE_SAMPLE = programmes.Programme.model_fields["handled_sample"].default


def pages() -> Mapping[str, str]:
    """File name -> contents."""
    return {
        **programme_pages(),
        "access.md": who_may(),
        "safety-cases.md": safety_cases(),
        "alert-life.md": alert_life(),
        "instruments.md": questionnaire_instruments(),
        "hl7.md": hl7_profile(),
        "gateways.md": gateway_table_page(),
        "licences.md": licences.page(),
        "asyncapi.json": json.dumps(asyncapi.document(), indent=1, ensure_ascii=False) + "\n",
    }


def write() -> None:
    (DOCS / PROGRAMMES).mkdir(exist_ok=True)
    for old in (DOCS / PROGRAMMES).glob("*.md"):
        old.unlink()
    for name, text in pages().items():
        (DOCS / name).write_text(text)


def safety_cases() -> str:
    """Which test keeps which failure of other systems from happening here."""
    lines = [
        "# Failures of other systems, and the tests against them",
        "",
        "Made from `docs/safety-cases.toml` by `make docs`. Each has hurt people somewhere; each"
        " test is by its name, and one no longer there fails the build. What is not here: a"
        " periodic test of the whole way in a hospital in use.",
        "",
        "| system | what happened | what must hold | tests |",
        "| --- | --- | --- | --- |",
    ]
    for one in tomllib.loads((DOCS / "safety-cases.toml").read_text())["failure"]:
        tests = "<br>".join(f"`{name}`" for name in one["tests"])
        lines.append(f"| {one['system']} | {one['happened']} | {one['lesson']} | {tests} |")
    return "\n".join(lines) + "\n"


def programme_pages() -> Mapping[str, str]:
    """One page to sign for each programme we ship, and their index."""
    found = programmes.load_all().values()
    pages = {f"{PROGRAMMES}/{one.slug}.md": programmes.describe(one) for one in found}
    rows = "\n".join(
        f"| [{one.names.en}]({one.slug}.md) | {one.names.nb} | {one.version} "
        f"| {one.approved_by or 'nobody yet'} | {one.approved_on or ''} "
        f"| {len(one.rules)} | {len(one.limits)} |"
        for one in found
    )
    pages[f"{PROGRAMMES}/README.md"] = f"""# Clinical programmes

Made from the programmes' own files in `shared/programmes/` by `make docs`; change those, not these
pages. Each page says all of one programme for a clinician to read and sign: every rule in words
with its numbers and sources, the limits that may be set, what is expected when, the forms, and the
texts in every language. Every number tagged **D** or **K** is a default for a hospital to review
and edit.

| programme | på norsk | version | approved by | on | rules | limits |
| --- | --- | --- | --- | --- | --- | --- |
{rows}
"""
    return pages


def hl7_profile() -> str:
    numbers = {code: told for (system, code), told in hl7_oru.FIELD_OF.items()
               if system == hl7_observed.MDC}  # fmt: skip
    codes = "\n".join(
        f"| {code} | `{kind.name}.{field}` | {kind.fields[field].ucum or ''} |"
        for code, (kind, field) in sorted(numbers.items(), key=lambda each: int(each[0]))
    )
    names = "\n".join(f"| {name} | {number} |" for name, number in hl7_observed.NUMBERS.items())
    events = "\n".join(_hl7_event(rule) for rule in hl7_observed.EVENTS)
    register = "\n".join(
        f"| {event} | {word} | {_FOLLOWS[word]} |" for event, word in hl7_adt.EVENTS.items()
    )
    return f"""# HL7 v2

Made from the code by `make docs`. Results (ORU^R01) and a register's ADT are taken over MLLP (port
2575) and over HTTP
(`POST /hl7v2`, `application/hl7-v2`): vital signs as in IHE PCD-01, implants as in PCD-09 IDCO,
dialysis sessions.

**Who sends.** Over HTTP the credential's secret is the bearer token. Over MLLP it stands in MSH-8;
without it the message is of the credential that the listener was given
(`HJEMVAKT_MLLP_CREDENTIAL`), else it is refused. The secret is never stored.

**Whose it is.** PID-3: a national number (type FNR, DNR, FHN or its OID) decides; an implant's
`model:…/serial:…` is the slot of a binding under that credential (a portal is a credential of kind
device, with a slot for each implant); any other number is looked up under its authority
(`urn:oid:…`, or `urn:hjv:hl7:` and the name).

**When.** OBX-14, else the time above it in OBX-4's tree, else the session's (721025), else OBR-7.
Without an offset it is Norwegian time.

**What.** OBX-3 by its MDC number, whatever the name of the system, else by LOINC or SNOMED CT;
parts of one kind under one place of OBX-4 are one reading. OBX-5 is one number (NM, ST, or SN
without a bound), in the unit of OBX-6, by its UCUM or MDC code or its name; without a unit only
what is counted is read, else it waits in quarantine (of an implant's report: is kept as text).
OBX-11 X and O are ignored, C corrects, D and W withdraw, P, R, S and I are kept as preliminary.
OBX-8 TEST, and MSH-11 T or D, are kept and never judged; QUES and EARLY are kept as
questionable. What is not known is kept as text beside what is; alone it waits in quarantine. A file
in OBX-5 (ED, base64; a PDF of up to 3.7 MB) becomes a document of the patient, at
`/v1/patients/{{id}}/attachments` and as FHIR `DocumentReference`; C and D correct and withdraw it.

**The answer** comes after the commit. MSA-1: AA (CA where only a commit answer is asked for) it is
kept, and what could not be filed is a warning in ERR; AE nothing of it could be filed and it waits
in quarantine; AR it is not taken, or not now: keep it and send it again. MSA-3 counts what became
of it; ERR-5 is the code of a fault. Sent again, a result is `duplicate`.

## The hospital's register (ADT)

Sent by a credential of kind `system` alone; PID-3 names the patient. Kept as a fact, and acted on
by the record within seconds:

| event | word | what follows |
| --- | --- | --- |
{register}

When it happened: PV1-44 or PV1-45, EVN-6, EVN-2, MSH-7. A visit is PV1-19; its class (PV1-2) must
be I, E, B or empty to be a stay. A pause lasts to the discharge, else to what is expected (PV2-9),
else 14 days after the register last spoke of the visit. All messages of a visit count, in whatever
order they came. A pause that staff made or ended stands. Whom nobody here knows waits in quarantine
(`unknown-subject`, AE) and can be filed by hand; let the engine send only those who are followed.
MSH-11 T or D is kept and changes nothing.

## Numbers

| MDC | means | unit |
| --- | --- | --- |
{codes}

## Names taken for a number

| name | MDC |
| --- | --- |
{names}

## Answers that are events

| of | says | event | in |
| --- | --- | --- | --- |
{events}
"""


def gateway_table_page() -> str:
    rows = "\n".join(_gateway(row) for row in gateway_table.load())
    return f"""# Gateways that people own

Made from `services/ingest/devices/gateways.toml` by `make docs`. Such a gateway keeps its own
topics and payloads; it is told to log in with its credential (`c-…` and the secret) and to publish
below `gw/{{org}}/{{cred}}/`, most simply by the topic prefix of its own settings or of a broker's
bridge. What it sends ends stored, known already, or in quarantine with a reason; who wants the
receipts reads them at `hjv/1/{{org}}/{{cred}}/ack`. A topic that no row knows waits in quarantine,
each reading of it; at most 24 of a topic and 240 of a gateway a day: what is beyond is counted as
refused (`too-many-unknown`) on the connection's page. Each ingest counts by itself, in memory:
replicas hear the same and let the same through, and a restart begins anew.

Whose a measurement is: the slot of a binding under that credential, named by a word of the topic or
a key; else the device's serial number if it is bound; else the household's only user. A person's
number or name in a payload is never kept. A gateway without a clock measures when it is heard;
local time is Norwegian.

## A gateway that nobody here knows

A hospital adds a family in a file of the same form (`HJEMVAKT_GATEWAYS`), which is looked at before
ours. Nothing that the gateway sent meanwhile is lost:

1. Let it send. Give it a credential, and let it publish below `gw/{{org}}/{{cred}}/`.
2. Open [quarantine](set-up.md#quarantine), *The message measures something that we do not know*.
   Each topic is one line under *Topics that nothing knows*. Open it: there stand the names of what
   the message holds, without a value, and **a row made of them**. An administrator sees it too.
3. Copy the row into the hospital's file and answer its `?`: kind and unit are never guessed. Let
   topic levels that differ from home to home be words in braces (`acme/{{user}}/weight`), and say
   whose it is: `slot = "{{user}}"`, or `serial` with the key of the serial number. The words of a
   row are explained at the top of `gateways.toml`.
4. Check it, and try a message: `hjemvakt gateways FILE --topic acme/jo/weight --payload
   '{{"kg": 81.2}}'` says what would become of it, or in a sentence what is wrong.
5. Start the intake again. It refuses to start with a table that is not sound.
6. *Read all … again* on the topic's page. Each is read exactly once; the page shows how far it has
   come. What has no holder yet waits under *No patient held the device*, and is released when the
   slot or serial number is bound.

What measures nobody is rejected there, all of a topic together, and can be taken back.

## Devices that announce themselves

ESPHome, Theengs, OpenMQTTGateway and others announce their sensors in the form of Home Assistant's
discovery. Let its prefix stand below `gw/{{org}}/{{cred}}/` too (ESPHome: `discovery_prefix:
gw/{{org}}/{{cred}}/homeassistant`). An announcement never becomes a reading. Each sensor that could
measure a person is a **suggestion** for staff, with device, topic and unit, at
[`/setup/devices/announced`](set-up.md#devices). One act with the patient and what it measures
registers the device, binds it, and has its topic read from then on; another puts it aside, or ends
the reading. The same by `GET /v1/suggestions?cred=…`, `POST /v1/suggestions/{{id}}/take` and
`/dismiss`. A sensor that was
taken and later announces another unit is not read until somebody has taken it again. What came on a
topic before waits in quarantine (`unknown-kind`), and can be read again there. Not suggested:
what measures something else (a battery, a room's moisture), a unit that no kind has, a template
that reckons with the value. They need a row of their own.

## The table

| family | topic | becomes | time | whose |
| --- | --- | --- | --- | --- |
{rows}
"""


def _gateway(row: gateway_table.Gateway) -> str:
    becomes = f"`{row.reading.kind}`" if row.reading else "its status"
    if row.ignore:
        becomes = "nothing"
    elif row.discovery:
        becomes = "suggestions"
    elif row.void:
        becomes = f"{becomes}, withdrawn"
    elif row.corrects:
        becomes = f"{becomes}, corrected"
    whose = row.slot or (f"serial number ({row.serial})" if row.serial else "")
    return f"| {row.name} | `{row.topic}` | {becomes} | {', '.join(row.clock)} | {whose} |"


def _hl7_event(rule: Mapping[str, Any]) -> str:
    says = ", ".join((*rule["codes"], *rule["words"]))
    treated = f" (with therapy `{rule['treated']}`)" if "treated" in rule else ""
    where = "an episode" if rule.get("episode") else "any group"
    return f"| {', '.join(rule['of'])} | {says} | `{rule['means']}`{treated} | {where} |"


def questionnaire_instruments() -> str:
    return f"""# Questionnaire instruments

Made from the files in `shared/instruments/` by `make docs`; change those, not this page. **S** was
read in the named source, **K** is general knowledge to be verified before use, **D** is our
proposal. No clinician has approved these numbers, and a severity word is never shown to a patient.

Scoring is here for every instrument; wording only where its owner lets anybody pass it on. A
hospital completes the others with its own permitted wording, in a folder of its own. A skipped
question is never 0: without enough answers there is no total, only the lowest and the highest it
can be. [How a hospital completes a form](own-questionnaires.md).

{instruments.describe().strip()}
"""


def who_may() -> str:
    return f"""# Who may do what

Made from the table in `shared/access/table.toml` by `make docs`; the services read the same table
at every request, and a door that does not stand in it is shut.

**own** the patient himself · **unit** patients whom one of the caller's units treats · **org**
everybody in the caller's organisation. Nothing reaches another organisation: what is there answers
as what does not exist. **clinical** the answer holds clinical content, which no administrator
reaches. **emergency** may be opened by emergency access: with a reason, for one hour, told to the
unit and the auditor and shown to the patient. Whom the patient has blocked by name does not see the
record in an emergency either. **HPR** a clinician needs a number in the health personnel register,
vouched for by the identity provider at log-in. **scope** what a system's token must be given for.
**a minute** how often one person may do it; a system twenty times as often. A patient's record may
be locked by the patient; a lock is opened by emergency access only.

**given** a relative, of the patient who lets him in, until the day the patient has set, and only to
the acts on what is given: *care*, *readings*. He names the patient in the header
`hjemvakt-on-behalf-of`, and stands in the patient's access log as who looked on his behalf.

## Why so much, and not less

What a security officer would ask about; whoever knows a smaller right changes the table.

- **A physician alone makes a version of a programme count, and no administrator.** It is a
  clinical act. In production the version needs three signatures (two physicians and a nurse), and
  somebody must have tried it in the last twelve hours.
- **What waits in quarantine without a unit is seen by every clinician of the organisation.** It
  came from a system that has no unit, about somebody nobody has recognised: no smaller circle is
  known that he belongs to, and who cannot be found by anyone is not helped. No administrator may
  read it. **Give a system a unit** (`unit_id` of its credential) and what it sends waits in that
  unit only. Each look is written down.
- **An administrator connects other systems, to which readings are sent.** He sees none of them. In
  production readings and documents go only to hosts that whoever runs the installation has named
  (`HJEMVAKT_WEBHOOK_HOSTS`), so that nobody sends them to himself.
- **An administrator sets and opens a patient's lock, block or relative.** Some patients do this on
  paper. The act names him, and stands in the access log that the patient reads.
- **An administrator registers staff, with HPR number and units.** Somebody must be first. Nobody
  changes himself; the number is vouched for by the identity provider, so who is registered as
  another does not come in as him. Two administrators can help each other: the trail shows it.
- **An administrator reads who a patient is, with his national number.** Registers are put right by
  hand. Nothing clinical comes with it, searches are limited, and each is written down.
- **Every clinician may open emergency access.** Who may help is not known beforehand: HPR number,
  reason, an hour, told to unit, auditor and patient; never past a block.
- **Nurses without an HPR number give and revoke devices' credentials.** It shows nothing of a
  patient, and a lost device must be shut out by whoever is told of it. To bind a device to a
  patient takes the number.
- **Units, staff and watching hours are read by all staff, units by patients.** The page says whom
  to call.
- **The list of units' devices and codes is read by administrators.** Without who holds them.

{table.describe()}"""


def alert_life() -> str:
    return f"""# The life of an alert

Made from the table in `services/alerts/clinical/lifecycle.py` by `make docs`.

```mermaid
{lifecycle.diagram().strip()}
```

There is at most one open alert per patient and rule group. Its colour is the strongest finding that
no close has covered; a rise takes an acknowledgement back and is told again. Only a person closes a
red one. A move carries the version of the alert that was on the nurse's screen: if it has moved
since, the answer is 409 with the alert as it now is. A close covers the findings she saw and no
others, so a red that was measured before her close and arrives after it opens again, marked late.

## Who may do what, and what it takes

{lifecycle.table().strip()}

How long a person's word holds is in the programme (`[life]` of its `programme.toml`), with these
defaults, which a hospital may shorten: an acknowledged red comes back after
{_hours("acknowledged_red")} h ({_hours("acknowledged_red_at_most")} h if chosen), an acknowledged
yellow is closed as expired after {_hours("acknowledged_yellow")} h, and an alert is put off for at
most {_hours("snoozed_at_most")} h.

- **Putting off** (`snooze`) is of one patient and one rule group, with a reason and an end. A red
  asks for `"confirm": true` beside it, 422 `confirmation-missing` otherwise. A rise in colour, an
  emergency, another NEWS2 parameter that alone scores 3 or another red rule of the group, as grave
  as what was put off, ends it at once, as it ends an acknowledgement; its own end is told
  within a minute, by the clock and not by the next reading. Nothing puts off several alerts
  together.
- **Handing over** (`hand-over` with `unit` and a note) shows the alert on the other unit's list at
  once, and gives that unit the right to see the patient. It is still the sender's until somebody
  there accepts it: until then the other unit may only accept, decline or note (409
  `accept-it-first`). Then it is theirs, and the sender's row shows it as taken over. `decline`
  tells it anew at the sender. Neither the wait nor the escalation begins anew. Handed to its
  own unit: taken back.
- **A note with `remind_at`** makes a task: on the list of the unit from that moment, whatever the
  filter, told once, and there until it is done. `/v1/tasks` makes tasks without an alert, and hands
  them over between teams in the same way.
- **Greens** are looked at together (`POST /v1/worklist/greens`, key `g`), never a yellow or a red.
  Who has not been green since the list was read, of whom a reading waits to be judged or stands in
  quarantine, of whom something expected has not come (whether he, his portal or the platform is
  silent), or who is paused, is answered in `not_taken` with the reason. The mark says who and when,
  holds for the day, and is taken back with `POST /v1/worklist/greens/undo` (key `u`). A new reading
  inside the limits does not ask for another look; an alert does, and takes the mark away for good.
- **Benign cases** that a programme names (`[[handled]]` in `rules.toml`) are closed by rule with
  the outcome `handled-by-rule` and a line in the history: only yellow, only what nobody has
  touched, only while nothing else clinical is open for the patient. A share of them ({LIFE_SAMPLE}
  % unless the programme says otherwise), chosen by the alert's id, stands open marked as a sample,
  for a person to look at; `/v1/burden` counts both. Who disagrees opens the alert again, and no
  rule closes it twice.
- **Hovering.** A yellow limit may carry `clear`, a number on the safe side: until a value is there
  or past it, what is beyond on the same day is one finding, and a retake short of it clears
  nothing.
- **Doubt.** A value that differs from the patient's own by the factor between two units of measure
  (kg and lb, mmol/L and mg/dL, mmHg and kPa), or a weight more than 5 kg from another of the same
  day or 8 % from what is usual, is stored and judged as it is. It also raises a technical alert,
  and every alert that rests on it says so (`doubts`).
"""


def _hours(name: str) -> int:
    span: timedelta = getattr(LIFE, name)
    return span // timedelta(hours=1)


if __name__ == "__main__":
    write()
