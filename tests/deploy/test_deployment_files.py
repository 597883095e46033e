"""The files for containers say what the code says: commands, settings, ports, paths, fences."""

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from fastapi import FastAPI
from pydantic_settings import BaseSettings

from deploy.local import binaries, cli
from deploy.local import postgres as launcher
from deploy.local.ports import Ports
from shared import settings
from shared.access import certificates

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "ingest", "patients", "alerts", "broker-files")
APPS = ("ingest", "patients", "alerts")
EXAMPLE = (ROOT / "deploy" / "example.env").read_text()
NGINX = (ROOT / "deploy" / "proxy" / "nginx.conf").read_text()
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()

# Read by the command line, not by a service.
COMMAND_LINE = {
    "DATABASE_URL",
    "HJEMVAKT_ALERTS",
    "HJEMVAKT_BROKER",
    "HJEMVAKT_DATA_DIR",
    "HJEMVAKT_INGEST",
    "HJEMVAKT_MQTT",
    "HJEMVAKT_PATIENTS",
}
# Read by docker-compose.yml only.
CONTAINERS = {
    "HJEMVAKT_BASE_IMAGE",
    "HJEMVAKT_HTTPS",
    "HJEMVAKT_IMAGE",
    "HJEMVAKT_MLLPS",
    "HJEMVAKT_MQTTS",
    "HJEMVAKT_MQTTS_CERTIFICATES",
    "MOSQUITTO_IMAGE",
    "POSTGRES_IMAGE",
    "POSTGRES_PASSWORD",
    "PROXY_IMAGE",
}


WITHOUT_A_FRONT_DOOR = {"HJEMVAKT_SETUP_AT", "HJEMVAKT_WORKLIST_AT"}


def variables(model: type[BaseSettings]) -> set[str]:
    return {
        str(field.validation_alias or f"HJEMVAKT_{name.upper()}")
        for name, field in model.model_fields.items()
    }


def in_example() -> set[str]:
    return set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", EXAMPLE, re.MULTILINE))


def parse(arguments: list[str]) -> None:
    """Read a command of ours as the command line would, without running it."""
    group = typer.main.get_command(cli.app)
    context = group.make_context("hjemvakt", [arguments[0], "--help"], resilient_parsing=True)
    command = group.get_command(context, arguments[0])  # type: ignore[attr-defined]
    assert command is not None, f"there is no command {arguments[0]}"
    command.make_context(arguments[0], arguments[1:])


def test_every_setting_is_explained_and_no_other() -> None:
    of_services = set().union(
        *(variables(model) for model in (settings.Ingest, settings.Patients, settings.Alerts))
    )

    assert in_example() == of_services | COMMAND_LINE | CONTAINERS


def test_every_variable_of_the_compose_file_is_explained() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))

    assert used <= in_example()


@pytest.mark.parametrize(
    ("name", "model"),
    [("ingest", settings.Ingest), ("patients", settings.Patients), ("alerts", settings.Alerts)],
)
def test_a_service_gets_its_own_settings_and_no_other(name: str, model: type[BaseSettings]) -> None:
    given = set(SERVICES[name]["environment"])
    needed = {
        str(field.validation_alias or f"HJEMVAKT_{field_name.upper()}")
        for field_name, field in model.model_fields.items()
        if field.is_required()
    }

    assert needed <= given <= variables(model)
    assert "DATABASE_URL" not in given
    # What somebody writes into .env and no container gets would be silently without effect.
    assert variables(model) - given <= WITHOUT_A_FRONT_DOOR


