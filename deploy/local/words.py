"""What the commands share: their common options, and how they speak.

Answers go to standard output, everything else to standard error.
"""

import importlib
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar="HJEMVAKT_DATA_DIR",
        help="Folder for database, keys and logs of a system on this box.",
    ),
]
PortBase = Annotated[
    int,
    typer.Option(
        "--port-base",
        min=1024,
        max=65_000,
        help="ingest +1, patients +2, alerts +3, MQTT +4 (1883 at the default base), database +5, "
        "HL7 +7, log-in +8, MQTT by certificate +9.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print exactly one line of JSON to standard output.")
]
DEFAULT_DATA_DIR = Path(".hjemvakt")


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM, SIGINT and a closed terminal end the block, without a stack."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def part(name: str) -> Any:
    """A part that only some commands need, loaded when they do."""
    return importlib.import_module(f"deploy.local.{name}")


def running(data_dir: Path) -> Any:
    from deploy.local import running as addresses

    return addresses.find(data_dir)


def slugs(text: str) -> list[str]:
    """`a,b` -> [a, b]; nothing -> every programme there is."""
    from shared import programmes

    return [slug.strip() for slug in text.split(",") if slug.strip()] or sorted(
        programmes.load_all()
    )


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def fail(sentence: str) -> NoReturn:
    say(sentence)
    raise SystemExit(1)
