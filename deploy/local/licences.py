"""What Hjemvakt is made of besides itself, and by which licence: from the lock file and from what
each package says of itself."""

import json
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.txt"
PAGE = ROOT / "services" / "alerts" / "package.json"
OF_PAGE = {"uplot": "MIT"}  # its own package says so; nothing of it is installed here


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    version: str
    licence: str


def of_lock() -> list[Part]:
    """The packages a service is installed with. PackageNotFoundError where one is not."""
    pinned = re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", LOCK.read_text(), re.MULTILINE)
    return [Part(name, version, _licence(name)) for name, version in sorted(pinned)]


def page() -> str:
    """docs/licences.md."""
    taken = json.loads(PAGE.read_text())["dependencies"]
    rows = [
        *of_lock(),
        *(Part(f"{name} (the page)", taken[name], OF_PAGE[name]) for name in sorted(taken)),
    ]
    table = "\n".join(f"| {one.name} | {one.version} | {one.licence} |" for one in rows)
    return f"""# Licences

Made from `requirements.txt` and what each package says of itself, by `make docs`; for programs it
is written by `make sbom`. Hjemvakt itself is Apache-2.0. Packages for tests only are not passed on,
and do not stand here. Beside these run PostgreSQL (PostgreSQL licence), Mosquitto (EPL-2.0 or
EDL-1.0) and nginx (BSD-2-Clause), each in an image of its own.

| package | version | licence |
|---|---|---|
{table}
"""


def _licence(name: str) -> str:
    said = metadata.metadata(name)
    if expression := said.json.get("license_expression"):
        return str(expression)
    classified = [
        one.rpartition(" :: ")[2]
        for one in said.get_all("Classifier") or ()
        if one.startswith("License :: ") and one != "License :: OSI Approved"
    ]
    if classified:
        return ", ".join(sorted(set(classified)))
    lines = str(said.json.get("license", "")).strip().splitlines()
    return lines[0][:60] if lines else "not said"
