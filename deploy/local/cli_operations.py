"""Commands for whoever runs Hjemvakt: one service, the schema, the broker's files, programmes."""

import asyncio
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from deploy.local import words
from deploy.local.ports import DEFAULT_BASE, Ports


class Service(StrEnum):
    INGEST = "ingest"
    PATIENTS = "patients"
    ALERTS = "alerts"


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


def migrate(
    url: Annotated[
        str, typer.Option(envvar="DATABASE_URL", help="The owner's address: postgresql://…")
    ],
) -> None:
    """Bring a database to the present schema. Safe to repeat and while the services work."""
    from deploy import migrate as migrations

    migrations.migrate(url)
    words.say("The database has the present schema.")


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
        words.fail(error.read().decode())
    except OSError:
        words.fail("It does not answer.")


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

    with words.interruptible():
        asyncio.run(broker_files.run(database, directory, pid_file, inner))


def make_development_key(
    file: Annotated[Path, typer.Argument(help="Where to write it; an existing file is kept.")],
) -> None:
    """Make a key for HJEMVAKT_DEVELOPMENT_KEY: log-in without a hospital's, test mode only."""
    from deploy.local import keys
    from shared.access import DevelopmentIssuer

    if file.exists():
        words.fail(f"{file} exists already.")
    keys.write_private(file, DevelopmentIssuer.new_key())


def make_push_key(
    file: Annotated[Path, typer.Argument(help="Where to write it; an existing file is kept.")],
) -> None:
    """Make the key for HJEMVAKT_PUSH_KEY, and print HJEMVAKT_PUSH_PUBLIC_KEY."""
    from deploy.local import keys
    from shared import push

    if not file.exists():
        keys.write_private(file, push.new_key().decode())
    print(push.public_key(file))


def make_client_key(
    file: Annotated[Path, typer.Argument(help="Where to write it; an existing file is kept.")],
) -> None:
    """Make the key that we log in with at an identity provider, and print its public half."""
    import json

    from deploy.local import keys
    from shared.access import signed

    if file.exists():
        words.fail(f"{file} exists already.")
    key = signed.new_key()
    keys.write_private(file, json.dumps(key.as_dict(private=True)))
    print(json.dumps(signed.as_public(key)))


def doctor(
    data_dir: words.DataDir = words.DEFAULT_DATA_DIR, port_base: words.PortBase = DEFAULT_BASE
) -> None:
    """Check what Hjemvakt needs on this box and say what is missing."""
    from deploy.local import doctor as examination

    findings = list(examination.examine(data_dir, Ports(port_base)))
    for finding in findings:
        print(f"{finding.mark} {finding.sentence}")
    raise typer.Exit(1 if any(finding.is_fault for finding in findings) else 0)


def check_programmes(
    folder: Annotated[
        Path | None, typer.Argument(exists=True, file_okay=False, help="Without it: the built-in.")
    ] = None,
) -> None:
    """Check every programme: its form, its rules, and that every case goes as it is written."""
    from services.alerts.clinical import cases
    from shared import programmes

    place = folder or Path(str(programmes.__file__)).parent
    faults = programmes.check(place) or list(cases.differing(place))
    for fault in faults:
        print(fault)
    if faults:
        raise typer.Exit(1)
    words.say("The programmes are sound.")


def check_instruments(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="A hospital's own questionnaires.")
    ],
) -> None:
    """Check completed questionnaires: each asks, offers and scores what its instrument does."""
    from shared.instruments import forms

    faults = forms.check(folder)
    for fault in faults:
        print(fault)
    if faults:
        raise typer.Exit(1)
    found = len(list(folder.glob("*.questionnaire.json")))
    if not found:
        words.fail(f"{folder} holds no file that ends in .questionnaire.json.")
    words.say(f"The questionnaires are sound: {found}.")


def make_stub(
    slug: Annotated[str, typer.Argument(help="The instrument, for example wound-qol-17.")],
) -> None:
    """Print the form of an instrument without its wording: what a hospital completes."""
    from shared import exact, instruments
    from shared.instruments import forms

    known = instruments.load_all().get(instruments.named(slug))
    if known is None:
        words.fail(f"There is no instrument {slug}; {', '.join(instruments.load_all())}.")
    print(json.dumps(json.loads(exact.dumps(forms.stub(known))), indent=2, ensure_ascii=False))


def describe_programmes(
    slug: Annotated[str | None, typer.Argument(help="One programme; without it: all.")] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", exists=True, file_okay=False, help="A hospital's own programmes."),
    ] = None,
) -> None:
    """Print what a programme does, in words: the page that is signed."""
    from shared import programmes

    found = programmes.in_use(folder)
    if slug is not None and slug not in found:
        words.fail(f"There is no programme {slug}; there are {', '.join(sorted(found))}.")
    for name in [slug] if slug else sorted(found):
        print(programmes.describe(found[name]))
