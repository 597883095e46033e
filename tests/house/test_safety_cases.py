"""The table of failures elsewhere names tests that are there, and every test so named is in it."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAILURES = tomllib.loads((ROOT / "docs/safety-cases.toml").read_text())["failure"]
SYSTEMS = ("dexcom", "nightscout", "xdrip", "opentele", "abbott", "hrs")


def named_in(path: Path) -> set[str]:
    parsed = ast.walk(ast.parse(path.read_text()))
    return {
        one.name
        for one in parsed
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name.startswith("test_")
    }


@pytest.mark.parametrize("failure", FAILURES, ids=[one["lesson"] for one in FAILURES])
def test_every_failure_has_a_test_that_is_there(failure: dict[str, list[str]]) -> None:
    assert failure["tests"]
    for name in failure["tests"]:
        file, _, test = name.partition("::")
        assert test in named_in(ROOT / file), name


def test_every_test_by_the_name_of_a_system_stands_in_the_table() -> None:
    named = {name for failure in FAILURES for name in failure["tests"]}
    found = {
        f"{path.relative_to(ROOT)}::{test}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for test in named_in(path)
        if test.removeprefix("test_").split("_")[0] in SYSTEMS
    }
    assert found
    assert found <= named
