"""Commands that talk to a running system: make people, send for them, log in."""

import json
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from deploy.local import words


def seed(
    patients: Annotated[int, typer.Option(min=0, help="How many patients to make.")] = 20,
    programme: Annotated[
        str, typer.Option(help="Which programmes, separated by commas; empty: all.")
    ] = "",
    unit: Annotated[
        UUID | None, typer.Option(help="Only more patients, in this unit of an earlier seed.")
    ] = None,
    data_dir: words.DataDir = words.DEFAULT_DATA_DIR,
    as_json: words.AsJson = False,
) -> None:
    """Make a unit, staff, patients, devices and log-ins in a running system in test mode."""
    seeded = words.part("seed").run(
        words.running(data_dir),
        patients=patients,
        programmes=words.slugs(programme),
        say=words.say,
        unit=str(unit) if unit else None,
    )
    if as_json:
        print(json.dumps(seeded), flush=True)
    else:
        words.say(f"Made {len(seeded['patients'])} patients.")
        print(json.dumps(seeded, indent=2))


def simulate(
    seed_file: Annotated[
        Path, typer.Option(help="What `seed --json` printed: whom to simulate.")
    ] = words.DEFAULT_DATA_DIR / "seed.json",
    minutes: Annotated[
        float | None, typer.Option(help="Stop after so long; without it, never.")
    ] = None,
    speed: Annotated[float, typer.Option(help="How many times faster than real life.")] = 1.0,
    data_dir: words.DataDir = words.DEFAULT_DATA_DIR,
) -> None:
    """Send what the seeded patients' devices and apps would send from home."""
    seeded = json.loads(seed_file.read_text())
    with words.interruptible():
        counts = words.part("simulate").run(
            words.running(data_dir), seeded=seeded, minutes=minutes, speed=speed, say=words.say
        )
        if counts.get("unexpected"):
            words.fail(f"{counts['unexpected']} receipts did not say what they should have.")


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
    data_dir: words.DataDir = words.DEFAULT_DATA_DIR,
    as_json: words.AsJson = False,
) -> None:
    """Push a folder of payload files through the intake and report what became of each.

    Each file says at once what became of it: stored, duplicate (known already), corrected, voided,
    quarantined, refused or ignored, with the reason. Broken off (Ctrl-C), it reports what was done;
    begun again, what is stored already is known and not stored twice. Exit status 1: something was
    answered as it never should, or a file could not be read.
    """
    report = words.part("replay").run(
        words.running(data_dir),
        folder=folder,
        make_patients=make_patients,
        say=words.say,
        twice=twice,
        show=None if as_json else lambda line: print(f"{line.file}: {line.outcome}", flush=True),
    )
    if as_json:
        print(json.dumps(report), flush=True)
    else:
        print(", ".join(f"{count} {result}" for result, count in report["totals"].items()))
    if report["broken_off"]:
        words.say(f"Broken off: {report['left']} files are left. Begin again when you like.")
        raise typer.Exit(130)
    if report["faults"]:
        raise typer.Exit(1)


def gateways(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The hospital's own table (TOML).")
    ],
    topic: Annotated[
        str, typer.Option(help="Try a message: its topic, without gw/{org}/{cred}/.")
    ] = "",
    payload: Annotated[str, typer.Option(help="What was sent on it.")] = "",
) -> None:
    """Check a hospital's own gateway table (HJEMVAKT_GATEWAYS) before the intake reads it."""
    part = words.part("gateways")
    try:
        words.say(part.check(file))
        lines, is_read = part.tried(file, topic, payload.encode()) if topic else ([], True)
    except part.gateway_table.TableIsNotSound as fault:
        words.fail(str(fault))
    for line in lines:
        print(line)
    if not is_read:
        raise typer.Exit(1)


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
    data_dir: words.DataDir = words.DEFAULT_DATA_DIR,
) -> None:
    """Print a log-in token of the development issuer (test mode only)."""
    from uuid import UUID

    from shared import access

    key = words.running(data_dir).development_key
    if key is None:
        words.fail(
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
