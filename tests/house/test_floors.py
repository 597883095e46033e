"""No lock file holds a version with a hole that is known to concern us; no package has a licence
that we could not pass on."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.version import Version

from deploy.local import licences

ROOT = Path(__file__).parents[2]
FLOORS = tomllib.loads((ROOT / "deploy" / "security" / "floors.toml").read_text())
LOCKS = sorted(ROOT.glob("requirements*.txt"))
# What reads what strangers send: each has a floor, so that somebody has looked.
READS_FROM_OUTSIDE = {"starlette", "h11", "jinja2", "joserfc", "cryptography", "pillow"}
# Passed on unchanged beside an Apache-2.0 work.
FREE = re.compile(
    r"\b(MIT(-0|-CMU)?|BSD(-\d-Clause)?|0BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|"
    r"HPND|Unlicense|Zlib|PostgreSQL|EPL|EDL|CC0|Historical Permission)\b",
    re.IGNORECASE,
)


def locked(text: str) -> Iterator[tuple[str, str]]:
    for name, version in re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", text, re.MULTILINE):
        yield re.sub(r"[-_.]+", "-", name).lower(), version


def below(text: str) -> list[str]:
    return [
        f"{name} {version} < {FLOORS[name]['least']}: {FLOORS[name]['why']}"
        for name, version in locked(text)
        if name in FLOORS and Version(version) < Version(FLOORS[name]["least"])
    ]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_nothing_locked_is_below_its_floor(lock: Path) -> None:
    text = lock.read_text()
    assert len(list(locked(text))) > 1
    assert below(text) == []


def test_a_version_below_its_floor_is_found() -> None:
    [found] = below("Starlette==1.0.0 \\\n    --hash=x\nh11==0.16.0\n")
    assert found.startswith("starlette 1.0.0 < 1.0.1")
    assert below("python_multipart==0.0.26 ; python_version > '3'") != []


def test_what_reads_from_outside_has_a_floor_and_each_floor_a_reason() -> None:
    assert FLOORS.keys() >= READS_FROM_OUTSIDE
    installed = {name for name, _ in locked((ROOT / "requirements.txt").read_text())}
    assert installed >= READS_FROM_OUTSIDE
    assert all(len(one["why"]) > 10 for one in FLOORS.values())


def test_every_package_may_be_passed_on() -> None:
    found = licences.of_lock()
    assert len(found) > 20
    assert [(one.name, one.licence) for one in found if not FREE.search(one.licence)] == []
