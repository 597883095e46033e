"""The file of trusted issuers: what is wrong with it stops the start, in a sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.issuer import app as issuer_app
from shared.access import DevelopmentIssuer, signed, trust
from shared.settings import Mode

GOOD = {
    "name": '"HelseID"',
    "profile": '"helseid"',
    "issuer": '"https://helseid-sts.nhn.no"',
    "environment": '"production"',
    "audience": '"nhn:hjemvakt"',
    "dpop": "true",
    "organisations": '{ "983974724" = "nordland" }',
}


def read(tmp_path: Path, mode: Mode = "production", **other: str | None) -> None:
    lines = {name: value for name, value in (GOOD | other).items() if value is not None}
    file = tmp_path / "issuers.toml"
    file.write_text("[[issuer]]\n" + "\n".join(f"{name} = {v}" for name, v in lines.items()))
    trust.read(file, mode)


def test_a_whole_one_is_taken(tmp_path: Path) -> None:
    read(tmp_path)
    read(tmp_path, "test", environment='"test"', issuer='"https://helseid-sts.test.nhn.no"')
    read(tmp_path, "test", environment='"test"', issuer='"http://127.0.0.1:8008/helseid"')


@pytest.mark.parametrize(
    "other",
    [
        {"environment": '"test"'},
        {"issuer": '"http://helseid-sts.nhn.no"'},
        {"issuer": '"https://helseid-sts.test.nhn.no"'},
        {"issuer": '"https://127.0.0.1"'},
        {"issuer": '"https://helseid-sts.nhn.no?x=1"'},
        {"issuer": None},
        {"dpop": "false"},
        {"staff_by": '"subject"'},
        {"organisations": None},
        {"organisations": '{ "983974724" = "Nordland Sykehus" }'},
        {"algorithms": '["HS256"]'},
        {"algorithms": '["none"]'},
        {"profile": '"other"'},
        {"profile": '"idporten"', "dpop": "false"},
        {"unknown": "1"},
        {"client": '{ id = "x", key = "/nowhere/key.jwk" }'},
    ],
    ids=str,
)
def test_what_is_wrong_stops_the_start(tmp_path: Path, other: dict[str, str | None]) -> None:
    with pytest.raises(trust.IssuersAreUnusable):
        read(tmp_path, **other)


def test_a_public_key_is_no_key_of_ours(tmp_path: Path) -> None:
    key = tmp_path / "key.jwk"
    key.write_text(json.dumps(signed.as_public(signed.new_key())))
    with pytest.raises(trust.IssuersAreUnusable):
        read(tmp_path, client=f'{{ id = "x", key = "{key}" }}')


def test_production_and_test_are_not_mixed(tmp_path: Path) -> None:
    with pytest.raises(trust.IssuersAreUnusable):
        read(tmp_path, "test")


def test_the_development_issuer_does_not_run_in_production() -> None:
    async def nobody() -> list[issuer_app.Person]:
        return []

    with pytest.raises(issuer_app.IssuerInProduction):
        issuer_app.create([], nobody, "production")


def test_the_example_to_begin_with_is_taken(tmp_path: Path) -> None:
    """As it stands, but for the key of the client, which is made first."""
    key = tmp_path / "helseid-client.jwk"
    key.write_text(json.dumps(signed.new_key().as_dict(private=True)))
    example = Path(__file__).parents[2] / "deploy" / "issuers.example.toml"
    file = tmp_path / "issuers.toml"
    file.write_text(example.read_text().replace("/run/hjemvakt/helseid-client.jwk", str(key)))
    found = trust.read(file, "test")
    assert [one.profile for one in found.values()] == ["helseid", "idporten"]
    with pytest.raises(trust.IssuersAreUnusable, match="HelseID, ID-porten is not for production"):
        trust.read(file, "production")


@pytest.mark.parametrize("service", ["ingest", "patients", "alerts"])
@pytest.mark.parametrize("fault", ["key", "issuers", "setting"])
def test_a_service_in_production_stops_with_a_sentence(
    tmp_path: Path, service: str, fault: str
) -> None:
    """The process itself: it ends, says why in one line, and shows no stack."""
    key = tmp_path / "development.jwk"
    key.write_text(DevelopmentIssuer.new_key())
    wrong = tmp_path / "issuers.toml"
    wrong.write_text('[[issuer]]\nname = "HelseID (test)"')
    more = {
        "key": {"HJEMVAKT_DEVELOPMENT_KEY": str(key)},
        "issuers": {"HJEMVAKT_ISSUERS": str(wrong)},
        "setting": {"HJEMVAKT_PUBLIC_URL": "https://hjemvakt.example/a-path"},
    }[fault]
    env = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]),
        "HJEMVAKT_MODE": "production", "HJEMVAKT_IDENTITY_KEY": "ab" * 32,
        f"HJEMVAKT_DATABASE_{service.upper()}": "postgresql://nobody@127.0.0.1:1/none", **more,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}", "--port", "1"],
        capture_output=True, text=True, timeout=60, env=env, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr[-2000:]
    [line] = [one for one in done.stderr.splitlines() if "does not start" in one]
    assert {"key": "development issuer", "issuers": "issuers.toml", "setting": "PUBLIC_URL"}[
        fault
    ] in line
    assert "Traceback" not in done.stderr
