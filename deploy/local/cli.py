"""The command line: `hjemvakt --help`.

Answers go to standard output, everything else to standard error.
"""

import asyncio
import importlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from deploy.local.ports import DEFAULT_BASE, PortIsTaken, Ports

app = typer.Typer(
    help="Hjemvakt: home readings in, deterioration and silence on the nurse's worklist.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
programmes_app = typer.Typer(help="Look at clinical programmes.", no_args_is_help=True)
app.add_typer(programmes_app, name="programmes")


class Service(StrEnum):
    INGEST = "ingest"
    PATIENTS = "patients"
    ALERTS = "alerts"


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
        help="ingest +1, patients +2, alerts +3, MQTT +4 (1883 at the default base), database +5.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print exactly one line of JSON to standard output.")
]
DEFAULT_DATA_DIR = Path(".hjemvakt")


@app.command()
def up(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    port_base: PortBase = DEFAULT_BASE,
    as_json: AsJson = False,
) -> None:
    """Run everything on this box: database, broker, three services. Empty at first, no simulator.

    DATABASE_URL and MQTT_URL, when set, are used instead of the embedded servers. Ends with Ctrl-C
    or SIGTERM.
    """
    with _system(data_dir, port_base) as system:
        running = system.start()
        if as_json:
            print(json.dumps(running.for_people()), flush=True)
        _say(f"Ready. Worklist {running.alerts}, intake {running.ingest}, {running.mqtt}")
        system.watch()


@app.command()
def demo(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    port_base: PortBase = DEFAULT_BASE,
    patients: Annotated[int, typer.Option(min=1, help="How many patients to make.")] = 60,
    programme: Annotated[
        str, typer.Option(help="Which programmes, separated by commas; empty: all.")
    ] = "",
) -> None:
    """Run everything, make patients, and simulate what they send from home.

    The patients are made once for each data directory.
    """
    with _system(data_dir, port_base) as system:
        running = system.start()
        seeded_file = system.data_dir / "seed.json"
        if not seeded_file.exists():
            _say(f"Making {patients} patients …")
            seeded = _part("seed").run(
                running, patients=patients, programmes=_slugs(programme), say=_say
            )
            _write_private(seeded_file, seeded)
        seeded = json.loads(seeded_file.read_text())
        simulate_arguments = ["deploy.local.cli", "simulate", "--seed-file", str(seeded_file)]
        system.add("simulator", simulate_arguments)
        _show_demo(running, seeded, seeded_file)
        system.watch()


@app.command()
def serve(
    service: Annotated[Service, typer.Argument(help="Which of the three services.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Port; 8001, 8002 or 8003 by default.")] = None,
) -> None:
    """Run one service in this process, with the settings of the environment (HJEMVAKT_*)."""
    from shared import service as service_module

    sys.argv = ["hjemvakt serve", "--host", host]
    if port is not None:
        sys.argv += ["--port", str(port)]
    service_module.run(service.value)


@app.command()
def migrate(
    url: Annotated[
        str, typer.Option(envvar="DATABASE_URL", help="The owner's address: postgresql://…")
    ],
) -> None:
    """Bring a database to the present schema. Safe to repeat and while the services work."""
    from deploy import migrate as migrations

    migrations.migrate(url)
    _say("The database has the present schema.")


