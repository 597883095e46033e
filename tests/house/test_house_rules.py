"""Small laws that keep the house as it is meant to be."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("services", "shared", "deploy")

SQL = re.compile(r"\b(select|insert into|update|delete from)\b.+\b(from|values|set|where)\b", re.S)
MAY_HOLD_SQL = re.compile(
    r"(^|/)(store\w*|tables|reader)\.py$|/migrations/|^deploy/|^shared/(database\.py$|ledger/)"
)
BANNED_NAMES = re.compile(r"(^|_)(manager|helper|utils?|common|base|core|misc)s?$")


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "node_modules" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path.read_text()


def test_store_functions_never_commit() -> None:
    faults = [
        name
        for name, text in sources("services", "shared")
        if ".commit(" in text or re.search(r"execute\(\s*[\"'](commit|begin)\b", text, re.I)
    ]
    assert not faults


def test_sql_stands_only_in_stores_and_the_ledger() -> None:
    faults = [
        name
        for name, text in sources("services", "shared")
        if not MAY_HOLD_SQL.search(name) and any(SQL.search(each) for each in _texts(text))
    ]
    assert not faults


def _texts(source: str) -> Iterator[str]:
    """String constants that are not docstrings."""
    tree = ast.parse(source)
    documented = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield "" if id(node) in documented else node.value.lower()


def test_a_setting_is_never_changed_for_longer_than_a_transaction() -> None:
    """Pools do not reset their connections: what one use set, the next would find."""
    lasting = re.compile(r"^\s*set (?!local |transaction )\w+ *(=|to )|set_config\([^)]*false")
    faults = [
        name
        for name, text in sources("services", "shared")
        if "/migrations/" not in name and any(lasting.search(each) for each in _texts(text))
    ]
    assert not faults


def test_no_file_or_class_is_named_after_nothing() -> None:
    faults = []
    for name, text in sources(*CODE):
        if BANNED_NAMES.search(Path(name).stem):
            faults.append(name)
        faults += [
            f"{name}: {node.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.ClassDef)
            and re.search(r"(Manager|Helper|Util|Factory|Handler|Strategy)s?$", node.name)
        ]
    assert not faults


def test_nothing_of_ours_is_mocked() -> None:
    mocked = re.compile(r"^(from|import) .*\bmock", re.M)
    faults = [name for name, text in sources("tests") if mocked.search(text)]
    assert not faults


def test_every_module_opens_with_what_is_in_it() -> None:
    faults = [
        name
        for name, text in sources("services", "shared")
        if text.strip()
        and ast.get_docstring(ast.parse(text)) is None
        and not name.endswith("__main__.py")
    ]
    assert not faults


@pytest.mark.parametrize("service", ["ingest", "patients", "alerts"])
def test_files_with_the_same_name_do_the_same_job(service: str) -> None:
    present = {path.name for path in (ROOT / "services" / service).glob("*.py")}
    assert {"__init__.py", "__main__.py", "app.py", "routes.py", "store.py"} <= present