@pytest.mark.parametrize("name", OURS)
def test_our_commands_exist(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in SERVICES[name]["environment"]:
        monkeypatch.setenv(variable, "x")

    parse(SERVICES[name]["command"])


@pytest.mark.parametrize("name", APPS)
def test_ports_and_health_paths_are_those_of_the_code(name: str) -> None:
    port = getattr(Ports(), name)
    command, test = SERVICES[name]["command"], SERVICES[name]["healthcheck"]["test"]

    assert command == ["serve", name, "--host", "0.0.0.0", "--port", str(port)]
    assert test == ["CMD", "hjemvakt", "ready", f"http://127.0.0.1:{port}/readyz"]
    parse(test[2:])
    assert re.search(rf"^EXPOSE .*\b{port}\b", DOCKERFILE, re.MULTILINE)


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_fenced_in(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "mem_limit" in service
    assert "pids_limit" in service
    assert not {"privileged", "cap_add", "devices", "network_mode"} & set(service)
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", []))
    assert service.get("user", "10001") not in {"root", "0", "0:0"}
    assert name == "migrate" or name == "broker-files" or "healthcheck" in service


def test_only_the_front_door_is_published() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert [name for name, network in COMPOSE["networks"].items() if not network] == ["outside"]
    assert [n for n, service in SERVICES.items() if "outside" in service["networks"]] == ["proxy"]
    assert SERVICES["postgres"]["networks"] == ["data"]
    # Whoever takes an identity provider's tokens fetches its keys.
    assert [n for n, one in SERVICES.items() if "issuers" in one["networks"]] == [*APPS]


def test_the_image_runs_as_a_numbered_user_without_rights() -> None:
    last = DOCKERFILE[DOCKERFILE.rindex("FROM ") :]

    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)
    assert 'ENTRYPOINT ["hjemvakt"]' in last
    assert DOCKERFILE.startswith("#") or "ARG BASE_IMAGE" in DOCKERFILE
    assert len(re.findall(r"^FROM \$\{BASE_IMAGE\}", DOCKERFILE, re.MULTILINE)) == 2


def test_what_the_image_copies_is_there_and_let_through() -> None:
    let_through = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in shlex.split(line)[:-1]
    }

    assert copied == let_through
    assert all((ROOT / source).exists() for source in copied)


def test_mounted_files_are_there() -> None:
    made_by_whoever_installs = {"./deploy/proxy/certificates", "./deploy/keys"}
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./") and source not in made_by_whoever_installs:
                assert (ROOT / source).is_file(), source
            elif not source.startswith("./"):
                assert source in COMPOSE["volumes"]


def test_waiting_is_for_parts_that_can_tell() -> None:
    for name, service in SERVICES.items():
        for other, condition in service.get("depends_on", {}).items():
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], f"{name} waits for {other}"


def test_nothing_is_written_where_a_container_may_not() -> None:
    """The list on paper goes where the image has made room for it, and that is a volume."""
    [named] = re.findall(r"^# HJEMVAKT_DOWNTIME=(\S+)", EXAMPLE, re.MULTILINE)
    assert f"downtime:{named}" in SERVICES["alerts"]["volumes"]
    last = DOCKERFILE[DOCKERFILE.rindex("FROM ") :]
    [user] = re.findall(r"^USER (\d+):(\d+)$", last, re.MULTILINE)
    assert f"install -d -o {user[0]} -g {user[1]} -m 0700 {named}" in last
    files = re.findall(r"^(?:# )?HJEMVAKT_\w+=(/\S+)", EXAMPLE, re.MULTILINE)
    keys = [one for one in files if one != named]
    assert keys
    assert all(one.startswith("/run/hjemvakt/") for one in keys), keys
    for name in APPS:
        assert "./deploy/keys:/run/hjemvakt:ro" in SERVICES[name]["volumes"]