@app.command()
def seed(
    patients: Annotated[int, typer.Option(min=0, help="How many patients to make.")] = 20,
    programme: Annotated[
        str, typer.Option(help="Which programmes, separated by commas; empty: all.")
    ] = "",
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Make a unit, staff, patients, devices and log-ins in a running system in test mode."""
    seeded = _part("seed").run(
        _running(data_dir), patients=patients, programmes=_slugs(programme), say=_say
    )
    if as_json:
        print(json.dumps(seeded), flush=True)
    else:
        _say(f"Made {len(seeded['patients'])} patients in unit {seeded['unit']['name']}.")
        print(json.dumps(seeded, indent=2))


@app.command()
def simulate(
    seed_file: Annotated[
        Path, typer.Option(help="What `seed --json` printed: whom to simulate.")
    ] = DEFAULT_DATA_DIR / "seed.json",
    minutes: Annotated[
        float | None, typer.Option(help="Stop after so long; without it, never.")
    ] = None,
    speed: Annotated[float, typer.Option(help="How many times faster than real life.")] = 1.0,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Send what the seeded patients' devices and apps would send from home."""
    seeded = json.loads(seed_file.read_text())
    with _interruptible():
        counts = _part("simulate").run(
            _running(data_dir), seeded=seeded, minutes=minutes, speed=speed, say=_say
        )
        if counts.get("unexpected"):
            _fail(f"{counts['unexpected']} receipts did not say what they should have.")


@app.command()
def replay(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Payload files.")],
    make_patients: Annotated[
        bool,
        typer.Option(
            help="Make one patient for each foreign subject (test mode only). A foreign "
            "Patient/<id> is replaced by a logical identifier of that patient: system "
            "urn:hjemvakt:replay, the reference as value. Nothing else is changed."
        ),
    ] = False,
    twice: Annotated[
        bool, typer.Option(help="Push all of it once more: nothing may be new then.")
    ] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Push a folder of payload files through the intake and report what became of each."""
    report = _part("replay").run(
        _running(data_dir), folder=folder, make_patients=make_patients, say=_say, twice=twice
    )
    if as_json:
        print(json.dumps(report), flush=True)
    else:
        for line in report["files"]:
            print(f"{line['file']}: {line['outcome']}")
        print(", ".join(f"{count} {result}" for result, count in report["totals"].items()))
    if report["faults"]:
        raise typer.Exit(1)


@app.command()
def token(
    org: Annotated[str, typer.Option(help="Organisation, by its short name.")],
    role: Annotated[
        str, typer.Option(help="nurse, physician, administrator, auditor or patient.")
    ] = "nurse",
    name: Annotated[str, typer.Option(help="The name on the page.")] = "Test Testesen",
    person: Annotated[str, typer.Option("--id", help="Staff id.")] = "test",
    unit: Annotated[
        list[str] | None, typer.Option(help="Id of a unit this person works in; may be repeated.")
    ] = None,
    patient: Annotated[str | None, typer.Option(help="Patient id, for role patient.")] = None,
    hpr: Annotated[
        str | None, typer.Option(help="Number in the health personnel register.")
    ] = None,
    minutes: Annotated[int, typer.Option(min=1, help="How long it is valid.")] = 480,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Print a log-in token of the development issuer (test mode only)."""
    from uuid import UUID

    from shared import access

    key = _running(data_dir).development_key
    if key is None:
        _fail(
            "There is no development key: start with `hjemvakt up`, or set "
            "HJEMVAKT_DEVELOPMENT_KEY to its file."
        )
    caller = access.Caller(
        id=person,
        name=name,
        role=access.Role(role),
        org=org,
        units=frozenset(UUID(one) for one in unit or ()),
        hpr=hpr,
        patient_id=UUID(patient) if patient else None,
    )
    print(access.DevelopmentIssuer(Path(key), "test").token(caller, seconds=minutes * 60))


@app.command("development-key")
def make_development_key(
    file: Annotated[Path, typer.Argument(help="Where to write it; an existing file is kept.")],
) -> None:
    """Make a key for HJEMVAKT_DEVELOPMENT_KEY: log-in without a hospital's, test mode only."""
    from deploy.local import keys
    from shared.access import DevelopmentIssuer

    if file.exists():
        _fail(f"{file} exists already.")
    keys.write_private(file, DevelopmentIssuer.new_key())


@app.command()
def ready(
    address: Annotated[str, typer.Argument(help="A service's /readyz.")],
    seconds: Annotated[float, typer.Option(help="How long to wait for an answer.")] = 4.0,
) -> None:
    """Ask a service whether it is ready; the exit code says."""
    import urllib.error
    import urllib.request

    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(address, timeout=seconds) as answer:
            print(answer.read().decode())
    except urllib.error.HTTPError as error:
        _fail(error.read().decode())
    except OSError:
        _fail("It does not answer.")


@app.command("broker-files")
def follow_credentials(
    directory: Annotated[Path, typer.Option(help="Folder of the broker's password and ACL files.")],
    pid_file: Annotated[Path, typer.Option(help="File with the broker's process id.")],
    database: Annotated[
        str, typer.Option(envvar="HJEMVAKT_DATABASE_INGEST", help="The role hjv_ingest's address.")
    ],
    inner: Annotated[
        str | None,
        typer.Option(
            envvar="MQTT_URL",
            help="Ingest's own broker address; its user and password are written.",
        ),
    ] = None,
) -> None:
    """Keep Mosquitto's password and ACL files equal to the credentials in the record, for ever."""
    from deploy.local import broker_files

    with _interruptible():
        asyncio.run(broker_files.run(database, directory, pid_file, inner))


@app.command()
def doctor(data_dir: DataDir = DEFAULT_DATA_DIR, port_base: PortBase = DEFAULT_BASE) -> None:
    """Check what Hjemvakt needs on this box and say what is missing."""
    from deploy.local import doctor as examination

    findings = list(examination.examine(data_dir, Ports(port_base)))
    for finding in findings:
        print(f"{finding.mark} {finding.sentence}")
    raise typer.Exit(1 if any(finding.is_fault for finding in findings) else 0)


@programmes_app.command("check")
def check_programmes(
    folder: Annotated[
        Path | None, typer.Argument(exists=True, file_okay=False, help="Without it: the built-in.")
    ] = None,
) -> None:
    """Check every programme: its form, its rules, and that each rule speaks and keeps silent."""
    from shared import programmes

    faults = programmes.check(folder or Path(str(programmes.__file__)).parent)
    for fault in faults:
        print(fault)
    if faults:
        raise typer.Exit(1)
    _say("The programmes are sound.")


@programmes_app.command("describe")
def describe_programmes(
    slug: Annotated[str | None, typer.Argument(help="One programme; without it: all.")] = None,
) -> None:
    """Print what a programme does, in words."""
    from shared import programmes

    found = programmes.load_all()
    if slug is not None and slug not in found:
        _fail(f"There is no programme {slug}; there are {', '.join(sorted(found))}.")
    for name in [slug] if slug else sorted(found):
        print(programmes.describe(found[name]))


def main() -> None:
    """The entry point: refusals are said in a sentence, not shown as a stack."""
    try:
        app()
    except Exception as error:
        if (sentence := _refusal(error)) is None:
            raise
        _fail(sentence)


def _refusal(error: Exception) -> str | None:
    """What to say, or None when this is a fault of ours."""
    import httpx

    from deploy.local import broker, postgres, roles, supervisor
    from shared import settings

    if isinstance(error, httpx.TransportError):
        return "No Hjemvakt answers. Start one with `hjemvakt up`, or name its --data-dir."
    expected = (
        PortIsTaken,
        postgres.DatabaseDoesNotStart,
        broker.BrokerDoesNotStart,
        supervisor.AlreadyRunning,
        supervisor.NotReady,
        roles.RoleIsNotOurs,
        settings.SettingIsMissing,
        ConnectionError,
    )
    return str(error) if isinstance(error, expected) else None


@contextmanager
def _system(data_dir: Path, port_base: int) -> Iterator[Any]:
    """A system that is stopped whatever happens, and whose log-ins nobody else reads."""
    from deploy.local import supervisor

    system = supervisor.System(data_dir, Ports(port_base), _say)
    os.umask(0o077)
    with _interruptible():
        try:
            yield system
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            system.stop()


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM, SIGINT and a closed terminal end the block, without a stack."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _part(name: str) -> Any:
    """A part that only some commands need, loaded when they do."""
    return importlib.import_module(f"deploy.local.{name}")


def _running(data_dir: Path) -> Any:
    from deploy.local import running

    return running.find(data_dir)


def _slugs(text: str) -> list[str]:
    """`a,b` -> [a, b]; nothing -> every programme there is."""
    from shared import programmes

    return [slug.strip() for slug in text.split(",") if slug.strip()] or sorted(
        programmes.load_all()
    )


def _write_private(path: Path, content: Any) -> None:
    from deploy.local import keys

    keys.write_private(path, json.dumps(content))


def _show_demo(running: Any, seeded: Any, seed_file: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("Open", "Address", show_edge=False)
    table.add_row("Worklist: log in by choosing a name", f"{running.alerts}/")
    table.add_row("Intake", f"{running.ingest}/docs")
    table.add_row("Record", f"{running.patients}/docs")
    table.add_row("Devices", running.mqtt)
    people = Table("Log in as", "Role", show_edge=False)
    for person in seeded["staff"]:
        people.add_row(person["name"], person["role"])
    console = Console()
    console.print(table, "", people, "", sep="\n")
    console.print(f"{len(seeded['patients'])} patients; tokens and secrets are in {seed_file}")
    console.print("Ctrl-C ends it all.")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _fail(sentence: str) -> NoReturn:
    _say(sentence)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
