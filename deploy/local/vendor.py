"""Fetch what the page takes from others, and keep only files that are what they were.

`python -m deploy.local.vendor [--tests]`; npm is the one on the path, else the Python package's.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ALERTS = Path(__file__).resolve().parents[2] / "services" / "alerts"
LIST = ALERTS / "vendor.sha256"
TARGET = ALERTS / "static" / "vendor"


class FileIsNotTheSame(Exception):
    """A fetched file is not the one that was looked at when its version was chosen."""


def main() -> None:
    omitted = [] if "--tests" in sys.argv[1:] else ["--omit=dev"]
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(
            [
                *(_npm(), "install", "--prefix", ALERTS, "--cache", scratch),
                *("--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"),
                "--no-update-notifier",
                *("--loglevel=error", *omitted),
            ],
            check=True,
            stdout=sys.stderr,
        )
    copy(ALERTS / "node_modules", LIST.read_text(), TARGET)


def copy(packages: Path, listed: str, target: Path) -> None:
    """`listed`: lines of sha-256 and a path below node_modules. All files are the same, or none."""
    files = {}
    for line in listed.splitlines():
        expected, path = line.split(maxsplit=1)
        content = (packages / path).read_bytes()
        if hashlib.sha256(content).hexdigest() != expected:
            raise FileIsNotTheSame(f"{path} is not the file that {LIST.name} names.")
        files[Path(path).name] = content
    target.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (target / name).write_bytes(content)


def _npm() -> str:
    beside = os.fspath(Path(sys.executable).parent)
    found = shutil.which("npm") or shutil.which("npm", path=beside)
    if found is None:
        raise SystemExit("npm is needed: pip install --require-hashes -r requirements-npm.txt")
    return found


if __name__ == "__main__":
    main()