def test_the_image_is_built_with_what_is_locked() -> None:
    """Nothing is fetched but by its hash: what builds the package is among what is locked."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    locked = (ROOT / "requirements.txt").read_text()
    for wanted in project["build-system"]["requires"]:
        name = re.split(r"[<>=]", wanted)[0]
        assert re.search(rf"^{name}==", locked, re.MULTILINE), name
    installs = re.findall(r"pip install ([^\\&]+)", DOCKERFILE)
    assert installs
    for one in installs:
        assert "--require-hashes" in one or ("--no-deps" in one and "--no-index" in one), one
    for line in project["project"].get("readme", ""), *project["project"].get("license-files", []):
        assert not line or re.search(rf"^COPY .*\b{re.escape(line)}\b", DOCKERFILE, re.MULTILINE)


def test_the_front_door_reads_its_file(tmp_path: Path) -> None:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if nginx is None:
        reason = "nginx is not installed: the front door's file is NOT TESTED here"
        pytest.fail(reason) if os.environ.get("HJEMVAKT_CI") else pytest.skip(reason)
    made = certificates.new_server("localhost", datetime.now(UTC))
    (tmp_path / "server.crt").write_text(made.pem)
    (tmp_path / "server.key").write_text(made.key_pem)
    text = NGINX.replace(" /tmp/", f" {tmp_path}/")
    text = text.replace("/etc/nginx/certificates/", f"{tmp_path}/")
    stream = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
    loaded = f"load_module {stream};\n" if stream.exists() else ""
    (tmp_path / "nginx.conf").write_text(loaded + text)

    answer = subprocess.run(
        [nginx, "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert answer.returncode == 0, answer.stderr
    assert "test is successful" in answer.stderr


def routing() -> list[tuple[re.Pattern[str], str]]:
    block = NGINX[NGINX.index('map "$request_method $uri" $service {') :]
    block = block[: block.index("}")]
    return [
        (re.compile(pattern), target)
        for pattern, target in re.findall(r'"~(\S+ [^"]*)"\s+(\S+);', block)
    ]


def target(method: str, path: str) -> str:
    for pattern, service in routing():
        if pattern.search(f"{method} {path}"):
            return service
    return "alerts:8003"


def test_the_front_door_knows_every_service_by_name_and_port() -> None:
    names = {service for _, service in routing()} | {"alerts:8003"}

    assert names == {f"{name}:{getattr(Ports(), name)}" for name in APPS}
    assert "default mosquitto:1883;" in NGINX
    assert f"default ingest:{Ports().mllp};" in NGINX


@pytest.mark.parametrize("name", APPS)
def test_the_front_door_leads_every_request_to_the_service_that_answers_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = {"/livez", "/readyz", "/metrics", "/version"}
    if name == "ingest":  # two servers of FHIR, one address: there it is the record that answers
        inside.add("/fhir/metadata")
    app = application(name, monkeypatch)

    for method, path in operations(app):
        if path not in inside:
            assert target(method, path) == f"{name}:{getattr(Ports(), name)}", f"{method} {path}"


@pytest.mark.parametrize("name", APPS)
def test_what_is_for_machines_inside_stays_inside(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (hidden,) = re.findall(r"location ~ (\S+) \{\s+return 404;", NGINX)
    app = application(name, monkeypatch)

    for path in ("/livez", "/readyz", "/metrics", "/version"):
        assert ("GET", path) in list(operations(app))
        assert re.search(hidden, path)
    assert re.search(hidden, "/docs")
    assert re.search(hidden, "/openapi.json")


def application(name: str, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setenv("HJEMVAKT_MODE", "test")
    monkeypatch.setenv("HJEMVAKT_IDENTITY_KEY", "00" * 32)
    monkeypatch.setenv(f"HJEMVAKT_DATABASE_{name.upper()}", "postgresql://nobody@127.0.0.1:1/none")
    app = importlib.import_module(f"services.{name}.app").create()
    assert isinstance(app, FastAPI)
    return app


def operations(app: FastAPI) -> Iterator[tuple[str, str]]:
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            yield method.upper(), path.replace("{", "").replace("}", "")


def test_the_images_command_runs() -> None:
    answer = subprocess.run(
        [Path(sys.executable).parent / "hjemvakt", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr
    assert "Usage" in answer.stdout


def test_the_role_script_makes_the_roles_and_can_be_repeated(postgres: launcher.Server) -> None:
    urls = {
        "DATABASE_URL": "hjemvakt",
        "HJEMVAKT_DATABASE_INGEST": "hjv_ingest",
        "HJEMVAKT_DATABASE_PATIENTS": "hjv_patients",
        "HJEMVAKT_DATABASE_ALERTS": "hjv_alerts",
    }
    environment = {
        "PATH": f"{binaries.find(None)}:/usr/bin:/bin",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres.port),
        "PGUSER": "postgres",
        "PGPASSWORD": postgres.url("postgres").split(":")[2].split("@")[0],
        **{variable: postgres.url(role) for variable, role in urls.items()},
    }
    script = [str(ROOT / "deploy" / "postgres" / "roles.sh")]

    for _ in range(2):
        answer = subprocess.run(
            script, env=environment, capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, answer.stderr
