"""The launcher of the embedded database keeps what was committed, whoever starts it."""

import multiprocessing
import os
import pwd
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from anyio.from_thread import BlockingPortal

from deploy.local import postgres as launcher

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hjv test ø ") as directory:
        yield Path(directory) / "database"


def test_a_server_killed_hard_still_has_what_was_committed(
    directory: Path, portal: BlockingPortal
) -> None:
    server = launcher.Server(directory)
    server.start()
    try:
        portal.call(do, server.url(), "create table kept (n int)")
        portal.call(do, server.url(), "insert into kept select generate_series(1, 1000)")
        server.kill()
        server.start()

        assert portal.call(ask, server.url(), "select count(*) from kept") == 1000
    finally:
        server.stop()
    again = launcher.Server(directory)
    again.start()
    try:
        assert portal.call(ask, again.url(), "select count(*) from kept") == 1000
    finally:
        again.stop()


def test_a_pid_file_with_somebody_elses_number_does_not_stop_the_start(directory: Path) -> None:
    server = launcher.Server(directory)
    server.start()
    try:
        server.kill()
        pid_file = server.data / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))

        server.start()
    finally:
        server.stop()


def test_one_directory_has_one_server(directory: Path) -> None:
    server = launcher.Server(directory)
    server.start()
    try:
        with pytest.raises(launcher.DatabaseDoesNotStart, match="Another process"):
            launcher.Server(directory).start()
        assert server.pid is not None
    finally:
        server.stop()


def test_a_taken_port_is_named(directory: Path, postgres: launcher.Server) -> None:
    with pytest.raises(launcher.DatabaseDoesNotStart, match=f"Port {postgres.port} is taken"):
        launcher.Server(directory, postgres.port).start()


def test_the_settings_are_the_durable_ones() -> None:
    chosen = launcher.SETTINGS

    assert chosen["fsync"] == chosen["synchronous_commit"] == chosen["full_page_writes"] == "on"
    assert chosen["listen_addresses"] == "127.0.0.1"


def test_passwords_are_asked_for_and_kept_from_others(
    postgres: launcher.Server, portal: BlockingPortal
) -> None:
    kept = postgres.directory / "passwords.json"

    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    with pytest.raises(asyncpg.InvalidPasswordError):
        portal.call(do, f"postgresql://hjemvakt:x@127.0.0.1:{postgres.port}/hjemvakt", "select 1")


def test_the_services_have_roles_without_rights_of_their_own(
    postgres: launcher.Server, portal: BlockingPortal
) -> None:
    for role in ("hjv_ingest", "hjv_patients", "hjv_alerts"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            portal.call(do, postgres.url(role), "create table public.mine (n int)")


@as_root
def test_root_hands_the_server_to_an_unprivileged_user(postgres: launcher.Server) -> None:
    assert postgres.pid is not None
    assert Path(f"/proc/{postgres.pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid


@as_root
def test_an_ordinary_user_starts_it_too(directory: Path) -> None:
    directory.parent.chmod(0o755)
    directory.mkdir()
    nobody = pwd.getpwnam("nobody")
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    context = multiprocessing.get_context("fork")

    child = context.Process(target=start_and_stop_as, args=(nobody, directory))
    child.start()
    child.join(60)

    assert child.exitcode == 0


def start_and_stop_as(user: pwd.struct_passwd, directory: Path) -> None:
    os.environ["HOME"] = "/"  # where clients look for certificates
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    server = launcher.Server(directory)
    server.start()
    server.stop()


async def do(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def ask(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
