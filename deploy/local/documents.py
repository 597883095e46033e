"""Pages of `docs/` that are made from the code, so that they cannot say what is no longer true."""

import json
from collections.abc import Mapping
from pathlib import Path

from services.alerts.clinical import lifecycle
from services.ingest import asyncapi
from shared import instruments, programmes
from shared.access import table

DOCS = Path(__file__).parents[2] / "docs"
PROGRAMMES = "programmes"


def pages() -> Mapping[str, str]:
    """File name -> contents."""
    return {
        **programme_pages(),
        "access.md": who_may(),
        "alert-life.md": alert_life(),
        "instruments.md": questionnaire_instruments(),
        "asyncapi.json": json.dumps(asyncapi.document(), indent=1, ensure_ascii=False) + "\n",
    }


def write() -> None:
    (DOCS / PROGRAMMES).mkdir(exist_ok=True)
    for old in (DOCS / PROGRAMMES).glob("*.md"):
        old.unlink()
    for name, text in pages().items():
        (DOCS / name).write_text(text)


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


def questionnaire_instruments() -> str:
    return f"""# Questionnaire instruments

Made from the files in `shared/instruments/` by `make docs`; change those, not this page. **S** was
read in the named source, **K** is general knowledge to be verified before use, **D** is our
proposal. No clinician has approved these numbers, and a severity word is never shown to a patient.

Scoring is here for every instrument; wording only where its owner lets anybody pass it on. A
hospital completes the others with its own permitted wording, in a folder of its own. A skipped
question is never 0: without enough answers there is no total, only the lowest and the highest it
can be.

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
vouched for by the identity provider at log-in. **scope** what a system's token must be given for. A
patient's record may be locked by the patient; a lock is opened by emergency access only.

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
"""


if __name__ == "__main__":
    write()
