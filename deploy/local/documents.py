"""Pages of `docs/` that are made from the code, so that they cannot say what is no longer true."""

from collections.abc import Mapping
from pathlib import Path

from services.alerts.clinical import lifecycle
from shared import programmes

DOCS = Path(__file__).parents[2] / "docs"


def pages() -> Mapping[str, str]:
    """File name -> contents."""
    return {"clinical-rules.md": clinical_rules(), "alert-life.md": alert_life()}


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
