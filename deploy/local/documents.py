"""Pages of `docs/` that are made from the code, so that they cannot say what is no longer true."""

import json
from collections.abc import Mapping
from pathlib import Path

from services.alerts.clinical import lifecycle
from services.ingest import asyncapi
from shared import instruments, programmes

DOCS = Path(__file__).parents[2] / "docs"


def pages() -> Mapping[str, str]:
    """File name -> contents."""
    return {
        "clinical-rules.md": clinical_rules(),
        "alert-life.md": alert_life(),
        "instruments.md": questionnaire_instruments(),
        "asyncapi.json": json.dumps(asyncapi.document(), indent=1, ensure_ascii=False) + "\n",
    }


def write() -> None:
    for name, text in pages().items():
        (DOCS / name).write_text(text)


def clinical_rules() -> str:
    described = "\n\n".join(
        programmes.describe(programme).strip() for programme in programmes.load_all().values()
    )
    return f"""# Clinical rules

Made from the programmes' own files by `make docs`; change those, not this page. Every number tagged
**D** or **K** is a default for a hospital to review and edit.

{described}
"""


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
