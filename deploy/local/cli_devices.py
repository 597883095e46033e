"""Commands about the authority that signs for an organisation's devices (docs/devices.md)."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from deploy.local import words
from deploy.local.cli_keeping import Url


def device_authority(
    organisation: Annotated[str, typer.Argument(help="The organisation, as in its tokens.")],
    folder: Annotated[
        Path | None,
        typer.Option(
            envvar="HJEMVAKT_DEVICE_AUTHORITIES",
            help="Where to write it. Without: where the system of --data-dir looks for it.",
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Put a new one in its place; both are trusted for now."),
    ] = False,
    finish: Annotated[
        bool, typer.Option("--finish", help="Trust the earlier one no more: its devices are out.")
    ] = False,
    even_so: Annotated[
        bool, typer.Option("--even-so", help="Finish although devices still go by it.")
    ] = False,
    url: Url = None,
    data_dir: words.DataDir = words.DEFAULT_DATA_DIR,
) -> None:
    """Make the key and certificate that sign for an organisation's devices, or exchange them."""
    from deploy.local import broker_files

    if not broker_files.ORG.fullmatch(organisation):
        words.fail("An organisation has small letters, digits and - only.")
    where = folder or data_dir / "device-authorities"
    where.mkdir(parents=True, exist_ok=True, mode=0o700)
    if finish:
        _finish(where, organisation, url, data_dir, even_so=even_so)
    elif replace:
        _replace(where, organisation)
    else:
        _make(where, organisation)


def _make(where: Path, organisation: str) -> None:
    from deploy.local import keys
    from shared.access import certificates

    key, certificate = _files(where, organisation)
    if key.exists() or certificate.exists():
        words.fail(f"{organisation} has an authority in {where} already.")
    made = certificates.new_authority(organisation, datetime.now(UTC))
    keys.write_private(key, made.key_pem)
    keys.write_private(certificate, made.pem)
    words.say(f"{key} signs for the devices of {organisation}. Whoever has it is any of them.")


def _replace(where: Path, organisation: str) -> None:
    now, before = _files(where, organisation), _files(where, f"{organisation}.previous")
    if any(file.exists() for file in before):
        words.fail(f"{organisation} has an earlier authority in {where}; --finish that first.")
    if not all(file.exists() for file in now):
        words.fail(f"{organisation} has no authority in {where}.")
    # The service concludes nothing while one of four files is missing.
    for present, earlier in zip(now, before, strict=True):
        present.rename(earlier)
    _make(where, organisation)
    words.say("What the earlier one has signed serves until it is finished with --finish.")


def _finish(
    where: Path, organisation: str, url: str | None, data_dir: Path, *, even_so: bool
) -> None:
    files = _files(where, f"{organisation}.previous")
    if not any(file.exists() for file in files):
        words.fail(f"{organisation} has no earlier authority in {where}.")
    if not even_so and (left := _left(files, organisation, url, data_dir)):
        for cred in left:
            print(cred)
        words.fail(f"These have not renewed their certificate: {len(left)}. Nothing was changed.")
    for file in files:
        file.unlink(missing_ok=True)
    words.say(f"Devices of {organisation} by the earlier authority are out within a minute.")


def _left(
    files: tuple[Path, Path], organisation: str, url: str | None, data_dir: Path
) -> list[str]:
    from deploy.local import cli_keeping
    from services.patients.equipment import store_certificates
    from shared.access import certificates

    key, certificate = files
    earlier = certificates.kept_authority(certificate.read_bytes(), key.read_bytes())
    return cli_keeping.run(
        url,
        data_dir,
        lambda connection: store_certificates.going_by(connection, organisation, earlier.id),
    )


def _files(where: Path, name: str) -> tuple[Path, Path]:
    return where / f"{name}.key", where / f"{name}.crt"
