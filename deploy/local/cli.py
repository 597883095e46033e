"""The command line: `hjemvakt --help`. Here: everything on one box, and how a refusal is said."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.local import cli_clients, cli_devices, cli_keeping, cli_operations, words
from deploy.local.ports import DEFAULT_BASE, PortIsTaken, Ports

app = typer.Typer(
    help="Hjemvakt: home readings in, deterioration and silence on the nurse's worklist.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
programmes_app = typer.Typer(help="Look at clinical programmes.", no_args_is_help=True)
app.add_typer(programmes_app, name="programmes")
instruments_app = typer.Typer(help="Look at questionnaires.", no_args_is_help=True)
app.add_typer(instruments_app, name="instruments")


@app.command()
def up(
    data_dir: words.DataDir = words.DEFAULT_DATA_DIR,
    port_base: words.PortBase = DEFAULT_BASE,
    as_json: words.AsJson = False,
) -> None:
    """Run everything on this box: database, broker, three services. Empty at first, no simulator.

    DATABASE_URL and MQTT_URL, when set, are used instead of the embedded servers. Ends with Ctrl-C
    or SIGTERM.
    """
    with _system(data_dir, port_base) as system:
        running = system.start()
        if as_json:
            print(json.dumps(running.for_people()), flush=True)
        words.say(f"Ready. Worklist {running.alerts}, intake {running.ingest}, {running.mqtt}")
        system.watch()


@app.command()
def demo(
    data_dir: words.DataDir = words.DEFAULT_DATA_DIR,
    port_base: words.PortBase = DEFAULT_BASE,
    patients: Annotated[int, typer.Option(min=1, help="How many patients to make.")] = 30,
    programme: Annotated[
        str, typer.Option(help="Which programmes, separated by commas; empty: all.")
    ] = "home_dialysis",
) -> None:
    """Run everything, make patients, and simulate what they send from home.

    The patients are made once for each data directory.
    """
    with _system(data_dir, port_base) as system:
        running = system.start()
        seeded_file = system.data_dir / "seed.json"
        if not seeded_file.exists():
            words.say(f"Making {patients} patients …")
            seeded = words.part("seed").run(
                running, patients=patients, programmes=words.slugs(programme), say=words.say
            )
            _write_private(seeded_file, seeded)
        seeded = json.loads(seeded_file.read_text())
        simulate_arguments = ["deploy.local.cli", "simulate", "--seed-file", str(seeded_file)]
        system.add("simulator", simulate_arguments)
        _show_demo(running, seeded, seeded_file)
        system.watch()


for command in (
    cli_operations.serve,
    cli_operations.migrate,
    cli_clients.seed,
    cli_clients.simulate,
    cli_clients.replay,
    cli_clients.gateways,
    cli_clients.token,
    cli_operations.doctor,
    cli_operations.ready,
):
    app.command()(command)
audit_app = typer.Typer(
    help="The audit trail: is it whole, take its digests outside.", no_args_is_help=True
)
app.add_typer(audit_app, name="audit")
for keeping in (cli_keeping.seal, cli_keeping.verify, cli_keeping.anchor, cli_keeping.expire):
    audit_app.command()(keeping)
keys_app = typer.Typer(help="The key of the national numbers.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")
keys_app.command()(cli_keeping.rotate)
app.command("self-test")(cli_keeping.self_test)
app.command("broker-files")(cli_operations.follow_credentials)
app.command("client-key")(cli_operations.make_client_key)
app.command("device-authority")(cli_devices.device_authority)
app.command("push-key")(cli_operations.make_push_key)
app.command("development-key")(cli_operations.make_development_key)
programmes_app.command("check")(cli_operations.check_programmes)
programmes_app.command("describe")(cli_operations.describe_programmes)
instruments_app.command("check")(cli_operations.check_instruments)
instruments_app.command("stub")(cli_operations.make_stub)


def main() -> None:
    """The entry point: refusals are said in a sentence, not shown as a stack."""
    try:
        app()
    except Exception as error:
        if (sentence := _refusal(error)) is None:
            raise
        words.fail(sentence)


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

    system = supervisor.System(data_dir, Ports(port_base), words.say)
    os.umask(0o077)
    with words.interruptible():
        try:
            yield system
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            system.stop()


def _write_private(path: Path, content: Any) -> None:
    from deploy.local import keys

    keys.write_private(path, json.dumps(content))


def _show_demo(running: Any, seeded: Any, seed_file: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("Open", "Address", show_edge=False)
    table.add_row("Worklist: log in by choosing a name", f"{running.alerts}/")
    if running.issuer:
        table.add_row("Development log-in", running.issuer)
    table.add_row("Patient's own page", f"{running.patients}/me")
    table.add_row("Intake", f"{running.ingest}/docs")
    table.add_row("Record", f"{running.patients}/docs")
    table.add_row("Devices", running.mqtt)
    people = Table("Log in as", "Role", show_edge=False)
    for person in seeded["staff"]:
        people.add_row(person["name"], person["role"])
    console = Console()
    console.print(table, "", people, "", sep="\n")
    number = seeded["patients"][0]["identifier"]["value"]
    console.print(f"A patient logs in at {running.patients}/me with the synthetic number {number}")
    console.print(f"{len(seeded['patients'])} patients; tokens and secrets are in {seed_file}")
    console.print("Ctrl-C ends it all.")


if __name__ == "__main__":
    main()
